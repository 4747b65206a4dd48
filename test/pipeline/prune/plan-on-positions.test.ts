/** Which manifests a plan's positions are read from, and what becomes of one that says none. */
import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { planOnPositions } from "../../../src/pipeline/prune/plan-on-positions.ts";
import type { RetentionBackup, RetentionPlan } from "../../../src/retention/plan-retention.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { makeMemoryContext, memorySealing, memoryVault } from "../../support/memory-context.ts";
import { makeMemoryStore } from "../../support/memory-store.ts";
import { sampleId, sampleManifest } from "../../support/sample-backups.ts";
import { commitSealed, memoryKeys } from "../../support/sealed-backups.ts";
import { slowManifests } from "../../support/slow-manifests.ts";

const ids = Array.from({ length: 20 }, (_, hour) => sampleId(new Date(Date.UTC(2026, 10, 1, hour)).toISOString()));
const backupOf = (id: string, change: Partial<RetentionBackup> = {}): RetentionBackup => ({
  id,
  kind: "full",
  startedAtMs: 0,
  state: "verified",
  suspicious: false,
  held: false,
  ...change,
});
/** A plan that lacks the positions of these, one more of them after another round. */
const lacking =
  (...rounds: readonly (readonly string[])[]) =>
  (backups: readonly RetentionBackup[]): RetentionPlan => {
    const isKnown = (id: string) =>
      backups.some((each) => each.id === id && (each.coverage !== undefined || each.distrust !== undefined));
    const unread = rounds.find((round) => round.some((id) => !isKnown(id))) ?? [];
    return { decisions: [], released: [], refusals: [], unread };
  };

async function makeVault(count: number) {
  const store = makeMemoryStore();
  for (const id of ids.slice(0, count)) await commitSealed(store, sampleManifest("shop", id), memorySealing);
  return store;
}

/** Fails where these objects are asked for. */
const failing = (store: ObjectStore, failures: Readonly<Record<string, HoldfastError>>): ObjectStore => ({
  ...store,
  get: async (key, options) => {
    const failure = failures[key];
    if (failure !== undefined) throw failure;
    return store.get(key, options);
  },
});

describe("positions", () => {
  test("are read of the backups whose the plan lacks, until it lacks none; of others nothing is read", async () => {
    const store = await makeVault(5);
    const counted = makeFaultyStore(store, []);
    const backups = ids.slice(0, 5).map((id) => backupOf(id));
    const plan = lacking([ids[0] ?? ""], [ids[0] ?? "", ids[2] ?? "", "gone"]);
    const placed = await planOnPositions(makeMemoryContext().context, memoryVault(counted), "shop", backups, plan);
    expect(placed.map(({ id }) => id)).toEqual(ids.slice(0, 5));
    expect(placed[0]).toEqual({ ...backups[0], coverage: { to: { at: "2026-11-01T00:00:00.000Z" } } });
    expect(placed[2]).toEqual({ ...backups[2], coverage: { to: { at: "2026-11-01T02:00:00.000Z" } } });
    for (const place of [1, 3, 4]) expect(placed[place]).toEqual(backups[place]);
    const manifests = counted.calls.filter((call) => call.startsWith("get manifests/"));
    expect(manifests).toEqual([0, 2].map((place) => `get ${keyOf.manifest("shop", ids[place] ?? "")}`));
  });

  test("of a manifest that is damaged, not genuine, gone, archived or out of reach are none: its backup is not relied on, unless it is damaged anyway", async () => {
    const store = await makeVault(5);
    await commitSealed(store, sampleManifest("shop", ids[6] ?? ""), memorySealing);
    await store.put(keyOf.manifest("shop", ids[0] ?? ""), Buffer.from("x"));
    await store.delete(keyOf.manifestSeal("shop", ids[1] ?? ""));
    await store.delete(keyOf.manifest("shop", ids[2] ?? ""));
    await store.put(keyOf.manifest("shop", ids[3] ?? ""), Buffer.from('{"formatVersion":3}'));
    await commitSealed(store, sampleManifest("shop", ids[5] ?? ""), { ...memorySealing, keys: memoryKeys(8) });
    const closed = failing(store, {
      [keyOf.manifest("shop", ids[4] ?? "")]: new HoldfastError("StoreAccessDenied", "no permission"),
      [keyOf.manifestSeal("shop", ids[6] ?? "")]: new HoldfastError("ArtifactArchived", "it lies in GLACIER"),
    });
    const plan = lacking(ids.slice(0, 7));
    const place = (state: RetentionBackup["state"]) =>
      planOnPositions(
        makeMemoryContext().context,
        memoryVault(closed),
        "shop",
        ids.slice(0, 7).map((id) => backupOf(id, { state })),
        plan,
      );
    expect((await place("stored")).map(({ distrust }) => distrust)).toEqual([
      expect.stringContaining("is not JSON"),
      expect.stringContaining("it has no seal"),
      expect.stringContaining("has no backup"),
      expect.stringContaining("newer Holdfast"),
      "no permission",
      expect.stringContaining("is sealed with key"),
      "it lies in GLACIER",
    ]);
    expect(await place("damaged")).toEqual(ids.slice(0, 7).map((id) => backupOf(id, { state: "damaged" })));
  });

  test("cannot be read without a store or a key: that ends the plan", async () => {
    const store = await makeVault(1);
    const plan = lacking(ids.slice(0, 1));
    const backups = [backupOf(ids[0] ?? "")];
    const silent = makeFaultyStore(store, [{ operation: "get" }]);
    const { context } = makeMemoryContext();
    await expect(planOnPositions(context, memoryVault(silent), "shop", backups, plan)).rejects.toMatchObject({
      name: "StoreUnavailable",
    });
    const keys = {
      ...memorySealing.keys,
      openingKeyring: async () => Promise.reject(new HoldfastError("KeyUnavailable", "KMS is away")),
    };
    const keyless = makeMemoryContext({ keys }).context;
    await expect(planOnPositions(keyless, memoryVault(store), "shop", backups, plan)).rejects.toMatchObject({
      name: "KeyUnavailable",
    });
  });

  test("are read of eight at once, and of all, until an interruption", async () => {
    const store = await makeVault(20);
    const slow = slowManifests(store);
    const backups = ids.map((id) => backupOf(id));
    const { context } = makeMemoryContext({ signal: slow.signal });
    const placed = await planOnPositions(context, memoryVault(slow.store), "shop", backups, lacking(ids));
    expect(placed.every(({ coverage }) => coverage !== undefined)).toBe(true);
    expect(slow.counts()).toEqual({ max: 8, begun: 20 });
    slow.interruptAt(21);
    await expect(planOnPositions(context, memoryVault(slow.store), "shop", backups, lacking(ids))).rejects.toThrow("stop");
    expect(slow.counts().begun).toBe(28);
  });
});
