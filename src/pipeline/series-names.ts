/** Tables whose names make a series (`events_2026_11`, `events_2026_12`): partitions that come and go in their order. Pure. */
import type { ContentFigures, PartFigures } from "./content-figures.ts";

const datePattern = /(?:19|20)\d\d/;

interface Series {
  /** Members in the newest of the earlier backups, the oldest first. */
  readonly members: readonly string[];
  readonly gone: readonly string[];
}

/**
 * Which of the parts that are gone are the oldest of a series that moves on: dated or attached partitions, gone in their order, while a newer member
 * came or an older one was gone before. Never more than `maxDropShare` of the series' rows at once.
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
  const families = new Map<string, Series>();
  for (const { object } of gone) {
    if (!/\d/.test(object) || !(datePattern.test(object) || last.partitions.has(object))) continue;
    const family = familyOf(object);
    const members = [...last.parts.keys()].filter((name) => familyOf(name) === family).sort(compareNumbers);
    const known = families.get(family)?.gone ?? [];
    families.set(family, { members, gone: [...known, object] });
  }
  for (const [family, series] of families) {
    if (isOldest(series) && movesOn(family, series, current, history) && isSmallShare(series, last, maxDropShare)) {
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

/** Where all members were there from the first backup on, nothing says that any of them is meant to go. */
function movesOn(family: string, { members }: Series, current: ContentFigures, history: readonly ContentFigures[]): boolean {
  const now = new Set(members);
  const ofFamily = (figures: ContentFigures): string[] => [...figures.parts.keys()].filter((name) => familyOf(name) === family);
  const newest = members.at(-1) ?? "";
  if (ofFamily(current).some((name) => !now.has(name) && compareNumbers(name, newest) > 0)) return true;
  return history.some((figures) => {
    const earlier = ofFamily(figures);
    if (earlier.length === 0) return false;
    // One that is gone since, or one that came since.
    return earlier.some((name) => !now.has(name)) || !earlier.includes(newest);
  });
}

function isSmallShare({ members, gone }: Series, { parts }: ContentFigures, maxDropShare: number): boolean {
  const rowsOf = (names: readonly string[]): number => names.reduce((sum, name) => sum + (parts.get(name)?.rows ?? 0), 0);
  return rowsOf(gone) <= maxDropShare * rowsOf(members);
}
