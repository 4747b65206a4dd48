/**
 * Where the archive is cut into parts. The borders depend on names and sizes of entries, never on
 * where in the archive they stand: after a file was added or removed, the parts before and after it
 * are the same as before, and need not be stored again.
 */
import { hash } from "node:crypto";
import { blockBytes } from "./tar-header.ts";

const kib = 1024;
const mib = 1024 * kib;

/** Bytes that the first parts have in the mean: eight files of 16 KiB. */
const firstTargetBytes = 128 * kib;
/**
 * After so many parts the next ones are twice as large: so the number of a tree's objects grows
 * with the logarithm of its size, until `maxTargetBytes`.
 */
const partsALevel = 4_096;
/** What a part is looked up by is its checksum, so it is gathered in memory first. */
const maxTargetBytes = 8 * mib;
/** A larger file is a part of its own, which is streamed, and read twice where it may be reused. */
export const maxGatheredBytes = 2 * maxTargetBytes;
/**
 * What follows is one last part, whatever its size: a manifest names each artifact in some 450
 * bytes, and has at most 64 MiB. Trees of small files reach this at 350 GiB.
 */
export const maxParts = 50_000;

/** Bytes that part `number` (from 0) should have in the mean. */
export function targetBytesOf(number: number): number {
  return Math.min(firstTargetBytes * 2 ** Math.floor(number / partsALevel), maxTargetBytes);
}

/** Whether an entry of this size is a part of its own. */
export function standsAlone(size: number, targetBytes: number): boolean {
  return size >= targetBytes;
}

/**
 * Whether a part ends after the entry. The larger the entry, the likelier: so parts have
 * `targetBytes` in the mean, whatever is in the tree. A border for some target is one for every
 * smaller target too.
 */
export function isBorder(path: string, size: number, targetBytes: number): boolean {
  const drawn = Number.parseInt(hash("sha256", Buffer.from(path, "latin1"), "hex").slice(0, 12), 16) / 2 ** 48;
  return drawn < (blockBytes + size) / targetBytes;
}
