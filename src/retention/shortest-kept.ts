/**
 * The shortest time that retention keeps a backup of a kind: what its objects are locked for at
 * their write (docs/retention.md, "Locks").
 */
import type { BackupKind, Retention } from "../policy/policy.ts";

const daySeconds = 86_400;
/**
 * The shortest of each calendar period, so that no lock outlasts what the calendar keeps; a day
 * with clocks set forward has an hour less.
 */
const shortestDays = { weekly: 7, monthly: 28, yearly: 365 } as const;

/**
 * Seconds from a backup's start; `minAge` where no rule promises more (`keepLast` alone).
 * An age rule promises its age to every backup, and is taken as it is. Without one, the finest
 * calendar rule promises its count of periods to the backup that stands for each: what a day's one
 * backup is promised is what every backup is locked for, because which one will stand for the day
 * is not known at its write. A policy with many backups a day that keeps one of them gives
 * `keepWithin`, too. Never less than
 * `minAge`, which no rule goes below.
 */
export function shortestKept(retention: Retention, kind: BackupKind): number {
  return Math.max(retention.minAgeSeconds, promisedSeconds(retention, kind));
}

function promisedSeconds(retention: Retention, kind: BackupKind): number {
  const window = retention.recoveryWindowSeconds ?? 0;
  const aged = Math.max(retention.keepWithinSeconds ?? 0, retention.kinds?.[kind]?.keepWithinSeconds ?? 0);
  if (aged > 0) return Math.max(aged, window);
  // The window keeps every backup of its time; beyond it, logs go, and no calendar keeps them.
  return kind === "log" && window > 0 ? window : Math.max(calendarSeconds(retention), window);
}

function calendarSeconds(retention: Retention): number {
  const { daily, weekly, monthly, yearly } = retention;
  if (daily !== undefined) return daily * daySeconds;
  if (weekly !== undefined) return weekly * shortestDays.weekly * daySeconds;
  if (monthly !== undefined) return monthly * shortestDays.monthly * daySeconds;
  return (yearly ?? 0) * shortestDays.yearly * daySeconds;
}
