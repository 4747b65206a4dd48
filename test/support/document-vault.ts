/**
 * A vault of two backups with every kind of document, one of which somebody changed; and what must
 * hold whatever it is.
 */
import { isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { listBackups } from "../../src/vault/catalogue.ts";
import { appendEvidence } from "../../src/vault/documents/evidence.ts";
import { addHold, type Hold, listHolds } from "../../src/vault/documents/holds.ts";
import { describeReader, listReadMarks, markReading } from "../../src/vault/documents/read-marks.ts";
import { initVault, openVault } from "../../src/vault/documents/vault.ts";
import { newVaultId } from "../../src/vault/documents/vault-id.ts";
import { examineAll } from "../../src/vault/examine-backup.ts";
import { keyOf, vaultKey } from "../../src/vault/layout.ts";
import { acquireLease } from "../../src/vault/leases.ts";
import { listLost } from "./lost-backups.ts";
import { type MemoryStore, makeMemoryStore } from "./memory-store.ts";
import { sampleEvidence, sampleId, sampleManifest } from "./sample-backups.ts";
import { authenticatorFor, commitSealed, memoryKeys } from "./sealed-backups.ts";
import { signedVault, testSigner } from "./signed-vault.ts";
import { toList } from "./streams.ts";

const now = new Date("2026-11-22T12:00:00Z");
const clock = { now: () => now, monotonicMs: () => 0 };
const randomBytes = (count: number): Uint8Array => Buffer.alloc(count, 5);
const sealing = { keys: memoryKeys(), vaultId: newVaultId(randomBytes) };
const signed = (store: MemoryStore) => signedVault(store, sealing.vaultId);
const changedId = sampleId("2026-11-20T02:00:00Z");
const goodId = sampleId("2026-11-21T02:00:00Z");

/**
 * Both backups verified, the first held and read; keys of the documents that are changed, one of a
 * kind.
 */
export async function makeDocumentVault(): Promise<{ store: MemoryStore; keys: readonly string[] }> {
  const store = makeMemoryStore(() => now);
  await initVault(store, { clock, randomBytes, holdfastVersion: "0", restoreInstructions: async () => "text" });
  for (const id of [changedId, goodId]) {
    const { sha256 } = await commitSealed(store, sampleManifest("shop", id), sealing);
    const evidence = { ...sampleEvidence("shop", id, "verified", "2026-11-21T03:00:00.000Z"), manifestSha256: sha256 };
    await appendEvidence(signed(store), evidence, testSigner);
  }
  const hold: Hold = { formatVersion: 2, source: "shop", backupId: changedId, by: "x", reason: "x", at: now.toISOString() };
  await addHold(signed(store), hold, testSigner);
  const lease = await acquireLease(
    store,
    { source: "shop", stream: "backup" },
    { holder: "x", purpose: "x", ttlSeconds: 60, clock, processes: null },
  );
  await lease.release();
  await markReading(store, {
    source: "shop",
    backupId: changedId,
    now,
    token: "00",
    by: "x",
    purpose: "x",
    since: now.toISOString(),
  });
  const [mark] = await toList(listReadMarks(store, "shop"));
  const keyUnder = (prefix: string): string => [...store.objects.keys()].find((key) => key.startsWith(prefix)) ?? "";
  const keys = [
    keyOf.manifest("shop", changedId),
    keyOf.manifestSeal("shop", changedId),
    keyUnder(keyOf.evidencePrefix("shop", changedId)),
    keyUnder(keyOf.holdPrefix("shop", changedId)),
    keyOf.lease("shop", "backup"),
    mark?.key ?? "",
    vaultKey,
  ];
  return { store, keys };
}

/**
 * Looks at everything, with `bytes` under `key`: only errors of the catalogue, the other backup
 * untouched, and never better than it is.
 */
export async function lookAtEverything(store: MemoryStore, key: string, bytes: Buffer): Promise<void> {
  const before = store.objects.get(key);
  const original = before?.bytes ?? Buffer.alloc(0);
  store.objects.set(key, { bytes, modifiedAt: now });
  try {
    const examined = await toList(examineAll(store, listBackups(signed(store), { now }), authenticatorFor(store, sealing)));
    const states = new Map(examined.map(({ id, state }) => [id, state]));
    if (states.get(goodId) !== "verified") throw new Error(`${key} changed what is said of another backup`);
    const isOwn = key.includes(changedId) && !key.startsWith("holds/") && !key.startsWith("leases/");
    if (isOwn && !bytes.equals(original) && states.get(changedId) === "verified" && key.startsWith("manifests/")) {
      throw new Error("a changed manifest is verified");
    }
    if (examined.find(({ id }) => id === changedId)?.held !== true) throw new Error("a hold was lost");
    await toList(listHolds(signed(store)));
    if ((await listLost(signed(store))).length > 0) throw new Error("a backup is taken for lost");
    for (const mark of await toList(listReadMarks(store, "shop"))) await describeReader(store, mark.key);
    await expectCatalogue(() => openVault(store));
    await expectCatalogue(async () => {
      const lease = await acquireLease(
        store,
        { source: "shop", stream: "backup" },
        { holder: "y", purpose: "y", ttlSeconds: 60, clock, processes: null },
      );
      await lease.renew();
      await lease.release();
    });
  } finally {
    if (before !== undefined) store.objects.set(key, before);
  }
}

async function expectCatalogue(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isHoldfastError(error) || error.name === "Internal") throw error;
  }
}
