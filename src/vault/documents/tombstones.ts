/**
 * Tombstones: what says that a backup was deleted on purpose, by whom and why. One is written
 * before the deletion begins, and stays. Without one, evidence that has no manifest is a loss.
 * Format: docs/vault-format.md, "Tombstones".
 */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { type BackupPlace, keyOf, parseDocumentKey } from "../layout.ts";
import type { ObjectStore } from "../object-store.ts";
import { canonicalJson } from "./canonical-json.ts";

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
 * Writes the tombstone, before anything of the backup is deleted; one that is there already will
 * do. Errors: those of ObjectStore.put.
 */
export async function writeTombstone(store: ObjectStore, tombstone: Tombstone): Promise<void> {
  const key = keyOf.tombstone(tombstone.source, tombstone.backupId);
  try {
    await store.put(key, canonicalJson(tombstone), { ifAbsent: true });
  } catch (error) {
    if (!isHoldfastError(error, "ObjectExists")) throw error;
    // A server may refuse a conditional write over a delete marker, which is what a tombstone that
    // was removed leaves.
    if ((await store.head(key)) === undefined) await store.put(key, canonicalJson(tombstone));
  }
}

/** Takes the tombstone of a backup that stays after all. Errors: those of ObjectStore.delete. */
export async function removeTombstone(store: ObjectStore, source: string, id: string): Promise<void> {
  await store.delete(keyOf.tombstone(source, id));
}

/**
 * How long a deletion is not yet trusted, by the store's own time of its tombstone: until then
 * nothing that is left of the backup is collected. As long as the default of retention's `minAge`,
 * and for the same reason: an accident, or an attack, is noticed after hours.
 */
export const minDeletionAgeMs = 48 * 3_600_000;

/** A tombstone as the store knows it. */
export interface StoredTombstone extends BackupPlace {
  /** By the store's own time, which nobody who writes to the vault can choose. */
  readonly storedAt: Date;
}

/**
 * The tombstones of a source, or of all, in the order of their keys. Reads keys only. Errors: those
 * of ObjectStore.list.
 */
export async function* listTombstones(
  store: ObjectStore,
  options: { readonly source?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<StoredTombstone, void, undefined> {
  const { source, signal } = options;
  const prefix = source === undefined ? "tombstones/" : `tombstones/${source}/`;
  const listing = store.list(prefix, { includeOdd: true, signal });
  for await (const { key, odd, modifiedAt } of listing) {
    const place = odd === undefined ? parseDocumentKey(key) : undefined;
    if (place !== undefined) yield { ...place, storedAt: modifiedAt };
  }
}

/**
 * The backup's tombstone, if it was deleted on purpose. Reads no content: whatever the object under
 * the key says. A link, pipe or directory there is not an object, and none of Holdfast's: it says
 * nothing. Errors: those of ObjectStore.head.
 */
export async function findTombstone(store: ObjectStore, source: string, id: string): Promise<StoredTombstone | undefined> {
  try {
    const found = await store.head(keyOf.tombstone(source, id));
    return found === undefined ? undefined : { source, id, storedAt: found.modifiedAt };
  } catch (error) {
    if (isHoldfastError(error, "VaultInvalid")) return undefined;
    throw error;
  }
}

/** Whether the backup has a tombstone, however young. Errors: those of findTombstone. */
export async function hasTombstone(store: ObjectStore, source: string, id: string): Promise<boolean> {
  return (await findTombstone(store, source, id)) !== undefined;
}

/** Whether what is left of a deleted backup may be collected. */
export function isSettledDeletion({ storedAt }: StoredTombstone, now: Date): boolean {
  return storedAt.getTime() <= now.getTime() - minDeletionAgeMs;
}
