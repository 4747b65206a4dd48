/** One write to S3 on its way, and what became of it when its answer was lost. */
import { crc32 } from "node:zlib";
import { GetObjectCommand, HeadObjectCommand } from "@aws-sdk/client-s3";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { abortReason } from "../read-body.ts";
import type { S3Place } from "./client.ts";
import { factsOf, isConditionalConflict, isConditionFailed, isNotFound, isOutcomeUnknown, s3Error } from "./errors.ts";

/** What it is to become, and the mark by which its result is known again. */
export interface Writing {
  readonly place: S3Place;
  readonly key: string;
  readonly conditions: { readonly IfNoneMatch?: "*" | undefined; readonly IfMatch?: string | undefined };
  /** Lock and tags, as PutObject and CreateMultipartUpload take them. */
  readonly attributes?: WriteAttributes;
  /** Random; stands in the object's metadata. */
  readonly mark: string;
  readonly signal: AbortSignal;
}

export interface WriteAttributes {
  readonly ObjectLockMode?: "GOVERNANCE" | "COMPLIANCE";
  readonly ObjectLockRetainUntilDate?: Date;
  /** As a URL's query. */
  readonly Tagging?: string;
}

export interface Written {
  readonly etag: string;
  readonly bytes: number;
  /** Where the bucket keeps versions and the server says so. */
  readonly versionId?: string | undefined;
}

export const markName = "holdfast-write";

/** What stands under the key of a write that failed. */
export interface Found {
  /**
   * It is what this very write made: the answer was lost, and the repetition met its own result.
   */
  readonly own?: Written;
  /** Something stands there; undefined where that is not known. */
  exists?: boolean;
}

/** CRC32 as S3 takes it: big-endian, base64. */
export function checksumOf(bytes: Uint8Array): string {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(bytes));
  return checksum.toString("base64");
}

/**
 * Asks the store what became of a write, where `error` leaves that open. It is known by its mark,
 * or, where the server keeps no metadata, by the whole of its `body`. Never throws: the write's own
 * error says what is wrong.
 */
export async function lookUp({ place, key, mark }: Writing, error: unknown, body?: Uint8Array): Promise<Found> {
  if (!isConditionFailed(error) && !isConditionalConflict(error) && !isNotFound(error) && !isOutcomeUnknown(error)) return {};
  try {
    const found = await place.client.send(new HeadObjectCommand({ Bucket: place.bucket, Key: place.prefix + key }));
    const foundMark = found.Metadata?.[markName];
    const own = { etag: found.ETag ?? "", bytes: found.ContentLength ?? 0 };
    if (foundMark === mark) return { exists: true, own };
    if (foundMark !== undefined || body === undefined || own.bytes !== body.length) return { exists: true };
    return { exists: true, ...((await holds({ place, key }, body)) ? { own } : {}) };
  } catch (problem) {
    return isNotFound(problem) ? { exists: false } : {};
  }
}

async function holds({ place, key }: Pick<Writing, "place" | "key">, body: Uint8Array): Promise<boolean> {
  const { Body } = await place.client.send(new GetObjectCommand({ Bucket: place.bucket, Key: place.prefix + key }));
  return Body !== undefined && Buffer.compare(await Body.transformToByteArray(), body) === 0;
}

/**
 * The server refuses to create the key, and shows nothing under it: a delete marker hides older
 * content.
 */
export function isHiddenByMarker({ conditions }: Writing, error: unknown, { exists }: Found): boolean {
  return conditions.IfNoneMatch !== undefined && isConditionFailed(error) && exists === false;
}

/** The catalogue's error for a write that failed, given what stands under its key. */
export function putError(writing: Writing, error: unknown, found: Found = {}): unknown {
  const { place, key, conditions, signal } = writing;
  if (signal.aborted) return abortReason(signal);
  if (isHiddenByMarker(writing, error, found)) {
    const hint = "Delete the marker, which brings the object back: docs/immutability.md says how.";
    const message = `cannot store ${key} in ${place.url}: a delete marker hides an older one, and this server creates nothing over it`;
    return new HoldfastError("VaultInvalid", message, { cause: error, hint });
  }
  const failed = isConditionFailed(error);
  const raced = isConditionalConflict(error);
  if (conditions.IfNoneMatch !== undefined && (failed || (raced && found.exists === true))) {
    return new HoldfastError("ObjectExists", `${key} is in ${place.url} already`, { cause: error });
  }
  const gone = conditions.IfMatch !== undefined && isNotFound(error) && factsOf(error).name !== "NoSuchUpload";
  if (failed || raced || gone) {
    return new HoldfastError("StoreConflict", `${key} in ${place.url} was changed by another writer`, { cause: error });
  }
  return s3Error(error, `store ${key}`, place.url);
}
