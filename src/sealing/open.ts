/**
 * Opening: a stored artifact on its way back, hashed, decrypted, hashed again and decompressed; it
 * ends only if everything was right.
 */
import { type Duplex, type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress, type ZstdDecompress } from "node:zlib";
import type { MessageHeader } from "@aws-crypto/decrypt-node";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import { handOver, release } from "../runtime/chunk-memory.ts";
import { abortError, orAborted } from "./abort.ts";
import { createMeasure, gather, type Measure } from "./byte-measure.ts";
import type { SealingKeys } from "./keys.ts";
import { describeArtifact, encryptedDataKeyCount, findContextProblem, frameBytes, type SealContext, suiteId } from "./message.ts";
import { createOutlet, type Outlet } from "./outlet.ts";
import type { SealFigures } from "./seal.ts";

/** What a manifest says of a sealed artifact. */
export type SealRecord = Omit<SealFigures, "plainSha256">;

export interface OpenOptions {
  readonly keys: SealingKeys;
  /** Which artifact this must be. */
  readonly context: SealContext;
  /** Whether the plain bytes may have this SHA-256; not asked where nobody can tell. */
  readonly isPlain?: ((sha256: string) => boolean) | undefined;
  readonly signal: AbortSignal;
}

/**
 * The plain bytes of the artifact `stored`, of which the manifest says `record`. Memory is some
 * twenty frames of 1 MiB.
 *
 * Every byte that comes out was authenticated, but only the stream's *end* says that all of them
 * came and that they are the artifact's: the consumer commits after the end, and not before.
 * When something is wrong, the stream fails instead. Errors: ArtifactDamaged when the stored bytes
 * are not those that were written, naming both figures; SealInvalid when they are, and yet do not
 * open, or were sealed as another artifact; KeyMissing, KeyUnavailable, KeyFileInvalid; the store's
 * own errors as they are; an AbortError when `signal` is aborted. Damage is told from a bad seal by
 * the whole object's digest: after a failure the rest is still read. Destroying the stream destroys
 * `stored`.
 */
export function openStream(stored: Readable, record: SealRecord, options: OpenOptions): Readable {
  const stop = new AbortController();
  const opening: Opening = {
    stored,
    record,
    isPlain: options.isPlain,
    context: options.context,
    storedMeasure: createMeasure(),
    plainMeasure: createMeasure(),
    signal: AbortSignal.any([options.signal, stop.signal]),
  };
  const outlet = createOutlet(
    record.compression === "zstd" ? () => {} : (chunk) => opening.plainMeasure.update(handOver(chunk)),
    () => stop.abort(),
  );
  stored.on("error", () => {});
  opening.signal.addEventListener("abort", () => stored.destroy());
  run(opening, outlet, options.keys)
    .then(outlet.end, (error: unknown) => outlet.fail(options.signal.aborted ? abortError(options.signal) : asError(error)))
    // Released in every case: a store's connection would otherwise wait for a reader that never
    // comes.
    .finally(() => stored.destroy());
  return outlet.stream;
}

interface Opening {
  readonly stored: Readable;
  readonly record: SealRecord;
  readonly isPlain: OpenOptions["isPlain"];
  readonly context: SealContext;
  readonly storedMeasure: Measure;
  readonly plainMeasure: Measure;
  readonly signal: AbortSignal;
}

/** Errors that say all there is to say, without a look at the rest of the object. */
const conclusive = ["KeyMissing", "KeyUnavailable", "KeyFileInvalid"] as const;

async function run(opening: Opening, outlet: Outlet, keys: SealingKeys): Promise<void> {
  const { record, isPlain, context, storedMeasure, plainMeasure, signal } = opening;
  const decipher = await orAborted(openDecipher(keys, record.keyId), signal);
  const swapped = new AbortController();
  decipher.once("MessageHeader", (header: MessageHeader) => {
    const error = headerError(header, context);
    if (error !== undefined) swapped.abort(error);
  });
  const decompressor = record.compression === "zstd" ? createZstdDecompress({ chunkSize: 128 * 1024 }) : undefined;
  const state: { failure?: unknown } = {};
  const piped = pipe(decipher, decompressor, opening, outlet, swapped.signal).catch((error: unknown) => {
    state.failure = swapped.signal.aborted ? swapped.signal.reason : error;
  });
  await feed(opening, decipher, piped, () => swapped.signal.aborted || isHoldfastError(state.failure, ...conclusive), state);
  await piped;
  if (swapped.signal.aborted || isHoldfastError(state.failure, ...conclusive)) throw state.failure;
  compareStored(storedMeasure, record, context, state.failure);
  if (state.failure !== undefined)
    throw sealInvalid(context, "does not open, although its stored bytes are those that were written", state.failure);
  comparePlain(plainMeasure, record, isPlain, context);
  if (decompressor !== undefined && decompressor.bytesWritten !== plainMeasure.bytes) {
    throw sealInvalid(context, `is a zstd frame of ${decompressor.bytesWritten} bytes followed by something else`);
  }
}

