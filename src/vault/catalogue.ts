/**
 * The catalogue: every backup with its state, from the keys of three listings alone, in memory that
 * does not grow with their number.
 */
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { BackupKind } from "../policy/policy.ts";
import { type BackupState, stateOf } from "./backup-state.ts";
import { listEvidence } from "./documents/evidence.ts";
import { isFuture } from "./documents/future.ts";
import { isHeld } from "./documents/holds.ts";
import { type BackupPlace, type EvidenceKey, parseBackupId, parseDocumentKey, parseEvidenceKey } from "./layout.ts";
import { cursorOf, listRoom, type RoomOptions } from "./list-room.ts";
import type { ObjectStore } from "./object-store.ts";
import { parseReference, type Reference } from "./reference.ts";

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
}

/** How many candidates an ambiguous reference is answered with. */
const mostCandidates = 10;

/**
 * All backups, by source and then by age, oldest first: whatever has a manifest, joined with its
 * evidence and hold. Reads no object. Keys that are not the layout's are skipped. Errors: those
 * of ObjectStore.list.
 */
export async function* listBackups(store: ObjectStore, options: ListOptions): AsyncGenerator<BackupEntry, void, undefined> {
  const evidence = listRoom(store, "evidence", parseEvidenceKey, options);
  const holds = listRoom(store, "holds", parseDocumentKey, options);
  const evidenceCursor = cursorOf(evidence);
  const holdCursor = cursorOf(holds);
  try {
    for await (const place of listRoom(store, "manifests", parseDocumentKey, options)) {
      const evidenceOf = await evidenceCursor.takeFor(place);
      const checks = evidenceOf.map(({ key, at, check, storedAt }): EvidenceKey => ({ key, at, check, storedAt }));
      const held = (await holdCursor.takeFor(place)).length > 0;
      const entry = describe(place, checks, held, options.now);
      if (entry !== undefined) yield { ...entry, storedAt: place.storedAt };
    }
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

/**
 * The backup that `reference` names: an id, a unique prefix of one (either also as
 * `<source>/<prefix>`), `<source>@latest`, or `<source>@<time>` (ISO 8601 with a zone: the newest
 * that was started then or before); neither takes what is dated in the future. Errors:
 * BackupNotFound, which names the nearest; UsageInvalid when it is ambiguous, with the candidates,
 * or cannot be a reference; those of ObjectStore.
 */
export async function findBackup(store: ObjectStore, reference: string, now: Date): Promise<BackupEntry> {
  const wanted = parseReference(reference);
  const place = wanted.by === "prefix" ? await findByPrefix(store, wanted) : await findByTime(store, wanted, now);
  const checks = await listEvidence(store, place.source, place.id);
  const held = await isHeld(store, place.source, place.id);
  const entry = describe(place, checks, held, now);
  if (entry === undefined) throw new HoldfastError("Internal", `${place.id} was listed, but is not a backup's id`);
  return entry;
}

async function findByPrefix(store: ObjectStore, wanted: Reference & { readonly by: "prefix" }): Promise<BackupPlace> {
  const { prefix, source } = wanted;
  const found: BackupPlace[] = [];
  let before: BackupPlace | undefined;
  let after: BackupPlace | undefined;
  for await (const place of listRoom(store, "manifests", parseDocumentKey, source === undefined ? {} : { source })) {
    if (place.id.startsWith(prefix)) found.push(place);
    else if (place.id < prefix && (before === undefined || place.id > before.id)) before = place;
    else if (place.id > prefix && (after === undefined || place.id < after.id)) after = place;
    if (found.length > mostCandidates) break;
  }
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  if (only !== undefined) {
    const candidates = found.slice(0, mostCandidates).map(({ source: of, id }) => `${of}/${id}`);
    const more = found.length > mostCandidates ? ["…"] : [];
    throw new HoldfastError("UsageInvalid", `"${wanted.text}" is ambiguous: more than one backup begins with it`, {
      hint: "Write more of the id, or put the source before it: <source>/<id>.",
      details: [...candidates, ...more],
    });
  }
  throw notFound(`no backup in ${store.url} is called "${wanted.text}"`, [before, after]);
}

async function findByTime(store: ObjectStore, wanted: Reference & { readonly by: "time" }, now: Date): Promise<BackupPlace> {
  const { source, time } = wanted;
  let newest: BackupPlace | undefined;
  let later: BackupPlace | undefined;
  for await (const place of listRoom(store, "manifests", parseDocumentKey, { source })) {
    const startedAt = parseBackupId(place.id)?.startedAt;
    if (startedAt !== undefined && (isFuture(startedAt, now) || (time !== undefined && startedAt > time))) {
      later = place;
      break;
    }
    newest = place;
  }
  if (newest !== undefined) return newest;
  const when = time === undefined ? "" : ` of ${time.toISOString()} or before`;
  throw notFound(`source "${source}" has no backup${when} in ${store.url}`, [later]);
}

function notFound(message: string, nearest: readonly (BackupPlace | undefined)[]): HoldfastError {
  const named = nearest.filter((place) => place !== undefined).map(({ source, id }) => `${source}/${id}`);
  if (named.length === 0) return new HoldfastError("BackupNotFound", `${message}; there is none to choose from`);
  return new HoldfastError("BackupNotFound", `${message}; the nearest: ${named.join(", ")}`);
}

function describe(
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
