/** What says that a backup was deleted on purpose: when it counts, and since when. */
import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { canonicalJson } from "../../../src/vault/documents/canonical-json.ts";
import {
  findTombstone,
  hasTombstone,
  isSettledDeletion,
  listTombstones,
  removeTombstones,
  type Tombstone,
  writeTombstone,
} from "../../../src/vault/documents/tombstones.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { type MemoryStore, makeMemoryStore } from "../../support/memory-store.ts";
import { sampleId } from "../../support/sample-backups.ts";
import { lackingVerifier, names, signedNames, signedVault, testSigner, testVaultId } from "../../support/signed-vault.ts";
import { toList } from "../../support/streams.ts";

const id = sampleId("2026-11-20T02:00:00Z");
const other = sampleId("2026-11-20T02:00:00Z", 1);
const at = "2026-11-20T12:00:00.000Z";
const tombstone: Tombstone = {
  formatVersion: 2,
  source: "shop",
  backupId: id,
  at,
  by: "host:1",
  holdfastVersion: "0",
  reasons: ["released: older than every rule"],
};
const key = names.tombstone("shop", id, canonicalJson(tombstone), new Date(at));
const thief = signedNames(testVaultId, 99);
const lacking = lackingVerifier(new HoldfastError("KeyUnavailable", "no key"));
const stored = new Date("2026-11-20T12:00:01Z");

const put = (store: MemoryStore, name: string, modifiedAt = stored): void =>
  void store.objects.set(name, { bytes: Buffer.from("{}"), modifiedAt });
const write = (store: ObjectStore) => writeTombstone(signedVault(store), tombstone, testSigner);

describe("writing a tombstone", () => {
  it("says who deleted what and why, under a signed name", async () => {
    const store = makeMemoryStore();
    await write(store);
    expect([...store.objects.keys()]).toEqual([key]);
    expect(JSON.parse(String(store.objects.get(key)?.bytes))).toEqual(tombstone);
    expect(await findTombstone(signedVault(store), "shop", id)).toMatchObject({ source: "shop", id, certain: true });
  });

  it("again leaves what stands there, with the store's own time", async () => {
    const store = makeMemoryStore();
    put(store, key);
    await write(store);
    expect(store.objects.get(key)?.modifiedAt).toEqual(stored);
  });

  it("goes over the delete marker of one that was taken back, where the store refuses to create there", async () => {
    const store = makeMemoryStore();
    const versity: ObjectStore = {
      ...store,
      put: async (name, body, options) => {
        if (options?.ifAbsent === true) throw new HoldfastError("ObjectExists", "a delete marker");
        return store.put(name, body, options);
      },
    };
    await write(versity);
    expect(store.objects.has(key)).toBe(true);
  });

  it("fails with the store: nothing may be deleted without it", async () => {
    const silent = makeFaultyStore(makeMemoryStore(), [{ operation: "put", times: 1 }]);
    await expect(write(silent)).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect(silent.calls).toEqual([`put ${key}`]);
  });
});

