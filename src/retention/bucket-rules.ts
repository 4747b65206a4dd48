/**
 * The rules that keep so many newest buckets: days, weeks, months, years, and single backups
 * (`keepLast`).
 */
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

/**
 * What a rule covered: `reach` is the number of its oldest bucket, or -Infinity while the rule is
 * not full.
 */
export interface AppliedRule {
  readonly rule: BucketRule;
  readonly reach: number;
  /** The index in the history of what stands for each bucket up to the reach. */
  readonly standing: ReadonlyMap<number, number>;
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

export interface Bucket {
  /** The newest trusted backup, or else the newest unjudged, or else the newest unusable one. */
  place: number;
  grade: number;
  /**
   * The newest proven backup that can be relied on; absent where none is, or where it is the one
   * above.
   */
  proven?: number;
}

/**
 * A bucket that a rule keeps; `counted` says how many with a trusted backup there were up to it.
 */
export interface KeptBucket extends Readonly<Bucket> {
  readonly number: number;
  readonly counted: number;
}

/** The number of the bucket that a backup falls in under a rule; greater is newer. */
export function bucketOf(rule: BucketRule, place: number, days: Int32Array): number {
  return rule.period === "backup" ? -place : periodOf(rule.period, days[place] ?? 0);
}

/**
 * Keeps the representative of each of the rule's newest buckets: its newest trusted backup and,
 * where that is only verified, its newest proven one too. Verified means read back, proven means
 * restored: a later verified backup never takes the bucket from a proven one. Only buckets with a
 * trusted backup count; a bucket among them that has none keeps its best backup beside them:
 * neither a failing check nor planted backups can use up what the policy promises.
 * `candidates` are places in the history, newest first; `days` the calendar day of every place.
 */
export function applyBucketRule(
  rule: BucketRule,
  history: History,
  candidates: Iterable<number>,
  days: Int32Array,
  reasons: Reasons,
): AppliedRule {
  const kept = chooseBuckets(rule, history, candidates, days);
  for (const bucket of kept) {
    addReason(reasons, bucket.place, explain(rule, history, bucket));
    if (bucket.proven !== undefined) addReason(reasons, bucket.proven, explainProven(rule, bucket));
  }
  const last = kept.at(-1);
  const isFull = last !== undefined && last.counted === rule.count;
  return {
    rule,
    reach: isFull ? last.number : Number.NEGATIVE_INFINITY,
    standing: new Map(kept.map(({ number, place }) => [number, place])),
  };
}

/** The buckets that a rule keeps, newest first. */
export function chooseBuckets(
  rule: BucketRule,
  history: History,
  candidates: Iterable<number>,
  days: Int32Array,
): readonly KeptBucket[] {
  const buckets = fillBuckets(rule, history, candidates, days);
  const kept: KeptBucket[] = [];
  let counted = 0;
  for (const number of [...buckets.keys()].sort((a, b) => b - a)) {
    const bucket = buckets.get(number);
    if (bucket === undefined) continue;
    if (bucket.grade === grades.trusted) counted++;
    kept.push({ ...bucket, number, counted });
    if (counted === rule.count) break;
  }
  return kept;
}

function fillBuckets(rule: BucketRule, history: History, candidates: Iterable<number>, days: Int32Array): Map<number, Bucket> {
  const buckets = new Map<number, Bucket>();
  let trusted = 0;
  for (const place of candidates) {
    const number = bucketOf(rule, place, days);
    const grade = history.grades[place] ?? grades.implausible;
    const bucket = buckets.get(number);
    if (bucket !== undefined) {
      noteProven(history, bucket, place);
      if (grade <= bucket.grade) continue;
      bucket.place = place;
      bucket.grade = grade;
    } else {
      // Single backups need no look beyond the last that counts; calendar buckets do, where a
      // zone's clocks went back over midnight.
      if (rule.period === "backup" && trusted === rule.count) break;
      buckets.set(number, { place, grade });
    }
    if (grade === grades.trusted) trusted++;
  }
  return buckets;
}

/**
 * Called for the bucket's candidates after its first, newest first, before a better one takes its
 * place.
 */
function noteProven(history: History, bucket: Bucket, place: number): void {
  if (bucket.proven !== undefined || bucket.grade !== grades.trusted || isProven(history, bucket.place)) return;
  if (isProven(history, place)) bucket.proven = place;
}

function isProven(history: History, place: number): boolean {
  return history.backups[place]?.state === "proven" && history.grades[place] === grades.trusted;
}

function explainProven({ name, period, count }: BucketRule, { number, counted }: KeptBucket): string {
  return period === "backup" ? "proven" : `newest proven of ${describePeriod(period, number)} (${name} ${counted} of ${count})`;
}

function explain(rule: BucketRule, history: History, bucket: KeptBucket): string {
  const { number, counted } = bucket;
  const where = rule.period === "backup" ? "" : `newest of ${describePeriod(rule.period, number)}`;
  if (bucket.grade !== grades.trusted) {
    const doubt = describeDoubt(history, bucket.place);
    return where === ""
      ? `among the last ${rule.count}, ${doubt} and not counted`
      : `${where}, ${doubt} and not counted (${rule.name})`;
  }
  return where === "" ? `last ${counted} of ${rule.count}` : `${where} (${rule.name} ${counted} of ${rule.count})`;
}
