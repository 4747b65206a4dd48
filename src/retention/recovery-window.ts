/**
 * The recovery window: every instant of the last days stays recoverable (docs/retention.md, "The
 * recovery window"). By positions, not by starts: a log is of use where it holds what comes after a
 * base.
 */
import type { Retention } from "../policy/policy.ts";
import { describeAge } from "./describe-age.ts";
import { grades, type History } from "./history.ts";
import { logReachMs, reachMs } from "./positions.ts";
import { addReason, type Reasons } from "./reasons.ts";

/** What the window rests on. */
export interface AppliedWindow {
  /** Places of the backups that its first instant is restored from; none: it is not filled yet. */
  readonly bases: readonly number[];
}

/**
 * Keeps the newest trusted backup that reaches no further than the window's first instant (and,
 * where that is only verified, the newest proven one too), and whatever was made since or holds
 * what came since: other backups for the day on which a log or the base turns out to be damaged. A
 * gap in the logs, a damaged backup or one that nobody verified changes nothing: before such a one
 * and after it they still help. Without a base everything stays.
 */
export function keepWindow(history: History, retention: Retention, nowMs: number, reasons: Reasons): AppliedWindow {
  const seconds = retention.recoveryWindowSeconds ?? 0;
  if (seconds === 0) return { bases: [] };
  const firstMs = nowMs - seconds * 1000;
  const bases = findBases(history, firstMs);
  const name = `recovery window (${describeAge(seconds)})`;
  const base = history.backups[bases[0] ?? -1];
  const baseMs = base === undefined ? Number.NEGATIVE_INFINITY : reachMs(base);
  const logsMs = Math.min(baseMs, ...bases.map((place) => reachOf(history, place)));
  history.backups.forEach((backup, place) => {
    const isLog = backup.kind === "log";
    const reach = isLog ? logReachMs(backup) : reachMs(backup);
    if (bases.includes(place)) addReason(reasons, place, `base of the ${name}`);
    else if (reach > firstMs || backup.startedAtMs > firstMs) addReason(reasons, place, `in the ${name}`);
    // Instants are told to the millisecond, positions are finer: what ends with the base counts.
    else if (isLog ? reach >= logsMs : reach >= baseMs || place < (bases[0] ?? history.backups.length))
      addReason(reasons, place, `leads from its base to the ${name}`);
  });
  return { bases };
}

function findBases(history: History, firstMs: number): number[] {
  let trusted: number | undefined;
  let proven: number | undefined;
  history.backups.forEach((backup, place) => {
    if (backup.kind === "log" || history.grades[place] !== grades.trusted || reachMs(backup) > firstMs) return;
    if (isFurther(history, place, trusted)) trusted = place;
    if (backup.state === "proven" && isFurther(history, place, proven)) proven = place;
  });
  return [...new Set([trusted, proven])].filter((place) => place !== undefined);
}

function isFurther(history: History, place: number, than: number | undefined): boolean {
  return than === undefined || reachOf(history, place) > reachOf(history, than);
}

function reachOf({ backups }: History, place: number): number {
  const backup = backups[place];
  return backup === undefined ? Number.NEGATIVE_INFINITY : reachMs(backup);
}