describe("a tombstone", () => {
  it("counts when one of the policy's keys signed it, for its backup alone", async () => {
    const store = makeMemoryStore();
    const vault = signedVault(store);
    for (const name of [thief.tombstone("shop", id), `tombstones/shop/${id}.json`, `tombstones/shop/${id}-README`])
      put(store, name);
    expect(await findTombstone(vault, "shop", id)).toBeUndefined();
    expect(await hasTombstone(vault, "shop", id)).toBe(false);
    put(store, key);
    expect(await findTombstone(vault, "shop", id)).toEqual({ source: "shop", id, storedAt: stored, at, certain: true });
    expect(await hasTombstone(vault, "shop", id)).toBe(true);
    expect(await findTombstone(vault, "shop", other)).toBeUndefined();
    expect(await findTombstone(vault, "wiki", id)).toBeUndefined();
  });

  it("that is not there is not looked for in the evidence", async () => {
    const store = makeFaultyStore(makeMemoryStore(), []);
    expect(await findTombstone(signedVault(store), "shop", id)).toBeUndefined();
    expect(store.calls).toEqual([`list tombstones/shop/${id}`]);
  });

  it("counts, and not for certain, where nobody can tell who signed it; one for certain goes first", async () => {
    const store = makeMemoryStore();
    const planted = thief.tombstone("shop", id);
    put(store, planted, new Date("2026-11-20T00:00:00Z"));
    expect(await findTombstone({ ...signedVault(store), verifier: lacking }, "shop", id)).toMatchObject({ certain: false });
    put(store, key);
    const { verifier } = signedVault(store);
    const mixed = {
      ...signedVault(store),
      verifier: {
        verify: (...asked: Parameters<typeof verifier.verify>) => (verifier.verify(...asked) === "genuine" ? "genuine" : "unknown"),
      } as typeof verifier,
    };
    expect(await findTombstone(mixed, "shop", id)).toMatchObject({ certain: true, storedAt: stored });
  });

  it("of several is the one that the store has had longest", async () => {
    const store = makeMemoryStore();
    const [a, b, c] = ["a", "b", "c"].map((text) => names.tombstone("shop", id, Buffer.from(text))) as [string, string, string];
    const [first, ...others] = [a, b, c].sort();
    const oldest = new Date("2026-11-20T12:00:00Z");
    for (const [place, name] of others.entries()) put(store, name, new Date(oldest.getTime() + place));
    put(store, first ?? "", new Date("2026-11-20T18:00:00Z"));
    expect(await findTombstone(signedVault(store), "shop", id)).toMatchObject({ storedAt: oldest });
  });

  it("says nothing once its backup was checked after it, but for the difference between two clocks", async () => {
    const check = async (checkedAt: string, by = names) => {
      const store = makeMemoryStore();
      put(store, names.tombstone("shop", id, Buffer.from("{}"), new Date(at)));
      put(store, by.evidence("shop", id, new Date("2026-11-20T03:00:00Z"), "proven"));
      put(store, by.evidence("shop", id, new Date(checkedAt), "verified"));
      return (await findTombstone(signedVault(store), "shop", id)) !== undefined;
    };
    expect(await check("2026-11-20T12:05:00.000Z")).toBe(true);
    expect(await check("2026-11-20T12:05:00.001Z")).toBe(false);
    // Evidence that nobody signed brings nothing back to life.
    expect(await check("2026-11-20T13:00:00.000Z", thief)).toBe(true);
  });

  it.each(["a symbolic link", "a pipe"])("is none where it is %s", async (odd) => {
    const store = makeMemoryStore();
    const linked = {
      ...store,
      async *list(prefix: string, { includeOdd }: { includeOdd?: boolean } = {}) {
        if (!key.startsWith(prefix)) return;
        // As a folder: without being asked for, such a thing ends the whole listing.
        if (!includeOdd) throw new HoldfastError("VaultInvalid", `${key} is ${odd}`);
        yield { key, bytes: 0, modifiedAt: stored, odd };
      },
    };
    expect(await findTombstone(signedVault(linked), "shop", id)).toBeUndefined();
    expect(await toList(listTombstones(linked))).toEqual([]);
    const recorded = makeFaultyStore(linked, []);
    await removeTombstones(recorded, "shop", id);
    expect(recorded.calls.filter((call) => call.startsWith("delete"))).toEqual([]);
  });

  it("settles two days after the store got it, to the millisecond", () => {
    const found = { source: "shop", id, storedAt: stored, certain: true };
    const twoDays = 2 * 86_400_000;
    expect(isSettledDeletion(found, new Date(stored.getTime() + twoDays - 1))).toBe(false);
    expect(isSettledDeletion(found, new Date(stored.getTime() + twoDays))).toBe(true);
  });
});

describe("tombstones", () => {
  it("are listed, signed or not, of a source or of all, with the store's times; other names are not", async () => {
    const store = makeMemoryStore();
    const [forged, wiki] = [thief.tombstone("shop", other), names.tombstone("wiki", id)];
    for (const name of [key, forged, wiki, "tombstones/shop/README"]) put(store, name);
    const list = async (source?: string) =>
      (await toList(listTombstones(store, source === undefined ? {} : { source }))).map((each) => each);
    expect((await list()).map((each) => each.key).sort()).toEqual([key, forged, wiki].sort());
    expect((await list("shop")).map((each) => each.key).sort()).toEqual([key, forged].sort());
    expect((await list("wiki"))[0]).toMatchObject({ source: "wiki", id, storedAt: stored });
    const recorded = makeFaultyStore(store, []);
    await toList(listTombstones(recorded));
    expect(recorded.calls).toEqual(["list tombstones/"]);
    const interrupted = toList(listTombstones(store, { signal: AbortSignal.abort(new Error("stop")) }));
    await expect(interrupted).rejects.toThrow("stop");
  });

  it("of a backup that stays are removed, forged ones too, and of no other", async () => {
    const store = makeMemoryStore();
    const kept = [names.tombstone("shop", other), `tombstones/shop/${id}-README`];
    for (const name of [key, thief.tombstone("shop", id), ...kept]) put(store, name);
    await removeTombstones(store, "shop", id);
    expect([...store.objects.keys()].sort()).toEqual(kept.sort());
  });
});
