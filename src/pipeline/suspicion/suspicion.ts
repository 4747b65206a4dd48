/**
 * Whether a backup looks like lost data: a dump of an emptied table is as sound as any other. Each
 * table (each directory of a tree) is compared with what it was in the backups before, and judged
 * by its own history. Pure; docs/retention.md, "What is suspicious".
 */
import { alignGroups } from "./align-groups.ts";
import { type ContentFigures, type PartFigures, wholeName } from "./content-figures.ts";
import { allowedDrop, deepestValley, densityOf, type PartHistory, readHistories } from "./part-history.ts";
import { findExpired, isSameSeries } from "./series-names.ts";
import { findSlowLosses } from "./slow-loss.ts";
import { isFileGroup, levelOf, sortOf, withoutSmallGroups } from "./small-file-groups.ts";

export interface SuspicionRules {
  /** The share (0 to 1) by which a part may fall between two backups. */
  readonly maxDropShare: number;
  /** Parts that come and go by the policy's word: nothing is said of them. */
  readonly isVolatile: (object: string) => boolean;
  /** How many of the newest earlier backups small losses are summed up over; by default all. */
  readonly recentCount?: number;
}

/** Fewer rows, or bytes, come and go without anybody noticing; unless they never did. */
const minRows = 100;
const minBytes = 16_384;
/** So many earlier backups say that a small table stays as it is. */
const minStableBackups = 3;
/**
 * So many say it of one whose rows vary a little: in 3,000 databases a queue of up to 80 rows was
 * about as long three nights in a row once.
 */
const minSteadyBackups = 6;
/** A part that stays within this of its highest figure counts as stable. */
const stableShare = 0.1;
/** Findings that are listed; all are counted. */
const maxFindings = 50;

const figures = new Intl.NumberFormat("en-US");

/**
 * What speaks for lost or encrypted data, in sentences that name the part, the gravest first; empty
 * when nothing does. `history` holds the trusted backups before, oldest first; without any, nothing
 * is judged.
 */
export function findSuspicions(given: ContentFigures, earlier: readonly ContentFigures[], rules: SuspicionRules): string[] {
  const [current = given, ...history] = alignGroups([given, ...earlier]);
  const last = history.at(-1);
  if (last === undefined) return [];
  const judged = readHistories(history).filter(({ last: { object } }) => !rules.isVolatile(object));
  const gone = findGone(judged, current, history, rules);
  const losses = judged.flatMap((part) => describeLoss(part, current.parts.get(part.last.object), rules) ?? []);
  const encrypted = judged.flatMap((part) => describeDensity(part, current.parts.get(part.last.object)) ?? []);
  const found = [...gone.map(describeGone), ...losses, ...encrypted];
  if (gone.length + losses.length === 0) found.push(...describeTotal(judged, current, rules));
  if (found.length === 0) found.push(...describeSlowLosses(judged, current, history, rules));
  const more = found.length - maxFindings;
  return more > 0 ? [...found.slice(0, maxFindings), `and ${more} more`] : found;
}

function findGone(
  judged: readonly PartHistory[],
  current: ContentFigures,
  history: readonly ContentFigures[],
  { maxDropShare }: SuspicionRules,
): PartFigures[] {
  const missing = judged.filter(({ last, figures: earlier, comesAndGoes }) => {
    if (current.parts.has(last.object) || comesAndGoes || isEmpty(last)) return false;
    if (!hasSort(current, last)) return false;
    // What was there in one of several backups only may have been meant for a day.
    return earlier.length > 1 || history.length < minStableBackups;
  });
  const parts = withoutSmallGroups(missing.map(({ last }) => last));
  const expired = findExpired(parts, current, history, maxDropShare);
  const added = [...current.parts.values()].filter(({ object }) => history.at(-1)?.parts.has(object) !== true);
  return parts.filter((part) => !expired.has(part.object) && !wasRenamed(part, added, maxDropShare));
}

/** Groups of files of one sort are left out together where there are too many of them. */
function hasSort({ parts }: ContentFigures, { object }: PartFigures): boolean {
  if (!isFileGroup(object)) return true;
  return parts.size === 0 || [...parts.keys()].some((name) => isFileGroup(name) && levelOf(name) === levelOf(object));
}

function isEmpty({ rows, bytes }: PartFigures): boolean {
  return rows === undefined ? bytes === 0 : rows === 0;
}

/**
 * A new part holds the same, or no fewer rows of about the same length; or several new ones of its
 * name hold its rows together.
 */
