/**
 * Until when retention promises to keep what it keeps now: how far the locks of kept backups have
 * to reach. Pure, like the plan.
 */
import type { Retention } from "../policy/policy.ts";
import { bucketOf, bucketRulesOf, chooseBuckets } from "./bucket-rules.ts";
import { numberDays, periodOf, startOfDay, startOfPeriod } from "./calendar.ts";
import { grades, type History, readHistory } from "./history.ts";
import { keepNewest } from "./keep-rules.ts";
import { type RetentionMoment, type RetentionPlan, representatives } from "./plan-retention.ts";
import { reachMs } from "./positions.ts";
import type { Reasons } from "./reasons.ts";
import type { RetentionBackup } from "./retention-backup.ts";
import { shortestKept } from "./shortest-kept.ts";

/**
 * How far the lock of a backup reaches that stays without an end in sight (the newest good one,
 * permanent ones): longer than a pipeline may stand still unnoticed, short enough that nothing
 * stays locked for long once a newer one takes its place.
 */
export const endlessLockMs = 7 * 86_400_000;

/**
 * For each kept backup that is promised a time: the instant before which no run of this policy
 * would release it, however many good backups are made meanwhile.
 * - an age rule: its age;
 * - the recovery window: until the next backup that reaches further may be its base;
 * - a calendar rule, for the backup that stands for a period that is over: until so many further
 *   periods have begun as the rule still has room for
 *   (the period that is not over yet may still get another backup, which would take its place: its promise comes when it is over);
 * - what stays without an end in sight: about a week from now, and hardly more than its kind is
 *   kept at least;
 * - whatever a kept backup builds on: as long as that one.
 * Damaged and implausible backups, and those that stay only while they are held, read or locked,
 * are promised nothing.
 */
export function promiseLocks(
  backups: readonly RetentionBackup[],
  plan: Pick<RetentionPlan, "decisions">,
  retention: Retention,
  moment: RetentionMoment,
): ReadonlyMap<string, Date> {
  const nowMs = moment.now.getTime();
  const history = readHistory(backups, nowMs);
  const promises = new Float64Array(history.backups.length).fill(Number.NEGATIVE_INFINITY);
  const raise = (place: number, untilMs: number): void => {
    promises[place] = Math.max(promises[place] ?? untilMs, untilMs);
  };
  promiseAges(history, retention, raise);
  promisePeriods(history, retention, moment, raise);
  promiseWindow(history, retention, raise);
  promiseEndless(history, retention, nowMs, raise);
  passToBases(history, raise, promises);
  const kept = new Set(plan.decisions.flatMap((decision) => (decision.kept ? [decision.id] : [])));
  const result = new Map<string, Date>();
  history.backups.forEach(({ id }, place) => {
    const untilMs = promises[place] ?? 0;
    if (untilMs > nowMs && kept.has(id) && !isWorthless(history, place)) result.set(id, new Date(untilMs));
  });
  return result;
}

type Raise = (place: number, untilMs: number) => void;

function isWorthless(history: History, place: number): boolean {
  return history.grades[place] === grades.implausible || history.backups[place]?.state === "damaged";
}

function promiseAges({ backups }: History, { keepWithinSeconds = 0, minAgeSeconds, kinds }: Retention, raise: Raise): void {
  backups.forEach(({ kind, startedAtMs }, place) => {
    raise(place, startedAtMs + Math.max(minAgeSeconds, keepWithinSeconds, kinds?.[kind]?.keepWithinSeconds ?? 0) * 1000);
  });
}

/**
 * A backup stays until its time is over, and as long as it may be the base of the window or lead
 * from there: until the next backup that reaches further is old enough to be its base.
 */
function promiseWindow({ backups }: History, { recoveryWindowSeconds = 0 }: Retention, raise: Raise): void {
  if (recoveryWindowSeconds === 0) return;
  const places = backups.map((_, place) => place).sort((a, b) => reachOf(backups[b]) - reachOf(backups[a]));
  // From the furthest on: where the nearest that reaches further than those to come ends, and where
  // those end that reach as far as the last.
  let furtherMs: number | undefined;
  let equalMs: number | undefined;
  for (const place of places) {
    const reach = reachOf(backups[place]);
    if (equalMs !== undefined && equalMs > reach) furtherMs = equalMs;
    raise(
      place,
      Math.max(Math.min(backups[place]?.startedAtMs ?? reach, reach), furtherMs ?? reach) + recoveryWindowSeconds * 1000,
    );
    if (backups[place]?.kind !== "log") equalMs = reach;
  }
}

function reachOf(backup: RetentionBackup | undefined): number {
  return backup === undefined ? Number.NEGATIVE_INFINITY : reachMs(backup);
}

function promisePeriods(history: History, retention: Retention, { now, timezone }: RetentionMoment, raise: Raise): void {
  const days = numberDays(
    Float64Array.from(history.backups, ({ startedAtMs }) => startedAtMs),
    timezone,
  );
  const [today = 0] = numberDays(Float64Array.of(now.getTime()), timezone);
  for (const rule of bucketRulesOf(retention)) {
    if (rule.period === "backup") continue;
    const current = periodOf(rule.period, today);
    const counted = chooseBuckets(rule, history, representatives(history), days).filter(({ grade }) => grade === grades.trusted);
    const newest = counted[0] === undefined ? current : bucketOf(rule, counted[0].place, days);
    counted.forEach(({ number, place, proven }, index) => {
      if (number >= current || rule.period === "backup") return;
      // Each period from here on may bring one backup that counts; the last that still leaves room
      // is followed by the one that does not.
      const firstNew = Math.max(newest + 1, current);
      const untilMs = startOfDay(startOfPeriod(rule.period, firstNew + rule.count - index - 1), timezone);
      raise(place, untilMs);
      if (proven !== undefined) raise(proven, untilMs);
    });
  }
}

function promiseEndless(history: History, retention: Retention, nowMs: number, raise: Raise): void {
  const reasons: Reasons = Array.from({ length: history.backups.length });
  keepNewest(history, reasons);
  const permanent = new Set(retention.permanent ?? []);
  history.backups.forEach(({ id, kind }, place) => {
    if (reasons[place] === undefined && !permanent.has(id)) return;
    const reachMs = Math.min(endlessLockMs, shortestKept(retention, kind) * 1000);
    // In steps, so that frequent runs do not each extend it by what has passed since the last one.
    if (reachMs > 0) raise(place, Math.ceil(nowMs / (reachMs / 4) + 4) * (reachMs / 4));
  });
}

/** From the newest on, so that what a base is promised goes on to its own base. */
function passToBases({ backups, parents }: History, raise: Raise, promises: Float64Array): void {
  for (let place = 0; place < backups.length; place++) {
    const parent = parents[place] ?? -1;
    if (parent > place) raise(parent, promises[place] ?? Number.NEGATIVE_INFINITY);
  }
}
