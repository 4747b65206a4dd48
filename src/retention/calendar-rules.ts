/**
 * The rules that keep so many newest days, weeks, months and years: of each, the backup that stands
 * for it.
 */
import type { Retention } from "../policy/policy.ts";
import { describePeriod, type Period, periodOf } from "./calendar.ts";
import { describeDoubt, type Entry, grades, type History, representatives } from "./history.ts";

export interface CalendarRule {
  readonly name: "daily" | "weekly" | "monthly" | "yearly";
  readonly period: Period;
  /** How many periods with a trusted backup are kept. */
  readonly count: number;
}

/** A rule, and what stands for each period that it keeps, by the period's number. */
export interface AppliedRule {
  readonly period: Period;
  readonly standing: ReadonlyMap<number, Entry>;
}

/** The policy's calendar rules, the finest first. */
export function calendarRulesOf({ daily = 0, weekly = 0, monthly = 0, yearly = 0 }: Retention): CalendarRule[] {
  const rules: CalendarRule[] = [
    { name: "daily", period: "day", count: daily },
    { name: "weekly", period: "week", count: weekly },
    { name: "monthly", period: "month", count: monthly },
    { name: "yearly", period: "year", count: yearly },
  ];
  return rules.filter(({ count }) => count > 0);
}

interface Bucket {
  /** The newest trusted backup, or else the newest unjudged, or else the newest unusable one. */
  best: Entry;
  /**
   * The newest proven backup that can be relied on; absent where none is, or where it is the one
   * above.
   */
  proven?: Entry;
}

/**
 * A period that a rule keeps; `counted` says how many with a trusted backup there were up to it.
 */
export interface KeptBucket extends Readonly<Bucket> {
  readonly number: number;
  readonly counted: number;
}

/**
 * Keeps the representative of each of the rule's newest periods: its newest trusted backup and,
 * where that is only verified, its newest proven one too. Verified means read back, proven means
 * restored: a later verified backup never takes the period from a proven one. Only periods with a
 * trusted backup count; a period among them that has none keeps its best backup beside them:
 * neither a failing check nor planted backups can use up what the policy promises.
 */
export function applyCalendarRule(rule: CalendarRule, history: History): AppliedRule {
  const kept = chooseBuckets(rule, history);
  for (const bucket of kept) {
    bucket.best.reasons.push(explain(rule, bucket));
    bucket.proven?.reasons.push(`newest proven of ${describeCount(rule, bucket)}`);
  }
  return { period: rule.period, standing: new Map(kept.map(({ number, best }) => [number, best])) };
}

/** The periods that a rule keeps, newest first. */
export function chooseBuckets({ period, count }: CalendarRule, history: History): readonly KeptBucket[] {
  const kept: KeptBucket[] = [];
  let counted = 0;
  for (const [number, bucket] of [...fillBuckets(period, history)].sort(([a], [b]) => b - a)) {
    if (bucket.best.grade === grades.trusted) counted++;
    kept.push({ ...bucket, number, counted });
    if (counted === count) break;
  }
  return kept;
}

function fillBuckets(period: Period, history: History): ReadonlyMap<number, Bucket> {
  const buckets = new Map<number, Bucket>();
  for (const entry of representatives(history)) {
    const number = periodOf(period, entry.day);
    const bucket = buckets.get(number);
    if (bucket === undefined) buckets.set(number, { best: entry });
    else if (entry.grade > bucket.best.grade) bucket.best = entry;
    else if (isProven(entry) && !isProven(bucket.best)) bucket.proven ??= entry;
  }
  return buckets;
}

function isProven({ backup, grade }: Entry): boolean {
  return backup.state === "proven" && grade === grades.trusted;
}

function explain(rule: CalendarRule, bucket: KeptBucket): string {
  if (bucket.best.grade === grades.trusted) return `newest of ${describeCount(rule, bucket)}`;
  const period = describePeriod(rule.period, bucket.number);
  return `newest of ${period}, ${describeDoubt(bucket.best)} and not counted (${rule.name})`;
}

function describeCount({ name, period, count }: CalendarRule, { number, counted }: KeptBucket): string {
  return `${describePeriod(period, number)} (${name} ${counted} of ${count})`;
}
