/**
 * Which backups of one source stay and which are released, and why (docs/retention.md). Pure: no
 * I/O, no clock.
 */
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { Retention } from "../policy/policy.ts";
import { type AppliedRule, applyBucketRule, bucketOf, bucketRulesOf } from "./bucket-rules.ts";
import { numberDays } from "./calendar.ts";
import { describeAge } from "./describe-age.ts";
import { grades, type History, readHistory } from "./history.ts";
import { keepLogs, keepNeeded, keepNewest, keepProtected, keepYoung } from "./keep-rules.ts";
import { orderReleases } from "./order-releases.ts";
import { addReason, type Reasons } from "./reasons.ts";
import { keepWindow } from "./recovery-window.ts";
import { findRefusals, type Refusal } from "./refusals.ts";
import type { RetentionBackup } from "./retention-backup.ts";

export type { RetentionBackup } from "./retention-backup.ts";

export interface Decision {
  readonly id: string;
  readonly kept: boolean;
  /**
   * In words; at least one: `newest of 2026-11-20 (daily 3 of 30)`, `held`,
   * `released: older than every rule`.
   */
  readonly reasons: readonly string[];
}

export interface RetentionPlan {
  /** One per backup, newest first. */
  readonly decisions: readonly Decision[];
  /**
   * Ids in the order in which they may be deleted: newest first, and never one before what builds
   * on it.
   */
  readonly released: readonly string[];
  /**
   * Why the plan must not be carried out: the most telling of `refusals`; absent when there is
   * none.
   */
  readonly refusal?: Refusal;
  readonly refusals: readonly Refusal[];
  /**
   * Backups whose positions decide on logs or on the recovery window, and were not known: the plan
   * must not be carried out before their manifests were read, and it was made again.
   */
  readonly unread: readonly string[];
}

export interface RetentionMoment {
  readonly now: Date;
  /** IANA name; calendar days, ISO weeks, months and years are this zone's. */
  readonly timezone: string;
}

/**
 * Plans retention for all backups of one source, in any order. Kept are the newest trusted backup
 * of each of the newest calendar buckets (and the newest proven one, where that is another), what
 * the recovery window needs, what is younger than the policy's ages, the newest proven and verified
 * ones, what is newer than these, held, locked, permanent or implausible, and everything that these
 * build on; the rest is released, unless it would have been kept `minAge` ago. Deterministic;
 * planning again on what was kept releases nothing more. Takes a few seconds for a million backups,
 * and memory in proportion to their number.
 */
export function planRetention(backups: readonly RetentionBackup[], retention: Retention, moment: RetentionMoment): RetentionPlan {
  const nowMs = moment.now.getTime();
  const { history, days, reasons, applied, window } = applyCountingRules(backups, retention, moment);
  const bases = window.bases.map((place) => history.backups[place]);
  if (retention.minAgeSeconds > 0) bases.push(...keepUnsettled(history, retention, moment, reasons));
  keepYoung(history, retention, nowMs, reasons);
  bases.push(history.backups[keepLogs(history, retention, reasons) ?? -1]);
  keepProtected(history, retention, nowMs, reasons);
  keepNeeded(history, reasons);

  const places = history.backups.flatMap((_, place) => (reasons[place] === undefined ? [place] : []));
  const refusals = findRefusals(history, retention, nowMs, places.length);
  const decisions = history.backups.map(({ id }, place): Decision => {
    const kept = reasons[place];
    return kept === undefined
      ? { id, kept: false, reasons: explainRelease(history, place, days, applied) }
      : { id, kept: true, reasons: kept };
  });
  const released = orderReleases(history, places).flatMap((place) => history.backups[place]?.id ?? []);
  return {
    decisions,
    released,
    refusals,
    unread: findUnread(history, places, bases, retention),
    ...(refusals[0] === undefined ? {} : { refusal: refusals[0] }),
  };
}

/**
 * What of a plan that releases something rests on positions that nobody read: of logs that go, of
 * what logs go on from, and, where there is a recovery window, of all that goes.
 */
function findUnread(
  history: History,
  places: readonly number[],
  bases: readonly (RetentionBackup | undefined)[],
  { recoveryWindowSeconds = 0 }: Retention,
): string[] {
  if (places.length === 0) return [];
  const released = places.flatMap((place) => history.backups[place] ?? []);
  const decided = released.filter(({ kind }) => kind === "log" || recoveryWindowSeconds > 0);
  const unread = [...bases, ...decided].flatMap((backup) => (backup?.coverage === undefined ? (backup?.id ?? []) : []));
  return [...new Set(unread)];
}

