/** What a hold does to a vault that locks, which records hold, and what lifting one leaves. */
import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { canonicalJson } from "../../../src/vault/documents/canonical-json.ts";
import { addHold, type Hold, isHeld, listHoldKeys, listHolds, lockHolds, removeHold } from "../../../src/vault/documents/holds.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { type MemoryStore, makeMemoryStore } from "../../support/memory-store.ts";
import { sampleId } from "../../support/sample-backups.ts";
import { lackingVerifier, names, signedNames, signedVault, testSigner, testVaultId } from "../../support/signed-vault.ts";
import { toList } from "../../support/streams.ts";

const id = sampleId("2026-11-20T02:00:00Z");
const other = sampleId("2026-11-20T02:00:00Z", 1);
const at = "2026-11-20T03:00:00.000Z";
const hold: Hold = { formatVersion: 2, source: "shop", backupId: id, by: "ada", reason: "case 7", at };
const record = names.hold("shop", id, canonicalJson(hold), new Date(at));
const thief = signedNames(testVaultId, 99);
const manifest = keyOf.manifest("shop", id);
const artifact = keyOf.artifact("shop", id, "a");

async function makeVault(options: { locks?: boolean } = {}): Promise<MemoryStore> {
  const store = makeMemoryStore(() => new Date("2026-11-20T04:00:00Z"), options);
  for (const key of [manifest, artifact]) await store.put(key, Buffer.from("x"));
  return store;
}

const add = (store: ObjectStore, change: Partial<Hold> = {}) => addHold(signedVault(store), { ...hold, ...change }, testSigner);
const isUnder = (store: MemoryStore, key: string) => store.objects.get(key)?.lock?.held === true;
const refusing = (name: "StoreUnavailable" | "ObjectNotFound") => async () => Promise.reject(new HoldfastError(name, "no"));

describe("a hold where the vault locks", () => {
  it("puts all of the backup under the store's own hold, its own record last, and lifting it frees all", async () => {
    const store = await makeVault({ locks: true });
    const recorded = makeFaultyStore(store, []);
    await add(recorded);
    expect(recorded.calls.filter((call) => call.startsWith("lock"))).toEqual(
      [artifact, manifest, record].map((key) => `lock ${key}`),
    );
    for (const key of [artifact, manifest, record]) expect(isUnder(store, key)).toBe(true);
    await removeHold(signedVault(store), "shop", id);
    for (const key of [artifact, manifest]) expect(store.objects.get(key)?.lock).toEqual({ held: false });
    expect(store.objects.has(record)).toBe(false);
  });

  it("is completed by asking again, which says that it was there", async () => {
    const store = await makeVault({ locks: true });
    const dying = makeFaultyStore(store, [{ operation: "lock" }]);
    await expect(add(dying)).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect(isUnder(store, manifest)).toBe(false);
    await expect(add(store, { by: "bob" })).rejects.toMatchObject({
      name: "HoldActive",
      message: expect.stringContaining(`${id} of "shop" is held already, by ada since ${at}: case 7`),
    });
    for (const key of [artifact, manifest, record]) expect(isUnder(store, key)).toBe(true);
  });

  it("holds nothing, and leaves nothing under the store's hold, where the backup was deleted beside it", async () => {
    const store = await makeVault({ locks: true });
    const pruning: ObjectStore = {
      ...store,
      async put(key, body, options) {
        const put = await store.put(key, body, options);
        if (key === record) await store.delete(manifest);
        return put;
      },
    };
    await expect(add(pruning)).rejects.toMatchObject({
      name: "BackupNotFound",
      message: expect.stringContaining(`source "shop" has no backup ${id}`),
    });
    expect(store.objects.has(record)).toBe(false);
    expect(isUnder(store, artifact)).toBe(false);
  });

  it("locks no record that nobody signed", async () => {
    const store = await makeVault({ locks: true });
    const planted = thief.hold("shop", id);
    await store.put(planted, Buffer.from("{}"));
    await add(store);
    expect([isUnder(store, record), isUnder(store, planted)]).toEqual([true, false]);
  });

  it("reaches hidden records only when it is lifted, and bears what is gone", async () => {
    const store = await makeVault({ locks: true });
    store.hidden.set(record, new Date(at));
    const asked: string[] = [];
    const locking = (legalHold: (key: string) => Promise<void>): ObjectStore => ({
      ...store,
      locks: {
        extendRetention: async () => false,
        legalHold: async (key) => {
          asked.push(key);
          return legalHold(key);
        },
      },
    });
    await lockHolds(signedVault(locking(refusing("ObjectNotFound"))), "shop", id, true);
    expect(asked).toEqual([]);
    await lockHolds(signedVault(locking(refusing("ObjectNotFound"))), "shop", id, false);
    expect(asked).toEqual([record]);
    await expect(lockHolds(signedVault(locking(refusing("StoreUnavailable"))), "shop", id, false)).rejects.toMatchObject({
      name: "StoreUnavailable",
    });
  });

  it("asks for nothing where the vault does not lock", async () => {
    const store = makeFaultyStore(await makeVault(), []);
    await lockHolds(signedVault(store), "shop", id, true);
    expect(store.calls).toEqual([]);
  });
});

