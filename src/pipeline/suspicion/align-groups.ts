/**
 * Makes the groups of a tree's files comparable where one backup names each and another had too
 * many to name. Pure.
 */
import { addFigures, bucketOf, bucketSortOf, sortOfBuckets } from "../../proof/group-buckets.ts";
import type { ContentFigures, PartFigures } from "./content-figures.ts";
import { isFileGroup } from "./small-file-groups.ts";

/**
 * The same contents, in which every sort of groups that one of them has in buckets is in buckets.
 */
export function alignGroups(contents: readonly ContentFigures[]): ContentFigures[] {
  const sorts = new Set(contents.flatMap(({ parts }) => [...parts.keys()].flatMap((object) => bucketSortOf(object) ?? [])));
  return sorts.size === 0 ? [...contents] : contents.map((content) => fold(content, sorts));
}

function fold({ parts, partitions }: ContentFigures, sorts: ReadonlySet<string>): ContentFigures {
  const folded = new Map<string, PartFigures>();
  for (const [object, part] of parts) {
    const isNamed = isFileGroup(object) && bucketSortOf(object) === undefined && sorts.has(sortOfBuckets(object));
    if (!isNamed) {
      folded.set(object, part);
      continue;
    }
    const bucket = bucketOf(object);
    const before = folded.get(bucket);
    const known = before === undefined ? undefined : { ...before, rows: before.rows ?? 0 };
    folded.set(bucket, addFigures(bucket, known, { ...part, rows: part.rows ?? 0 }));
  }
  return { parts: folded, partitions };
}
