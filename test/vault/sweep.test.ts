import { describe, expect, it } from "vitest";
import { keyOf } from "../../src/vault/layout.ts";
import { acquireLease } from "../../src/vault/leases.ts";
import { describeDeletion, listRecentDeletions, type RecentDeletion } from "../../src/vault/list-deleted.ts";
import { listLost } from "../../src/vault/list-lost.ts";
import { findOrphans, sweepOrphans } from "../../src/vault/sweep.ts";
import { makeFaultyStore } from "../support/faulty-store.ts";
import { makeMemoryStore } from "../support/memory-store.ts";
import { sampleId } from "../support/sample-backups.ts";
import { toList } from "../support/streams.ts";

const now = new Date("2026-11-20T12:00:00Z");
const options = { now, graceSeconds: 86_400 };
const old = sampleId("2026-11-18T02:00:00Z");
const young = sampleId("2026-11-20T02:00:00Z");
const long = new Date("2026-11-18T03:00:00Z");

function makeStore() {
  const store = makeMemoryStore();
  const add = async (key: string, modifiedAt = long): Promise<string> => {
    await store.put(key, Buffer.from("xyz"));
    store.objects.set(key, { bytes: Buffer.from("xyz"), modifiedAt });
    return key;
  };
  return { store, add };
}

const keysOf = async (found: AsyncIterable<{ key: string }>) => (await toList(found)).map(({ key }) => key);

