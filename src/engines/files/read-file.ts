/**
 * Reads a file so that a change under the reader's hands is noticed: the file's state (size, mtime,
 * ctime, inode) before and after must be the same, and the bytes as many as the size says.
 */

import { hash } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import { errorCode } from "../../runtime/error-code.ts";
import type { TornReason } from "./entry.ts";
import { type FileOperations, pooledOperations } from "./file-operations.ts";

/** Never follows a link put in the file's place, never waits for a writer of a pipe put there. */
export const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Files up to this size are read whole, ahead of the archive's writer, and again when they changed
 * meanwhile.
 */
export const smallFileBytes = 131_072;
/**
 * A small file that keeps changing is stored as it was at the last of so many readings, and called
 * torn.
 */
const maxReadings = 3;
/** Of a large file, at a time. */
const chunkBytes = 262_144;

export type SmallRead =
  | {
      readonly kind: "whole";
      readonly stats: BigIntStats;
      readonly content: Buffer;
      readonly sha256: string;
      readonly torn?: TornReason;
    }
  /** It has grown beyond a small file's size. */
  | { readonly kind: "large" }
  /** No longer there, or something else is. */
  | { readonly kind: "gone" }
  | { readonly kind: "unreadable"; readonly code: string };

/**
 * Reads a small file; `known` is its state as the walk met it. Rejects for nothing that the file
 * system says.
 */
export async function readSmallFile(operations: FileOperations, path: Buffer, known: BigIntStats): Promise<SmallRead> {
  try {
    const fd = await operations.open(path, readFlags);
    try {
      return await readOpenFile(operations, fd, known);
    } finally {
      await operations.close(fd);
    }
  } catch (error) {
    const code = errorCode(error);
    // ELOOP: a symbolic link in its place. ENXIO: a socket.
    return ["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"].includes(code) ? { kind: "gone" } : { kind: "unreadable", code };
  }
}

async function readOpenFile(operations: FileOperations, fd: number, known: BigIntStats): Promise<SmallRead> {
  let before = known;
  for (let reading = 1; ; reading++) {
    if (!before.isFile()) return { kind: "gone" };
    if (before.size > smallFileBytes) return { kind: "large" };
    const size = Number(before.size);
    // One byte more than the size says: a file that has it has grown, whatever stat(2) says (files
    // in /proc say 0).
    const buffer = Buffer.allocUnsafe(size + 1);
    const count = await readFully(operations, fd, buffer);
    const after = await operations.statOpen(fd);
    const torn = compareStates(before, after, count, size);
    if (torn === undefined || reading === maxReadings) {
      const content = buffer.subarray(0, Math.min(count, size));
      const whole = { kind: "whole", stats: after, content, sha256: hash("sha256", content, "hex") } as const;
      return torn === undefined ? whole : { ...whole, torn };
    }
    before = after;
  }
}

function compareStates(before: BigIntStats, after: BigIntStats, count: number, size: number): TornReason | undefined {
  if (count < size) return "shrank";
  if (count > size) return "grew";
  return isSameState(before, after) ? undefined : "changed";
}

/** Whether nothing was written, cut or exchanged between the two looks. */
export function isSameState(a: BigIntStats, b: BigIntStats): boolean {
  return a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.size === b.size && a.ino === b.ino && a.dev === b.dev;
}

/** Fills the buffer from the file's beginning; fewer bytes mean that the file ends there. */
async function readFully(operations: FileOperations, fd: number, buffer: Buffer): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const count = await operations.read(fd, buffer, filled, buffer.length - filled, filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/**
 * The first `size` bytes of an open file in chunks, the next one being read while one is worked on;
 * fewer when the file ends before. Rejects with the system call's error.
 */
export async function* readChunks(fd: number, size: number): AsyncGenerator<Buffer> {
  const read = async (position: number) => {
    const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, size - position));
    return buffer.subarray(0, await pooledOperations.read(fd, buffer, 0, buffer.length, position));
  };
  let position = 0;
  let pending = size > 0 ? read(0) : undefined;
  try {
    while (pending !== undefined) {
      const chunk: Buffer = await pending;
      pending = undefined;
      if (chunk.length === 0) return;
      position += chunk.length;
      if (position < size) pending = read(position);
      yield chunk;
    }
  } finally {
    // The descriptor must not be closed, and its number given to another file, under a read that
    // still runs.
    await pending?.catch(() => undefined);
  }
}
