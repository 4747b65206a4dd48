/**
 * How a part of a backup (a table, a directory) went up and down in the backups before: what is
 * ordinary for it. Pure.
 */
import type { ContentFigures, PartFigures } from "./content-figures.ts";

export interface PartHistory {
  /** As the newest of the earlier backups had it. */
  readonly last: PartFigures;
  /** Figures of all earlier backups that had the part, oldest first. */
  readonly figures: readonly PartFigures[];
  /** It was missing in a backup between two that had it. */
  readonly comesAndGoes: boolean;
}

/** The history of every part that the newest of `history` (oldest first) has. */
export function readHistories(history: readonly ContentFigures[]): PartHistory[] {
  const last = history.at(-1);
  if (last === undefined) return [];
  return [...last.parts.values()].map((part) => {
    const found = history.map(({ parts }) => parts.get(part.object));
    const first = found.findIndex((each) => each !== undefined);
    const figures = found.filter((each) => each !== undefined);
    return { last: part, figures, comesAndGoes: figures.length < found.length - first };
  });
}

/**
 * The deepest valley in a series: by which share it once fell and then rose again. A queue that is
 * emptied and fills up has one near 1; a table that was cleared up once, and stayed small, has
 * none: what is not ordinary is not made so by happening.
 */
export function deepestValley(series: readonly number[]): number {
  const risesTo = [...series];
  for (let index = series.length - 2; index >= 0; index--) {
    risesTo[index] = Math.max(risesTo[index] ?? 0, risesTo[index + 1] ?? 0);
  }
  let [highest, deepest] = [0, 0];
  series.forEach((value, index) => {
    highest = Math.max(highest, value);
    const rim = Math.min(highest, risesTo[index] ?? 0);
    if (rim > 0) deepest = Math.max(deepest, 1 - value / rim);
  });
  return deepest;
}

/**
 * How far a value may fall below the last one: the policy's share, or more where the series fell
 * that far before and rose again.
 */
export function allowedDrop(series: readonly number[], maxDropShare: number): number {
  const valley = deepestValley(series);
  // A quarter deeper than ever, and a tenth: few cycles were seen, and the next may be deeper.
  return valley < 0.1 ? maxDropShare : Math.max(maxDropShare, 1.25 * valley + 0.1);
}

/**
 * What is left of a byte of the part when it is compressed, or undefined where that is not known
 * well enough.
 */
export function densityOf({ sample }: PartFigures): number | undefined {
  return sample === undefined || sample.bytes < minDensityBytes ? undefined : sample.compressedBytes / sample.bytes;
}

const minDensityBytes = 4096;