async function openDecipher(keys: SealingKeys, keyId: string): Promise<Duplex> {
  const [{ buildDecrypt }, keyring] = await Promise.all([import("@aws-crypto/decrypt-node"), keys.openingKeyring(keyId)]);
  // Refuses suites without key commitment (the default policy), signed messages, and more keys than
  // sealing writes.
  const { decryptUnsignedMessageStream } = buildDecrypt({ maxEncryptedDataKeys: encryptedDataKeyCount });
  const decipher = decryptUnsignedMessageStream(keyring);
  // The library emits errors of its inner streams even when it was destroyed before.
  decipher.on("error", () => {});
  return decipher;
}

async function pipe(
  decipher: Duplex,
  decompressor: ZstdDecompress | undefined,
  { plainMeasure, signal }: Opening,
  outlet: Outlet,
  swapped: AbortSignal,
): Promise<void> {
  const either = { signal: AbortSignal.any([signal, swapped]) };
  if (decompressor === undefined) return pipeline(decipher, outlet.inlet, either);
  const measured = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      plainMeasure.update(chunk);
      callback(null, chunk);
    },
  });
  return pipeline(decipher, measured, decompressor, outlet.inlet, either);
}

/**
 * Hashes all of `stored`, and hands it to `decipher` for as long as that lives, up to the recorded
 * length (and the piece in which that lies): whatever stands behind the end of its message the
 * library keeps in memory, and says nothing of it.
 */
async function feed(
  { stored, record, storedMeasure, plainMeasure, context }: Opening,
  decipher: Duplex,
  piped: Promise<void>,
  concluded: () => boolean,
  state: { readonly failure?: unknown },
): Promise<void> {
  const given: { readonly piece: Buffer; readonly end: number }[] = [];
  let wake = (): void => {};
  decipher.on("drain", () => wake());
  void piped.then(() => wake());
  try {
    for await (const piece of gather(stored, frameBytes)) {
      const surplus = storedMeasure.bytes > record.storedBytes;
      storedMeasure.update(piece);
      if (concluded()) break;
      if (state.failure !== undefined || surplus) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (decipher.write(piece)) resolve();
      });
      given.push({ piece, end: storedMeasure.bytes });
      // A frame is larger than what it holds: once so many plain bytes have come out, every frame
      // up to there was opened.
      while (given[0] !== undefined && given[0].end <= plainMeasure.bytes) release((given.shift() as (typeof given)[0]).piece);
    }
  } catch (error) {
    decipher.destroy();
    await piped;
    throw (
      stored.errored ??
      new HoldfastError("StoreUnavailable", `the stored bytes of ${describeArtifact(context)} broke off`, { cause: error })
    );
  }
  decipher.end();
}

function headerError(header: MessageHeader, context: SealContext): HoldfastError | undefined {
  const problem = findContextProblem(header.encryptionContext, context);
  if (problem !== undefined) return sealInvalid(context, `was sealed ${problem}`);
  if (header.suiteId !== suiteId) return sealInvalid(context, `is sealed with suite ${header.suiteId}`);
  return undefined;
}

function compareStored(found: Measure, record: SealRecord, context: SealContext, cause: unknown): void {
  const { storedBytes, storedSha256 } = record;
  if (found.bytes === storedBytes && found.sha256() === storedSha256) return;
  throw new HoldfastError(
    "ArtifactDamaged",
    `${describeArtifact(context)} is stored as ${found.bytes} bytes with SHA-256 ${found.sha256()}; ` +
      `its manifest says ${storedBytes} bytes with SHA-256 ${storedSha256}`,
    { cause },
  );
}

/** Says no digest of what was inside: what is found of a backup is written down in clear. */
function comparePlain(found: Measure, { plainBytes }: SealRecord, isPlain: OpenOptions["isPlain"], context: SealContext): void {
  const sameBytes = found.bytes === plainBytes;
  if (sameBytes && (isPlain === undefined || isPlain(found.sha256()))) return;
  const figures = sameBytes ? "as many bytes, with another digest" : `${found.bytes} bytes, not ${plainBytes}`;
  throw new HoldfastError("ArtifactDamaged", `${describeArtifact(context)} does not hold what its manifest says: ${figures}`);
}

function sealInvalid(context: SealContext, fact: string, cause?: unknown): HoldfastError {
  const details = cause instanceof Error ? cause.message.split("\n", 1) : [];
  return new HoldfastError("SealInvalid", `${describeArtifact(context)} ${fact}`, { cause, details });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
