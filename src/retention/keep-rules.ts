/** The rules beside the calendar: ages, what is never released, and what a kept backup needs. */
import type { Retention } from "../policy/policy.ts";
import { describeAge } from "./describe-age.ts";
import { grades, type History } from "./history.ts";
import { logReachMs, reachMs } from "./positions.ts";
import { addReason, type Reasons } from "./reasons.ts";

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
export function keepYoung(history: History, retention: Retention, nowMs: number, reasons: Reasons): void {
  const general = retention.keepWithinSeconds ?? 0;
  const generalReason = `younger than ${describeAge(general)}`;
  const minReason = `younger than ${describeAge(retention.minAgeSeconds)} (minAge)`;
  history.backups.forEach(({ startedAtMs, kind, state }, place) => {
    const ageMs = nowMs - startedAtMs;
    if (ageMs < retention.minAgeSeconds * 1000) addReason(reasons, place, minReason);
    if (ageMs < general * 1000) addReason(reasons, place, generalReason);
    const ofKind = retention.kinds?.[kind]?.keepWithinSeconds ?? 0;
    if (ageMs < ofKind * 1000) addReason(reasons, place, `${kind}, younger than ${describeAge(ofKind)}`);
    if (state === "damaged" && ageMs < damagedKeptDays * dayMs)
      addReason(reasons, place, `damaged, kept ${damagedKeptDays} days for analysis`);
  });
}

/**
 * Keeps what a person would restore from first, whatever the policy: the newest proven and the
 * newest verified backup, and everything newer than the newest trusted one, because nobody knows
 * yet what that is worth.
 */
export function keepNewest(history: History, reasons: Reasons): void {
  const { backups } = history;
  const plausible = (place: number) => history.grades[place] !== grades.implausible;
  const isTrusted = (place: number) => history.grades[place] === grades.trusted;
  const trusted = backups.findIndex(({ kind }, place) => kind !== "log" && isTrusted(place));
  const stays: readonly (readonly [number, string])[] = [
    [backups.findIndex(({ state }, place) => state === "proven" && plausible(place)), "newest proven backup"],
    [backups.findIndex(({ state }, place) => state === "proven" && isTrusted(place)), "newest proven backup that can be relied on"],
    [
      backups.findIndex(({ state }, place) => (state === "verified" || state === "proven") && plausible(place)),
      "newest verified backup",
    ],
    [trusted, "newest verified backup that can be relied on"],
  ];
  const named = new Set<number>();
  for (const [place, reason] of stays) {
    if (place < 0 || (named.has(place) && reason.endsWith("relied on"))) continue;
    named.add(place);
    addReason(reasons, place, reason);
  }
  const undecided = trusted < 0 ? backups.length : trusted;
  const reason = trusted < 0 ? "no backup is verified" : "newer than the newest verified backup";
  for (let place = 0; place < undecided; place++) if (plausible(place)) addReason(reasons, place, reason);
}

/**
 * Keeps log backups as long as the oldest backup that they could be replayed on, where no age rule
 * and no recovery window decides on them. Returns the place of that backup, where there are logs.
 */
export function keepLogs(history: History, retention: Retention, reasons: Reasons): number | undefined {
  if (retention.kinds?.log !== undefined || (retention.recoveryWindowSeconds ?? 0) > 0) return undefined;
  const { backups } = history;
  if (!backups.some(({ kind }) => kind === "log")) return undefined;
  const oldest = backups.findLastIndex(({ kind }, place) => kind !== "log" && reasons[place] !== undefined);
  const base = backups[oldest];
  if (base === undefined) return undefined;
  backups.forEach((backup, place) => {
    if (backup.kind === "log" && logReachMs(backup) >= reachMs(base))
      addReason(reasons, place, "log since the oldest backup that is kept");
  });
  return oldest;
}

/**
 * Keeps what nobody may release: permanent ids, holds, locks, and backups that cannot be what they
 * say.
 */
export function keepProtected(history: History, retention: Retention, nowMs: number, reasons: Reasons): void {
  const permanent = new Set(retention.permanent ?? []);
  history.backups.forEach(({ id, held, readBy, distrust, lockedUntilMs }, place) => {
    if (permanent.has(id)) addReason(reasons, place, "permanent");
    if (held) addReason(reasons, place, "held");
    if (distrust !== undefined) addReason(reasons, place, `not relied on: ${distrust}`);
    if (readBy !== undefined) addReason(reasons, place, `being read: ${readBy}`);
    // A lock whose end is no number is taken for one without end.
    if (lockedUntilMs !== undefined && !(lockedUntilMs <= nowMs))
      addReason(reasons, place, `locked until ${describeInstant(lockedUntilMs)}`);
  });
  for (const [place, reason] of history.implausible) addReason(reasons, place, `not judged: ${reason}`);
}

/**
 * Keeps everything that a kept backup builds on, down to the full; each says which kept backup
 * needs it.
 */
export function keepNeeded({ backups, parents }: History, reasons: Reasons): void {
  const explained = new Uint8Array(backups.length);
  const kept = backups.flatMap((_, place) => (reasons[place] === undefined ? [] : [place]));
  // Grows while it is walked: what is kept only because it is needed needs something itself.
  for (const place of kept) {
    const parent = parents[place] ?? -1;
    if (parent < 0 || explained[parent] === 1) continue;
    explained[parent] = 1;
    if (reasons[parent] === undefined) kept.push(parent);
    addReason(reasons, parent, `needed by ${backups[place]?.id}`);
  }
}

function describeInstant(epochMs: number): string {
  // Beyond what a Date can hold: a lock without end.
  return Math.abs(epochMs) <= 8.64e15 ? new Date(epochMs).toISOString() : "an unknown time";
}
