/**
 * Which backups of one source stay and which are released, and why (docs/retention.md). Pure: no
 * I/O, no clock.
 */
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { Retention } from "../policy/policy.ts";
import { periodOf } from "./calendar.ts";
import { type AppliedRule, applyCalendarRule, calendarRulesOf } from "./calendar-rules.ts";
import { describeAge } from "./describe-age.ts";
import { type Entry, type History, type RetentionMoment, readHistory } from "./history.ts";
import { keepLast, keepLogs, keepNeeded, keepNewest, keepProtected, keepYoung } from "./keep-rules.ts";
import { orderReleases } from "./order-releases.ts";
import { keepWindow } from "./recovery-window.ts";
import { findRefusals, type Refusal } from "./refusals.ts";
import type { RetentionBackup } from "./retention-backup.ts";

export type { RetentionMoment } from "./history.ts";
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
  readonly refusal?: Refusal | undefined;
  readonly refusals: readonly Refusal[];
  /**
   * Backups whose positions decide on logs or on the recovery window, and were not known: the plan
   * must not be carried out before their manifests were read, and it was made again.
   */
  readonly unread: readonly string[];
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
  const { history, applied, bases } = applyCountingRules(backups, retention, moment);
  if (retention.minAgeSeconds > 0) bases.push(...keepUnsettled(history, retention, moment));
  keepYoung(history, retention, nowMs);
  bases.push(...keepLogs(history, retention));
  keepProtected(history, retention, nowMs);
  keepNeeded(history);

  const gone = history.filter(({ reasons }) => reasons.length === 0);
  const refusals = findRefusals(history, retention, nowMs, gone.length);
  const decisions = history.map((entry): Decision => {
    const { backup, reasons } = entry;
    const kept = reasons.length > 0;
    return { id: backup.id, kept, reasons: kept ? reasons : explainRelease(entry, applied) };
  });
  return {
    decisions,
    released: orderReleases(gone).map(({ backup }) => backup.id),
    refusals,
    unread: findUnread(gone, bases, retention),
    refusal: refusals[0],
  };
}

/**
 * What of a plan that releases something rests on positions that nobody read: of logs that go, of
 * what logs go on from, and, where there is a recovery window, of all that goes.
 */
function findUnread(gone: readonly Entry[], bases: readonly Entry[], { recoveryWindowSeconds = 0 }: Retention): string[] {
  if (gone.length === 0) return [];
  const decided = gone.filter(({ backup }) => backup.kind === "log" || recoveryWindowSeconds > 0);
  const unread = [...bases, ...decided].filter(({ backup }) => backup.coverage === undefined);
  return [...new Set(unread.map(({ backup }) => backup.id))];
}

/**
 * The rules that count backups, where a newer one can take an older one's place. `bases`: what the
 * recovery window rests on.
 */
function applyCountingRules(backups: readonly RetentionBackup[], retention: Retention, moment: RetentionMoment) {
  const history = readHistory(backups, moment);
  keepNewest(history);
  keepLast(history, retention.keepLast ?? 0);
  const applied = calendarRulesOf(retention).map((rule) => applyCalendarRule(rule, history));
  const bases = [...keepWindow(history, retention, moment.now.getTime())];
  return { history, applied, bases };
}

/**
 * Keeps what the rules kept `minAge` ago: a backup, or a check, that is younger lets no other
 * backup go. So whatever happens to the source or to the vault, what was there before it stays that
 * long. Returns what the recovery window rested on then.
 */
function keepUnsettled(history: History, retention: Retention, moment: RetentionMoment): readonly Entry[] {
  const settledMs = moment.now.getTime() - retention.minAgeSeconds * 1000;
  const age = describeAge(retention.minAgeSeconds);
  const isStored = ({ storedAtMs = settledMs }: RetentionBackup): boolean => storedAtMs <= settledMs;
  const earlier = history
    .filter(({ backup }) => backup.startedAtMs <= settledMs && isStored(backup))
    .map(({ backup }) => (backup.settled === undefined ? backup : { ...backup, ...backup.settled }));
  const then = applyCountingRules(earlier, retention, moment);
  const kept = new Map(then.history.map(({ backup, reasons }) => [backup.id, reasons]));
  for (const { backup, reasons } of history) {
    if (reasons.length > 0) continue;
    if (!isStored(backup)) reasons.push(`in the vault for less than ${age} (minAge)`);
    for (const reason of kept.get(backup.id) ?? []) reasons.push(`${reason}, not counting the last ${age} (minAge)`);
  }
  return then.bases;
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

/**
 * The reasons for releasing are few: each is one shared list, so that a million decisions need no
 * million strings.
 */
const releases = {
  damaged: ["released: damaged, and a newer backup is verified"],
  log: ["released: older than the logs that are kept"],
  old: ["released: older than every rule"],
  newer: {
    day: ["released: a newer backup is kept for its day"],
    week: ["released: a newer backup is kept for its week"],
    month: ["released: a newer backup is kept for its month"],
    year: ["released: a newer backup is kept for its year"],
  },
  better: {
    day: ["released: a more trusted backup is kept for its day"],
    week: ["released: a more trusted backup is kept for its week"],
    month: ["released: a more trusted backup is kept for its month"],
    year: ["released: a more trusted backup is kept for its year"],
  },
} as const;

function explainRelease({ backup, rank, day }: Entry, applied: readonly AppliedRule[]): readonly string[] {
  if (backup.state === "damaged") return releases.damaged;
  if (backup.kind === "log") return releases.log;
  for (const { period, standing } of applied) {
    const kept = standing.get(periodOf(period, day));
    if (kept !== undefined) return kept.rank < rank ? releases.newer[period] : releases.better[period];
  }
  return releases.old;
}
