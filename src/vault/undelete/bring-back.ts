/**
 * Makes an older version of an object the one that readers meet. Which way, and what rights it
 * needs: docs/adr/0051-what-is-brought-back.md.
 */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { isArtifactName, parseArtifactKey } from "../layout.ts";
import type { ObjectStore, ObjectVersion, ObjectVersions, PutOptions } from "../object-store.ts";
import { artifactTag } from "../s3/lifecycle-rules.ts";
import { chooseVersion, groupVersions } from "./choose-version.ts";

/** A lock that has ended when the request arrives is refused. */
const minLockMs = 60_000;
/** What hides it may change meanwhile, and equal times may be listed in either order. */
const maxRounds = 5;

export interface BringBackOptions {
  readonly now: Date;
  readonly signal: AbortSignal;
}

/**
 * Brings the newest genuine version of `key` back: what lies over it, markers and other content, is
 * removed by its versions. That moves no bytes, and keeps the lock, date and storage class of what
 * comes back. Where this identity may not, or a lock keeps what lies over it, the version is copied
 * on top. Idempotent.
 * Errors: StoreAccessDenied (neither is allowed), StoreConflict (it is hidden again and again),
 * ObjectNotFound (no genuine version is left), those of ObjectStore.
 */
export async function bringBack(
  store: ObjectStore,
  versions: ObjectVersions,
  key: string,
  genuine: ReadonlySet<string>,
  options: BringBackOptions,
): Promise<void> {
  for (let round = 0; round < maxRounds; round += 1) {
    const choice = chooseVersion(await readVersions(versions, key), genuine);
    if (choice.choice === "none") throw new HoldfastError("ObjectNotFound", `${key} in ${store.url} has no genuine version left`);
    if (choice.choice === "current") return;
    if (await removeAll(versions, choice.above)) continue;
    if (await copyOnTop(store, versions, choice.version, options)) return;
  }
  throw new HoldfastError("StoreConflict", `${key} in ${store.url} is hidden again as soon as it was brought back`);
}

/**
 * Removes what lies over a version; false where that is not allowed, or a lock forbids it. From
 * below, so that nothing else becomes visible meanwhile.
 */
async function removeAll(versions: ObjectVersions, above: readonly ObjectVersion[]): Promise<boolean> {
  try {
    for (const each of above.toReversed()) if ((await versions.remove(each)) !== undefined) return false;
    return true;
  } catch (error) {
    if (isHoldfastError(error, "StoreAccessDenied", "VaultInvalid")) return false;
    throw error;
  }
}

/**
 * With the lock of the version that is copied, and never over what was written meanwhile. Resolves
 * with whether it was copied: not, where something else became visible first.
 */
async function copyOnTop(
  store: ObjectStore,
  versions: ObjectVersions,
  version: ObjectVersion,
  options: BringBackOptions,
): Promise<boolean> {
  const { key } = version;
  const current = await store.head(key);
  try {
    const condition = current === undefined ? { ifAbsent: true } : { ifMatch: current.etag };
    await copyVersion(store, versions, version, condition, options);
  } catch (error) {
    if (isHoldfastError(error, "StoreConflict")) return false;
    if (current !== undefined || !isHoldfastError(error, "ObjectExists", "VaultInvalid")) throw error;
    // versitygw creates nothing over a delete marker, and Holdfast's own writes remove it then.
    if ((await store.head(key)) !== undefined) return false;
    await copyVersion(store, versions, version, {}, options);
  }
  return true;
}

async function copyVersion(
  store: ObjectStore,
  versions: ObjectVersions,
  version: ObjectVersion,
  condition: Pick<PutOptions, "ifAbsent" | "ifMatch">,
  { now, signal }: BringBackOptions,
): Promise<void> {
  const { key } = version;
  const { object, body } = await versions.get(version, { signal });
  const until = object.lock?.until;
  const isLocked = store.locks !== undefined && until !== undefined && until.getTime() > now.getTime() + minLockMs;
  try {
    await store.put(key, body, {
      ...condition,
      signal,
      ...(isLocked ? { retainUntil: until } : {}),
      ...(isTagged(key) ? { tags: { [artifactTag.key]: artifactTag.value } } : {}),
    });
  } finally {
    body.destroy();
  }
  if (object.lock?.held === true) await store.locks?.legalHold(key, true);
}

/** As lifecycle rules know artifacts: not the seal nor the digest key. */
function isTagged(key: string): boolean {
  const name = parseArtifactKey(key)?.name;
  return name !== undefined && isArtifactName(name);
}

/** All that the store keeps under one key. Errors: those of ObjectVersions.list. */
export async function readVersions(
  versions: ObjectVersions,
  key: string,
): Promise<{ readonly key: string; readonly versions: readonly ObjectVersion[] }> {
  // The key itself is the first of all that begin with it.
  for await (const object of groupVersions(versions.list(key))) {
    if (object.key === key) return object;
    break;
  }
  return { key, versions: [] };
}
