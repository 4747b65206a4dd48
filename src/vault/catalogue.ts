/**
 * The catalogue: every backup with its state, from the keys of three listings alone, in memory that
 * does not grow with their number.
 */
import type { BackupKind } from "../policy/policy.ts";
import { type BackupState, stateOf } from "./backup-state.ts";
import { isFuture } from "./documents/future.ts";
import { type BackupPlace, type EvidenceKey, parseBackupId, parseDocumentKey, parseEvidenceKey } from "./layout.ts";
import { cursorOf, listRoom, type RoomOptions } from "./list-room.ts";
import type { ObjectStore } from "./object-store.ts";

export interface BackupEntry {
  readonly source: string;
  readonly id: string;
  readonly kind: BackupKind;
  readonly startedAt: Date;
  readonly state: BackupState;
  readonly suspicious: boolean;
  /** Oldest first; only what counts. */
  readonly checks: readonly EvidenceKey[];
  /** Evidence that is dated in the future, and counts for nothing. */
  readonly futureChecks: readonly EvidenceKey[];
  /**
   * Whether the backup itself is dated in the future: then it counts for no objective, and is
   * nobody's latest.
   */
  readonly future: boolean;
  readonly held: boolean;
  /**
   * When the store got its manifest, by the store's own time; known where it was listed with
   * others.
   */
  readonly storedAt?: Date;
}

export interface ListOptions extends RoomOptions {
  /** By the clock: what is dated later counts for nothing. */
  readonly now: Date;
  /**
   * Is given each backup that has evidence and was listed without a manifest: lost, deleted on
   * purpose, or deleted since (list-lost.ts).
   */
  readonly onUnclaimed?: ((place: BackupPlace) => void) | undefined;
}

/**
 * All backups, by source and then by age, oldest first: whatever has a manifest, joined with its
 * evidence and hold. Reads no object. Keys that are not the layout's are skipped. Errors: those
 * of ObjectStore.list.
 */
export async function* listBackups(store: ObjectStore, options: ListOptions): AsyncGenerator<BackupEntry, void, undefined> {
  const evidence = listRoom(store, "evidence", parseEvidenceKey, options);
  const holds = listRoom(store, "holds", parseDocumentKey, options);
  const evidenceCursor = cursorOf(evidence, options.onUnclaimed);
  const holdCursor = cursorOf(holds);
  try {
    for await (const place of listRoom(store, "manifests", parseDocumentKey, options)) {
      const evidenceOf = await evidenceCursor.takeFor(place);
      const checks = evidenceOf.map(({ key, at, check, storedAt }): EvidenceKey => ({ key, at, check, storedAt }));
      const held = (await holdCursor.takeFor(place)).length > 0;
      const entry = entryOf(place, checks, held, options.now);
      if (entry !== undefined) yield { ...entry, storedAt: place.storedAt };
    }
    if (options.onUnclaimed !== undefined) await evidenceCursor.skipRest();
  } finally {
    await evidence.return();
    await holds.return();
  }
}

/**
 * The sources that have backups, in order. Takes one listing call a source. Errors: those of
 * ObjectStore.list.
 */
export async function* listSources(
  store: ObjectStore,
  options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<string, void, undefined> {
  let source = await nextSource(store, undefined, options);
  while (source !== undefined) {
    yield source;
    source = await nextSource(store, source, options);
  }
}

/** The entry of a backup of which this is known; undefined when the id cannot be one. */
export function entryOf(
  { source, id }: BackupPlace,
  allChecks: readonly EvidenceKey[],
  held: boolean,
  now: Date,
): BackupEntry | undefined {
  const parsed = parseBackupId(id);
  if (parsed === undefined) return undefined;
  const { startedAt, kind } = parsed;
  const checks = allChecks.filter(({ at }) => !isFuture(at, now));
  const futureChecks = allChecks.filter(({ at }) => isFuture(at, now));
  const state = stateOf(checks.map(({ check }) => check));
  return { source, id, kind, startedAt, ...state, checks, futureChecks, future: isFuture(startedAt, now), held };
}

async function nextSource(
  store: ObjectStore,
  after: string | undefined,
  options: { readonly signal?: AbortSignal },
): Promise<string | undefined> {
  // "0" is the character after the slash: every key of the source sorts before it.
  const startAfter = after === undefined ? {} : { startAfter: `manifests/${after}0` };
  for await (const { key } of store.list("manifests/", { ...options, ...startAfter, includeOdd: true })) {
    const place = parseDocumentKey(key);
    if (place !== undefined) return place.source;
  }
  return undefined;
}
