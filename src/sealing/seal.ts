/**
 * Sealing: a stream of plain bytes on its way to the vault, compressed, hashed, encrypted and
 * hashed again.
 */
import { type Duplex, type Readable, Writable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { constants, createZstdCompress, type ZstdCompress } from "node:zlib";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { handOver, release } from "../runtime/chunk-memory.ts";
import { abortError, orAborted } from "./abort.ts";
import { createMeasure, gather } from "./byte-measure.ts";
import type { SealingKeys } from "./keys.ts";
import { describeArtifact, encryptedDataKeyCount, encryptionContext, frameBytes, type SealContext, suiteId } from "./message.ts";
import { createOutlet, type Outlet } from "./outlet.ts";

/** What the manifest says of a sealed artifact. */
export interface SealFigures {
  readonly keyId: string;
  readonly compression: "none" | "zstd";
  /** What is inside the seal: after compression, before encryption. */
  readonly plainBytes: number;
  readonly plainSha256: string;
  readonly storedBytes: number;
  readonly storedSha256: string;
}

export interface SealOptions {
  readonly keys: SealingKeys;
  readonly context: SealContext;
  /** Whether to compress here; false for what its tool compressed already. */
  readonly compress: boolean;
  readonly signal: AbortSignal;
}

export interface Sealed {
  /**
   * The artifact as it goes into the vault, in chunks of up to 1 MiB. To be read to its end, or
   * destroyed.
   */
  readonly body: Readable;
  /**
   * Resolves when `body` was read to its end, rejects with what `body` failed with. May be left
   * unawaited.
   */
  readonly figures: Promise<SealFigures>;
}

/**
 * Each piece costs a turn of zlib's thread pool; of pipe-sized ones (64 KiB) these would cost a
 * tenth of the compression.
 */
const compressorPieceBytes = 256 * 1024;

/**
 * Seals `source`, whose reading begins at once. Memory is some twenty frames of 1 MiB, whatever the
 * source's size.
 *
 * On any failure (the source fails or stops short, a key cannot be used, `signal` is aborted, the
 * reader destroys `body`) every stream is destroyed, `body` fails and `figures` rejects. Errors:
 * those of `source` as they are; KeyFileInvalid, KeyUnavailable; DumpFailed when the source closes
 * before its end; Interrupted when the reader gives up; an AbortError when `signal` is aborted.
 */
export function sealStream(source: Readable, options: SealOptions): Sealed {
  const stop = new AbortController();
  const stored = createMeasure();
  const outlet = createOutlet(
    (chunk) => stored.update(handOver(chunk)),
    () => stop.abort(),
  );
  // The source may fail while the key is still being fetched; the pipeline finds it failed then.
  source.on("error", () => {});
  const figures = seal(source, outlet, options, AbortSignal.any([options.signal, stop.signal]))
    .then(async (made) => {
      outlet.end();
      await finished(outlet.stream);
      return { ...made, storedBytes: stored.bytes, storedSha256: stored.sha256() };
    })
    .catch((error: unknown) => {
      const failure = explain(error, source, outlet.stream, options);
      source.destroy();
      outlet.fail(failure);
      throw failure;
    });
  figures.catch(() => {});
  return { body: outlet.stream, figures };
}

async function seal(
  source: Readable,
  outlet: Outlet,
  options: SealOptions,
  signal: AbortSignal,
): Promise<Omit<SealFigures, "storedBytes" | "storedSha256">> {
  const { keyId, cipher } = await orAborted(openCipher(options), signal);
  const plain = createMeasure();
  async function* measured(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
    for await (const piece of gather(chunks, frameBytes)) {
      plain.update(piece);
      yield piece;
    }
  }
  if (options.compress) {
    const pieces = (chunks: AsyncIterable<Uint8Array>) => gather(chunks, compressorPieceBytes);
    await pipeline(source, pieces, createCompressor(), measured, encrypting(cipher, outlet), { signal });
  } else {
    await pipeline(source, measured, encrypting(cipher, outlet), { signal });
  }
  return { keyId, compression: options.compress ? "zstd" : "none", plainBytes: plain.bytes, plainSha256: plain.sha256() };
}

async function openCipher(options: SealOptions): Promise<{ keyId: string; cipher: Duplex }> {
  const [{ buildEncrypt }, keyId, keyring] = await Promise.all([
    import("@aws-crypto/encrypt-node"),
    options.keys.sealingKeyId(),
    options.keys.sealingKeyring(),
  ]);
  const { encryptStream } = buildEncrypt({ maxEncryptedDataKeys: encryptedDataKeyCount });
  const cipher = encryptStream(keyring, {
    suiteId,
    frameLength: frameBytes,
    encryptionContext: encryptionContext(options.context),
  });
  return { keyId, cipher };
}

/**
 * The pipeline's end: what is written here comes out at `outlet`, encrypted. The library's stream
 * is not a stage itself, for it must not be destroyed: it would throw "premature close" where
 * nobody can catch it. After a failure it is left to the garbage collector.
 */
function encrypting(cipher: Duplex, outlet: Outlet): Writable {
  cipher.pipe(outlet.inlet);
  const sink = new Writable({
    highWaterMark: 1,
    write(piece: Buffer, _encoding, callback) {
      cipher.write(piece, (error) => {
        // A piece is a frame, which the library has encrypted by now. Were it not, the frame would
        // lack bytes, which the library refuses.
        release(piece);
        callback(error);
      });
    },
    final(callback) {
      outlet.inlet.once("finish", callback);
      cipher.end();
    },
    destroy(error, callback) {
      cipher.unpipe(outlet.inlet);
      callback(error);
    },
  });
  cipher.on("error", (error) => sink.destroy(error));
  return sink;
}

/**
 * zstd -3 keeps pace with a dump; its checksum lets public tools notice damage too (without it, 297
 * of 300 flipped bits passed). Never nbWorkers: Node 24 loses data with it.
 */
function createCompressor(): ZstdCompress {
  const options = {
    chunkSize: 128 * 1024,
    // One piece at a time: Node appends a second, empty frame when it is told to end while pieces
    // wait, and an artifact is one frame.
    writableHighWaterMark: 1,
    params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 },
  };
  return createZstdCompress(options);
}

/**
 * The stream library says "premature close" whatever closed what; the first cause is told apart
 * here. Everything else passes as it is.
 */
function explain(error: unknown, source: Readable, body: Readable, { context, signal }: SealOptions): Error {
  if (signal.aborted) return abortError(signal);
  const name = describeArtifact(context);
  // A reader that leaves its loop destroys the stream with an AbortError, though nobody aborted
  // anything.
  if (body.errored !== null && body.errored.name !== "AbortError") return body.errored;
  if (body.destroyed) return new HoldfastError("Interrupted", `the reader of ${name} gave up before its end`, { cause: error });
  if (error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE") {
    return source.errored ?? new HoldfastError("DumpFailed", `the data of ${name} stopped before its end`, { cause: error });
  }
  return error instanceof Error ? error : new Error(String(error));
}
