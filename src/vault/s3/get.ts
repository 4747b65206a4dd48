/**
 * Reads objects from S3: a stream that gives every byte or fails, and goes on where a connection
 * was cut.
 */
import { Readable } from "node:stream";
import { GetObjectCommand, type GetObjectCommandOutput } from "@aws-sdk/client-s3";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { StoredObject } from "../object-store.ts";
import { abortReason } from "../read-body.ts";
import type { S3Place } from "./client.ts";
import { factsOf, isConditionFailed, isNotFound, s3Error } from "./errors.ts";
import { lockOf } from "./lock.ts";

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** As ObjectStore.get; with `versionId`, of that version. */
export async function getObject(
  place: S3Place,
  key: string,
  range: Range | undefined,
  signal: AbortSignal,
  versionId?: string,
): Promise<{ object: StoredObject; body: Readable }> {
  const response = await request(place, { key, versionId, range }, signal);
  const total = totalBytes(response);
  const modifiedAt = response.LastModified ?? new Date(0);
  const object: StoredObject = { key, bytes: total, modifiedAt, etag: response.ETag ?? "", ...lockOf(response) };
  const wanted = { start: range?.start ?? 0, end: Math.min(range?.end ?? total - 1, total - 1) };
  const source = bodyOf(response);
  const body = Readable.from(readOn(place, { ...object, versionId }, wanted, source, signal), { objectMode: false });
  // A stream that is destroyed before it was read never runs its generator: the connection must go
  // all the same.
  body.once("close", () => source.destroy());
  return { object, body };
}

async function* readOn(
  place: S3Place,
  object: StoredObject & { readonly versionId: string | undefined },
  wanted: Range,
  first: Readable,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  let position = wanted.start;
  let source = first;
  const trial = place.retries.begin(signal);
  const stop = (): void => void source.destroy(abortReason(signal));
  for (;;) {
    signal.addEventListener("abort", stop, { once: true });
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        position += chunk.length;
        trial.progress();
        yield chunk;
      }
      if (position > wanted.end + 1) throw lost(place, object, position, undefined);
      if (position <= wanted.end) throw new Error("the answer ended early");
      return;
    } catch (error) {
      if (signal.aborted) throw abortReason(signal);
      if (error instanceof HoldfastError) throw error;
      if (position > wanted.end) return; // Cut, but after the last byte.
      await trial.wait(error).catch((last: unknown) => {
        throw signal.aborted ? abortReason(signal) : lost(place, object, position, last);
      });
    } finally {
      signal.removeEventListener("abort", stop);
      source.destroy();
    }
    const rest = { start: position, end: wanted.end };
    source = bodyOf(await request(place, { ...object, range: rest }, signal));
  }
}

function lost(place: S3Place, object: StoredObject, position: number, cause: unknown): HoldfastError {
  return new HoldfastError(
    "StoreUnavailable",
    `reading ${object.key} from ${place.url} was cut after ${position} of ${object.bytes} bytes, and went no further`,
    { cause },
  );
}

interface Wanted {
  readonly key: string;
  readonly versionId: string | undefined;
  readonly range: Range | undefined;
  readonly etag?: string;
}

async function request(
  place: S3Place,
  { key, versionId, range, etag }: Wanted,
  signal: AbortSignal,
): Promise<GetObjectCommandOutput> {
  const command = new GetObjectCommand({
    Bucket: place.bucket,
    Key: place.prefix + key,
    ...(versionId === undefined ? {} : { VersionId: versionId }),
    ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end}` }),
    IfMatch: etag,
  });
  if (signal.aborted) throw abortReason(signal);
  let response: GetObjectCommandOutput;
  try {
    response = await place.client.send(command, { abortSignal: signal });
  } catch (error) {
    if (signal.aborted) throw abortReason(signal);
    if (isNotFound(error)) throw new HoldfastError("ObjectNotFound", `${place.url} has no ${key}`, { cause: error });
    if (isConditionFailed(error)) {
      throw new HoldfastError("StoreUnavailable", `${key} in ${place.url} was replaced while it was read`, { cause: error });
    }
    if (factsOf(error).status === 416) {
      throw new HoldfastError(
        "VaultInvalid",
        `${key} in ${place.url} is shorter than the ${range?.start} bytes that were to be skipped`,
        { cause: error },
      );
    }
    throw s3Error(error, `read ${key}`, place.url);
  }
  if (range !== undefined && response.ContentRange?.startsWith(`bytes ${range.start}-`) !== true) {
    bodyOf(response).destroy();
    throw new HoldfastError("VaultInvalid", `the store at ${place.url} does not answer requests for a range of bytes`);
  }
  return response;
}

function totalBytes({ ContentRange, ContentLength }: GetObjectCommandOutput): number {
  const total = ContentRange?.split("/")[1];
  return total === undefined ? (ContentLength ?? 0) : Number(total);
}

function bodyOf(response: GetObjectCommandOutput): Readable {
  return response.Body as Readable;
}
