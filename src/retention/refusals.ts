/**
 * When a plan must not be carried out: each refusal names what is wrong, so that a dry run can show
 * plan and refusal together.
 */
import { type BackupKind, backupKinds, type Retention } from "../policy/policy.ts";
import { calendarRulesOf } from "./calendar-rules.ts";
import { type Entry, grades, type History } from "./history.ts";

export interface Refusal {
  readonly code:
    | "policy-empty"
    | "backups-hidden"
    | "backups-lost"
    | "backups-implausible"
    | "backups-too-many"
    | "newest-damaged"
    | "newest-suspicious"
    | "none-verified"
    | "removes-too-much";
  /** A lowercase fact without a full stop. */
  readonly message: string;
  /** The backups concerned, and what to do, a line each. */
  readonly details: readonly string[];
}

/**
 * So many removals are always allowed, whatever their share: with three backups and `keepLast: 1` a
 * share would allow none for ever.
 */
export const alwaysRemovable = 3;

/**
 * More backups of a kind in one hour than any schedule asks for (a cron runs once a minute; logs
 * may come every second).
 */
export const maxPerHour = { log: 3600, other: 120 } as const;

/**
 * How far back such a burst stops pruning; by then a person has seen the refusals, and backups of
 * the past cannot be planted by schedule.
 */
const burstDays = 7;

const hourMs = 3_600_000;
/** Backups named one by one in a refusal. */
const maxNamed = 10;

/**
 * Everything that speaks against carrying out the plan, the most telling first. A source without
 * backups is never refused.
 */
export function findRefusals(history: History, retention: Retention, nowMs: number, releasedCount: number): Refusal[] {
  if (history.length === 0) return refusePolicy(history, retention);
  return [
    ...refusePolicy(history, retention),
    ...refuseImplausible(history),
    ...refuseBursts(history, nowMs),
    ...refuseNewest(history),
    ...refuseUnverified(history),
    ...refuseShare(history, retention, releasedCount),
  ];
}

function refusePolicy(history: History, retention: Retention): Refusal[] {
  const { keepLast = 0, keepWithinSeconds = 0, recoveryWindowSeconds = 0 } = retention;
  if (calendarRulesOf(retention).length > 0 || Math.max(keepLast, keepWithinSeconds, recoveryWindowSeconds) > 0) return [];
  const details = ["give the source daily, weekly, monthly, yearly, keepLast, keepWithin or recoveryWindow"];
  const ruled = (kind: BackupKind) => (retention.kinds?.[kind]?.keepWithinSeconds ?? 0) > 0;
  if (!backupKinds.some(ruled)) return [{ code: "policy-empty", message: "the retention policy keeps nothing", details }];
  // Logs without an age rule follow the backups they are replayed on.
  const bare = backupKinds.filter((kind) => kind !== "log" && !ruled(kind) && history.some(({ backup }) => backup.kind === kind));
  if (bare.length === 0) return [];
  return [
    { code: "policy-empty", message: `no rule of the retention policy keeps a backup of kind ${bare.join(" or ")}`, details },
  ];
}

function refuseImplausible(history: History): Refusal[] {
  const found = history.filter(({ implausible }) => implausible !== undefined);
  if (found.length === 0) return [];
  const named = found.slice(0, maxNamed).map(({ backup, implausible }) => `${backup.id}: ${implausible}`);
  const more = found.length > maxNamed ? [`and ${found.length - maxNamed} more`] : [];
  const subject = found.length === 1 ? "1 backup is" : `${found.length} backups are`;
  const message = `${subject} not what the id says: a clock is wrong, or the id was planted`;
  return [{ code: "backups-implausible", message, details: [...named, ...more] }];
}

function refuseBursts(history: History, nowMs: number): Refusal[] {
  const counts = new Map<string, number>();
  for (const { backup, implausible } of history) {
    const { kind, startedAtMs } = backup;
    if (implausible !== undefined || nowMs - startedAtMs > burstDays * 24 * hourMs) continue;
    const hour = `${new Date(startedAtMs).toISOString().slice(0, 13)}Z ${kind}`;
    counts.set(hour, (counts.get(hour) ?? 0) + 1);
  }
  const bursts = [...counts].filter(([hour, count]) => count > (hour.endsWith(" log") ? maxPerHour.log : maxPerHour.other));
  if (bursts.length === 0) return [];
  return [
    {
      code: "backups-too-many",
      message:
        "more backups were made in an hour than any schedule asks for: a loop, or planted ones that would push the good ones out",
      details: bursts.slice(0, maxNamed).map(([hour, count]) => `${hour}: ${count} backups`),
    },
  ];
}

function refuseNewest(history: History): Refusal[] {
  const plausible = history.filter(({ grade }) => grade !== grades.implausible);
  const bases = plausible.filter(({ backup }) => backup.kind !== "log");
  // The newest of all, and the newest that is no log: a good log says nothing of the backup it is
  // replayed on.
  const newest = [...plausible.slice(0, 1), ...bases.slice(0, 1)];
  const damaged = newest.find(({ grade }) => grade === grades.unusable);
  if (damaged !== undefined) return [refuseDamaged(damaged)];
  // What is newer than a suspicious one and not verified yet says nothing against the suspicion.
  const trusted = bases.find(({ grade }) => grade === grades.trusted);
  const found = plausible.find(({ standing }) => standing.suspicious);
  return found === undefined || (trusted !== undefined && trusted.rank < found.rank) ? [] : [refuseSuspicious(found.backup.id)];
}

function refuseDamaged({ backup }: Entry): Refusal {
  const what = backup.state === "damaged" ? "is damaged" : "builds on a backup that is damaged or missing";
  const details = [backup.id, "older backups may be the last good ones: none is deleted before this is cleared up"];
  return { code: "newest-damaged", message: `the newest backup ${what}`, details };
}

function refuseSuspicious(id: string): Refusal {
  const details = [
    id,
    "older backups may be the last good ones: none is deleted before this is cleared up",
    'if the change is expected, accept it with `holdfast verify <backup> --accept "<why>"`',
  ];
  return { code: "newest-suspicious", message: "the newest backup is suspicious", details };
}

function refuseUnverified(history: History): Refusal[] {
  if (history.some(({ backup, grade }) => backup.kind !== "log" && grade === grades.trusted)) return [];
  const details = [`${history.length} backups`, "verify the newest with `holdfast verify`"];
  return [{ code: "none-verified", message: "no backup is verified; none is known to be good", details }];
}

function refuseShare(history: History, { maxRemovalShare }: Retention, releasedCount: number): Refusal[] {
  // The tiny addition keeps 0.29 x 100 from becoming 28.
  const allowed = Math.max(alwaysRemovable, Math.floor(history.length * maxRemovalShare + 1e-9));
  if (releasedCount <= allowed) return [];
  const share = `${Math.round(maxRemovalShare * 100)} %`;
  return [
    {
      code: "removes-too-much",
      message: `${releasedCount} of ${history.length} backups would be removed at once, and the policy allows ${allowed} (${share}, at least ${alwaysRemovable})`,
      details: ["look at the plan; if it is right, raise retention.maxRemoval for one run"],
    },
  ];
}
