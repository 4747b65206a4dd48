/** Comparing what a source said of itself with a content digest: pure. */
import { createDifferenceList, describeRowDifference } from "./compare-digests.ts";
import type { Comparison, ContentDigest, SourceCheckResult } from "./content.ts";

/**
 * Compares the rows that the source counted in the dump's own snapshot with the rows in the backup.
 * Hashes (mode `content`) need a restored copy and are not looked at here. With mode `none` nothing
 * is compared, and nothing differs.
 * `missing` says what it means that an object is not in the digest.
 */
export function compareCounts(digest: ContentDigest, check: SourceCheckResult, missing = "missing in the backup"): Comparison {
  const found = createDifferenceList();
  const objects = new Map((digest.objects ?? []).map((entry) => [entry.object, entry]));
  const expected = check.mode === "none" ? [] : Object.entries(check.objects);
  let rowsCompared = 0;
  for (const [object, { rows }] of expected) {
    rowsCompared += rows;
    const entry = objects.get(object);
    if (entry === undefined) found.add(object, missing);
    else if (entry.rows !== rows) found.add(object, describeRowDifference(rows, entry.rows ?? 0));
  }
  return {
    equal: found.count() === 0,
    objectsCompared: expected.length,
    rowsCompared,
    bytesCompared: 0,
    differenceCount: found.count(),
    differences: found.list(),
  };
}
