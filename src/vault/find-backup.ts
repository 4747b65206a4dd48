/** Finds one backup by what a person or a step calls it, in few requests however many there are. */
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { BackupKind } from "../policy/policy.ts";
import { type BackupEntry, entryOf, listSources } from "./catalogue.ts";
import { listEvidence } from "./documents/evidence.ts";
import { isFuture } from "./documents/future.ts";
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
const windowsMs = [2 * hourMs, 2 * dayMs, 100 * dayMs] as const;

/**
 * The backup that `reference` names: an id, a unique prefix of one (either also as
 * `<source>/<prefix>`), `<source>@latest`, or `<source>@<time>` (ISO 8601 with a zone: the newest
 * that was started then or before); neither takes what is dated in the future. Errors:
 * BackupNotFound, which names the nearest; UsageInvalid when it is ambiguous, with the candidates,
 * or cannot be a reference; those of ObjectStore.
 */
export async function findBackup(vault: SignedVault, reference: string, now: Date): Promise<BackupEntry> {
  const { store } = vault;
  const wanted = parseReference(reference);
  const place = wanted.by === "prefix" ? await findByPrefix(store, wanted) : await findByTime(store, wanted, now);
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
  return (await lookBack(store, source, now, { kind })).newest;
}

async function findByTime(store: ObjectStore, wanted: Reference & { readonly by: "time" }, now: Date): Promise<BackupPlace> {
  const { source, time } = wanted;
  const counts = (startedAt: Date): boolean => !isFuture(startedAt, now) && (time === undefined || startedAt <= time);
  const { newest, later } = await lookBack(store, source, time ?? now, { counts });
  if (newest !== undefined) return newest;
  const when = time === undefined ? "" : ` of ${time.toISOString()} or before`;
  throw notFound(`source "${source}" has no backup${when} in ${store.url}`, [later]);
}

/** Which backups are looked for; absent: any. */
interface Wanted {
  readonly counts?: (startedAt: Date) => boolean;
  readonly kind?: BackupKind | undefined;
}

/**
 * The newest backup that counts, and, without one, the first that does not. What counts is older
 * than what does not. The windows end where a backup is found: how many requests it takes does not
 * depend on the age of the history.
 */
async function lookBack(
  store: ObjectStore,
  source: string,
  until: Date,
  wanted: Wanted,
): Promise<{ readonly newest?: DatedPlace | undefined; readonly later?: DatedPlace | undefined }> {
  for (const windowMs of windowsMs) {
    const found = await newestSince(store, source, stampOf(until.getTime() - windowMs), wanted);
    if (found.newest !== undefined) return found;
  }
  return newestSince(store, source, undefined, wanted);
}

/** Years before 0 begin with a sign, which sorts before all ids: then everything is listed. */
function stampOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
}

async function newestSince(
  store: ObjectStore,
  source: string,
  since: string | undefined,
  { counts = () => true, kind }: Wanted,
): Promise<{ readonly newest?: DatedPlace | undefined; readonly later?: DatedPlace | undefined }> {
  let newest: DatedPlace | undefined;
  for await (const { id } of listRoom(store, "manifests", parseDocumentKey, { source, since })) {
    const parsed = parseBackupId(id);
    if (parsed === undefined || (kind !== undefined && parsed.kind !== kind)) continue;
    const { startedAt } = parsed;
    const place = { source, id, startedAt };
    if (!counts(startedAt)) return newest === undefined ? { later: place } : { newest };
    newest = place;
  }
  return { newest };
}

async function findByPrefix(store: ObjectStore, wanted: Reference & { readonly by: "prefix" }): Promise<BackupPlace> {
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
async function* listPrefix(
  store: ObjectStore,
  { prefix, source }: Reference & { readonly by: "prefix" },
): AsyncGenerator<BackupPlace, void, undefined> {
  for await (const each of source === undefined ? listSources(store) : [source]) {
    if (!isSourceName(each)) continue;
    for await (const { key } of store.list(`manifests/${each}/${prefix}`, { includeOdd: true })) {
      const place = parseDocumentKey(key);
      if (place !== undefined) yield place;
    }
  }
}

/** The ids before and after what was asked for, of everything there is. */
async function findNearest(store: ObjectStore, { prefix, source }: Reference & { readonly by: "prefix" }) {
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
