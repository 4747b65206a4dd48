/**
 * What locks mean to a prune: what is locked stays, and what stays is locked as long as promised.
 */
import { describe, expect, test } from "vitest";
import { keepPromises, planAmongLocks } from "../../../src/pipeline/prune/prune-locks.ts";
import type { SourceConfig } from "../../../src/policy/policy.ts";
import { planRetention, type RetentionBackup, type RetentionPlan } from "../../../src/retention/plan-retention.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import { backupAt, policyOf } from "../../retention/histories.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { makeMemoryContext, memoryVault } from "../../support/memory-context.ts";
import { type MemoryStore, makeMemoryStore } from "../../support/memory-store.ts";
import { names } from "../../support/signed-vault.ts";

const now = new Date("2026-11-20T12:00:00Z");
const day = (number: number, change: Partial<RetentionBackup> = {}) =>
  backupAt(`2026-11-${String(number).padStart(2, "0")}T02:00:00Z`, change);
const until = new Date("2026-12-24T00:00:00Z");

/** A vault with the manifest and one artifact of each. */
async function makeVault(backups: readonly RetentionBackup[], locks = true): Promise<MemoryStore> {
  const store = makeMemoryStore(() => now, { locks });
  for (const { id } of backups) {
    for (const key of [keyOf.artifact("shop", id, "a"), keyOf.manifest("shop", id)]) await store.put(key, Buffer.from("x"));
  }
  return store;
}

/** Releases all but the newest, as far as it knows them to be free; two at a time. */
function releaseTwo(planned: (readonly RetentionBackup[])[]) {
  return (backups: readonly RetentionBackup[]): RetentionPlan => {
    planned.push(backups);
    const free = backups.slice(0, -1).filter(({ lockedUntilMs }) => lockedUntilMs === undefined);
    const released = free.slice(0, 2).map(({ id }) => id);
    return { decisions: [], released, refusals: [], unread: [] };
  };
}

const nothingNamed = async () => ({ isNamed: () => false });