describe("a hold's record", () => {
  it("is written once under its name, by a run that asks again as well", async () => {
    const store = await makeVault();
    await add(store);
    expect(store.objects.get(record)?.bytes.equals(canonicalJson(hold))).toBe(true);
    const writtenAt = new Date("2026-11-20T03:00:01Z");
    store.objects.set(record, { bytes: Buffer.from(canonicalJson(hold)), modifiedAt: writtenAt });
    let hidden = true;
    const blind: ObjectStore = {
      ...store,
      list(prefix, options) {
        if (!prefix.startsWith("holds/") || !hidden) return store.list(prefix, options);
        hidden = false;
        return (async function* () {})();
      },
    };
    const recorded = makeFaultyStore(blind, []);
    await add(recorded);
    expect(recorded.calls.filter((call) => call.startsWith("put"))).toEqual([`put ${record}`]);
    expect(store.objects.get(record)?.modifiedAt).toEqual(writtenAt);
    expect(await toList(listHolds(signedVault(store)))).toEqual([hold]);
  });

  it("that cannot be written is no hold", async () => {
    const store = makeFaultyStore(await makeVault(), [{ operation: "put" }]);
    await expect(add(store)).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect(store.calls.filter((call) => call.startsWith("put"))).toHaveLength(1);
  });

  it("without a reason is refused", async () => {
    await expect(add(await makeVault(), { reason: "" })).rejects.toMatchObject({
      name: "UsageInvalid",
      message: expect.stringContaining("hold.reason"),
    });
  });

  it("is not asked for before the backup is there", async () => {
    const store = makeFaultyStore(makeMemoryStore(), []);
    await expect(add(store)).rejects.toMatchObject({ name: "BackupNotFound" });
    expect(store.calls).toEqual([`head ${manifest}`]);
  });

  it("holds by its signed name alone; one that nobody signed holds nothing, and where nobody can tell, it holds", async () => {
    const store = await makeVault();
    expect(await isHeld(signedVault(store), "shop", id)).toBe(false);
    await store.put(thief.hold("shop", id), Buffer.from("{}"));
    await store.put(`holds/shop/${id}.json`, Buffer.from("{}"));
    expect(await isHeld(signedVault(store), "shop", id)).toBe(false);
    const lacking = lackingVerifier(new HoldfastError("KeyUnavailable", "no key"));
    expect(await isHeld({ ...signedVault(store), verifier: lacking }, "shop", id)).toBe(true);
    await store.put(names.hold("shop", id), Buffer.from("no JSON"));
    expect(await isHeld(signedVault(store), "shop", id)).toBe(true);
    expect(await isHeld(signedVault(store), "shop", other)).toBe(false);
  });

  it("is listed where a link stands in its place, and nothing else that lies there is", async () => {
    const store = await makeVault();
    await store.put(`holds/shop/${id}-README`, Buffer.from("x"));
    const linked = {
      ...store,
      async *list(prefix: string, { includeOdd }: { includeOdd?: boolean } = {}) {
        // As a folder: without being asked for, such a thing ends the whole listing.
        if (!includeOdd) throw new HoldfastError("VaultInvalid", `${record} is a link`);
        if (record.startsWith(prefix)) yield { key: record, bytes: 0, modifiedAt: new Date(at), odd: "a link" };
        yield* store.list(prefix);
      },
    };
    expect((await listHoldKeys(linked, "shop", id)).map(({ key }) => key)).toEqual([record]);
    const [listed, ...more] = await toList(listHolds(signedVault(linked)));
    expect(more).toEqual([]);
    // The link's target is not there: lifted, as far as a reader can see.
    expect(listed).toBeUndefined();
  });
});

