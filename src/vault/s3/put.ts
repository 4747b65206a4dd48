/**
 * Stores an object in S3: small ones at once, others part by part; and finds out what became of a
 * write whose answer was lost.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { PutObjectCommand, type PutObjectCommandInput } from "@aws-sdk/client-s3";
import type { PutOptions } from "../object-store.ts";
import { readBody } from "../read-body.ts";
import type { S3Place } from "./client.ts";
import { isConditionalConflict } from "./errors.ts";
import { attributesOf, extendRetention } from "./lock.ts";
import { uploadParts } from "./multipart.ts";
import { makePartBuffers } from "./part-buffers.ts";
import type { PartPlan } from "./part-plan.ts";
import { dropOldVersions, removeMarker } from "./versions.ts";
import { checksumOf, isHiddenByMarker, lookUp, markName, putError, type Writing, type Written } from "./writing.ts";

/**
 * Times that a race of two conditional writers is run again, and the wait between: the other one's
 * write takes moments.
 */
const maxRaces = 5;
const raceWaitMs = 200;

/** As ObjectStore.put. */
export async function putObject(
  place: S3Place,
  key: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<Written> {
  const writing: Writing = {
    place,
    key,
    conditions: {
      IfNoneMatch: options.ifAbsent === true ? "*" : undefined,
      IfMatch: options.ifMatch,
    },
    attributes: attributesOf(place, options),
    mark: randomUUID(),
    signal: options.signal ?? new AbortController().signal,
  };
  const { plan } = place;
  const whole = options.inParts !== true && body instanceof Uint8Array && body.length <= plan.partBytes(0);
  const written = await (whole ? putWhole(writing, body) : putStream(writing, body, plan, options.inParts === true));
  if (options.dropVersions === true) await dropOldVersions(place, key, written.versionId);
  // A store that ignores the lock would leave open what everybody takes for locked.
  if (options.retainUntil !== undefined) await extendRetention(place, key, options.retainUntil);
  return written;
}

/** Fills the first part; a body that ends before it does is stored at once, any other by parts. */
async function putStream(
  writing: Writing,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  plan: PartPlan,
  inParts: boolean,
): Promise<Written> {
  const buffers = makePartBuffers();
  // Stops reading when a part fails while the body is still being read.
  const stop = new AbortController();
  const signal = AbortSignal.any([writing.signal, stop.signal]);
  const parts = cutIntoParts(readBody(body, signal), plan, (bytes) => buffers.take(bytes));
  try {
    const first = await parts.next();
    if (first.done === true) return await putWhole(writing, new Uint8Array(0));
    if (!inParts && first.value.length < plan.partBytes(0)) return await putWhole(writing, first.value);
    return await uploadParts(writing, { first: first.value, rest: parts, plan, buffers, stop });
  } finally {
    await parts.return(); // Stops the producer of a body that was not read to its end.
    buffers.free();
  }
}

/** The body in parts as planned; the last one may be shorter. Errors: the body's own. */
async function* cutIntoParts(
  chunks: AsyncIterable<Uint8Array>,
  plan: PartPlan,
  take: (bytes: number) => Buffer,
): AsyncGenerator<Buffer, void, undefined> {
  let index = 0;
  let part: Buffer | undefined;
  let filled = 0;
  for await (const chunk of chunks) {
    for (let offset = 0; offset < chunk.length; ) {
      part ??= take(plan.partBytes(index));
      const copied = Math.min(part.length - filled, chunk.length - offset);
      part.set(chunk.subarray(offset, offset + copied), filled);
      filled += copied;
      offset += copied;
      if (filled < part.length) continue;
      yield part;
      index += 1;
      part = undefined;
      filled = 0;
    }
  }
  if (part !== undefined) yield part.subarray(0, filled);
}

/**
 * One PUT. Sent again by the SDK on transient failures, and here when another writer's race made
 * the answer void.
 */
async function putWhole(writing: Writing, body: Uint8Array): Promise<Written> {
  const { place, key, signal } = writing;
  const input: PutObjectCommandInput = {
    Bucket: place.bucket,
    Key: place.prefix + key,
    Body: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    ContentLength: body.length,
    Metadata: { [markName]: writing.mark },
    ...writing.conditions,
    ...writing.attributes,
    ...(place.checksums ? { ChecksumCRC32: checksumOf(body) } : {}),
  };
  for (let race = 1; ; race += 1) {
    try {
      const { ETag, VersionId } = await place.client.send(new PutObjectCommand(input), { abortSignal: signal });
      return { etag: ETag ?? "", bytes: body.length, versionId: VersionId };
    } catch (error) {
      const found = await lookUp(writing, error, body);
      if (found.own !== undefined) return found.own;
      // Some servers refuse to create what a marker hides. What it hides is the object, and comes
      // back.
      if (isHiddenByMarker(writing, error, found) && (await removeMarker(place, key))) found.exists = true;
      if (!isConditionalConflict(error) || race >= maxRaces || signal.aborted) throw putError(writing, error, found);
      await sleep(raceWaitMs * race);
    }
  }
}
