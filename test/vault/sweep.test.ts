import { describe, expect, it } from "vitest";
import { keyOf } from "../../src/vault/layout.ts";
import { acquireLease } from "../../src/vault/leases.ts";
import { describeDeletion, listRecentDeletions, type RecentDeletion } from "../../src/vault/list-deleted.ts";
import { findOrphans, sweepOrphans } from "../../src/vault/sweep.ts";
import { makeFaultyStore } from "../support/faulty-store.ts";
import { listLost } from "../support/lost-backups.ts";
import { makeMemoryStore } from "../support/memory-store.ts";
import { sampleId } from "../support/sample-backups.ts";
import { names, signedVault } from "../support/signed-vault.ts";
import { toList } from "../support/streams.ts";

const now = new Date("2026-11-20T12:00:00Z");
const options = { now, graceSeconds: 86_400, isNamed: async () => false };
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

const leaseSince = (since: string) => ({
  holder: "a:1",
  purpose: "full backup",
  ttlSeconds: 600,
  clock: { now: () => new Date(since), monotonicMs: () => 0 },
  processes: null,
});

const keysOf = async (found: AsyncIterable<{ key: string }>) => (await toList(found)).map(({ key }) => key);

describe("the sweep", () => {
  it("finds artifacts and evidence of what was deleted, of its source only, and deletes them, evidence last", async () => {
    const { store, add } = makeStore();
    await add(names.tombstone("shop", old));
    const kept = sampleId("2026-11-17T02:00:00Z");
    await add(keyOf.manifest("shop", kept));
    for (const id of [kept, old]) {
      await add(keyOf.artifact("shop", id, "a"));
      await add(keyOf.artifact("shop", id, "b"));
      await add(names.evidence("shop", id, long, "verified"));
    }
    await add(keyOf.artifact("wiki", old, "a"));
    await add("artifacts/shop/README");
    const orphans = [
      keyOf.artifact("shop", old, "a"),
      keyOf.artifact("shop", old, "b"),
      names.evidence("shop", old, long, "verified"),
    ];
    expect(await keysOf(findOrphans(signedVault(store), "shop", options))).toEqual(orphans);
    const before = store.objects.size;
    const recorded = makeFaultyStore(store, []);
    expect(await sweepOrphans(signedVault(recorded), "shop", options)).toEqual(orphans.map((key) => ({ key, bytes: 3 })));
    expect(recorded.calls.filter((call) => call.startsWith("delete"))).toEqual(orphans.map((key) => `delete ${key}`));
    expect(store.objects.size).toBe(before - 3);
    expect(await sweepOrphans(signedVault(store), "shop", options)).toEqual([]);
  });

  it("leaves what has evidence and no tombstone, because it was a backup once: artifacts, evidence and all", async () => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", old, "a"));
    await add(names.evidence("shop", old, long, "verified"));
    const evidenceAlone = sampleId("2026-11-16T02:00:00Z");
    await add(names.evidence("shop", evidenceAlone, long, "damaged"));
    expect(await sweepOrphans(signedVault(store), "shop", options)).toEqual([]);
    const lost = async () => (await listLost(signedVault(store))).map(({ id }) => id);
    expect(await lost()).toEqual([evidenceAlone, old]);
    await add(names.tombstone("shop", evidenceAlone));
    expect(await lost()).toEqual([old]);
  });

  it.each(["manifest", "evidence"] as const)("leaves artifacts whose %s the store only hides", async (what) => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", old, "a"));
    const key = what === "manifest" ? keyOf.manifest("shop", old) : names.evidence("shop", old, long, "verified");
    store.hidden.set(key, now);
    expect(await sweepOrphans(signedVault(store), "shop", options)).toEqual([]);
    await add(names.tombstone("shop", old));
    expect(await sweepOrphans(signedVault(store), "shop", options)).toHaveLength(1);
  });

  it("collects what is left of a deletion two days after the store got its tombstone, whatever the tombstone says of itself", async () => {
    const { store, add } = makeStore();
    const planted = new Date("2026-11-20T11:00:00Z");
    const body = Buffer.from(JSON.stringify({ at: "2020-01-01T00:00:00.000Z" }));
    store.objects.set(names.tombstone("shop", old), { bytes: body, modifiedAt: planted });
    for (const name of ["a", "b"]) await add(keyOf.artifact("shop", old, name));
    await add(names.evidence("shop", old, long, "proven"));
    store.hidden.set(keyOf.manifest("shop", old), planted);
    const at = (time: string) => ({ ...options, now: new Date(time) });
    for (const time of ["2026-11-20T12:00:00Z", "2026-11-22T10:59:59Z"]) {
      expect(await sweepOrphans(signedVault(store), "shop", at(time))).toEqual([]);
      const [deletion, ...others] = await toList(listRecentDeletions(signedVault(store), { source: "shop", now: new Date(time) }));
      expect(others).toEqual([]);
      expect(deletion).toMatchObject({ id: old, deletedAt: planted, keptUntil: new Date("2026-11-22T11:00:00Z") });
      expect(describeDeletion(deletion as RecentDeletion, store.url, new Date(time)).message).toMatch(
        /was deleted (1 hour|47 hours) ago.*kept until 2026-11-22T11:00:00/,
      );
    }
    expect(await sweepOrphans(signedVault(store), "shop", at("2026-11-22T11:00:00Z"))).toHaveLength(3);
    expect(await toList(listRecentDeletions(signedVault(store), { now: new Date("2026-11-22T10:00:00Z") }))).toEqual([]);
  });

  it("does not ask whether a finished deletion, or one of a backup that is there, is trusted", async () => {
    const { store, add } = makeStore();
    await add(names.tombstone("shop", old), now);
    expect(await toList(listRecentDeletions(signedVault(store), { now }))).toEqual([]);
    await add(keyOf.artifact("shop", old, "a"));
    expect(await toList(listRecentDeletions(signedVault(store), { now }))).toHaveLength(1);
    expect(await toList(listRecentDeletions(signedVault(store), { now, source: "wiki" }))).toEqual([]);
    await add(keyOf.manifest("shop", old));
    expect(await toList(listRecentDeletions(signedVault(store), { now }))).toEqual([]);
  });

  it("leaves alone what is young by its id or by the store's own record", async () => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", young, "a"));
    await add(keyOf.artifact("shop", old, "a"), new Date("2026-11-20T02:00:00Z"));
    expect(await keysOf(findOrphans(signedVault(store), "shop", options))).toEqual([]);
    const tomorrow = { ...options, now: new Date("2026-11-21T12:00:00Z") };
    expect(await keysOf(findOrphans(signedVault(store), "shop", tomorrow))).toHaveLength(2);
  });

  it("leaves alone what was begun under a lease that is not given back, wherever leases are kept", async () => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", old, "a"));
    const leases = makeMemoryStore();
    for (const place of [store, leases]) {
      const lease = await acquireLease(place, { source: "shop", stream: "backup" }, leaseSince("2026-11-18T01:59:00Z"));
      const where = place === store ? options : { ...options, leases };
      expect(await keysOf(findOrphans(signedVault(store), "shop", where))).toEqual([]);
      await lease.release();
      expect(await keysOf(findOrphans(signedVault(store), "shop", where))).toHaveLength(1);
    }
  });

  it("goes by the lease of the stream that a backup is made in: a full that goes on for days covers no dead log", async () => {
    const { store, add } = makeStore();
    const log = old.replace("-full-", "-log-");
    await add(keyOf.artifact("shop", old, "a"));
    await add(keyOf.artifact("shop", log, "a"));
    const full = await acquireLease(store, { source: "shop", stream: "backup" }, leaseSince("2026-11-18T01:59:00Z"));
    expect(await keysOf(findOrphans(signedVault(store), "shop", options))).toEqual([keyOf.artifact("shop", log, "a")]);
    await full.release();
    await acquireLease(store, { source: "shop", stream: "log" }, leaseSince("2026-11-18T01:59:00Z"));
    expect(await keysOf(findOrphans(signedVault(store), "shop", options))).toEqual([keyOf.artifact("shop", old, "a")]);
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
    expect(await keysOf(findOrphans(signedVault(late), "shop", options))).toEqual([]);
  });

  it("keeps what is on hold though its manifest is gone, and takes a hold that holds nothing", async () => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", old, "a"));
    await add(names.evidence("shop", old, long, "verified"));
    const hold = await add(names.hold("shop", old));
    expect(await sweepOrphans(signedVault(store), "shop", options)).toEqual([]);
    await store.delete(keyOf.artifact("shop", old, "a"));
    await store.delete(names.evidence("shop", old, long, "verified"));
    expect((await sweepOrphans(signedVault(store), "shop", options)).map(({ key }) => key)).toEqual([hold]);
  });

  it("goes on where an earlier one was cut off", async () => {
    const { store, add } = makeStore();
    for (const name of ["a", "b", "c"]) await add(keyOf.artifact("shop", old, name));
    const dying = makeFaultyStore(store, [{ operation: "delete", from: 2 }]);
    await expect(sweepOrphans(signedVault(dying), "shop", options)).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect(await sweepOrphans(signedVault(store), "shop", options)).toHaveLength(2);
  });

  it("takes back uploads that are a week old, and no younger ones", async () => {
    const { store } = makeStore();
    const asked: Date[] = [];
    const watched = { ...store, abortStaleUploads: async (olderThan: Date) => asked.push(olderThan) };
    await sweepOrphans(signedVault(watched), "shop", options);
    await sweepOrphans(signedVault(watched), "shop", { ...options, graceSeconds: 30 * 86_400 });
    expect(asked).toEqual([new Date("2026-11-13T12:00:00Z"), new Date("2026-10-21T12:00:00Z")]);
  });

  it("leaves what was begun up to an hour before its lease, as after a clock was set back, and nothing older", async () => {
    const { store, add } = makeStore();
    const artifacts: string[] = [];
    for (const time of ["2026-11-18T00:59:59Z", "2026-11-18T01:00:00Z", "2026-11-18T01:30:00Z", "2026-11-18T02:30:00Z"]) {
      artifacts.push(await add(keyOf.artifact("shop", sampleId(time), "a")));
    }
    await acquireLease(store, { source: "shop", stream: "backup" }, leaseSince("2026-11-18T02:00:00Z"));
    expect(await keysOf(findOrphans(signedVault(store), "shop", options))).toEqual(artifacts.slice(0, 1));
  });

  it.each([
    ["is no JSON", "{"],
    ["breaks the format", '{"formatVersion":1,"source":"shop","heldSince":"2026-11-18T01:00:00.000Z","released":false}'],
  ])("is kept from nothing by a lease that %s, which nobody can hold", async (_, text) => {
    const { store, add } = makeStore();
    const artifact = await add(keyOf.artifact("shop", old, "a"));
    await store.put(keyOf.lease("shop", "backup"), Buffer.from(text));
    expect(await keysOf(findOrphans(signedVault(store), "shop", options))).toEqual([artifact]);
  });

  it("deletes nothing when the lease cannot be read", async () => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", old, "a"));
    const unreadable = makeFaultyStore(store, [{ operation: "get", key: /^leases/ }]);
    await expect(sweepOrphans(signedVault(unreadable), "shop", options)).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect(unreadable.calls.filter((call) => call.startsWith("delete"))).toEqual([]);
  });

  it("counts as old what is older than the grace, to the millisecond, by the id and by the store", async () => {
    const { store, add } = makeStore();
    const dayAgo = new Date(now.getTime() - 86_400_000);
    await add(keyOf.artifact("shop", sampleId(dayAgo.toISOString()), "a"));
    await add(keyOf.artifact("shop", old, "a"), dayAgo);
    expect(await keysOf(findOrphans(signedVault(store), "shop", options))).toEqual([]);
    expect(await keysOf(findOrphans(signedVault(store), "shop", { ...options, now: new Date(now.getTime() + 1) }))).toHaveLength(2);
  });

  it("keeps a hold while anything of its backup is left, artifacts or evidence", async () => {
    const { store, add } = makeStore();
    await add(names.hold("shop", old));
    const artifact = await add(keyOf.artifact("shop", old, "a"));
    expect(await sweepOrphans(signedVault(store), "shop", options)).toEqual([]);
    await store.delete(artifact);
    await add(names.evidence("shop", old, long, "verified"));
    expect(await sweepOrphans(signedVault(store), "shop", options)).toEqual([]);
  });

  it("keeps what is on hold although a tombstone says that it was deleted on purpose", async () => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", old, "a"));
    await add(names.hold("shop", old));
    await add(names.tombstone("shop", old));
    expect(await sweepOrphans(signedVault(store), "shop", { ...options, now: new Date("2026-12-20T12:00:00Z") })).toEqual([]);
  });

  it("tells of what is no object and leaves it there; it counts as what is left of its backup", async () => {
    const { store, add } = makeStore();
    const hold = await add(names.hold("shop", old));
    for (const link of [keyOf.artifact("shop", old, "link"), names.evidence("shop", old, long, "verified")]) {
      const linked = {
        ...store,
        async *list(prefix: string, { includeOdd }: { includeOdd?: boolean } = {}) {
          if (link.startsWith(prefix) && includeOdd) yield { key: link, bytes: 0, modifiedAt: long, odd: "a symbolic link" };
          yield* store.list(prefix);
        },
      };
      const told: string[] = [];
      expect(await sweepOrphans(signedVault(linked), "shop", { ...options, onOdd: ({ key }) => told.push(key) })).toEqual([]);
      expect(told).toEqual([link]);
      expect(await keysOf(findOrphans(signedVault(linked), "shop", options))).toEqual([]);
    }
    expect(await keysOf(findOrphans(signedVault(store), "shop", options))).toEqual([hold]);
  });

  it("leaves an artifact beside evidence that is no object, as beside any evidence", async () => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", old, "a"));
    const link = names.evidence("shop", old, long, "verified");
    const linked = {
      ...store,
      async *list(prefix: string, { includeOdd }: { includeOdd?: boolean } = {}) {
        if (link.startsWith(prefix) && includeOdd) yield { key: link, bytes: 0, modifiedAt: long, odd: "a symbolic link" };
        yield* store.list(prefix);
      },
    };
    expect(await keysOf(findOrphans(signedVault(linked), "shop", options))).toEqual([]);
  });

  it("asks for a backup's manifest once, however many objects are left of it", async () => {
    const { store, add } = makeStore();
    for (let part = 0; part < 20; part += 1) await add(keyOf.artifact("shop", old, `part-${part}`));
    const counted = makeFaultyStore(store, []);
    expect(await keysOf(findOrphans(signedVault(counted), "shop", options))).toHaveLength(20);
    expect(counted.calls.filter((call) => call.startsWith("head manifests/"))).toHaveLength(1);
  });

  it("does not count as swept what is locked, and collects it once its lock has ended", async () => {
    let today = long;
    const store = makeMemoryStore(() => today, { locks: true });
    const until = new Date("2026-11-22T00:00:00Z");
    await store.put(keyOf.artifact("shop", old, "a"), Buffer.from("xyz"), { retainUntil: until });
    await store.put(keyOf.artifact("shop", old, "b"), Buffer.from("xyz"));
    today = now;
    expect((await sweepOrphans(signedVault(store), "shop", options)).map(({ key }) => key)).toEqual([
      keyOf.artifact("shop", old, "b"),
    ]);
    today = new Date("2026-11-23T00:00:00Z");
    expect(await sweepOrphans(signedVault(store), "shop", { ...options, now: today })).toHaveLength(1);
    expect([...store.objects.keys()]).toEqual([]);
  });

  it("is stopped by an interruption, between two objects as well as while it looks", async () => {
    const { store, add } = makeStore();
    for (const name of ["a", "b", "c"]) await add(keyOf.artifact("shop", old, name));
    const controller = new AbortController();
    const interrupting = {
      ...store,
      async delete(key: string) {
        controller.abort(new Error("interrupted"));
        return store.delete(key);
      },
    };
    const interruptible = { ...options, signal: controller.signal };
    await expect(sweepOrphans(signedVault(interrupting), "shop", interruptible)).rejects.toThrow("interrupted");
    expect([...store.objects.keys()]).toHaveLength(2);
    await expect(keysOf(findOrphans(signedVault(store), "shop", interruptible))).rejects.toThrow("interrupted");
  });

  it("keeps an artifact that another backup names, or may name, and asks of nothing else", async () => {
    const { store, add } = makeStore();
    await add(names.tombstone("shop", old));
    const [named, unnamed] = [await add(keyOf.artifact("shop", old, "a")), await add(keyOf.artifact("shop", old, "b"))];
    const evidence = await add(names.evidence("shop", old, long, "verified"));
    const kept = sampleId("2026-11-17T02:00:00Z");
    await add(keyOf.manifest("shop", kept));
    await add(keyOf.artifact("shop", kept, "a"));
    const asked: string[] = [];
    const isNamed = async (key: string): Promise<boolean> => {
      asked.push(key);
      return key === named;
    };
    const swept = await sweepOrphans(signedVault(store), "shop", { ...options, isNamed });
    expect(swept.map(({ key }) => key)).toEqual([unnamed, evidence]);
    expect(asked).toEqual([named, unnamed]);
    expect(store.objects.has(named)).toBe(true);
  });

  it("costs no request for a backup that is there, however many there are, and one for each that is held", async () => {
    const { store, add } = makeStore();
    const ids = Array.from({ length: 30 }, (_, hour) => sampleId(new Date(Date.UTC(2026, 10, 16, hour)).toISOString()));
    for (const id of ids) {
      await add(keyOf.manifest("shop", id));
      await add(keyOf.artifact("shop", id, "a"));
      await add(names.evidence("shop", id, long, "verified"));
    }
    // What somebody put there is no backup, and hides none.
    await add("manifests/shop/20261116T120000Z.txt");
    await add(names.hold("shop", ids[3] ?? ""));
    const orphan = await add(keyOf.artifact("shop", old, "a"));
    const counted = makeFaultyStore(store, []);
    expect(await keysOf(findOrphans(signedVault(counted), "shop", options))).toEqual([orphan]);
    const heads = counted.calls.filter((call) => call.startsWith("head"));
    expect(heads).toEqual([`head ${keyOf.manifest("shop", old)}`, `head ${keyOf.manifest("shop", ids[3] ?? "")}`]);
    // Beside artifacts and beside evidence, but not for a few holds.
    expect(counted.calls.filter((call) => call === "list manifests/shop/")).toHaveLength(2);
  });

  it("takes a link in a manifest's way for a backup that is there: somebody put it there", async () => {
    const { store, add } = makeStore();
    await add(keyOf.artifact("shop", old, "a"));
    const link = keyOf.manifest("shop", old);
    const linked = {
      ...store,
      async *list(prefix: string, { includeOdd }: { includeOdd?: boolean } = {}) {
        if (link.startsWith(prefix) && includeOdd) yield { key: link, bytes: 0, modifiedAt: long, odd: "a symbolic link" };
        yield* store.list(prefix);
      },
    };
    expect(await keysOf(findOrphans(signedVault(linked), "shop", options))).toEqual([]);
  });
});
