/** A vault in an S3 bucket, on AWS or at a compatible provider. */
import {
  AbortMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from "@aws-sdk/client-s3";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { S3Vault } from "../../policy/policy.ts";
import { systemClock } from "../../runtime/clock.ts";
import { assertKey, compareKeys } from "../object-key.ts";
import type { ObjectLocks, ObjectStat, ObjectStore, StoredObject } from "../object-store.ts";
import { abortReason } from "../read-body.ts";
import { archiveOf } from "./archive.ts";
import { openPlace, type S3Options, type S3Place } from "./client.ts";
import { isNotFound, s3Error } from "./errors.ts";
import { getObject } from "./get.ts";
import { extendRetention, lockOf, putLegalHold } from "./lock.ts";
import { putObject } from "./put.ts";
import { liftLegalHolds, listHidden, openDeletion, openVersions } from "./versions.ts";

/** The store of an S3 vault; sends nothing yet. */
export function openS3Store(config: S3Vault, options: S3Options = {}): ObjectStore {
  const place = openPlace(config, options);
  const clock = options.clock ?? systemClock;
  const deleteObject = openDeletion(place, clock);
  return {
    url: place.url,
    locks: place.lock === undefined ? undefined : openLocks(place),
    versions: openVersions(place, clock),
    async put(key, body, putOptions = {}) {
      assertKey(key);
      return putObject(place, key, body, putOptions);
    },
    async get(key, { range, signal } = {}) {
      assertKey(key);
      return getObject(place, key, range, signal ?? new AbortController().signal);
    },
    head: (key) => headObject(place, key),
    list: (prefix, listOptions = {}) => listObjects(place, prefix, listOptions),
    async delete(key) {
      assertKey(key);
      return deleteObject(key);
    },
    listHidden: (prefix) => listHidden(place, prefix),
    inspect: async (clock) => (await import("./inspect.ts")).inspectBucket(place, config, clock),
    abortStaleUploads: (olderThan) => abortStaleUploads(place, olderThan),
    close: () => place.client.destroy(),
  };
}

function openLocks(place: S3Place): ObjectLocks {
  return {
    async extendRetention(key, until) {
      assertKey(key);
      return extendRetention(place, key, until);
    },
    async legalHold(key, on) {
      assertKey(key);
      return on ? putLegalHold(place, key) : liftLegalHolds(place, key);
    },
  };
}

async function headObject(place: S3Place, key: string): Promise<StoredObject | undefined> {
  assertKey(key);
  try {
    const found = await place.client.send(new HeadObjectCommand({ Bucket: place.bucket, Key: place.prefix + key }));
    const modifiedAt = found.LastModified ?? new Date(0);
    return { key, bytes: found.ContentLength ?? 0, modifiedAt, etag: found.ETag ?? "", ...lockOf(found), ...archiveOf(found) };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw s3Error(error, `look at ${key}`, place.url);
  }
}

async function* listObjects(
  place: S3Place,
  prefix: string,
  { startAfter, signal }: { readonly startAfter?: string; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<ObjectStat, void, undefined> {
  let token: string | undefined;
  let last = "";
  do {
    if (signal?.aborted) throw abortReason(signal);
    const page = await listPage(place, prefix, token, startAfter, signal);
    for (const { Key = "", Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
      const key = Key.slice(place.prefix.length);
      // Joining listings relies on their order, and deleting relies on the join: a store that lists
      // otherwise must not be trusted.
      if (last !== "" && compareKeys(last, key) >= 0) {
        throw new HoldfastError("VaultInvalid", `the store at ${place.url} lists objects out of order: ${last} before ${key}`);
      }
      last = key;
      yield { key, bytes: Size, modifiedAt: LastModified };
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

async function listPage(
  place: S3Place,
  prefix: string,
  token: string | undefined,
  startAfter: string | undefined,
  signal: AbortSignal | undefined,
) {
  const command = new ListObjectsV2Command({
    Bucket: place.bucket,
    Prefix: place.prefix + prefix,
    ContinuationToken: token,
    ...(startAfter === undefined || token !== undefined ? {} : { StartAfter: place.prefix + startAfter }),
  });
  try {
    return await place.client.send(command, signal === undefined ? {} : { abortSignal: signal });
  } catch (error) {
    if (signal?.aborted) throw abortReason(signal);
    throw s3Error(error, `list ${prefix === "" ? "all objects" : prefix}`, place.url);
  }
}

async function abortStaleUploads(place: S3Place, olderThan: Date): Promise<number> {
  const { client, bucket: Bucket, prefix: Prefix } = place;
  let aborted = 0;
  let marker: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
  try {
    while (marker !== undefined) {
      const page: Awaited<ReturnType<typeof listUploads>> = await listUploads(place, marker);
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (Key === undefined || !Key.startsWith(Prefix) || Initiated === undefined || Initiated >= olderThan) continue;
        await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
        aborted += 1;
      }
      const more = page.IsTruncated === true && page.NextKeyMarker !== undefined;
      marker = more ? { KeyMarker: page.NextKeyMarker ?? "", UploadIdMarker: page.NextUploadIdMarker ?? "" } : undefined;
    }
  } catch (error) {
    throw s3Error(error, "take back incomplete uploads", place.url);
  }
  return aborted;
}

/** MinIO takes the prefix for a whole key, and would list nothing: only AWS is given one. */
function listUploads({ client, bucket, prefix, onAws }: S3Place, marker: { KeyMarker?: string; UploadIdMarker?: string }) {
  return client.send(new ListMultipartUploadsCommand({ Bucket: bucket, ...(onAws ? { Prefix: prefix } : {}), ...marker }));
}