function wasRenamed(gone: PartFigures, added: PartFigures[], maxDropShare: number): boolean {
  const rows = gone.rows ?? 0;
  const near = (a: number, b: number, tolerance: number): boolean => Math.abs(a - b) <= tolerance * Math.max(a, b);
  const match = added.findIndex((part) => {
    if (part.sha256 !== undefined && part.sha256 === gone.sha256) return true;
    // A directory is renamed to a directory. That all files of a type get another one is what
    // ransomware does: a person looks at it.
    if (sortOf(part.object) !== sortOf(gone.object) || /^types?$/.test(sortOf(gone.object))) return false;
    // Another partition of the same series looks just the same, and holds other rows.
    if (isSameSeries(part.object, gone.object)) return false;
    const [density, before] = [densityOf(part), densityOf(gone)];
    if (density !== undefined && before !== undefined && !near(density, before, 0.25)) return false;
    return rows > 0 && (part.rows ?? 0) >= rows * (1 - maxDropShare) && near(part.bytes / (part.rows ?? 1), gone.bytes / rows, 0.1);
  });
  if (match >= 0) {
    added.splice(match, 1);
    return true;
  }
  const stem = gone.object.replace(/"$/, "");
  const split = added.filter(({ object }) => object.startsWith(stem));
  return rows > 0 && split.length > 1 && split.reduce((sum, part) => sum + (part.rows ?? 0), 0) >= 0.8 * rows;
}

function describeGone({ object, rows, bytes }: PartFigures): string {
  return `${object}: gone; it held ${amountOf(object, rows, bytes)} in the last good backup`;
}

function describeLoss(part: PartHistory, now: PartFigures | undefined, rules: SuspicionRules): string | undefined {
  if (now === undefined || part.comesAndGoes) return undefined;
  const { last, figures: earlier } = part;
  const rowsBefore = last.rows ?? 0;
  const rowsNow = now.rows ?? 0;
  const rowSeries = earlier.map(({ rows }) => rows ?? 0);
  if (rowsBefore > 0 && isDrop(rowsBefore, rowsNow, rowSeries, rules) && countsRows(part, rowsNow)) {
    const before = amountOf(last.object, rowsBefore, last.bytes);
    if (rowsNow === 0) return `${last.object}: empty; it held ${before} in the last good backup`;
    return `${last.object}: ${figures.format(rowsNow)} ${unitOf(last.object)}s, ${percent(rowsBefore, rowsNow)} % fewer than in the last good backup (${figures.format(rowsBefore)})`;
  }
  const byteSeries = earlier.map(({ bytes }) => bytes);
  if (last.bytes < minBytes || !isDrop(last.bytes, now.bytes, byteSeries, rules)) return describeUniform(part, now, rules);
  // Fewer bytes for want of rows that may go say nothing of their own.
  if (rowsBefore > 0 && now.bytes / last.bytes >= (rowsNow / rowsBefore) * (1 - rules.maxDropShare)) return undefined;
  return `${last.object}: ${figures.format(now.bytes)} bytes, ${percent(last.bytes, now.bytes)} % fewer than in the last good backup (${figures.format(last.bytes)})`;
}

/**
 * As many rows, about as many bytes, and far less in them: an UPDATE that set the same value
 * everywhere.
 */
function describeUniform({ last, figures: earlier }: PartHistory, now: PartFigures, rules: SuspicionRules): string | undefined {
  const contentOf = (part: PartFigures): number | undefined => {
    const density = densityOf(part);
    return density === undefined ? undefined : density * part.bytes;
  };
  const [before, content] = [contentOf(last), contentOf(now)];
  if (before === undefined || content === undefined || before < minBytes) return undefined;
  const rowsStay = (now.rows ?? 0) >= (last.rows ?? 0) * 0.9;
  if (
    !rowsStay ||
    !isDrop(
      before,
      content,
      earlier.flatMap((part) => contentOf(part) ?? []),
      rules,
    )
  )
    return undefined;
  return `${last.object}: as many ${unitOf(last.object)}s, but ${percent(before, content)} % less in them than in the last good backup: was one value written everywhere?`;
}

function isDrop(before: number, now: number, series: readonly number[], { maxDropShare }: SuspicionRules): boolean {
  const drop = 1 - now / before;
  return drop > maxDropShare && drop > allowedDrop(series, maxDropShare);
}

/**
 * Small tables count where they never changed much: a table of settings that is empty is no small
 * thing. The same content, or the same number of rows, says so after a few backups; a queue is
 * about as long for three nights by chance, and needs more.
 */
function countsRows({ last, figures: earlier }: PartHistory, now: number): boolean {
  const before = last.rows ?? 0;
  if (before >= minRows) return true;
  const series = earlier.map(({ rows }) => rows ?? 0);
  const [lowest, highest] = [Math.min(...series), Math.max(...series)];
  const isUnchanged = earlier.length > 1 && earlier.every(({ sha256 }) => sha256 !== undefined && sha256 === last.sha256);
  const isConstant = series.length >= minStableBackups && lowest === highest;
  const isSteady = series.length >= minSteadyBackups && lowest >= highest * (1 - stableShare);
  if (now === 0) return isSteady || ((isUnchanged || isConstant) && before >= 3);
  return (isSteady || isConstant || (isUnchanged && series.length >= minStableBackups)) && before >= 20;
}

/**
 * What was encrypted in place no longer compresses, and holds more than before in as many rows.
 * Judged against all earlier figures of the part, because some content never compressed (there an
 * encryption cannot be told).
 */
function describeDensity({ last, figures: earlier, comesAndGoes }: PartHistory, now: PartFigures | undefined): string | undefined {
  if (now === undefined || comesAndGoes || last.object === "definitions") return undefined;
  const density = densityOf(now);
  const before = earlier.flatMap((part) => densityOf(part) ?? []);
  if (density === undefined || densityOf(last) === undefined || density < minEncryptedDensity) return undefined;
  const highest = Math.max(...before);
  const rows = (now.rows ?? 0) / Math.max(1, last.rows ?? 0);
  if (rows < 0.5 || rows > 2) return undefined;
  const contentPerRow = (part: PartFigures, of: number): number => (part.bytes * of) / Math.max(1, part.rows ?? 0);
  const maxContent = Math.max(...earlier.map((part) => contentPerRow(part, densityOf(part) ?? 0)));
  const isDenser =
    density >= highest * 1.15 + 0.02 && (density >= highest * 1.5 || contentPerRow(now, density) >= maxContent * 1.5);
  // Hexadecimal digits of what is encrypted compress to half: where that is nothing new, the length
  // is.
  const isLonger = rows >= 0.8 && rows <= 1.25 && density >= highest * 0.9 && contentPerRow(now, density) >= maxContent * 1.8;
  if (!isDenser && !isLonger) return undefined;
  const [share, usual] = [Math.round(density * 100), Math.round(highest * 100)];
  return `${last.object}: its content no longer compresses (to ${share} % of its size; at most ${usual} % in ${countOfBackups(before.length)}): was it encrypted?`;
}

/** Random bytes as hexadecimal digits compress to a little more than half of them. */
const minEncryptedDensity = 0.45;

function describeTotal(judged: readonly PartHistory[], current: ContentFigures, rules: SuspicionRules): string[] {
  const steady = judged.filter(
    ({ last, comesAndGoes }) => !comesAndGoes && current.parts.has(last.object) && !/^(?:types?|definitions)\b/.test(last.object),
  );
  if (steady.length < 2) return [];
  const sum = (pick: (part: PartHistory) => number): number => steady.reduce((total, part) => total + pick(part), 0);
  const rowsBefore = sum(({ last }) => last.rows ?? 0);
  const rowsNow = sum(({ last }) => current.parts.get(last.object)?.rows ?? 0);
  const ordinary = sum(({ last, figures: earlier }) => (last.rows ?? 0) * deepestValley(earlier.map(({ rows }) => rows ?? 0)));
  if (rowsBefore < minRows || rowsNow + ordinary >= rowsBefore * (1 - rules.maxDropShare)) return [];
  return [
    `${wholeName}: ${figures.format(rowsNow)} rows in all, ${percent(rowsBefore, rowsNow)} % fewer than the last good backup (${figures.format(rowsBefore)})`,
  ];
}

function describeSlowLosses(
  judged: readonly PartHistory[],
  current: ContentFigures,
  history: readonly ContentFigures[],
  { maxDropShare, recentCount = history.length }: SuspicionRules,
): string[] {
  const objects = judged.flatMap(({ last: { object }, comesAndGoes }) =>
    comesAndGoes || object === "definitions" ? [] : [object],
  );
  const recent = history.slice(Math.max(0, history.length - recentCount));
  return findSlowLosses(objects, current, recent, maxDropShare).map(({ object, before, now, unit, falls }) => {
    const what = unit === "bytes" ? "bytes" : `${unitOf(object)}s`;
    return `${object}: ${figures.format(now)} ${what}, ${percent(before, now)} % fewer than ${falls} backups ago (${figures.format(before)}), and fewer in each since`;
  });
}

/** One of what a part counts. */
function unitOf(object: string): string {
  return isFileGroup(object) ? "file" : object === "definitions" ? "definition" : "row";
}

function amountOf(object: string, rows: number | undefined, bytes: number): string {
  if (rows === undefined) return `${figures.format(bytes)} bytes`;
  return `${figures.format(rows)} ${unitOf(object)}${rows === 1 ? "" : "s"}`;
}

function countOfBackups(count: number): string {
  return count === 1 ? "the last good backup" : `the ${count} backups before`;
}

function percent(before: number, now: number): number {
  return Math.min(100, Math.floor((1 - now / before) * 100));
}
