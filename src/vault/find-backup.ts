/** Finds one backup by what a person or a step calls it, in few requests however many there are. */
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { BackupKind } from "../policy/policy.ts";
import { type BackupEntry, entryOf, listSources } from "./catalogue.ts";
import { listEvidence } from "./documents/evidence.ts";
import { listHoldKeys } from "./documents/holds.ts";
import { type BackupPlace, isSourceName, parseBackupId, parseDocumentKey } from "./layout.ts";
import { listRoom } from "./list-room.ts";
import type { ObjectStore } from "./object-store.ts";
import { parseReference, type Reference } from "./reference.ts";
import type { SignedVault } from "./vault.ts";

/** How many candidates an ambiguous reference is answered with. */
const maxCandidates = 10;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/**
 * How far back the newest is looked for before everything is listed: a source with logs every
 * minute has one of the last hours, and thousands of the last days; most sources have a backup of
 * the last day or two, and nearly all one of the last months.
 */
export const windowsMs = [2 * hourMs, 2 * dayMs, 100 * dayMs] as const;

/**
 * The backup that `reference` names: an id or a unique prefix of one, either also as
 * `<source>/<prefix>`. Errors: BackupNotFound, which names the nearest; UsageInvalid when it is
 * ambiguous, with the candidates, or cannot be a reference; those of ObjectStore.
 */
export async function findBackup(vault: SignedVault, reference: string, now: Date): Promise<BackupEntry> {
  return readEntry(vault, await findByPrefix(vault.store, parseReference(reference)), now);
}

/** A backup of which the key is known, with its evidence and holds. Errors: as findBackup. */
export async function readEntry(vault: SignedVault, place: BackupPlace, now: Date): Promise<BackupEntry> {
  const { store } = vault;
  const checks = await listEvidence(store, place.source, place.id);
  const entry = entryOf(vault, place, { checks, holds: await listHoldKeys(store, place.source, place.id) }, now);
  if (entry === undefined) throw new HoldfastError("Internal", `${place.id} was listed, but is not a backup's id`);
  return entry;
}

/** A backup of which the key alone is known. */
export interface DatedPlace extends BackupPlace {
  readonly startedAt: Date;
}

/**
 * The newest backup of a source, or of a kind, whatever its state and however it is dated;
 * undefined without any. Reads keys only. Errors: those of ObjectStore.list.
 */
export async function findNewest(
  store: ObjectStore,
  source: string,
  now: Date,
  kind?: BackupKind,
): Promise<DatedPlace | undefined> {
  for await (const place of walkBack(store, source, now))
    if (kind === undefined || parseBackupId(place.id)?.kind === kind) return place;
  return undefined;
}

/**
 * A source's backups from the newest back, however they are dated, listed as far as they are asked
 * for, a window of time after the other: how many requests the newest take does not depend on the
 * age of the history. Errors: those of ObjectStore.list.
 */
export async function* walkBack(
  store: ObjectStore,
  source: string,
  now: Date,
  windows: readonly number[] = windowsMs,
): AsyncGenerator<DatedPlace, void, undefined> {
  let oldest: string | undefined;
  for (const windowMs of [...windows, undefined]) {
    const since = windowMs === undefined ? undefined : stampOf(now.getTime() - windowMs);
    const listed: DatedPlace[] = [];
    for await (const { id } of listRoom(store, "manifests", parseDocumentKey, { source, since })) {
      if (oldest !== undefined && id >= oldest) break;
      const parsed = parseBackupId(id);
      if (parsed !== undefined) listed.push({ source, id, startedAt: parsed.startedAt });
    }
    oldest = listed[0]?.id ?? oldest;
    yield* listed.reverse();
  }
}

/**
 * What ids of that time begin with. Years before 0 begin with a sign, which sorts before all ids:
 * then everything is listed.
 */
export function stampOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
}

async function findByPrefix(store: ObjectStore, wanted: Reference): Promise<BackupPlace> {
  const found: BackupPlace[] = [];
  for await (const place of listPrefix(store, wanted)) {
    found.push(place);
    if (found.length > maxCandidates) break;
  }
  const [only, ...others] = found;
  if (only === undefined) throw notFound(`no backup in ${store.url} is called "${wanted.text}"`, await findNearest(store, wanted));
  if (others.length === 0) return only;
  const candidates = found.slice(0, maxCandidates).map(({ source, id }) => `${source}/${id}`);
  const more = found.length > maxCandidates ? ["…"] : [];
  throw new HoldfastError("UsageInvalid", `"${wanted.text}" is ambiguous: more than one backup begins with it`, {
    hint: "Write more of the id, or put the source before it: <source>/<id>.",
    details: [...candidates, ...more],
  });
}

/** The backups whose id begins so: one listing of few keys a source. */
async function* listPrefix(store: ObjectStore, { prefix, source }: Reference): AsyncGenerator<BackupPlace, void, undefined> {
  for await (const each of source === undefined ? listSources(store) : [source]) {
    if (!isSourceName(each)) continue;
    for await (const { key } of store.list(`manifests/${each}/${prefix}`, { includeOdd: true })) {
      const place = parseDocumentKey(key);
      if (place !== undefined) yield place;
    }
  }
}

/** The ids before and after what was asked for, of everything there is. */
async function findNearest(store: ObjectStore, { prefix, source }: Reference) {
  let before: BackupPlace | undefined;
  let after: BackupPlace | undefined;
  for await (const place of listRoom(store, "manifests", parseDocumentKey, { source })) {
    if (place.id < prefix && (before === undefined || place.id > before.id)) before = place;
    else if (place.id > prefix && (after === undefined || place.id < after.id)) after = place;
  }
  return [before, after];
}

function notFound(message: string, nearest: readonly (BackupPlace | undefined)[]): HoldfastError {
  const named = nearest.filter((place) => place !== undefined).map(({ source, id }) => `${source}/${id}`);
  if (named.length === 0) return new HoldfastError("BackupNotFound", `${message}; there is none to choose from`);
  return new HoldfastError("BackupNotFound", `${message}; the nearest: ${named.join(", ")}`);
}
