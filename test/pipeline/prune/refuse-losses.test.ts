/**
 * What the vault itself gives as a reason not to prune: backups that nobody deleted are missing.
 */
import { describe, expect, test } from "vitest";
import { refuseLosses } from "../../../src/pipeline/prune/refuse-losses.ts";
import type { RetentionPlan } from "../../../src/retention/plan-retention.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import type { HiddenObject } from "../../../src/vault/object-store.ts";
import { makeMemoryStore } from "../../support/memory-store.ts";
import { sampleId } from "../../support/sample-backups.ts";
import { names, signedVault } from "../../support/signed-vault.ts";

const ids = Array.from({ length: 12 }, (_, hour) => sampleId(new Date(Date.UTC(2026, 10, 1, hour)).toISOString()));
const [first = "", second = ""] = ids;
const at = new Date("2026-11-20T00:00:00Z");
const later = new Date("2026-11-21T00:00:00Z");
const own = { code: "nothing-good", message: "nothing is good", details: [] } as unknown as RetentionPlan["refusals"][number];
const plan: RetentionPlan = { decisions: [], released: ["x"], refusals: [own], refusal: own, unread: [] };

/** A vault with these hidden, and evidence of these backups whose manifests are gone. */
function makeVault(hidden: readonly HiddenObject[] = [], lost: readonly string[] = []) {
  const store = makeMemoryStore();
  for (const id of lost)
    store.objects.set(names.evidence("shop", id, at, "verified"), { bytes: Buffer.from("{}"), modifiedAt: at });
  const hiding = {
    ...store,
    async *listHidden(prefix: string) {
      for (const each of hidden) if (each.key.startsWith(prefix)) yield each;
    },
  };
  return { store, vault: signedVault(hiding), unclaimed: lost.map((id) => ({ source: "shop", id })) };
}

const hide = (id: string, by: HiddenObject["by"] = "deletion", hiddenAt = at): HiddenObject =>
  ({ key: keyOf.manifest("shop", id), by, hiddenAt }) as HiddenObject;

describe("a plan", () => {
  test("stays as it is where nothing is missing", async () => {
    const { vault } = makeVault();
    expect(await refuseLosses(vault, "shop", [], plan)).toBe(plan);
  });

  test("is refused for backups that the bucket only hides, each named once with what became of it", async () => {
    const evidence = { ...hide(first, "deletion", later), key: names.evidence("shop", first, at, "verified") };
    const { vault } = makeVault([hide(second, "overwriting", later), evidence, { ...evidence, hiddenAt: at }]);
    const refused = await refuseLosses(vault, "shop", [], plan);
    expect(refused).toMatchObject({
      released: ["x"],
      refusals: [{ code: "backups-hidden" }, own],
      refusal: { code: "backups-hidden" },
    });
    expect(refused.refusal?.message).toContain("2 backups were deleted or overwritten outside Holdfast");
    expect(refused.refusal?.details).toEqual([
      `${second}, overwritten at 2026-11-21T00:00:00.000Z`,
      `${first}, evidence deleted at 2026-11-21T00:00:00.000Z`,
      expect.stringContaining("holdfast vault undelete"),
    ]);
  });

  test.each([
    [1, 1, "1 backup was", undefined],
    [10, 10, "10 backups were", undefined],
    [11, 10, "11 backups were", "and 1 more"],
    [12, 10, "12 backups were", "and 2 more"],
  ])("names of %i hidden ones %i, and counts the others", async (count, named, says, more) => {
    const { vault } = makeVault(ids.slice(0, count).map((id) => hide(id)));
    const { refusal } = await refuseLosses(vault, "shop", [], plan);
    expect(refusal?.message).toContain(says);
    const details = refusal?.details ?? [];
    expect(details.slice(0, named)).toEqual(ids.slice(0, named).map((id) => `${id}, deleted at 2026-11-20T00:00:00.000Z`));
    expect(details.slice(named, -1)).toEqual(more === undefined ? [] : [more]);
  });

  test("is refused for backups that are lost, with the way back; one that was deleted on purpose or is there is none", async () => {
    const { store, vault, unclaimed } = makeVault([], ids.slice(0, 4));
    await store.put(names.tombstone("shop", ids[2] ?? "", Buffer.from("{}"), later), Buffer.from("{}"));
    await store.put(keyOf.manifest("shop", ids[3] ?? ""), Buffer.from("{}"));
    const two = await refuseLosses(vault, "shop", unclaimed, { ...plan, refusals: [] });
    expect(two.refusals).toEqual([two.refusal]);
    expect(two.refusal).toMatchObject({ code: "backups-lost", message: expect.stringMatching(/^2 backups were .* of them,/) });
    expect(two.refusal?.details).toEqual([
      first,
      second,
      expect.stringContaining(`Bring ${keyOf.manifest("shop", second)} back`),
      expect.stringContaining("of them"),
    ]);
    const one = await refuseLosses(vault, "shop", unclaimed.slice(0, 1), plan);
    expect(one.refusal).toMatchObject({ message: expect.stringMatching(/^1 backup was .* of it,/) });
    expect(await refuseLosses(vault, "shop", unclaimed.slice(2), plan)).toBe(plan);
  });

  test("is refused for what is hidden before what is lost, and both are said", async () => {
    const { vault, unclaimed } = makeVault([hide(second)], [first]);
    const { refusal, refusals } = await refuseLosses(vault, "shop", unclaimed, plan);
    expect(refusals.map(({ code }) => code)).toEqual(["backups-hidden", "backups-lost", own.code]);
    expect(refusal?.code).toBe("backups-hidden");
  });
});
