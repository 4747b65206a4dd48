/**
 * Tombstones: what says that a backup was deleted on purpose, by whom and why. One is written
 * before the deletion begins, and stays. Without one, evidence that has no manifest is a loss.
 * Format: docs/vault-format.md, "Tombstones".
 */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { Signer } from "../../proof/statement.ts";
import { type BackupPlace, keyOf, parseTombstoneKey, type SignedKey } from "../layout.ts";
import type { ObjectStore } from "../object-store.ts";
import { judgeName, signDocument } from "../signed-documents.ts";
import type { SignedVault } from "../vault.ts";
import { canonicalJson } from "./canonical-json.ts";
import { listEvidence } from "./evidence.ts";
import { maxClockDifferenceMs } from "./future.ts";

export interface Tombstone {
  readonly formatVersion: 2;
  readonly source: string;
  readonly backupId: string;
  /** ISO 8601 with milliseconds, UTC. */
  readonly at: string;
  /** Who deleted it: host and process, or an execution. */
  readonly by: string;
  readonly holdfastVersion: string;
  /** Why retention released it, in words. */
  readonly reasons: readonly string[];
}

/**
 * Writes the tombstone, signed, before anything of the backup is deleted. Errors: those of the
 * signer and of ObjectStore.put.
 */
export async function writeTombstone(vault: SignedVault, tombstone: Tombstone, signer: Signer): Promise<void> {
  const { source, backupId: id } = tombstone;
  const at = new Date(tombstone.at);
  const bytes = canonicalJson(tombstone);
  const signed = await signDocument(vault.id, signer, { kind: "tombstone", source, id, at }, bytes);
  const key = keyOf.tombstone(source, id, at, signed);
  try {
    await vault.store.put(key, bytes, { ifAbsent: true });
  } catch (error) {
    if (!isHoldfastError(error, "ObjectExists")) throw error;
    // A server may refuse a conditional write over a delete marker, which is what a tombstone that
    // was taken back leaves.
    if ((await vault.store.head(key)) === undefined) await vault.store.put(key, bytes);
  }
}

/**
 * Takes all tombstones of a backup that stays after all, forged ones too. Errors: those of
 * ObjectStore.
 */
export async function removeTombstones(store: ObjectStore, source: string, id: string): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of listNames(store, keyOf.tombstonePrefix(source, id))) keys.push(key);
  for (const key of keys) await store.delete(key);
}

/**
 * How long a deletion is not yet trusted, by the store's own time of its tombstone: until then
 * nothing that is left of the backup is collected. As long as the default of retention's `minAge`,
 * and for the same reason: an accident, or an attack, is noticed after hours.
 */
export const minDeletionAgeMs = 48 * 3_600_000;

/** A tombstone that counts, as the store knows it. */
export interface StoredTombstone extends BackupPlace {
  /** By the store's own time, which nobody who writes to the vault can choose. */
  readonly storedAt: Date;
  /** Whether it was signed for certain; else nobody could tell here, for want of a key. */
  readonly certain: boolean;
}

/**
 * The tombstones of a source, or of all, in the order of their keys, signed or not. Reads keys
 * only. Errors: those of ObjectStore.list.
 */
export function listTombstones(
  store: ObjectStore,
  options: { readonly source?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<StoredName, void, undefined> {
  const { source, signal } = options;
  return listNames(store, source === undefined ? "tombstones/" : `tombstones/${source}/`, signal);
}

type StoredName = SignedKey & Pick<StoredTombstone, "storedAt">;

/** A link, pipe or directory there is not an object, and none of Holdfast's. */
async function* listNames(store: ObjectStore, prefix: string, signal?: AbortSignal): AsyncGenerator<StoredName, void, undefined> {
  for await (const { key, odd, modifiedAt } of store.list(prefix, { includeOdd: true, signal })) {
    const name = odd === undefined ? parseTombstoneKey(key) : undefined;
    if (name !== undefined) yield { ...name, storedAt: modifiedAt };
  }
}

/**
 * The backup's tombstone, if it was deleted on purpose; of several, the one that the store has had
 * longest. By the names alone: one that none of the policy's keys signed says nothing, and neither
 * does one that is older than evidence of its backup, for then the backup lived on. Errors: those
 * of ObjectStore.list.
 */
export async function findTombstone(vault: SignedVault, source: string, id: string): Promise<StoredTombstone | undefined> {
  const found: (StoredTombstone & { readonly at: string })[] = [];
  for await (const name of listNames(vault.store, keyOf.tombstonePrefix(source, id))) {
    const verdict = judgeName(vault, name);
    if (verdict !== "forged") found.push({ source, id, storedAt: name.storedAt, at: name.at, certain: verdict === "genuine" });
  }
  if (found.length === 0) return undefined;
  const lastMs = await findLastCheckMs(vault, source, id);
  const [first] = found
    .filter(({ at }) => Date.parse(at) + maxClockDifferenceMs >= lastMs)
    .sort((a, b) => Number(b.certain) - Number(a.certain) || a.storedAt.getTime() - b.storedAt.getTime());
  return first;
}

/** When the newest evidence that is signed for certain was made; 0 without any. */
async function findLastCheckMs(vault: SignedVault, source: string, id: string): Promise<number> {
  const listed = await listEvidence(vault.store, source, id);
  const newest = listed.findLast((name) => judgeName(vault, name) === "genuine");
  return newest === undefined ? 0 : Date.parse(newest.at);
}

/** Whether the backup has a tombstone, however young. Errors: those of findTombstone. */
export async function hasTombstone(vault: SignedVault, source: string, id: string): Promise<boolean> {
  return (await findTombstone(vault, source, id)) !== undefined;
}

/** Whether what is left of a deleted backup may be collected. */
export function isSettledDeletion({ storedAt }: Pick<StoredTombstone, "storedAt">, now: Date): boolean {
  return storedAt.getTime() <= now.getTime() - minDeletionAgeMs;
}