describe("a plan among locks", () => {
  test("is made once where the vault does not lock, and asks for nothing", async () => {
    const backups = [day(1), day(2), day(3)];
    const counted = makeFaultyStore(await makeVault(backups, false), []);
    const planned: (readonly RetentionBackup[])[] = [];
    let asked = 0;
    const result = await planAmongLocks(counted, "shop", backups, releaseTwo(planned), async () => {
      asked += 1;
      return nothingNamed();
    });
    expect(result.backups).toBe(backups);
    expect(result.plan.released).toEqual([backups[0]?.id, backups[1]?.id]);
    expect([planned.length, asked, counted.calls.length]).toEqual([1, 0, 0]);
  });

  test("is made again with each lock that it meets, until all that it releases is free; each is looked at once", async () => {
    const backups = [day(1), day(2), day(3), day(4), day(5)];
    const store = await makeVault(backups);
    const [first, second] = backups as [RetentionBackup, RetentionBackup];
    await store.locks?.extendRetention(keyOf.artifact("shop", first.id, "a"), until);
    await store.locks?.legalHold(keyOf.manifest("shop", second.id), true);
    const counted = makeFaultyStore(store, []);
    const planned: (readonly RetentionBackup[])[] = [];
    const result = await planAmongLocks(counted, "shop", backups, releaseTwo(planned), nothingNamed);
    expect(result.plan.released).toEqual([backups[2]?.id, backups[3]?.id]);
    expect(result.backups.map(({ lockedUntilMs }) => lockedUntilMs)).toEqual([
      until.getTime(),
      Number.POSITIVE_INFINITY,
      undefined,
      undefined,
      undefined,
    ]);
    expect(result.backups[2]).toBe(backups[2]);
    expect(planned).toHaveLength(3);
    const heads = counted.calls.filter((call) => call.startsWith("head manifests/"));
    expect(heads).toHaveLength(4);
    expect(heads).toEqual(backups.slice(0, 4).map(({ id }) => `head ${keyOf.manifest("shop", id)}`));
  });

  test("leaves out what another backup names: that stays by itself", async () => {
    const backups = [day(1), day(2)];
    const store = await makeVault(backups);
    const named = keyOf.artifact("shop", backups[0]?.id ?? "", "a");
    await store.locks?.extendRetention(named, until);
    const plan = releaseTwo([]);
    const isNamed = async () => ({ isNamed: (key: string) => key === named });
    expect((await planAmongLocks(store, "shop", backups, plan, isNamed)).plan.released).toEqual([backups[0]?.id]);
    expect((await planAmongLocks(store, "shop", backups, plan, nothingNamed)).plan.released).toEqual([]);
  });

  test("takes what is locked without a time, and not held, for free: deleting it will tell", async () => {
    const backups = [day(1), day(2)];
    const store = await makeVault(backups);
    const key = keyOf.manifest("shop", backups[0]?.id ?? "");
    store.objects.set(key, { bytes: Buffer.from("x"), modifiedAt: now, lock: { held: false } });
    const { plan } = await planAmongLocks(store, "shop", backups, releaseTwo([]), nothingNamed);
    expect(plan.released).toEqual([backups[0]?.id]);
  });

  test("looks at eight at once, and at all", async () => {
    const backups = Array.from({ length: 21 }, (_, index) => day(1 + (index % 28)));
    const store = await makeVault(backups);
    let [underWay, max] = [0, 0];
    const slow = {
      ...store,
      async head(key: string) {
        max = Math.max(max, ++underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        return store.head(key);
      },
    };
    const all = (those: readonly RetentionBackup[]): RetentionPlan => ({
      decisions: [],
      released: those.slice(0, -1).map(({ id }) => id),
      refusals: [],
      unread: [],
    });
    expect((await planAmongLocks(slow, "shop", backups, all, nothingNamed)).plan.released).toHaveLength(20);
    expect(max).toBe(8);
  });
});

describe("the promises of a plan", () => {
  const retention = policyOf({ daily: 2 });
  const source = { name: "shop", retention } as SourceConfig;
  async function keep(store: MemoryStore, backups: readonly RetentionBackup[], signal?: AbortSignal) {
    const { context } = makeMemoryContext(signal === undefined ? { now } : { now, signal });
    const plan = planRetention(backups, retention, { now, timezone: "UTC" });
    return keepPromises(context, memoryVault(store), source, backups, plan);
  }
  const lockOf = (store: MemoryStore, key: string) => store.objects.get(key)?.lock;

  test("are kept by locks that are too short, artifacts too; what is locked longer is left, and so is what goes", async () => {
    const backups = [day(1), day(18), day(19), day(20)];
    const store = await makeVault(backups);
    const [released, , older, newest] = backups.map(({ id }) => id) as [string, string, string, string];
    await store.locks?.extendRetention(keyOf.manifest("shop", newest), until);
    const extended = await keep(store, backups);
    expect(extended).toContain(older);
    expect(extended).not.toContain(newest);
    expect(extended).toEqual([...extended].sort());
    for (const key of [keyOf.artifact("shop", older, "a"), keyOf.manifest("shop", older)]) {
      expect(lockOf(store, key)?.until?.getTime()).toBeGreaterThan(now.getTime());
    }
    expect(lockOf(store, keyOf.artifact("shop", released, "a"))).toBeUndefined();
    expect(await keep(store, backups)).toEqual([]);
  });

  test("are told of in the order of ids, whichever was kept first", async () => {
    const backups = [day(18), day(19), day(20)];
    const store = await makeVault(backups);
    const ids = backups.map(({ id }) => id);
    const slow = {
      ...store,
      async head(key: string) {
        for (let left = key.includes(ids[1] ?? "") ? 50 : 0; left > 0; left -= 1) await new Promise((done) => setImmediate(done));
        return store.head(key);
      },
    };
    expect(await keep(slow, backups)).toEqual(ids.slice(1));
  });

  test("say nothing of what is held and gone by now", async () => {
    const backups = [day(1, { held: true }), day(20)];
    const store = await makeVault(backups);
    await store.delete(keyOf.manifest("shop", backups[0]?.id ?? ""));
    expect(await keep(store, backups)).toEqual([backups[1]?.id]);
  });

  test("put what is held under the store's own hold, where that was missed, and its record too", async () => {
    const backups = [day(1, { held: true }), day(2), day(20)];
    const store = await makeVault(backups);
    const [held, free] = backups.map(({ id }) => id) as [string, string];
    const record = names.hold("shop", held);
    await store.put(record, Buffer.from("{}"));
    await keep(store, backups);
    for (const key of [keyOf.artifact("shop", held, "a"), keyOf.manifest("shop", held), record]) {
      expect(lockOf(store, key)?.held, key).toBe(true);
    }
    expect(lockOf(store, keyOf.manifest("shop", free))?.held).not.toBe(true);
    // Once the manifest, which is the last, is under it, only the record is looked at again.
    const counted = makeFaultyStore(store, []);
    const { context } = makeMemoryContext({ now });
    await keepPromises(context, memoryVault(counted), source, backups.slice(0, 1), { decisions: [] } as unknown as RetentionPlan);
    expect(counted.calls.filter((call) => call.startsWith("lock"))).toEqual([`lock ${record}`]);
  });

  test("are nothing where the vault does not lock", async () => {
    const backups = [day(1, { held: true }), day(20)];
    const counted = makeFaultyStore(await makeVault(backups, false), []);
    const { context } = makeMemoryContext({ now });
    const plan = planRetention(backups, retention, { now, timezone: "UTC" });
    expect(await keepPromises(context, memoryVault(counted), source, backups, plan)).toEqual([]);
    expect(counted.calls).toEqual([]);
  });

  test("are broken off by an interruption", async () => {
    const backups = [day(19), day(20)];
    const store = await makeVault(backups);
    await expect(keep(store, backups, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
    expect(lockOf(store, keyOf.manifest("shop", backups[1]?.id ?? ""))).toBeUndefined();
  });
});
