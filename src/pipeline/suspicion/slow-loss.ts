/**
 * Loss in steps that are each too small to be noticed: a part that falls from backup to backup, and
 * never rises. Pure.
 */
import { type ContentFigures, type PartFigures, wholeName } from "./content-figures.ts";
import { allowedDrop } from "./part-history.ts";

/** So many falls in a row: two can be a clearing up in two nights. */
const minFalls = 3;
/** Less comes and goes without anybody noticing, as for a single step. */
const minRows = 100;
const minBytes = 16_384;

/** So many of the rows are there when bytes are judged by themselves. */
const stayingShare = 0.9;

/** A part that fell: how much it once was, and in how many steps. */
export interface SlowLoss {
  readonly object: string;
  readonly before: number;
  readonly now: number;
  readonly unit: "rows" | "bytes";
  readonly falls: number;
}

/**
 * The parts whose figures fell in at least three of the newest backups in a row, rose in none, and
 * are by now smaller than where that began by more than
 * `maxDropShare`, and by more than they ever fell and rose again. `recent` are the trusted backups
 * to sum up over, oldest first. Where many parts fall a little, all of them together are one part.
 */
export function findSlowLosses(
  objects: readonly string[],
  current: ContentFigures,
  recent: readonly ContentFigures[],
  maxDropShare: number,
): SlowLoss[] {
  const losses = objects.flatMap((object) => {
    const now = current.parts.get(object);
    return now === undefined ? [] : (judge(object, seriesOf(object, recent), now, maxDropShare) ?? []);
  });
  if (losses.length > 0 || objects.length < 2) return losses;
  const sums = recent.map((content) => sumOf(objects, content));
  return judge(wholeName, sums, sumOf(objects, current), maxDropShare) ?? [];
}

/** The part in the newest backups that have it, oldest first. */
function seriesOf(object: string, recent: readonly ContentFigures[]): PartFigures[] {
  const series: PartFigures[] = [];
  for (const { parts } of recent.toReversed()) {
    const part = parts.get(object);
    if (part === undefined) break;
    series.unshift(part);
  }
  return series;
}

function sumOf(objects: readonly string[], { parts }: ContentFigures): PartFigures {
  const found = objects.flatMap((object) => parts.get(object) ?? []);
  return {
    object: wholeName,
    rows: found.reduce((sum, { rows = 0 }) => sum + rows, 0),
    bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function judge(object: string, series: readonly PartFigures[], now: PartFigures, maxDropShare: number): SlowLoss[] | undefined {
  const units = [
    ["rows", ({ rows = 0 }: PartFigures) => rows, minRows],
    ["bytes", ({ bytes }: PartFigures) => bytes, minBytes],
  ] as const;
  const maxRows = Math.max(0, ...series.map(({ rows = 0 }) => rows));
  for (const [unit, pick, least] of units) {
    // Fewer bytes for want of rows say nothing of their own: where rows are few, they come and go.
    if (unit === "bytes" && (now.rows ?? 0) < maxRows * stayingShare) break;
    const values = series.map(pick);
    const { before, falls } = findFall([...values, pick(now)]);
    const drop = 1 - pick(now) / before;
    const isLoss = falls >= minFalls && before >= least && drop > maxDropShare && drop > allowedDrop(values, maxDropShare);
    if (isLoss) return [{ object, before, now: pick(now), unit, falls }];
  }
  return undefined;
}

/** From where the end of the series did nothing but fall or stay, and how often it fell. */
function findFall(values: readonly number[]): { readonly before: number; readonly falls: number } {
  let falls = 0;
  let before = values.at(-1) ?? 0;
  for (const value of values.slice(0, -1).reverse()) {
    if (value < before) break;
    if (value > before) falls += 1;
    before = value;
  }
  return { before, falls };
}