describe("the list of holds", () => {
  it("has those that are signed, of one source or of all, and those that the store only hides", async () => {
    const store = await makeVault();
    await add(store);
    for (const key of [thief.hold("shop", other), "holds/shop/README"]) await store.put(key, Buffer.from("{}"));
    await store.put(keyOf.manifest("wiki", id), Buffer.from("x"));
    await add(store, { source: "wiki" });
    store.hidden.set(names.hold("shop", other), new Date("2026-11-20T05:00:00Z"));
    store.hidden.set(thief.hold("shop", sampleId("2026-11-20T02:00:00Z", 2)), new Date(at));
    const hidden = {
      source: "shop",
      backupId: other,
      problem: expect.stringContaining("deleted at 2026-11-20T05:00:00.000Z outside Holdfast"),
    };
    expect(await toList(listHolds(signedVault(store)))).toEqual([hold, { ...hold, source: "wiki" }, hidden]);
    expect(await toList(listHolds(signedVault(store), "shop"))).toEqual([hold, hidden]);
    expect(await toList(listHolds(signedVault(store), "wiki"))).toEqual([{ ...hold, source: "wiki" }]);
    const recorded = makeFaultyStore(store, []);
    await toList(listHolds(signedVault(recorded)));
    expect(recorded.calls.filter((call) => call.startsWith("list"))[0]).toBe("list holds/");
  });

  it("has what cannot be read as a hold like any other, and leaves out what was lifted since", async () => {
    const store = await makeVault();
    await add(store);
    const failing = (name: "StoreAccessDenied" | "ObjectNotFound" | "StoreUnavailable"): ObjectStore => ({
      ...store,
      get: async () => Promise.reject(new HoldfastError(name, `because of ${name}`)),
    });
    expect(await toList(listHolds(signedVault(failing("StoreAccessDenied"))))).toEqual([
      { source: "shop", backupId: id, problem: "because of StoreAccessDenied" },
    ]);
    expect(await toList(listHolds(signedVault(failing("ObjectNotFound"))))).toEqual([]);
    await expect(toList(listHolds(signedVault(failing("StoreUnavailable"))))).rejects.toMatchObject({ name: "StoreUnavailable" });
  });

  it.each([
    ["of other bytes than were signed", { reason: "another case" }, undefined, "is not what was signed"],
    ["on another backup", { backupId: other }, "its own", `is a hold on ${other} of source "shop"`],
    ["of another source", { source: "wiki" }, "its own", `is a hold on ${id} of source "wiki"`],
    ["of another time", { at: "2026-11-20T03:00:00.001Z" }, "its own", "is a hold on"],
    ["without a name", { by: "" }, "its own", "hold.by"],
    ["too large", { reason: "x".repeat(70_000) }, "its own", "holds/shop/"],
  ])("says of one that is %s what is wrong", async (_, change, signature, says) => {
    const store = await makeVault();
    const bytes = canonicalJson({ ...hold, ...change });
    await store.put(signature === undefined ? record : names.hold("shop", id, bytes, new Date(at)), bytes);
    const listed = await toList(listHolds(signedVault(store)));
    expect(listed).toEqual([{ source: "shop", backupId: id, problem: expect.stringContaining(says) }]);
  });
});

describe("lifting holds", () => {
  it("takes all records, hidden ones and those that nobody signed, and of no other backup", async () => {
    const store = await makeVault();
    const keys = [names.hold("shop", id), names.hold("shop", id, Buffer.from("x")), thief.hold("shop", id)];
    const kept = names.hold("shop", other);
    for (const key of [...keys, kept]) await store.put(key, Buffer.from("{}"));
    const hidden = names.hold("shop", id, Buffer.from("y"));
    store.hidden.set(hidden, new Date(at));
    const recorded = makeFaultyStore(store, []);
    await removeHold(signedVault(recorded), "shop", id);
    expect(recorded.calls.filter((call) => call.startsWith("delete")).sort()).toEqual(
      [...keys, hidden].map((key) => `delete ${key}`).sort(),
    );
    expect([...store.objects.keys()].filter((key) => key.startsWith("holds/"))).toEqual([kept]);
  });

  it("says where there is none, and what to look at", async () => {
    const store = await makeVault();
    await store.put(names.hold("shop", other), Buffer.from("{}"));
    await expect(removeHold(signedVault(store), "shop", id)).rejects.toMatchObject({
      name: "BackupNotFound",
      message: expect.stringContaining(`${id} of "shop" is not on hold`),
      hint: expect.stringContaining("holdfast hold list"),
    });
  });

  it("fails where a record is locked by somebody else, and says which", async () => {
    const store = await makeVault({ locks: true });
    await add(store);
    await store.locks?.extendRetention(record, new Date("2026-12-24T00:00:00Z"));
    await expect(removeHold(signedVault(store), "shop", id)).rejects.toMatchObject({
      name: "HoldActive",
      message: expect.stringMatching(new RegExp(`${record} in memory: is locked until 2026-12-24`)),
      hint: expect.stringContaining("versions"),
    });
  });
});
