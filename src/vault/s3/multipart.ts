/** Multipart uploads: parts on their way beside the one being filled, all or nothing at the end. */
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { factsOf } from "./errors.ts";
import type { PartBuffers } from "./part-buffers.ts";
import type { PartPlan } from "./part-plan.ts";
import { checksumOf, lookUp, markName, putError, type Writing, type Written } from "./writing.ts";

const unknownHeaderNames: readonly string[] = ["InvalidArgument", "InvalidRequest", "NotImplemented", "UnsupportedHeader"];

export interface PartSource {
  readonly first: Buffer;
  readonly rest: AsyncIterable<Buffer>;
  readonly plan: PartPlan;
  readonly buffers: PartBuffers;
  /** Aborted when a part fails, so that the body is not read on. */
  readonly stop: AbortController;
}

interface Upload {
  readonly writing: Writing;
  readonly target: { readonly Bucket: string; readonly Key: string; readonly UploadId: string };
  readonly source: PartSource;
  readonly parts: CompletedPart[];
  readonly inFlight: Set<Promise<void>>;
  /** The first part's failure: whatever comes after is its consequence. */
  failure?: { readonly error: unknown };
  bytes: number;
}

/**
 * Uploads all parts and completes; on any failure nothing is left of it, as far as the store can be
 * reached. Errors: as ObjectStore.put.
 */
export async function uploadParts(writing: Writing, source: PartSource): Promise<Written> {
  const upload = await createUpload(writing, source);
  try {
    await sendParts(upload);
  } catch (error) {
    // Read before the other parts are stopped, which makes them fail, too.
    const { failure } = upload;
    source.stop.abort();
    await Promise.allSettled(upload.inFlight);
    await abortUpload(upload);
    throw failure === undefined ? error : putError(writing, failure.error);
  }
  return complete(upload);
}

async function createUpload(writing: Writing, source: PartSource): Promise<Upload> {
  const { place, key, signal, mark, attributes } = writing;
  const object = { Bucket: place.bucket, Key: place.prefix + key };
  try {
    const { UploadId = "" } = await place.client.send(
      new CreateMultipartUploadCommand({
        ...object,
        ...attributes,
        Metadata: { [markName]: mark },
        ...(place.checksums ? { ChecksumAlgorithm: "CRC32" } : {}),
      }),
      { abortSignal: signal },
    );
    return { writing, target: { ...object, UploadId }, source, parts: [], inFlight: new Set(), bytes: 0 };
  } catch (error) {
    throw putError(writing, error);
  }
}

/**
 * Sends each part as soon as it is full, with as many on their way as memory allows. Errors: the
 * body's own; a part's stands in `failure`.
 */
async function sendParts(upload: Upload): Promise<void> {
  const { plan, first, rest } = upload.source;
  const send = async (part: Buffer): Promise<void> => {
    startPart(upload, part);
    const next = plan.partBytes(upload.parts.length);
    while (upload.inFlight.size > plan.concurrency(next)) await Promise.race(upload.inFlight);
    if (upload.failure !== undefined) throw upload.failure.error;
  };
  await send(first);
  for await (const part of rest) await send(part);
  await Promise.all(upload.inFlight);
  if (upload.failure !== undefined) throw upload.failure.error;
}

function startPart(upload: Upload, part: Buffer): void {
  const { writing, target, source } = upload;
  const { place, key } = writing;
  const { plan } = source;
  if (upload.parts.length >= plan.partsLimit) {
    const most = `${plan.partsLimit} parts of at most ${Math.round(plan.partBytes(plan.partsLimit - 1) / 1024 ** 2)} MiB`;
    throw new HoldfastError(
      "VaultInvalid",
      `${key} is too large for ${place.url}: more than ${plan.capacityBytes} bytes do not fit into ${most}`,
      {
        hint: "Raise the vault's parts limit if its provider allows, or use a store that takes 10,000 parts.",
      },
    );
  }
  const PartNumber = upload.parts.length + 1;
  const checksum = place.checksums ? { ChecksumCRC32: checksumOf(part) } : {};
  const completed: CompletedPart = { PartNumber, ...checksum };
  upload.parts.push(completed);
  upload.bytes += part.length;
  const command = new UploadPartCommand({ ...target, PartNumber, Body: part, ContentLength: part.length, ...checksum });
  const sending = place.client
    .send(command, { abortSignal: AbortSignal.any([writing.signal, source.stop.signal]) })
    .then(
      ({ ETag }) => {
        completed.ETag = ETag;
        source.buffers.give(part);
      },
      (error: unknown) => {
        upload.failure ??= { error };
        source.stop.abort();
      },
    )
    .finally(() => upload.inFlight.delete(sending));
  upload.inFlight.add(sending);
}

/**
 * Makes the object of its parts. When that fails, or its answer is lost, the store is asked what
 * became of it before anything is removed.
 */
async function complete(upload: Upload): Promise<Written> {
  const { writing } = upload;
  try {
    return await sendCompletion(upload);
  } catch (error) {
    const found = await lookUp(writing, error);
    if (found.own !== undefined) return found.own;
    await abortUpload(upload);
    // The completion may have been at work until the abort.
    const late = await lookUp(writing, error);
    if (late.own !== undefined) return late.own;
    throw putError(writing, error, late);
  }
}

/**
 * Has the store compare the size where it can; where it cannot, the size that it gives for the
 * object is compared here.
 */
async function sendCompletion({ writing, target, parts, bytes }: Upload): Promise<Written> {
  const { place, key, conditions, signal } = writing;
  const send = (size: { readonly MpuObjectSize?: number }) =>
    place.client.send(
      new CompleteMultipartUploadCommand({ ...target, ...conditions, MultipartUpload: { Parts: parts }, ...size }),
      { abortSignal: signal },
    );
  if (place.checksums && place.lacks.objectSize !== true) {
    try {
      const { ETag } = await send({ MpuObjectSize: bytes });
      return { etag: ETag ?? "", bytes };
    } catch (error) {
      if (!isUnknownHeader(error)) throw error;
    }
  }
  const { ETag } = await send({});
  place.lacks.objectSize = true;
  const found = await place.client.send(new HeadObjectCommand({ Bucket: target.Bucket, Key: target.Key }), { abortSignal: signal });
  if (found.ContentLength === bytes) return { etag: ETag ?? "", bytes };
  throw new HoldfastError(
    "StoreUnavailable",
    `${place.url} made an object of ${found.ContentLength} bytes of the ${bytes} bytes that were sent for ${key}`,
  );
}

/**
 * What servers answer to a header that they do not know: s3proxy says 501, others call the request
 * invalid.
 */
function isUnknownHeader(error: unknown): boolean {
  const { status, name } = factsOf(error);
  return status === 501 || (status === 400 && unknownHeaderNames.includes(name));
}

/**
 * Not under the caller's signal: taking back must go on when all else stops. What cannot be taken
 * back now, abortStaleUploads does later.
 */
async function abortUpload({ writing, target }: Upload): Promise<void> {
  await writing.place.client.send(new AbortMultipartUploadCommand(target)).catch(() => undefined);
}
