/** Whatever happens to the source or to the vault: something from before it is still there. */
import { describe, expect, test } from "vitest";
import { isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { pruneSource } from "../../src/pipeline/prune.ts";
import { planRetention } from "../../src/retention/plan-retention.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { attackVault, runAccident } from "./accidents.ts";

const hourMs = 3_600_000;

describe("after an accident at any moment", () => {
  test("the backups from before it stay for 48 hours, and as long as the policy promises: 500 histories", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const { broken, retention } = runAccident(seed);
      expect(broken, `seed ${seed}, ${JSON.stringify(retention)}`).toBeUndefined();
    }
  });
});

describe("after an attack on the vault by somebody without its key", () => {
  test("no prune deletes a real backup that it would have kept without the attack: 300 vaults, four prunes each", {
    timeout: 600_000,
  }, async () => {
    const seen = new Map<string, { pruned: number; refused: number }>();
    for (let seed = 1; seed <= 300; seed++) {
      const { store, context, genuine, deleted, attack, forward } = await attackVault(seed);
      const count = seen.get(attack) ?? { pruned: 0, refused: 0 };
      seen.set(attack, count);
      let left = genuine;
      let sinceMs = 0;
      for (const waitMs of [0, 25 * hourMs, 24 * hourMs, 240 * hourMs]) {
        forward(waitMs);
        sinceMs += waitMs;
        const { retention } = context.policy.sources["tree"] ?? {};
        if (retention === undefined) throw new Error("the policy has no source");
        const ideal = planRetention(left, retention, { now: context.run.clock.now(), timezone: "UTC" });
        try {
          await pruneSource(context, "tree");
          count.pruned++;
        } catch (error) {
          if (!isHoldfastError(error, "PruneRefused")) throw error;
          count.refused++;
        }
        const isThere = (id: string): boolean =>
          store.objects.has(keyOf.manifest("tree", id)) && store.objects.has(keyOf.artifact("tree", id, "database.dump"));
        if (sinceMs < 48 * hourMs) {
          const swept = deleted.filter((id) => !store.objects.has(keyOf.artifact("tree", id, "database.dump")));
          expect(swept, `seed ${seed}: ${attack}`).toEqual([]);
        }
        const kept = ideal.decisions.flatMap(({ id, kept: stays }) => (stays ? [id] : []));
        expect(
          kept.filter((id) => !isThere(id)),
          `seed ${seed}: ${attack}`,
        ).toEqual([]);
        left = left.filter(({ id }) => isThere(id));
      }
    }
    expect(seen.size).toBe(18);
    // Deletions that can be seen stop every prune; nonsense beside good backups stops none.
    expect(seen.get("manifests deleted")?.pruned).toBe(0);
    expect(seen.get("manifests deleted, and versions keep them")?.pruned).toBe(0);
    expect(seen.get("backdated whole manifests with whole proof")?.pruned).toBeGreaterThan(0);
    expect(seen.get("tombstones beside deleted manifests")?.pruned).toBe(0);
    expect(seen.get("backdated empty manifests with empty proof")?.refused).toBe(0);
  });
});
