/**
 * Somebody who may write, overwrite, move, copy and delete everything in a vault, and holds no key:
 * what they do to evidence, holds and tombstones makes nothing better, holds nothing, and makes no
 * deletion look intended.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { extendBackupLock, holdBackup } from "../../src/vault/backup-lock.ts";
import { type BackupState, checkNames } from "../../src/vault/backup-state.ts";
import { listBackups } from "../../src/vault/catalogue.ts";
import { appendEvidence } from "../../src/vault/documents/evidence.ts";
import { addHold, isHeld, listHolds } from "../../src/vault/documents/holds.ts";
import { findTombstone, writeTombstone } from "../../src/vault/documents/tombstones.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { describeForged, listForgedTombstones } from "../../src/vault/list-forged.ts";
import { findOrphans } from "../../src/vault/sweep.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";
import { sampleEvidence, sampleId } from "../support/sample-backups.ts";
import { lackingVerifier, signedNames, signedVault, signerOf, testSigner, testVaultId } from "../support/signed-vault.ts";
import { toList } from "../support/streams.ts";

const now = new Date("2026-11-25T12:00:00Z");
const ids = [1, 2, 3].map((day) => sampleId(`2026-11-1${day}T02:00:00Z`));
const [verified = "", damaged = "", held = ""] = ids;
const deleted = sampleId("2026-11-10T02:00:00Z");
const lost = sampleId("2026-11-09T02:00:00Z");
const rank: readonly BackupState[] = ["damaged", "stored", "verified", "proven"];
const anything = Buffer.from("{}");

/**
 * Three backups (verified, damaged after a proof, held), one that a prune deleted, one that is
 * lost.
 */
async function makeVault(): Promise<MemoryStore> {
  const store = makeMemoryStore(() => new Date("2026-11-20T00:00:00Z"));
  const vault = signedVault(store);
  for (const id of ids) {
    await store.put(keyOf.manifest("shop", id), anything);
    await store.put(keyOf.artifact("shop", id, "a"), anything);
    await appendEvidence(vault, sampleEvidence("shop", id, "verified", "2026-11-14T00:00:00.000Z"), testSigner);
  }
  await appendEvidence(vault, sampleEvidence("shop", damaged, "proven", "2026-11-15T00:00:00.000Z"), testSigner);
  await appendEvidence(vault, sampleEvidence("shop", damaged, "damaged", "2026-11-16T00:00:00.000Z"), testSigner);
  const at = "2026-11-16T00:00:00.000Z";
  await addHold(vault, { formatVersion: 2, source: "shop", backupId: held, by: "x", reason: "x", at }, testSigner);
  const tombstone = { formatVersion: 2, source: "shop", by: "x", holdfastVersion: "0", reasons: [] } as const;
  await writeTombstone(vault, { ...tombstone, backupId: deleted, at }, testSigner);
  for (const id of [deleted, lost]) await store.put(keyOf.artifact("shop", id, "a"), anything);
  await appendEvidence(vault, sampleEvidence("shop", lost, "proven", "2026-11-12T00:00:00.000Z"), testSigner);
  return store;
}

const stamps = fc.integer({ min: 0, max: 40 }).map((hours) => new Date(Date.UTC(2026, 10, 14, hours)));
const anyId = fc.constantFrom(...ids, deleted, lost);
const thief = signedNames(testVaultId, 99);
const lacking = lackingVerifier(new HoldfastError("KeyUnavailable", "no key is at hand"));
const otherVault = signedNames("1123456789abcdefghjkmnpqrs");

interface Attack {
  readonly apply: (store: MemoryStore) => void;
}

