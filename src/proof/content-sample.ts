/**
 * How well content compresses, told from a bounded sample of it: what was encrypted in place no
 * longer does.
 */
import { deflateRawSync } from "node:zlib";
import type { ContentSample } from "./content.ts";

/** Bytes of one piece of the sample: long enough to hold what repeats in rows of usual length. */
const pieceBytes = 1024;
/**
 * Pieces of a sample: 64 KiB compress in about a millisecond, and say the ratio within some
 * percent.
 */
const maxPieces = 64;
/** Below this a sample says nothing: the compressed form's own overhead is too large a part. */
const minSampleBytes = 1024;

export interface ContentSampler {
  add(bytes: Buffer): void;
  /**
   * The sample of what was added since the last take; undefined when that was too little. Begins
   * anew.
   */
  take(): ContentSample | undefined;
}

/**
 * Samples streams of any length in one pass and constant memory: pieces at equal distances, however
 * the stream is cut into chunks. When there are too many pieces, every second is given up and the
 * distance doubled.
 */
export function createContentSampler(): ContentSampler {
  const sample = Buffer.alloc(pieceBytes * maxPieces);
  let [strideBytes, position, used] = [pieceBytes, 0, 0];

  function thinOut(): void {
    for (let piece = 1; piece < maxPieces / 2; piece++) {
      sample.copyWithin(piece * pieceBytes, 2 * piece * pieceBytes, (2 * piece + 1) * pieceBytes);
    }
    strideBytes *= 2;
  }

  return {
    add(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const within = position % strideBytes;
        if (within >= pieceBytes) {
          const skipped = Math.min(strideBytes - within, bytes.length - at);
          at += skipped;
          position += skipped;
          continue;
        }
        if (within === 0 && position / strideBytes === maxPieces) {
          thinOut();
          continue;
        }
        const offset = Math.floor(position / strideBytes) * pieceBytes + within;
        const taken = bytes.copy(sample, offset, at, at + Math.min(pieceBytes - within, bytes.length - at));
        used = offset + taken;
        at += taken;
        position += taken;
      }
    },
    take() {
      const found = measureSample(sample.subarray(0, used));
      [strideBytes, position, used] = [pieceBytes, 0, 0];
      return found;
    },
  };
}

/** The sample that these bytes are; undefined when they are too few. */
export function measureSample(bytes: Uint8Array): ContentSample | undefined {
  if (bytes.length < minSampleBytes) return undefined;
  return { bytes: bytes.length, compressedBytes: deflateRawSync(bytes, { level: 1 }).length };
}
