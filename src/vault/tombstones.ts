/**
 * Tombstones: what says that a backup was deleted on purpose, by whom and why. One is written before the deletion begins, and stays. Without one,
 * evidence that has no manifest is a loss. Format: docs/vault-format.md, "Tombstones".
 */
import { isHoldfastError } from "../errors/holdfast-error.ts";
import { canonicalJson } from "./canonical-json.ts";
import { keyOf, parseDocumentKey } from "./layout.ts";
import type { ObjectStore } from "./object-store.ts";

export interface Tombstone {
  readonly formatVersion: 1;
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

/** Writes the tombstone, before anything of the backup is deleted; one that is there already will do. Errors: those of ObjectStore.put. */
export async function writeTombstone(store: ObjectStore, tombstone: Tombstone): Promise<void> {
  const key = keyOf.tombstone(tombstone.source, tombstone.backupId);
  try {
    await store.put(key, canonicalJson(tombstone), { ifAbsent: true });
  } catch (error) {
    if (!isHoldfastError(error, "ObjectExists")) throw error;
    // A server may refuse a conditional write over a delete marker, which is what a tombstone that was taken back leaves.
    if ((await store.head(key)) === undefined) await store.put(key, canonicalJson(tombstone));
  }
}

/** Takes the tombstone of a backup that stays after all. Errors: those of ObjectStore.delete. */
export async function removeTombstone(store: ObjectStore, source: string, id: string): Promise<void> {
  await store.delete(keyOf.tombstone(source, id));
}

/** The ids of a source that have a tombstone, in order. Reads keys only. Errors: those of ObjectStore.list. */
export async function* listTombstones(
  store: ObjectStore,
  source: string,
  options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<string, void, undefined> {
  for await (const { key, odd } of store.list(`tombstones/${source}/`, { ...options, includeOdd: true })) {
    const place = odd === undefined ? parseDocumentKey(key) : undefined;
    if (place !== undefined) yield place.id;
  }
}

/**
 * Whether the backup was deleted on purpose. Reads no content: whatever the object under the key says. A link, pipe or directory there is no object, and none
 * of Holdfast's: it says nothing. Errors: those of ObjectStore.head.
 */
export async function hasTombstone(store: ObjectStore, source: string, id: string): Promise<boolean> {
  try {
    return (await store.head(keyOf.tombstone(source, id))) !== undefined;
  } catch (error) {
    if (isHoldfastError(error, "VaultInvalid")) return false;
    throw error;
  }
}
