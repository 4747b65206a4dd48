/** The rules beside the calendar: ages, what is never released, and what a kept backup needs. */
import type { Retention } from "../policy/policy.ts";
import { describeAge } from "./describe-age.ts";
import { describeDoubt, type Entry, grades, type History, representatives } from "./history.ts";
import { logReachMs, reachMs } from "./positions.ts";

const dayMs = 86_400_000;

/**
 * How long a damaged backup stays for analysis, from its start, whatever the rules: time for a
 * person to look into it.
 */
export const damagedKeptDays = 30;

/**
 * Keeps what is younger than the policy's ages: of all backups, and of each kind. `minAge` comes
 * first: an accident is noticed after hours, and the backup made in a panic after it must not
 * release the last good one.
 */
export function keepYoung(history: History, retention: Retention, nowMs: number): void {
  const { minAgeSeconds, keepWithinSeconds = 0, kinds } = retention;
  const generalReason = `younger than ${describeAge(keepWithinSeconds)}`;
  const minReason = `younger than ${describeAge(minAgeSeconds)} (minAge)`;
  for (const { backup, reasons } of history) {
    const { startedAtMs, kind, state } = backup;
    const ageMs = nowMs - startedAtMs;
    if (ageMs < minAgeSeconds * 1000) reasons.push(minReason);
    if (ageMs < keepWithinSeconds * 1000) reasons.push(generalReason);
    const ofKind = kinds?.[kind]?.keepWithinSeconds ?? 0;
    if (ageMs < ofKind * 1000) reasons.push(`${kind}, younger than ${describeAge(ofKind)}`);
    if (state === "damaged" && ageMs < damagedKeptDays * dayMs) reasons.push(`damaged, kept ${damagedKeptDays} days for analysis`);
  }
}

/**
 * Keeps the newest backups until so many trusted ones are among them: what is not trusted uses up
 * nothing of what the policy promises.
 */
export function keepLast(history: History, count: number): void {
  let counted = 0;
  for (const entry of representatives(history)) {
    if (counted === count) return;
    const isTrusted = entry.grade === grades.trusted;
    if (isTrusted) counted++;
    entry.reasons.push(
      isTrusted ? `last ${counted} of ${count}` : `among the last ${count}, ${describeDoubt(entry)} and not counted`,
    );
  }
}

/**
 * Keeps what a person would restore from first, whatever the policy: the newest proven and the
 * newest verified backup, and everything newer than the newest trusted one, because nobody knows
 * yet what that is worth.
 */
export function keepNewest(history: History): void {
  const plausible = history.filter(({ grade }) => grade !== grades.implausible);
  const trusted = plausible.filter(({ grade }) => grade === grades.trusted);
  const newest = trusted.find(({ backup }) => backup.kind !== "log");
  const isProven = ({ backup }: Entry) => backup.state === "proven";
  const isVerified = ({ backup }: Entry) => backup.state === "verified" || backup.state === "proven";
  const [proven, verified] = [plausible.find(isProven), plausible.find(isVerified)];
  const [trustedProven] = trusted.filter(isProven);
  proven?.reasons.push("newest proven backup");
  if (trustedProven !== proven) trustedProven?.reasons.push("newest proven backup that can be relied on");
  verified?.reasons.push("newest verified backup");
  if (newest !== verified && newest !== proven && newest !== trustedProven)
    newest?.reasons.push("newest verified backup that can be relied on");
  for (const { rank, reasons } of plausible) {
    if (newest === undefined) reasons.push("no backup is verified");
    else if (rank < newest.rank) reasons.push("newer than the newest verified backup");
  }
}

/**
 * Keeps log backups as long as the oldest backup that they could be replayed on, where no age rule
 * and no recovery window decides on them. Returns that backup, where there are logs.
 */
export function keepLogs(history: History, { kinds, recoveryWindowSeconds = 0 }: Retention): readonly Entry[] {
  if (kinds?.log !== undefined || recoveryWindowSeconds > 0) return [];
  const logs = history.filter(({ backup }) => backup.kind === "log");
  const oldest = history.findLast(({ backup, reasons }) => backup.kind !== "log" && reasons.length > 0);
  if (oldest === undefined || logs.length === 0) return [];
  for (const { backup, reasons } of logs)
    if (logReachMs(backup) >= reachMs(oldest.backup)) reasons.push("log since the oldest backup that is kept");
  return [oldest];
}

/**
 * Keeps what nobody may release: permanent ids, holds, locks, and backups that cannot be what they
 * say.
 */
export function keepProtected(history: History, retention: Retention, nowMs: number): void {
  const permanent = new Set(retention.permanent);
  for (const { backup, implausible, reasons } of history) {
    const { id, held, readBy, distrust, lockedUntilMs } = backup;
    if (permanent.has(id)) reasons.push("permanent");
    if (held) reasons.push("held");
    if (distrust !== undefined) reasons.push(`not relied on: ${distrust}`);
    if (readBy !== undefined) reasons.push(`being read: ${readBy}`);
    // A lock whose end is no number is taken for one without end.
    if (lockedUntilMs !== undefined && !(lockedUntilMs <= nowMs)) reasons.push(`locked until ${describeInstant(lockedUntilMs)}`);
    if (implausible !== undefined) reasons.push(`not judged: ${implausible}`);
  }
}

/**
 * Keeps everything that a kept backup builds on, down to the full; each says which kept backup
 * needs it.
 */
export function keepNeeded(history: History): void {
  const explained = new Set<Entry>();
  const kept = history.filter(({ reasons }) => reasons.length > 0);
  // Grows while it is walked: what is kept only because it is needed needs something itself.
  for (const { backup, base } of kept) {
    if (base === undefined || explained.has(base)) continue;
    explained.add(base);
    kept.push(base);
    base.reasons.push(`needed by ${backup.id}`);
  }
}

function describeInstant(epochMs: number): string {
  // Beyond what a Date can hold: a lock without end.
  return Math.abs(epochMs) <= 8.64e15 ? new Date(epochMs).toISOString() : "an unknown time";
}
