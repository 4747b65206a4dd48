/**
 * The locks of a backup as a whole: its manifest's is the measure, and is set last
 * (docs/vault-format.md, "Locks").
 */
import { isHoldfastError } from "../errors/holdfast-error.ts";
import { reusedKeys } from "./artifact-place.ts";
import { readManifest } from "./documents/manifest.ts";
import { reusingKinds } from "./documents/reusing-kinds.ts";
import { keyOf, parseArtifactKey, parseBackupId, parseEvidenceKey, parseHoldKey } from "./layout.ts";
import type { ObjectLock, ObjectStore, PutOptions } from "./object-store.ts";
import { judgeName } from "./signed-documents.ts";
import type { SignedVault } from "./vault.ts";

/**
 * A lock that has ended when the request arrives is refused, and one of less than a minute is worth
 * nothing.
 */
const minLockMs = 60_000;

/**
 * What a new object of a backup that exists is to be locked with: as long as its manifest is.
 * Nothing where the vault does not lock, and where that lock has ended: a store takes no lock that
 * ends in the past.
 */
export async function lockLikeManifest(
  store: ObjectStore,
  source: string,
  id: string,
  now: Date,
): Promise<Pick<PutOptions, "retainUntil">> {
  if (store.locks === undefined) return {};
  const until = (await store.head(keyOf.manifest(source, id)))?.lock?.until;
  return until === undefined || until.getTime() < now.getTime() + minLockMs ? {} : { retainUntil: until };
}

/**
 * Makes every object of a backup locked until `until` at least. Artifacts and evidence come before
 * the manifest, whose lock says that all are done: a run that dies in between is completed by the
 * next. Resolves with whether anything had to be done; nothing has where the vault does not lock.
 * Evidence that nobody signed is left alone, as it counts for nothing and is to be deleted.
 * Errors: those of ObjectStore.
 */
export async function extendBackupLock(vault: SignedVault, source: string, id: string, until: Date): Promise<boolean> {
  const { store } = vault;
  const { locks } = store;
  if (locks === undefined) return false;
  const found = await store.head(keyOf.manifest(source, id));
  if (found === undefined || isAtLeast(found.lock, until)) return false;
  for await (const key of keysOfBackup(store, source, id)) {
    if (!isForgedEvidence(vault, key)) await unlessGone(() => locks.extendRetention(key, until));
  }
  return true;
}

/**
 * Puts every object of a backup under the store's legal hold, those that it reuses among them, or
 * lifts it, but not from what another held backup needs. Evidence that nobody signed is not put
 * under it. Idempotent, the manifest last. Nothing where the vault does not lock. Errors: those of
 * ObjectStore.
 */
export async function holdBackup(vault: SignedVault, source: string, id: string, on: boolean): Promise<void> {
  const { store } = vault;
  const { locks } = store;
  if (locks === undefined) return;
  const isLeft = on ? (key: string) => isForgedEvidence(vault, key) : await findHeldByOthers(vault, source, id);
  for await (const key of keysOfBackup(store, source, id)) {
    if (!isLeft(key)) await unlessGone(() => locks.legalHold(key, on));
  }
}

/**
 * What the other held backups of the source need. A held manifest in doubt may need anything
 * earlier.
 */
async function findHeldByOthers({ store, ...vault }: SignedVault, source: string, id: string): Promise<(key: string) => boolean> {
  const held = new Set<string>();
  const keys = new Set<string>();
  const doubted: string[] = [];
  for await (const { key } of store.list(`holds/${source}/`, { includeOdd: true })) {
    const name = parseHoldKey(key);
    if (name === undefined || name.id === id || judgeName(vault, name) === "forged") continue;
    const other = name.id;
    held.add(other);
    try {
      for (const each of await readReusedKeys(store, source, other)) keys.add(each);
    } catch (error) {
      if (isHoldfastError(error, "BackupNotFound")) continue;
      if (!isHoldfastError(error, "ManifestDamaged", "VaultInvalid", "StoreAccessDenied")) throw error;
      doubted.push(other);
    }
  }
  return (key) => {
    const storedBy = parseArtifactKey(key)?.id;
    if (storedBy === undefined) return false;
    return keys.has(key) || (storedBy !== id && held.has(storedBy)) || doubted.some((other) => other > storedBy);
  };
}

/** The keys that a manifest names under other backups; reads it only where its kind may. */
async function readReusedKeys(store: ObjectStore, source: string, id: string): Promise<readonly string[]> {
  const kind = parseBackupId(id)?.kind;
  if (kind === undefined || !reusingKinds.has(kind)) return [];
  return reusedKeys((await readManifest(store, source, id)).manifest);
}

/**
 * The lock that keeps a backup from being deleted whole: the longest of all its own objects' that
 * no other backup names, for those stay when it goes. Takes one `head` an object.
 */
export async function findBackupLock(
  store: ObjectStore,
  source: string,
  id: string,
  isNamed: (key: string) => boolean,
): Promise<ObjectLock | undefined> {
  let longest: ObjectLock | undefined;
  for await (const key of ownKeys(store, source, id)) {
    if (isNamed(key)) continue;
    const lock = (await store.head(key))?.lock;
    if (lock === undefined) continue;
    const ends = [longest?.until, lock.until].flatMap((until) => until?.getTime() ?? []);
    longest = { held: lock.held || longest?.held === true, ...(ends.length === 0 ? {} : { until: new Date(Math.max(...ends)) }) };
  }
  return longest;
}

/** Why a backup stays, in the words of a plan. */
export function describeLock({ until, held }: ObjectLock): string {
  if (held) return "under the store's legal hold";
  return until === undefined ? "locked" : `locked until ${until.toISOString()}`;
}

/** A second is lost between what was asked for and what a store keeps of it. */
function isAtLeast(lock: ObjectLock | undefined, until: Date): boolean {
  return lock?.until !== undefined && lock.until.getTime() > until.getTime() - 1_000;
}

/** All that a backup needs: what it reuses, what it stored, and its manifest last. */
async function* keysOfBackup(store: ObjectStore, source: string, id: string): AsyncGenerator<string, void, undefined> {
  try {
    yield* await readReusedKeys(store, source, id);
  } catch (error) {
    // Nobody can tell what it reuses; its own objects are served all the same.
    if (!isHoldfastError(error, "ManifestDamaged", "VaultInvalid", "BackupNotFound")) throw error;
  }
  yield* ownKeys(store, source, id);
}

async function* ownKeys(store: ObjectStore, source: string, id: string): AsyncGenerator<string, void, undefined> {
  for (const prefix of [keyOf.artifact(source, id, ""), keyOf.evidencePrefix(source, id)]) {
    for await (const { key } of store.list(prefix)) yield key;
  }
  yield keyOf.manifest(source, id);
}

function isForgedEvidence(vault: SignedVault, key: string): boolean {
  const name = parseEvidenceKey(key);
  return name !== undefined && judgeName(vault, name) === "forged";
}

async function unlessGone(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isHoldfastError(error, "ObjectNotFound")) throw error;
  }
}
