/** The rules that keep so many newest buckets: days, weeks, months, years, and single backups (`keepLast`). */
import type { Retention } from "../policy/policy.ts";
import { describePeriod, type Period, periodOf } from "./calendar.ts";
import { describeDoubt, grades, type History } from "./history.ts";
import { addReason, type Reasons } from "./reasons.ts";

export interface BucketRule {
  readonly name: "daily" | "weekly" | "monthly" | "yearly" | "last";
  readonly period: Period | "backup";
  /** How many buckets with a trusted backup are kept. */
  readonly count: number;
}

/** What a rule covered: `reach` is the number of its oldest bucket, or -Infinity while the rule is not full. */
export interface AppliedRule {
  readonly rule: BucketRule;
  readonly reach: number;
}

/** The policy's bucket rules, the finest first. */
export function bucketRulesOf(retention: Retention): BucketRule[] {
  const rules: BucketRule[] = [
    { name: "last", period: "backup", count: retention.keepLast ?? 0 },
    { name: "daily", period: "day", count: retention.daily ?? 0 },
    { name: "weekly", period: "week", count: retention.weekly ?? 0 },
    { name: "monthly", period: "month", count: retention.monthly ?? 0 },
    { name: "yearly", period: "year", count: retention.yearly ?? 0 },
  ];
  return rules.filter(({ count }) => count > 0);
}

interface Bucket {
  /** The newest trusted backup, or else the newest unjudged, or else the newest unusable one. */
  place: number;
  grade: number;
}

/** The number of the bucket that a backup falls in under a rule; greater is newer. */
export function bucketOf(rule: BucketRule, place: number, days: Int32Array): number {
  return rule.period === "backup" ? -place : periodOf(rule.period, days[place] ?? 0);
}

/**
 * Keeps the representative of each of the rule's newest buckets. Only buckets with a trusted backup count; a bucket among them that has none
 * keeps its best backup beside them, so that neither a failing check nor planted backups can use up what the policy promises.
 * `candidates` are places in the history, newest first; `days` the calendar day of every place.
 */
export function applyBucketRule(
  rule: BucketRule,
  history: History,
  candidates: Iterable<number>,
  days: Int32Array,
  reasons: Reasons,
): AppliedRule {
  const buckets = fillBuckets(rule, history, candidates, days);
  let counted = 0;
  for (const number of [...buckets.keys()].sort((a, b) => b - a)) {
    const bucket = buckets.get(number);
    if (bucket === undefined) continue;
    if (bucket.grade === grades.trusted) counted++;
    addReason(reasons, bucket.place, explain(rule, history, bucket, number, counted));
    if (counted === rule.count) return { rule, reach: number };
  }
  return { rule, reach: Number.NEGATIVE_INFINITY };
}

function fillBuckets(rule: BucketRule, history: History, candidates: Iterable<number>, days: Int32Array): Map<number, Bucket> {
  const buckets = new Map<number, Bucket>();
  let trusted = 0;
  for (const place of candidates) {
    const number = bucketOf(rule, place, days);
    const grade = history.grades[place] ?? grades.implausible;
    const bucket = buckets.get(number);
    if (bucket !== undefined) {
      if (grade <= bucket.grade) continue;
      bucket.place = place;
      bucket.grade = grade;
    } else {
      // Single backups need no look beyond the last that counts; calendar buckets do, where a zone's clocks went back over midnight.
      if (rule.period === "backup" && trusted === rule.count) break;
      buckets.set(number, { place, grade });
    }
    if (grade === grades.trusted) trusted++;
  }
  return buckets;
}

function explain(rule: BucketRule, history: History, bucket: Bucket, number: number, counted: number): string {
  const where = rule.period === "backup" ? "" : `newest of ${describePeriod(rule.period, number)}`;
  if (bucket.grade !== grades.trusted) {
    const doubt = describeDoubt(history, bucket.place);
    return where === ""
      ? `among the last ${rule.count}, ${doubt} and not counted`
      : `${where}, ${doubt} and not counted (${rule.name})`;
  }
  return where === "" ? `last ${counted} of ${rule.count}` : `${where} (${rule.name} ${counted} of ${rule.count})`;
}
