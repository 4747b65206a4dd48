/**
 * Object Lock: what a write asks for, what stands on an object, and how it is made to last longer.
 * Nothing here ever bypasses governance.
 */
import {
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
} from "@aws-sdk/client-s3";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { ObjectLock, PutOptions } from "../object-store.ts";
import type { S3Place } from "./client.ts";
import { factsOf, isNotFound, s3Error } from "./errors.ts";
import type { WriteAttributes } from "./writing.ts";

/** Servers keep a lock's end to the second or the millisecond, and round it either way. */
const roundingMs = 1_000;

/** The lock that a HEAD or GET tells of, as a part of StoredObject. */
export function lockOf({
  ObjectLockRetainUntilDate: until,
  ObjectLockLegalHoldStatus: hold,
}: Pick<HeadObjectCommandOutput, "ObjectLockRetainUntilDate" | "ObjectLockLegalHoldStatus">): { readonly lock?: ObjectLock } {
  if (until === undefined && hold !== "ON") return {};
  return { lock: { held: hold === "ON", until } };
}

/**
 * What a write says of lock and tags. Errors: VaultInvalid where the policy does not lock this
 * vault.
 */
export function attributesOf(place: S3Place, { retainUntil, tags }: PutOptions): WriteAttributes {
  return {
    ...(retainUntil === undefined ? {} : { ObjectLockMode: requireLock(place).mode, ObjectLockRetainUntilDate: retainUntil }),
    ...(place.tags && tags !== undefined ? { Tagging: new URLSearchParams(tags).toString() } : {}),
  };
}

/** As ObjectLocks.extendRetention. Errors: VaultInvalid besides, as attributesOf. */
export async function extendRetention(place: S3Place, key: string, until: Date): Promise<boolean> {
  const { mode } = requireLock(place);
  const found = await headVersion(place, key);
  if (lasts(found, until)) return false;
  const command = new PutObjectRetentionCommand({
    ...versionOf(place, key, found),
    // A lock that stands keeps its mode: changing that is more than extending it.
    Retention: { Mode: found.ObjectLockMode ?? mode, RetainUntilDate: until },
  });
  try {
    await place.client.send(command);
  } catch (error) {
    // Refused, because another one has extended it further meanwhile: then all is well.
    if (lasts(await headVersion(place, key), until)) return false;
    throw s3Error(error, `lock ${key} until ${until.toISOString()}`, place.url);
  }
  return true;
}

/** Puts the newest version under the legal hold. Errors: those of ObjectLocks.legalHold. */
export async function putLegalHold(place: S3Place, key: string): Promise<void> {
  const found = await headVersion(place, key);
  if (found.ObjectLockLegalHoldStatus !== "ON") await sendLegalHold(place, key, found, "ON");
}

/**
 * Lifts the legal hold of one version, without a look at it: versitygw tells of the newest
 * version's hold alone. Errors: those of ObjectLocks.legalHold.
 */
export async function liftLegalHold(place: S3Place, key: string, VersionId: string): Promise<void> {
  await sendLegalHold(place, key, { VersionId }, "OFF");
}

async function sendLegalHold(
  place: S3Place,
  key: string,
  version: { readonly VersionId?: string | undefined },
  Status: "ON" | "OFF",
): Promise<void> {
  try {
    await place.client.send(new PutObjectLegalHoldCommand({ ...versionOf(place, key, version), LegalHold: { Status } }));
  } catch (error) {
    throw s3Error(error, `${Status === "ON" ? "put a legal hold on" : "lift the legal hold of"} ${key}`, place.url);
  }
}

/**
 * Whether the store refused to delete a version because it is locked, and then the lock; undefined
 * when it refused for another reason.
 */
export async function findLockBehind(
  place: S3Place,
  error: unknown,
  key: string,
  versionId: string,
  now: Date,
): Promise<ObjectLock | undefined> {
  const { status, message } = factsOf(error);
  // MinIO says 400, AWS and versitygw 403.
  if (status !== 403 && status !== 400) return undefined;
  try {
    const command = new HeadObjectCommand({ Bucket: place.bucket, Key: place.prefix + key, VersionId: versionId });
    const { lock } = lockOf(await place.client.send(command));
    if (lock !== undefined && (lock.held || (lock.until !== undefined && lock.until > now))) return lock;
  } catch {
    // Not told; the refusal's own words may tell.
  }
  return /object lock|worm|retention|legal hold/i.test(message) ? { held: false } : undefined;
}

async function headVersion(place: S3Place, key: string): Promise<HeadObjectCommandOutput> {
  try {
    return await place.client.send(new HeadObjectCommand({ Bucket: place.bucket, Key: place.prefix + key }));
  } catch (error) {
    if (isNotFound(error)) throw new HoldfastError("ObjectNotFound", `${place.url} has no ${key}`, { cause: error });
    throw s3Error(error, `look at ${key}`, place.url);
  }
}

/** The very version that was looked at: a newer one may have been put over it since. */
function versionOf(place: S3Place, key: string, { VersionId }: Pick<HeadObjectCommandOutput, "VersionId">) {
  const object = { Bucket: place.bucket, Key: place.prefix + key };
  return VersionId === undefined ? object : { ...object, VersionId };
}

function lasts({ ObjectLockRetainUntilDate }: HeadObjectCommandOutput, until: Date): boolean {
  return ObjectLockRetainUntilDate !== undefined && ObjectLockRetainUntilDate.getTime() > until.getTime() - roundingMs;
}

function requireLock({ lock, url }: S3Place): NonNullable<S3Place["lock"]> {
  if (lock !== undefined) return lock;
  throw new HoldfastError("VaultInvalid", `${url} is not a vault that locks`, {
    hint: "Give the vault `lock` and `state` in the policy; docs/immutability.md says what its bucket needs.",
  });
}
