/**
 * Until when retention promises to keep what it keeps now: how far the locks of kept backups have
 * to reach. Pure, like the plan.
 */
import type { Retention } from "../policy/policy.ts";
import { openDayOf, periodOf, startOfDay, startOfPeriod } from "./calendar.ts";
import { calendarRulesOf, chooseBuckets } from "./calendar-rules.ts";
import { type Entry, grades, type History, type RetentionMoment, readHistory } from "./history.ts";
import { keepNewest } from "./keep-rules.ts";
import type { RetentionPlan } from "./plan-retention.ts";
import { reachMs } from "./positions.ts";
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
  const history = readHistory(backups, moment);
  /** In the history's order: each gets its age first. */
  const promises = new Map<Entry, number>();
  const raise = (entry: Entry, untilMs: number): void => {
    promises.set(entry, Math.max(promises.get(entry) ?? untilMs, untilMs));
  };
  promiseAges(history, retention, raise);
  promisePeriods(history, retention, moment, raise);
  promiseWindow(history, retention, raise);
  promiseEndless(history, retention, nowMs, raise);
  passToBases(promises, raise);
  const kept = new Set(plan.decisions.filter((decision) => decision.kept).map(({ id }) => id));
  const lasting = [...promises].filter(([entry, untilMs]) => untilMs > nowMs && kept.has(entry.backup.id) && !isWorthless(entry));
  return new Map(lasting.map(([{ backup }, untilMs]) => [backup.id, new Date(untilMs)]));
}

type Raise = (entry: Entry, untilMs: number) => void;

function isWorthless({ backup, grade }: Entry): boolean {
  return grade === grades.implausible || backup.state === "damaged";
}

function promiseAges(history: History, { keepWithinSeconds = 0, minAgeSeconds, kinds }: Retention, raise: Raise): void {
  for (const entry of history) {
    const { kind, startedAtMs } = entry.backup;
    raise(entry, startedAtMs + Math.max(minAgeSeconds, keepWithinSeconds, kinds?.[kind]?.keepWithinSeconds ?? 0) * 1000);
  }
}

/**
 * A backup stays until its time is over, and as long as it may be the base of the window or lead
 * from there: until the next backup that reaches further is old enough to be its base.
 */
function promiseWindow(history: History, { recoveryWindowSeconds = 0 }: Retention, raise: Raise): void {
  if (recoveryWindowSeconds === 0) return;
  // From the furthest on: where the nearest that reaches further than those to come ends, and where
  // those end that reach as far as the last.
  let furtherMs = Number.NEGATIVE_INFINITY;
  let equalMs = Number.NEGATIVE_INFINITY;
  for (const entry of [...history].sort((a, b) => reachMs(b.backup) - reachMs(a.backup))) {
    const { kind, startedAtMs } = entry.backup;
    const reach = reachMs(entry.backup);
    if (equalMs > reach) furtherMs = equalMs;
    raise(entry, Math.max(Math.min(startedAtMs, reach), furtherMs) + recoveryWindowSeconds * 1000);
    if (kind !== "log") equalMs = reach;
  }
}

function promisePeriods(history: History, retention: Retention, { now, timezone }: RetentionMoment, raise: Raise): void {
  const today = openDayOf(timezone)(now.getTime());
  for (const rule of calendarRulesOf(retention)) {
    const current = periodOf(rule.period, today);
    const counted = chooseBuckets(rule, history).filter(({ best }) => best.grade === grades.trusted);
    // Each period from here on may bring one backup that counts; the last that still leaves room is
    // followed by the one that does not.
    const firstNew = Math.max(current, ...counted.map(({ number }) => number + 1));
    counted.forEach(({ number, best, proven }, index) => {
      if (number >= current) return;
      const untilMs = startOfDay(startOfPeriod(rule.period, firstNew + rule.count - index - 1), timezone);
      raise(best, untilMs);
      if (proven !== undefined) raise(proven, untilMs);
    });
  }
}

function promiseEndless(history: History, retention: Retention, nowMs: number, raise: Raise): void {
  keepNewest(history);
  const permanent = new Set(retention.permanent);
  for (const entry of history) {
    const { id, kind } = entry.backup;
    if (entry.reasons.length === 0 && !permanent.has(id)) continue;
    const reachMs = Math.min(endlessLockMs, shortestKept(retention, kind) * 1000);
    // In steps, so that frequent runs do not each extend it by what has passed since the last one.
    if (reachMs > 0) raise(entry, Math.ceil(nowMs / (reachMs / 4) + 4) * (reachMs / 4));
  }
}

/** From the newest on, so that what a base is promised goes on to its own base. */
function passToBases(promises: ReadonlyMap<Entry, number>, raise: Raise): void {
  for (const [{ base, rank }, untilMs] of promises) if (base !== undefined && base.rank > rank) raise(base, untilMs);
}
