/**
 * How far a backup reaches in its source's history. Manifests say it; a plan begins without them,
 * and names those that must be read before it may be carried out (plan-retention.ts, `unread`).
 */
import { maxClockSkewMs } from "../runtime/clock.ts";
import type { RetentionBackup } from "./retention-backup.ts";

/** Where restoring goes on from after this backup, epoch milliseconds; not known: its start. */
export function reachMs({ coverage, startedAtMs }: RetentionBackup): number {
  return coverage === undefined ? startedAtMs : Date.parse(coverage.to.at);
}

/**
 * The newest instant that a log can hold, epoch milliseconds: where it was not read, nothing later
 * than when the store got it.
 */
export function logReachMs({ coverage, startedAtMs, storedAtMs }: RetentionBackup): number {
  if (coverage !== undefined) return Date.parse(coverage.to.at);
  return Math.max(startedAtMs, storedAtMs ?? startedAtMs) + maxClockSkewMs;
}
