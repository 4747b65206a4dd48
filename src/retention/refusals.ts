/**
 * When a plan must not be carried out: each refusal names what is wrong, so that a dry run can show
 * plan and refusal together.
 */
import { type BackupKind, backupKinds, type Retention } from "../policy/policy.ts";
import { bucketRulesOf } from "./bucket-rules.ts";
import { grades, type History } from "./history.ts";

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
export const mostPerHour = { log: 3600, other: 120 } as const;

/**
 * How far back such a burst stops pruning; by then a person has seen the refusals, and backups of
 * the past cannot be planted by schedule.
 */
const burstDays = 7;

const hourMs = 3_600_000;
/** Backups named one by one in a refusal. */
const mostNamed = 10;

/**
 * Everything that speaks against carrying out the plan, the most telling first. A source without
 * backups is never refused.
 */
export function findRefusals(history: History, retention: Retention, nowMs: number, releasedCount: number): Refusal[] {
  if (history.backups.length === 0) return refusePolicy(history, retention);
  return [
    ...refusePolicy(history, retention),
    ...refuseImplausible(history),
    ...refuseBursts(history, nowMs),
    ...refuseNewest(history),
    ...refuseUnverified(history),
    ...refuseShare(history, retention, releasedCount),
  ];
}

function refusePolicy({ backups }: History, retention: Retention): Refusal[] {
  const ages = [retention.keepWithinSeconds, retention.recoveryWindowSeconds];
  const general = bucketRulesOf(retention).length > 0 || ages.some((seconds = 0) => seconds > 0);
  if (general) return [];
  const details = ["give the source daily, weekly, monthly, yearly, keepLast, keepWithin or recoveryWindow"];
  const ruled = (kind: BackupKind) => (retention.kinds?.[kind]?.keepWithinSeconds ?? 0) > 0;
  if (!backupKinds.some(ruled)) return [{ code: "policy-empty", message: "the retention policy keeps nothing", details }];
  // Logs without an age rule follow the backups they are replayed on.
  const bare = backupKinds.filter((kind) => kind !== "log" && !ruled(kind) && backups.some((backup) => backup.kind === kind));
  if (bare.length === 0) return [];
  return [
    { code: "policy-empty", message: `no rule of the retention policy keeps a backup of kind ${bare.join(" or ")}`, details },
  ];
}

function refuseImplausible({ backups, implausible }: History): Refusal[] {
  if (implausible.size === 0) return [];
  const newestFirst = [...implausible].sort(([a], [b]) => a - b);
  const named = newestFirst.slice(0, mostNamed).map(([place, reason]) => `${backups[place]?.id}: ${reason}`);
  const more = implausible.size > mostNamed ? [`and ${implausible.size - mostNamed} more`] : [];
  const subject = implausible.size === 1 ? "1 backup is" : `${implausible.size} backups are`;
  const message = `${subject} not what the id says: a clock is wrong, or the id was planted`;
  return [{ code: "backups-implausible", message, details: [...named, ...more] }];
}

function refuseBursts({ backups, implausible }: History, nowMs: number): Refusal[] {
  const counts = new Map<string, number>();
  backups.forEach(({ kind, startedAtMs }, place) => {
    if (implausible.has(place) || nowMs - startedAtMs > burstDays * 24 * hourMs) return;
    const hour = `${new Date(Math.floor(startedAtMs / hourMs) * hourMs).toISOString().slice(0, 13)}Z ${kind}`;
    counts.set(hour, (counts.get(hour) ?? 0) + 1);
  });
  const bursts = [...counts].filter(([hour, count]) => count > (hour.endsWith(" log") ? mostPerHour.log : mostPerHour.other));
  if (bursts.length === 0) return [];
  return [
    {
      code: "backups-too-many",
      message:
        "more backups were made in an hour than any schedule asks for: a loop, or planted ones that would push the good ones out",
      details: bursts.slice(0, mostNamed).map(([hour, count]) => `${hour}: ${count} backups`),
    },
  ];
}

function refuseNewest({ backups, grades: graded, standings }: History): Refusal[] {
  // The newest of all, and the newest that is no log: a good log says nothing of the backup it is
  // replayed on.
  const plausible = (place: number) => graded[place] !== grades.implausible;
  const newest = backups.findIndex((_, place) => plausible(place));
  const newestBase = backups.findIndex(({ kind }, place) => kind !== "log" && plausible(place));
  for (const place of new Set([newest, newestBase])) {
    const backup = backups[place];
    if (backup === undefined) continue;
    const details = [backup.id, "older backups may be the last good ones: none is deleted before this is cleared up"];
    if (graded[place] === grades.unusable) {
      const what = backup.state === "damaged" ? "is damaged" : "builds on a backup that is damaged or missing";
      return [{ code: "newest-damaged", message: `the newest backup ${what}`, details }];
    }
  }
  // What is newer than a suspicious one and not verified yet says nothing against the suspicion.
  const trusted = backups.findIndex(({ kind }, place) => kind !== "log" && graded[place] === grades.trusted);
  const undecided = trusted < 0 ? backups : backups.slice(0, trusted);
  const found = undecided.find((_, place) => standings[place]?.suspicious === true && plausible(place));
  return found === undefined ? [] : [refuseSuspicious(found.id)];
}

function refuseSuspicious(id: string): Refusal {
  const details = [
    id,
    "older backups may be the last good ones: none is deleted before this is cleared up",
    'if the change is expected, accept it with `holdfast verify <backup> --accept "<why>"`',
  ];
  return { code: "newest-suspicious", message: "the newest backup is suspicious", details };
}

function refuseUnverified({ grades: graded, backups }: History): Refusal[] {
  if (backups.some(({ kind }, place) => kind !== "log" && graded[place] === grades.trusted)) return [];
  const details = [`${backups.length} backups`, "verify the newest with `holdfast verify`"];
  return [{ code: "none-verified", message: "no backup is verified; none is known to be good", details }];
}

function refuseShare({ backups }: History, { maxRemovalShare }: Retention, releasedCount: number): Refusal[] {
  // The tiny addition keeps 0.29 x 100 from becoming 28.
  const allowed = Math.max(alwaysRemovable, Math.floor(backups.length * maxRemovalShare + 1e-9));
  if (releasedCount <= allowed) return [];
  const share = `${Math.round(maxRemovalShare * 100)} %`;
  return [
    {
      code: "removes-too-much",
      message: `${releasedCount} of ${backups.length} backups would be removed at once, and the policy allows ${allowed} (${share}, at least ${alwaysRemovable})`,
      details: ["look at the plan; if it is right, raise retention.maxRemoval for one run"],
    },
  ];
}
