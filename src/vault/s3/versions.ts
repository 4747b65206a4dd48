/** Deleting where a bucket keeps versions, and finding what others deleted there. */
import {
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
} from "@aws-sdk/client-s3";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { Clock } from "../../runtime/clock.ts";
import { compareKeys } from "../object-key.ts";
import type { HiddenObject, ObjectLock, ObjectVersion, ObjectVersions } from "../object-store.ts";
import { describeHiding, groupVersions, hidesContent, showsFirst } from "../undelete/choose-version.ts";
import type { S3Place } from "./client.ts";
import { factsOf, isNotFound, s3Error } from "./errors.ts";
import { getObject } from "./get.ts";
import { findLockBehind, liftLegalHold } from "./lock.ts";

/** ObjectStore.delete for one place; asks once whether its bucket keeps versions. */
export function openDeletion(place: S3Place, clock: Clock): (key: string) => Promise<ObjectLock | undefined> {
  let versioned: boolean | undefined = place.lock === undefined ? undefined : true;
  return async (key) => {
    versioned ??= (await keepsVersions(place)) === true;
    if (!versioned) {
      // A server that does not tell of its versions still says when it has only added a marker.
      versioned = await deleteCurrent(place, key);
      if (!versioned) return undefined;
    }
    try {
      return await deleteVersions(place, key, clock);
    } catch (error) {
      // Who may not delete versions leaves a marker, and the rest to the bucket's lifecycle; a
      // vault that locks must say so instead.
      if (place.lock !== undefined || !isHoldfastError(error, "StoreAccessDenied", "VaultInvalid")) throw error;
      await deleteCurrent(place, key);
      return undefined;
    }
  };
}

/** ObjectStore.versions for one place. */
export function openVersions(place: S3Place, clock: Clock): ObjectVersions {
  return {
    areKept: () => keepsVersions(place),
    list: (prefix) => listVersions(place, prefix),
    get: ({ key, versionId }, { signal = new AbortController().signal } = {}) =>
      getObject(place, key, undefined, signal, versionId),
    remove: (version) => deleteVersion(place, version, clock),
  };
}

/** As ObjectStore.listHidden. */
export async function* listHidden(place: S3Place, prefix: string): AsyncGenerator<HiddenObject, void, undefined> {
  if (place.lock === undefined && (await keepsVersions(place)) === false) return;
  try {
    yield* findHidden(place, prefix);
  } catch (error) {
    // An identity that may not list versions, or a server without them, cannot be asked; a vault
    // that locks must be.
    if (place.lock !== undefined || !isHoldfastError(error, "StoreAccessDenied", "VaultInvalid")) throw error;
  }
}

async function* findHidden(place: S3Place, prefix: string): AsyncGenerator<HiddenObject, void, undefined> {
  for await (const object of groupVersions(listVersions(place, prefix))) {
    if (hidesContent(object) && !showsFirst(object)) yield { key: object.key, ...describeHiding(object) };
  }
}

/** Old versions removed after one write; a pile from before is worked off by the following ones. */
const maxDropped = 100;

/**
 * Removes all versions of `key` but the newest, as far as this identity may. `versionId` is the
 * newest's; without one, there are none.
 */
export async function dropOldVersions(place: S3Place, key: string, versionId: string | undefined): Promise<void> {
  if (versionId === undefined || versionId === "null" || place.lacks.dropVersions === true) return;
  let dropped = 0;
  try {
    for await (const version of listVersions(place, key)) {
      if (version.key !== key || dropped === maxDropped) return;
      if (version.isLatest || version.versionId === versionId) continue;
      const { bucket: Bucket, prefix } = place;
      await place.client.send(new DeleteObjectCommand({ Bucket, Key: prefix + key, VersionId: version.versionId }));
      dropped += 1;
    }
  } catch {
    // The write itself stands; the bucket's lifecycle removes what this identity may not.
    place.lacks.dropVersions = true;
  }
}

/**
 * Removes the markers over the content of `key`; false where there is none, or this identity may
 * not.
 */
export async function removeMarker(place: S3Place, key: string): Promise<boolean> {
  try {
    const markers: ObjectVersion[] = [];
    for await (const version of listVersions(place, key)) {
      if (version.key !== key) return false;
      if (version.isMarker) {
        markers.push(version);
        continue;
      }
      const { bucket: Bucket, prefix } = place;
      for (const { versionId } of markers) {
        await place.client.send(new DeleteObjectCommand({ Bucket, Key: prefix + key, VersionId: versionId }));
      }
      return markers.length > 0;
    }
    return false;
  } catch {
    return false;
  }
}

/**
 * Lifts the legal hold of every version of `key`: also of content that somebody hid or wrote over.
 * Errors: those of ObjectLocks.legalHold.
 */
