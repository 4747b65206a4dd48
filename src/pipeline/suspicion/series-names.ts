/**
 * Parts whose names make a series (`events_2026_11`, `releases/v12`): partitions, releases that
 * come and go in their order. Pure.
 */
import type { ContentFigures, PartFigures } from "./content-figures.ts";

const datePattern = /(?:19|20)\d\d/;

interface Series {
  /** Members in the newest of the earlier backups, the oldest first. */
  readonly members: readonly string[];
  readonly gone: string[];
}

/** The numbered parts of one backup, by what their names have in common. */
type Families = ReadonlyMap<string, string[]>;

function groupByFamily({ parts }: ContentFigures): Families {
  const families = new Map<string, string[]>();
  for (const name of parts.keys()) {
    if (!/\d/.test(name)) continue;
    const family = familyOf(name);
    const members = families.get(family);
    if (members === undefined) families.set(family, [name]);
    else members.push(name);
  }
  return families;
}

/**
 * Which of the parts that are gone are the oldest of a series that moves on: dated or attached
 * partitions, gone in their order, while a newer member came or an older one was gone before. Other
 * numbered ones (`releases/v12`) only where an older one was gone before: customers have numbers
 * too. Never more than `maxDropShare` of the series' rows at once.
 */
export function findExpired(
  gone: readonly PartFigures[],
  current: ContentFigures,
  history: readonly ContentFigures[],
  maxDropShare: number,
): Set<string> {
  const last = history.at(-1);
  const expired = new Set<string>();
  if (last === undefined) return expired;
  if (!gone.some(({ object }) => /\d/.test(object))) return expired;
  const eras = history.map(groupByFamily);
  const now = groupByFamily(current);
  const families = new Map<string, Series>();
  const shrinking = new Map<string, boolean>();
  const mayShrink = (family: string): boolean => {
    const known = shrinking.get(family) ?? lostItsOldest(family, eras);
    shrinking.set(family, known);
    return known;
  };
  for (const { object } of gone) {
    if (!/\d/.test(object)) continue;
    const family = familyOf(object);
    if (!(datePattern.test(object) || last.partitions.has(object) || mayShrink(family))) continue;
    const series = families.get(family) ?? { members: (eras.at(-1)?.get(family) ?? []).sort(compareNumbers), gone: [] };
    series.gone.push(object);
    families.set(family, series);
  }
  for (const [family, series] of families) {
    if (isOldest(series) && movesOn(family, series, now, eras) && isSmallShare(series, last, maxDropShare)) {
      for (const object of series.gone) expired.add(object);
    }
  }
  return expired;
}

/** Whether the names differ in their numbers only. */
export function isSameSeries(a: string, b: string): boolean {
  return familyOf(a) === familyOf(b);
}

function familyOf(object: string): string {
  return object.replaceAll(/\d+/g, "#");
}

function compareNumbers(a: string, b: string): number {
  const [x, y] = [numbersOf(a), numbersOf(b)];
  for (let index = 0; index < x.length; index++) {
    const order = (x[index] ?? 0) - (y[index] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

function numbersOf(object: string): number[] {
  return (object.match(/\d+/g) ?? []).map(Number);
}

function isOldest({ members, gone }: Series): boolean {
  return gone.length < members.length && members.slice(0, gone.length).every((member) => gone.includes(member));
}

/**
 * Where all members were there from the first backup on, nothing says that any of them is meant to
 * go.
 */
function movesOn(family: string, { members }: Series, now: Families, eras: readonly Families[]): boolean {
  const known = new Set(members);
  const newest = members.at(-1) ?? "";
  if (now.get(family)?.some((name) => !known.has(name) && compareNumbers(name, newest) > 0) === true) return true;
  return eras.some((era) => {
    const earlier = era.get(family);
    // One that is gone since, or one that came since.
    return earlier !== undefined && (earlier.some((name) => !known.has(name)) || !earlier.includes(newest));
  });
}

/** Whether the oldest member went in an earlier backup while the newest ones stayed or moved on. */
function lostItsOldest(family: string, eras: readonly Families[]): boolean {
  return eras.some((era, index) => {
    const [before = [], after = []] = [era.get(family), eras[index + 1]?.get(family)];
    const left = new Set(after);
    const oldest = before.reduce((first, name) => (compareNumbers(name, first) < 0 ? name : first), before[0] ?? "");
    return oldest !== "" && !left.has(oldest) && before.some((name) => left.has(name));
  });
}

function isSmallShare({ members, gone }: Series, { parts }: ContentFigures, maxDropShare: number): boolean {
  const rowsOf = (names: readonly string[]): number => names.reduce((sum, name) => sum + (parts.get(name)?.rows ?? 0), 0);
  return rowsOf(gone) <= maxDropShare * rowsOf(members);
}