/** The rules that count backups, where a newer one can take an older one's place. */
function applyCountingRules(backups: readonly RetentionBackup[], retention: Retention, moment: RetentionMoment) {
  const history = readHistory(backups, moment.now.getTime());
  const days = numberDays(
    Float64Array.from(history.backups, ({ startedAtMs }) => startedAtMs),
    moment.timezone,
  );
  const reasons: Reasons = Array.from({ length: history.backups.length });
  keepNewest(history, reasons);
  const applied = bucketRulesOf(retention).map((rule) => applyBucketRule(rule, history, representatives(history), days, reasons));
  const window = keepWindow(history, retention, moment.now.getTime(), reasons);
  return { history, days, reasons, applied, window };
}

/**
 * Keeps what the rules kept `minAge` ago: a backup, or a check, that is younger lets no other
 * backup go. So whatever happens to the source or to the vault, what was there before it stays that
 * long. Returns what the recovery window rested on then.
 */
function keepUnsettled(
  history: History,
  retention: Retention,
  moment: RetentionMoment,
  reasons: Reasons,
): (RetentionBackup | undefined)[] {
  const settledMs = moment.now.getTime() - retention.minAgeSeconds * 1000;
  const age = describeAge(retention.minAgeSeconds);
  const isStored = ({ storedAtMs }: RetentionBackup): boolean => storedAtMs === undefined || storedAtMs <= settledMs;
  const earlier = history.backups
    .filter((backup) => backup.startedAtMs <= settledMs && isStored(backup))
    .map((backup) => (backup.settled === undefined ? backup : { ...backup, ...backup.settled }));
  const then = applyCountingRules(earlier, retention, moment);
  const kept = new Map(then.history.backups.map(({ id }, place) => [id, then.reasons[place]]));
  history.backups.forEach((backup, place) => {
    if (reasons[place] !== undefined) return;
    if (!isStored(backup)) addReason(reasons, place, `in the vault for less than ${age} (minAge)`);
    for (const reason of kept.get(backup.id) ?? []) addReason(reasons, place, `${reason}, not counting the last ${age} (minAge)`);
  });
  return then.window.bases.map((place) => then.history.backups[place]);
}

/**
 * Throws PruneRefused when the plan must not be carried out, with every refusal in its details.
 * A caller that deletes calls this first; a dry run shows plan and refusals together.
 */
export function assertPrunable(plan: Pick<RetentionPlan, "refusals">): void {
  const [first, ...others] = plan.refusals;
  if (first === undefined) return;
  throw new HoldfastError("PruneRefused", `nothing was pruned: ${first.message}`, {
    details: [...first.details, ...others.map(({ message }) => `and ${message}`)],
  });
}

/** What can stand for a bucket: everything plausible that restores without further logs. */
export function* representatives({ backups, grades: graded }: History): Iterable<number> {
  for (let place = 0; place < backups.length; place++) {
    if (backups[place]?.kind !== "log" && graded[place] !== grades.implausible) yield place;
  }
}

/**
 * The reasons for releasing are few: each is one shared list, so that a million decisions need no
 * million strings.
 */
const releases = {
  damaged: ["released: damaged, and a newer backup is verified"],
  log: ["released: older than the logs that are kept"],
  day: ["released: a newer backup is kept for its day"],
  week: ["released: a newer backup is kept for its week"],
  month: ["released: a newer backup is kept for its month"],
  year: ["released: a newer backup is kept for its year"],
  betterDay: ["released: a more trusted backup is kept for its day"],
  betterWeek: ["released: a more trusted backup is kept for its week"],
  betterMonth: ["released: a more trusted backup is kept for its month"],
  betterYear: ["released: a more trusted backup is kept for its year"],
  old: ["released: older than every rule"],
} as const satisfies Record<string, readonly string[]>;

function explainRelease(history: History, place: number, days: Int32Array, applied: readonly AppliedRule[]): readonly string[] {
  const backup = history.backups[place];
  if (backup?.state === "damaged") return releases.damaged;
  if (backup?.kind === "log") return releases.log;
  for (const { rule, reach, standing } of applied) {
    if (rule.period === "backup") continue;
    const number = bucketOf(rule, place, days);
    if (number < reach) continue;
    return (standing.get(number) ?? 0) < place ? releases[rule.period] : releases[betterOf[rule.period]];
  }
  return releases.old;
}

const betterOf = { day: "betterDay", week: "betterWeek", month: "betterMonth", year: "betterYear" } as const;
