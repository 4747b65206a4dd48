/**
 * Groups of a tree's files where there are too many to name each: the names of one sort
 * (directories, subdirectories, types) are spread over a fixed number of buckets by their hash.
 * Files stay in their bucket whatever else comes or goes, and named groups can be folded into
 * buckets afterwards. Pure.
 */
import { createHash } from "node:crypto";
import type { GroupFigures } from "./content.ts";

/** Groups of one sort that are named one by one. */
export const maxNamedGroups = 200;
/**
 * Few enough to keep in every evidence, and enough that a lost directory still is a large part of
 * its bucket.
 */
const bucketCount = 128;

/**
 * What a named group is folded into: `directory a/b` into `subdirectories in group cf`. Without
 * digits: a bucket is no member of a series.
 */
export function bucketOf(object: string): string {
  const first = createHash("sha256").update(object).digest()[0] ?? 0;
  const bucket = first % bucketCount;
  const letters = [bucket >> 4, bucket & 15].map((digit) => String.fromCharCode(97 + digit)).join("");
  return `${sortOfBuckets(object)} in group ${letters}`;
}

/** The sort of the buckets that a named group belongs to. */
export function sortOfBuckets(object: string): "directories" | "subdirectories" | "types" {
  if (object.startsWith("type ")) return "types";
  return object.includes("/") ? "subdirectories" : "directories";
}

/** The sort of a bucket, or undefined for anything else. */
export function bucketSortOf(object: string): string | undefined {
  return /^(directories|subdirectories|types) in group /.exec(object)?.[1];
}

/** The figures of two groups together; a sample of each part says about the same as one of both. */
export function addFigures(object: string, a: GroupFigures | undefined, b: GroupFigures): GroupFigures {
  if (a === undefined) return { ...b, object };
  const samples = [a.sample, b.sample].filter((sample) => sample !== undefined);
  const sum = (pick: (sample: { bytes: number; compressedBytes: number }) => number): number =>
    samples.reduce((total, sample) => total + pick(sample), 0);
  return {
    object,
    rows: a.rows + b.rows,
    bytes: a.bytes + b.bytes,
    ...(samples.length === 0
      ? {}
      : { sample: { bytes: sum(({ bytes }) => bytes), compressedBytes: sum(({ compressedBytes }) => compressedBytes) } }),
  };
}
