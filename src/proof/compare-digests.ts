/** Comparing two contents object by object: pure. */
import type { Comparison, ContentDigest, CountedObjects, Difference, ObjectDigest } from "./content.ts";

/**
 * Differences that are listed; beyond some hundred a list helps nobody, and evidence stays small.
 * All are counted.
 */
export const maxListedDifferences = 100;

export interface ComparisonRules {
  /** Objects that neither side is held to. */
  readonly ignore?: (object: string) => boolean;
  /** Objects that must be there on both sides, whatever they contain. */
  readonly presenceOnly?: (object: string) => boolean;
  /** Objects whose difference is known to be one of print: equal, and counted as such. */
  readonly printOnly?: (object: string) => boolean;
  /**
   * Objects whose difference may be one of print or not: counted as such, with the reason why
   * nobody knows.
   */
  readonly unjudged?: { readonly has: (object: string) => boolean; readonly reason: string };
  /** Objects that an exception of the policy leaves out: ignored, and counted as such. */
  readonly leftOut?: (object: string) => boolean;
}

const figures = new Intl.NumberFormat("en-US");

/** `1,204 rows`; `1 row`. */
export function countOf(count: number, noun: string): string {
  return `${figures.format(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** `3 rows fewer (1,204 instead of 1,207)`. */
export function describeRowDifference(expected: number, actual: number): string {
  const word = actual < expected ? "fewer" : "more";
  const amounts = `(${figures.format(actual)} instead of ${figures.format(expected)})`;
  return `${countOf(Math.abs(actual - expected), "row")} ${word} ${amounts}`;
}

function describeDifference(first: ObjectDigest, second: ObjectDigest): string {
  if (first.rows !== second.rows && first.rows !== undefined && second.rows !== undefined) {
    return describeRowDifference(first.rows, second.rows);
  }
  if (first.rows !== undefined) return `same number of rows (${figures.format(first.rows)}), different content`;
  return first.object.startsWith("sequence ") ? "different value" : "different definition";
}

/** Collects differences: lists the first, counts all. */
export function createDifferenceList(): { add(object: string, problem: string): void; count(): number; list(): Difference[] } {
  const differences: Difference[] = [];
  let count = 0;
  return {
    add(object, problem) {
      count++;
      if (differences.length < maxListedDifferences) differences.push({ object, problem });
    },
    count: () => count,
    list: () => differences,
  };
}

/** Counts objects, and lists the first. */
function createCounted(): { add(object: string): void; count(): number; all(): CountedObjects } {
  const objects: string[] = [];
  let count = 0;
  return {
    add(object) {
      count++;
      if (objects.length < maxListedDifferences) objects.push(object);
    },
    count: () => count,
    all: () => ({ count, objects }),
  };
}

/**
 * Compares the content of a backup (`first`) with what it became (`second`). Both need their list
 * of objects. Objects that the rules ignore are not counted as compared.
 */
export function compareDigests(first: ContentDigest, second: ContentDigest, rules: ComparisonRules = {}): Comparison {
  const found = createDifferenceList();
  let objectsCompared = 0;
  let rowsCompared = 0;
  let bytesCompared = 0;
  const printOnly = createCounted();
  const unjudged = createCounted();
  const leftOut = createCounted();
  let rowsLeftOut = 0;
  if (first.algorithm !== second.algorithm) {
    found.add("content digest", `made by different rules (${first.algorithm} and ${second.algorithm})`);
  }
  if (first.objects === undefined || second.objects === undefined) found.add("content digest", "has no list of objects");
  const others = new Map((second.objects ?? []).map((entry) => [entry.object, entry]));
  for (const entry of first.objects ?? []) {
    const other = others.get(entry.object);
    others.delete(entry.object);
    if (rules.leftOut?.(entry.object) === true) {
      leftOut.add(entry.object);
      rowsLeftOut += entry.rows ?? 0;
      continue;
    }
    if (rules.ignore?.(entry.object) === true) continue;
    objectsCompared++;
    rowsCompared += entry.rows ?? 0;
    bytesCompared += entry.bytes;
    if (other === undefined) found.add(entry.object, "missing after the restore");
    else if (other.sha256 !== entry.sha256 || other.rows !== entry.rows) {
      if (rules.printOnly?.(entry.object) === true) printOnly.add(entry.object);
      else if (rules.unjudged?.has(entry.object) === true) unjudged.add(entry.object);
      else if (rules.presenceOnly?.(entry.object) !== true) found.add(entry.object, describeDifference(entry, other));
    }
  }
  for (const object of others.keys()) {
    if (rules.ignore?.(object) !== true && rules.leftOut?.(object) !== true) found.add(object, "not in the backup");
  }
  return {
    equal: found.count() === 0,
    objectsCompared,
    rowsCompared,
    bytesCompared,
    differenceCount: found.count(),
    differences: found.list(),
    ...(printOnly.count() === 0 ? {} : { printOnly: printOnly.all() }),
    ...(unjudged.count() === 0 ? {} : { unjudged: { ...unjudged.all(), reason: rules.unjudged?.reason ?? "" } }),
    ...(leftOut.count() === 0 ? {} : { leftOut: { ...leftOut.all(), rows: rowsLeftOut } }),
  };
}
