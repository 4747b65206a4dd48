/**
 * Groups of a tree's files (by directory, by type) that are too small to be missed when they go.
 * Pure.
 */
import { bucketSortOf, sortOfBuckets } from "../../proof/group-buckets.ts";
import type { PartFigures } from "./content-figures.ts";

/** A group of fewer files than this, and of few bytes, may go: somebody removed a file or two. */
const minFiles = 3;
const minBytes = 16_384;
/** Unless so many files went with all such groups together. */
const minFilesInAll = 10;

export function isFileGroup(object: string): boolean {
  return /^(?:directory|type|(?:directories|subdirectories|types) in group) /.test(object);
}

/**
 * The sort of groups that are named, or are not, all together: directories, subdirectories and
 * types each for themselves.
 */
export function levelOf(object: string): string {
  return bucketSortOf(object) ?? sortOfBuckets(object);
}

/**
 * `table`, `directory` or `type`; of groups that are too many to name, `directories`,
 * `subdirectories` or `types`.
 */
export function sortOf(object: string): string {
  return object.slice(0, object.indexOf(" "));
}

/**
 * The parts that count when they are gone. A tree loses small files every day, and with each the
 * directory or the type that only it was in; many such groups of one sort at once count all the
 * same.
 */
export function withoutSmallGroups(gone: readonly PartFigures[]): PartFigures[] {
  const small = gone.filter(isSmall);
  const counting = new Set(
    ["directory", "type", "directories", "subdirectories", "types"].filter((sort) => {
      const alike = small.filter(({ object }) => sortOf(object) === sort);
      const [files, bytes] = [sum(alike, ({ rows = 0 }) => rows), sum(alike, (group) => group.bytes)];
      return files >= minFilesInAll || bytes >= minBytes;
    }),
  );
  return gone.filter((part) => !isSmall(part) || counting.has(sortOf(part.object)));
}

function isSmall({ object, rows = 0, bytes }: PartFigures): boolean {
  return isFileGroup(object) && rows < minFiles && bytes < minBytes;
}

function sum(parts: readonly PartFigures[], pick: (part: PartFigures) => number): number {
  return parts.reduce((total, part) => total + pick(part), 0);
}