export async function liftLegalHolds(place: S3Place, key: string): Promise<void> {
  let found = false;
  for await (const version of listVersions(place, key)) {
    if (version.key !== key) break;
    if (version.isMarker) continue;
    found = true;
    await liftLegalHold(place, key, version.versionId);
  }
  if (!found) throw new HoldfastError("ObjectNotFound", `${place.url} has no ${key}`);
}

/** Undefined where that cannot be found out. */
async function keepsVersions({ client, bucket, url }: S3Place): Promise<boolean | undefined> {
  try {
    const { Status } = await client.send(new GetBucketVersioningCommand({ Bucket: bucket }));
    return Status !== undefined;
  } catch (error) {
    const { status } = factsOf(error);
    // Not allowed to ask, or not a question that this server knows.
    if (status !== undefined && (status === 501 || (status >= 400 && status < 500 && status !== 404))) return undefined;
    throw s3Error(error, "ask for versioning", url);
  }
}

/** Deletes what is visible; true when that only added a marker. */
async function deleteCurrent({ client, bucket, prefix, url }: S3Place, key: string): Promise<boolean> {
  try {
    const { DeleteMarker } = await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: prefix + key }));
    return DeleteMarker === true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw s3Error(error, `delete ${key}`, url);
  }
}

/**
 * Content first and markers after it: a marker that went first would show again what somebody
 * deleted. Where a lock keeps a version, markers stay as they are.
 */
async function deleteVersions(place: S3Place, key: string, clock: Clock): Promise<ObjectLock | undefined> {
  const markers: ObjectVersion[] = [];
  let lock: ObjectLock | undefined;
  for await (const version of listVersions(place, key)) {
    // The key itself is the first of all that begin with it.
    if (version.key !== key) break;
    if (version.isMarker) markers.push(version);
    else lock = stronger(lock, await deleteVersion(place, version, clock));
  }
  if (lock !== undefined) return lock;
  for (const marker of markers) await deleteVersion(place, marker, clock);
  return undefined;
}

async function deleteVersion(
  place: S3Place,
  { key, versionId }: Pick<ObjectVersion, "key" | "versionId">,
  clock: Clock,
): Promise<ObjectLock | undefined> {
  try {
    await place.client.send(new DeleteObjectCommand({ Bucket: place.bucket, Key: place.prefix + key, VersionId: versionId }));
    return undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    const lock = await findLockBehind(place, error, key, versionId, clock.now());
    if (lock !== undefined) return lock;
    throw s3Error(error, `delete version ${versionId} of ${key}`, place.url);
  }
}

/** The lock that lasts longer; one without an end that is known is taken for the longest. */
function stronger(one: ObjectLock | undefined, other: ObjectLock | undefined): ObjectLock | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const held = one.held || other.held;
  if (one.until === undefined || other.until === undefined) return { held };
  return { held, until: new Date(Math.max(one.until.getTime(), other.until.getTime())) };
}

/** All versions and markers below `prefix`: by key, and for each key the newest first. */
async function* listVersions(place: S3Place, prefix: string): AsyncGenerator<ObjectVersion, void, undefined> {
  let next: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined = {};
  while (next !== undefined) {
    const page: ListObjectVersionsCommandOutput = await listPage(place, prefix, next);
    yield* mergePage(place, page);
    const more = page.IsTruncated === true && page.NextKeyMarker !== undefined;
    next = more
      ? {
          KeyMarker: page.NextKeyMarker,
          VersionIdMarker: page.NextVersionIdMarker,
        }
      : undefined;
  }
}

async function listPage(
  { client, bucket, prefix: before, url }: S3Place,
  prefix: string,
  marker: object,
): Promise<ListObjectVersionsCommandOutput> {
  try {
    return await client.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: before + prefix, ...marker }));
  } catch (error) {
    throw s3Error(error, `list the versions of ${prefix === "" ? "all objects" : prefix}`, url);
  }
}

/**
 * The SDK gives content and markers as two lists; a key's marker comes first where it is the
 * latest.
 */
function mergePage({ prefix }: S3Place, { Versions = [], DeleteMarkers = [] }: ListObjectVersionsCommandOutput): ObjectVersion[] {
  const read =
    (isMarker: boolean) =>
    ({
      Key = "",
      VersionId = "null",
      IsLatest,
      LastModified = new Date(0),
      Size = 0,
      ETag = "",
    }: (typeof Versions)[number]): ObjectVersion => ({
      key: Key.slice(prefix.length),
      versionId: VersionId,
      isMarker,
      isLatest: IsLatest === true,
      bytes: Size,
      etag: ETag,
      modifiedAt: LastModified,
    });
  return [...Versions.map(read(false)), ...DeleteMarkers.map(read(true))].sort(
    (a, b) =>
      compareKeys(a.key, b.key) || Number(b.isLatest) - Number(a.isLatest) || b.modifiedAt.getTime() - a.modifiedAt.getTime(),
  );
}