describe("the sweep", () => {
  it("finds artifacts and evidence of what was deleted, of its source only, and deletes them, evidence last", async () => {
    const { store, add } = makeStore();
    await add(keyOf.tombstone("shop", old));
    const kept = sampleId("2026-11-17T02:00:00Z");
    await add(keyOf.manifest("shop", kept));
    for (const id of [kept, old]) {
      await add(keyOf.artifact("shop", id, "a"));
      await add(keyOf.artifact("shop", id, "b"));
      await add(keyOf.evidence("shop", id, long, "verified"));
    }
    await add(keyOf.artifact("wiki", old, "a"));
    await add("artifacts/shop/README");
    const orphans = [
      keyOf.artifact("shop", old, "a"),
      keyOf.artifact("shop", old, "b"),
      keyOf.evidence("shop", old, long, "verified"),
    ];
    expect(await keysOf(findOrphans(store, "shop", options))).toEqual(orphans);
    const before = store.objects.size;
    const recorded = makeFaultyStore(store, []);
    expect(await sweepOrphans(recorded, "shop", options)).toEqual(orphans.map((key) => ({ key, bytes: 3 })));
    expect(recorded.calls.filter((call) => call.startsWith("delete"))).toEqual(orphans.map((key) => `delete ${key}`));
    expect(store.objects.size).toBe(before - 3);
    expect(await sweepOrphans(store, "shop", options)).toEqual([]);
  });

  it("leaves what has evidence and no tombstone, because it was a backup once: artifacts, evidence and all", async () => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", old, "a"));
    await add(keyOf.evidence("shop", old, long, "verified"));
    const evidenceAlone = sampleId("2026-11-16T02:00:00Z");
    await add(keyOf.evidence("shop", evidenceAlone, long, "damaged"));
    expect(await sweepOrphans(store, "shop", options)).toEqual([]);
    const lost = async () => (await toList(listLost(store))).map(({ id }) => id);
    expect(await lost()).toEqual([evidenceAlone, old]);
    await add(keyOf.tombstone("shop", evidenceAlone));
    expect(await lost()).toEqual([old]);
  });

  it.each(["manifest", "evidence"] as const)("leaves artifacts whose %s the store only hides", async (what) => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", old, "a"));
    const key = what === "manifest" ? keyOf.manifest("shop", old) : keyOf.evidence("shop", old, long, "verified");
    store.hidden.set(key, now);
    expect(await sweepOrphans(store, "shop", options)).toEqual([]);
    await add(keyOf.tombstone("shop", old));
    expect(await sweepOrphans(store, "shop", options)).toHaveLength(1);
  });

  it("collects what is left of a deletion two days after the store got its tombstone, whatever the tombstone says of itself", async () => {
    const { store, add } = makeStore();
    const planted = new Date("2026-11-20T11:00:00Z");
    const body = Buffer.from(JSON.stringify({ at: "2020-01-01T00:00:00.000Z" }));
    store.objects.set(keyOf.tombstone("shop", old), { bytes: body, modifiedAt: planted });
    for (const name of ["a", "b"]) await add(keyOf.artifact("shop", old, name));
    await add(keyOf.evidence("shop", old, long, "proven"));
    store.hidden.set(keyOf.manifest("shop", old), planted);
    const at = (time: string) => ({ ...options, now: new Date(time) });
    for (const time of ["2026-11-20T12:00:00Z", "2026-11-22T10:59:59Z"]) {
      expect(await sweepOrphans(store, "shop", at(time))).toEqual([]);
      const [deletion, ...others] = await toList(listRecentDeletions(store, { source: "shop", now: new Date(time) }));
      expect(others).toEqual([]);
      expect(deletion).toMatchObject({ id: old, deletedAt: planted, keptUntil: new Date("2026-11-22T11:00:00Z") });
      expect(describeDeletion(deletion as RecentDeletion, store.url, new Date(time)).message).toMatch(
        /was deleted (1 hour|47 hours) ago.*kept until 2026-11-22T11:00:00/,
      );
    }
    expect(await sweepOrphans(store, "shop", at("2026-11-22T11:00:00Z"))).toHaveLength(3);
    expect(await toList(listRecentDeletions(store, { now: new Date("2026-11-22T10:00:00Z") }))).toEqual([]);
  });

  it("does not ask whether a finished deletion, or one of a backup that is there, is trusted", async () => {
    const { store, add } = makeStore();
    await add(keyOf.tombstone("shop", old), now);
    expect(await toList(listRecentDeletions(store, { now }))).toEqual([]);
    await add(keyOf.artifact("shop", old, "a"));
    expect(await toList(listRecentDeletions(store, { now }))).toHaveLength(1);
    expect(await toList(listRecentDeletions(store, { now, source: "wiki" }))).toEqual([]);
    await add(keyOf.manifest("shop", old));
    expect(await toList(listRecentDeletions(store, { now }))).toEqual([]);
  });

  it("leaves alone what is young by its id or by the store's own record", async () => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", young, "a"));
    await add(keyOf.artifact("shop", old, "a"), new Date("2026-11-20T02:00:00Z"));
    expect(await keysOf(findOrphans(store, "shop", options))).toEqual([]);
    const tomorrow = { ...options, now: new Date("2026-11-21T12:00:00Z") };
    expect(await keysOf(findOrphans(store, "shop", tomorrow))).toHaveLength(2);
  });

  it("leaves alone what was begun under a lease that is not given back, wherever leases are kept", async () => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", old, "a"));
    const leases = makeMemoryStore();
    for (const place of [store, leases]) {
      const since = new Date("2026-11-18T01:59:00Z");
      const lease = await acquireLease(place, "shop", {
        holder: "a:1",
        purpose: "full backup",
        ttlSeconds: 600,
        clock: { now: () => since, monotonicMs: () => 0 },
        processes: null,
      });
      const where = place === store ? options : { ...options, leases };
      expect(await keysOf(findOrphans(store, "shop", where))).toEqual([]);
      await lease.release();
      expect(await keysOf(findOrphans(store, "shop", where))).toHaveLength(1);
    }
  });

  it("sees a manifest that is committed while it looks", async () => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", old, "a"));
    const late = {
      ...store,
      head: async (key: string) => {
        await add(keyOf.manifest("shop", old));
        return store.head(key);
      },
    };
    expect(await keysOf(findOrphans(late, "shop", options))).toEqual([]);
  });

  it("keeps what is on hold though its manifest is gone, and takes a hold that holds nothing", async () => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", old, "a"));
    await add(keyOf.evidence("shop", old, long, "verified"));
    const hold = await add(keyOf.hold("shop", old));
    expect(await sweepOrphans(store, "shop", options)).toEqual([]);
    await store.delete(keyOf.artifact("shop", old, "a"));
    await store.delete(keyOf.evidence("shop", old, long, "verified"));
    expect((await sweepOrphans(store, "shop", options)).map(({ key }) => key)).toEqual([hold]);
  });

  it("goes on where an earlier one was cut off", async () => {
    const { store, add } = makeStore();
    for (const name of ["a", "b", "c"]) await add(keyOf.artifact("shop", old, name));
    const dying = makeFaultyStore(store, [{ operation: "delete", from: 2 }]);
    await expect(sweepOrphans(dying, "shop", options)).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect(await sweepOrphans(store, "shop", options)).toHaveLength(2);
  });

  it("takes back uploads that are a week old, and no younger ones", async () => {
    const { store } = makeStore();
    const asked: Date[] = [];
    const watched = { ...store, abortStaleUploads: async (olderThan: Date) => asked.push(olderThan) };
    await sweepOrphans(watched, "shop", options);
    await sweepOrphans(watched, "shop", { ...options, graceSeconds: 30 * 86_400 });
    expect(asked).toEqual([new Date("2026-11-13T12:00:00Z"), new Date("2026-10-21T12:00:00Z")]);
  });
});
