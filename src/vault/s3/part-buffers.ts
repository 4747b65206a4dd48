/**
 * Memory for the parts of an upload: the same few buffers again and again, and given back at once,
 * not when the collector gets to it.
 */

import { largestPartBytes } from "./part-plan.ts";

/**
 * Beyond this size parts grow one by one: a buffer is made somewhat larger, so that it serves the
 * next ones too.
 */
const roomFromBytes = 32 * 1024 * 1024;
const roomShare = 1.125;

export interface PartBuffers {
  /** A buffer of exactly `bytes`, with whatever bytes it had before. */
  take(bytes: number): Buffer;
  /** Gives back a buffer that nobody reads now. */
  give(buffer: Buffer): void;
  /** Frees what is not in use. */
  free(): void;
}

export function makePartBuffers(): PartBuffers {
  let spare: ArrayBuffer[] = [];
  const free = (): void => {
    for (const memory of spare) memory.transfer(0);
    spare = [];
  };
  return {
    take(bytes) {
      const fitting = spare.findIndex((memory) => memory.byteLength >= bytes);
      if (fitting >= 0) {
        const [memory] = spare.splice(fitting, 1);
        if (memory !== undefined) return Buffer.from(memory, 0, bytes);
      }
      // Parts never get smaller again: what is spare now stays too small.
      free();
      const capacity = bytes <= roomFromBytes ? bytes : Math.min(Math.ceil(bytes * roomShare), Math.max(bytes, largestPartBytes));
      return Buffer.from(Buffer.allocUnsafeSlow(capacity).buffer as ArrayBuffer, 0, bytes);
    },
    give(buffer) {
      spare.push(buffer.buffer as ArrayBuffer);
    },
    free,
  };
}