const documentsOf = (store: MemoryStore): string[] =>
  [...store.objects.keys()].filter((key) => /^(evidence|holds|tombstones)\//.test(key)).sort();
const put =
  (key: string, bytes: Uint8Array = anything) =>
  (store: MemoryStore) =>
    void store.objects.set(key, { bytes: Buffer.from(bytes), modifiedAt: new Date("2026-11-20T00:00:00Z") });

const forged = fc.oneof(
  fc
    .record({ id: anyId, at: stamps, check: fc.constantFrom(...checkNames), names: fc.constantFrom(thief, otherVault) })
    .map(({ id, at, check, names }): Attack => ({ apply: put(names.evidence("shop", id, at, check)) })),
  fc.record({ id: anyId, at: stamps, names: fc.constantFrom(thief, otherVault), tombstone: fc.boolean() }).map(
    ({ id, at, names, tombstone }): Attack => ({
      apply: put((tombstone ? names.tombstone : names.hold)("shop", id, anything, at)),
    }),
  ),
  anyId.map((id): Attack => ({ apply: put(`holds/shop/${id}.json`) })),
  anyId.map((id): Attack => ({ apply: put(`tombstones/shop/${id}.json`) })),
  fc
    .record({ id: anyId, check: fc.constantFrom(...checkNames) })
    .map(({ id, check }): Attack => ({ apply: put(`${keyOf.evidencePrefix("shop", id)}20261120T000000000Z-${check}.json`) })),
);

/** Takes what is there, and puts it under another name: of another backup, kind, time or check. */
const moved = fc
  .record({ index: fc.nat(), id: anyId, check: fc.constantFrom(...checkNames), how: fc.nat({ max: 4 }), keep: fc.boolean() })
  .map(
    ({ index, id, check, how, keep }): Attack => ({
      apply(store) {
        const keys = documentsOf(store);
        const key = keys[index % keys.length] ?? "";
        const object = store.objects.get(key);
        if (object === undefined) return;
        const renamed = [
          () => key.replace(/\d{8}T\d{6}Z-full-\w{6}/, id),
          () => key.replace(/Z-[a-z]+-(?=[\w-]{130}\.json$)/, `Z-${check}-`),
          () => key.replace(/\d{8}T\d{9}Z/, "20261124T000000000Z"),
          () => key.replace(/^holds/, "tombstones"),
          () => key.replace(/^tombstones/, "holds"),
        ][how]?.();
        if (renamed === undefined || renamed === key) return;
        if (!keep) store.objects.delete(key);
        store.objects.set(renamed, { ...object });
      },
    }),
  );
const overwritten = fc.nat().map(
  (index): Attack => ({
    apply(store) {
      const keys = documentsOf(store);
      const key = keys[index % keys.length];
      if (key !== undefined) put(key, Buffer.from('{"reason":"another"}'))(store);
    },
  }),
);

describe("somebody who may write everything and holds no key", () => {
  it("makes no state better, makes no hold, and makes no deletion look intended", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(forged, moved, overwritten), { minLength: 1, maxLength: 12 }), async (attacks) => {
        const store = await makeVault();
        for (const { apply } of attacks) apply(store);
        const vault = signedVault(store);
        const entries = await toList(listBackups(vault, { now }));
        const allowed: Record<string, BackupState> = { [verified]: "verified", [damaged]: "proven", [held]: "verified" };
        for (const { id, state, held: isHeldNow } of entries) {
          const best = rank.indexOf(allowed[id] ?? "damaged");
          // Who deletes a newer "damaged" leaves the older proof: that takes the right to delete.
          expect(rank.indexOf(state), id).toBeLessThanOrEqual(best);
          if (id !== held) expect(isHeldNow, id).toBe(false);
        }
        for (const id of [...ids, lost]) expect(await findTombstone(vault, "shop", id)).toBeUndefined();
        for (const id of [verified, damaged, deleted, lost]) expect(await isHeld(vault, "shop", id)).toBe(false);
        for (const hold of await toList(listHolds(vault))) expect(hold.backupId).toBe(held);
        const options = { now, graceSeconds: 86_400, isNamed: async () => false };
        const orphans = (await toList(findOrphans(vault, "shop", options))).map(({ key }) => key);
        // Without any evidence, nothing says that there was a backup: that takes the right to
        // delete.
        const isKnown = documentsOf(store).some((key) => key.startsWith(keyOf.evidencePrefix("shop", lost)));
        if (isKnown) expect(orphans).not.toContain(keyOf.artifact("shop", lost, "a"));
      }),
      { numRuns: 250 },
    );
  });

  it("changes nothing at all by adding: states, holds and deletions stay, and all that was added is reported", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(forged, { minLength: 1, maxLength: 12 }), async (attacks) => {
        const store = await makeVault();
        const stateNow = async () =>
          (await toList(listBackups(signedVault(store), { now }))).map(({ id, state, suspicious, held: isHeldNow, checks }) => ({
            id,
            state,
            suspicious,
            isHeldNow,
            checks,
          }));
        const [before, keys] = [await stateNow(), new Set(store.objects.keys())];
        for (const { apply } of attacks) apply(store);
        expect(await stateNow()).toEqual(before);
        const added = [...store.objects.keys()].filter((key) => !keys.has(key)).sort();
        const reported: string[] = [];
        await toList(listBackups(signedVault(store), { now, onForged: (key) => void reported.push(key) }));
        reported.push(...(await toList(listForgedTombstones(signedVault(store)))));
        expect(reported.sort()).toEqual(added);
        const { message } = describeForged(added, store.url);
        expect(message).toContain(added[0] ?? "");
      }),
      { numRuns: 150 },
    );
  });

  it("puts a tombstone back that was taken away, and it says nothing once its backup was checked again", async () => {
    const store = await makeVault();
    const vault = signedVault(store);
    const before = new Set(store.objects.keys());
    const tombstone = { formatVersion: 2, source: "shop", backupId: verified, by: "x", holdfastVersion: "0", reasons: [] } as const;
    await writeTombstone(vault, { ...tombstone, at: "2026-11-17T00:00:00.000Z" }, testSigner);
    const [key = ""] = [...store.objects.keys()].filter((each) => !before.has(each));
    const kept = store.objects.get(key);
    await appendEvidence(vault, sampleEvidence("shop", verified, "verified", "2026-11-18T00:00:00.000Z"), testSigner);
    store.objects.delete(keyOf.manifest("shop", verified));
    if (kept !== undefined) store.objects.set(key, kept);
    expect(await findTombstone(vault, "shop", verified)).toBeUndefined();
  });

  it("has no use for a key of their own, whatever they sign with it", async () => {
    const store = await makeVault();
    const evidence = sampleEvidence("shop", verified, "proven", "2026-11-20T00:00:00.000Z");
    await appendEvidence(signedVault(store), evidence, signerOf(99));
    const entry = (await toList(listBackups(signedVault(store), { now }))).find(({ id }) => id === verified);
    expect(entry).toMatchObject({ state: "verified", forged: [expect.stringContaining("-proven-")] });
  });

  it("gets no lock and no legal hold for what they put there: it stays deletable", async () => {
    const store = makeMemoryStore(() => now, { locks: true });
    const vault = signedVault(store);
    await store.put(keyOf.manifest("shop", verified), anything);
    await appendEvidence(vault, sampleEvidence("shop", verified, "verified", "2026-11-14T00:00:00.000Z"), testSigner);
    const [genuine = ""] = documentsOf(store);
    const planted = thief.evidence("shop", verified, new Date("2026-11-15T00:00:00Z"), "proven");
    put(planted)(store);
    await extendBackupLock(vault, "shop", verified, new Date("2026-12-25T00:00:00Z"));
    await holdBackup(vault, "shop", verified, true);
    for (const key of [genuine, keyOf.manifest("shop", verified)]) {
      expect(store.objects.get(key)?.lock).toEqual({ held: true, until: new Date("2026-12-25T00:00:00Z") });
    }
    expect(store.objects.get(planted)?.lock).toBeUndefined();
    // Where nobody can tell who signed, all of it is kept.
    await extendBackupLock({ ...vault, verifier: lacking }, "shop", verified, new Date("2026-12-30T00:00:00Z"));
    expect(store.objects.get(planted)?.lock?.until).toEqual(new Date("2026-12-30T00:00:00Z"));
  });

  it("leaves nothing under a legal hold that is lifted, whoever put it under", async () => {
    const store = makeMemoryStore(() => now, { locks: true });
    await store.put(keyOf.manifest("shop", verified), anything);
    const planted = thief.evidence("shop", verified, new Date("2026-11-15T00:00:00Z"), "proven");
    put(planted)(store);
    await store.locks?.legalHold(planted, true);
    await holdBackup(signedVault(store), "shop", verified, false);
    expect(store.objects.get(planted)?.lock?.held).toBe(false);
  });
});
