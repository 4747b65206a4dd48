/**
 * The recovery window: every instant of the last days stays recoverable (docs/retention.md, "The
 * recovery window"). By positions, not by starts: a log is of use where it holds what comes after a
 * base.
 */
import type { Retention } from "../policy/policy.ts";
import { describeAge } from "./describe-age.ts";
import { type Entry, grades, type History } from "./history.ts";
import { logReachMs, reachMs } from "./positions.ts";

/**
 * Keeps the newest trusted backup that reaches no further than the window's first instant (and,
 * where that is only verified, the newest proven one too), and whatever was made since or holds
 * what came since: other backups for the day on which a log or the base turns out to be damaged. A
 * gap in the logs, a damaged backup or one that nobody verified changes nothing: before such a one
 * and after it they still help. Without a base everything stays: the window is not filled yet.
 * Returns the bases.
 */
export function keepWindow(history: History, { recoveryWindowSeconds: seconds = 0 }: Retention, nowMs: number): readonly Entry[] {
  if (seconds === 0) return [];
  const firstMs = nowMs - seconds * 1000;
  const bases = findBases(history, firstMs);
  const name = `recovery window (${describeAge(seconds)})`;
  const [base] = bases;
  const baseMs = base === undefined ? Number.NEGATIVE_INFINITY : reachMs(base.backup);
  // From the furthest back of the bases on, logs are replayed.
  const logsMs = Math.min(baseMs, ...bases.map(({ backup }) => reachMs(backup)));
  for (const entry of history) {
    const { backup, rank, reasons } = entry;
    const isLog = backup.kind === "log";
    const reach = isLog ? logReachMs(backup) : reachMs(backup);
    const isSince = !isLog && base !== undefined && rank < base.rank;
    if (bases.includes(entry)) reasons.push(`base of the ${name}`);
    else if (reach > firstMs || backup.startedAtMs > firstMs) reasons.push(`in the ${name}`);
    // Instants are told to the millisecond, positions are finer: what ends with the base counts.
    else if (isSince || reach >= (isLog ? logsMs : baseMs)) reasons.push(`leads from its base to the ${name}`);
  }
  return bases;
}

/** The trusted backup that the window's first instant is restored from, and the proven one. */
function findBases(history: History, firstMs: number): readonly Entry[] {
  const before = history.filter(
    ({ backup, grade }) => backup.kind !== "log" && grade === grades.trusted && reachMs(backup) <= firstMs,
  );
  const proven = before.filter(({ backup }) => backup.state === "proven");
  return [...new Set([...furthest(before), ...furthest(proven)])];
}

/** The one that reaches furthest; of several the newest. */
function furthest(entries: readonly Entry[]): readonly Entry[] {
  return [...entries].sort((a, b) => reachMs(b.backup) - reachMs(a.backup)).slice(0, 1);
}
