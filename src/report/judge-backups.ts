/**
 * Judges a source's recovery points: how old the newest good one is, and what is damaged or
 * suspicious.
 */
import { formatAge, formatDuration } from "./format.ts";
import { findExpectedRun } from "./judge-schedules.ts";
import type { Judgement, SourceStatus, SourceView, StatusBackup, StatusFinding, StatusPoint } from "./status-model.ts";

type Facts = "newest" | "newestVerified" | "newestProven" | "rpo" | "suspicious" | "damaged" | "lost" | "deleted" | "held";

export function judgeBackups(view: SourceView): Judgement<Facts> {
  const { backups, now } = view;
  const point = (found: StatusBackup | undefined): StatusPoint | null => (found === undefined ? null : describePoint(found, now));
  const verified = backups.find(isRecoveryPoint);
  const proven = backups.find((backup) => backup.state === "proven" && isRecoveryPoint(backup));
  const rpo = measureRpo(view, verified);
  const facts = {
    newest: point(backups[0]),
    newestVerified: point(verified),
    newestProven: point(proven),
    rpo,
    suspicious: backups.filter(({ suspicious, state }) => suspicious && state !== "damaged").map(({ id }) => id),
    damaged: backups.filter(({ state }) => state === "damaged").map(({ id }) => id),
    lost: view.lost,
    deleted: view.deleted.map(({ id }) => id),
    held: backups.filter(({ held }) => held === true).map(({ id }) => id),
  };
  return {
    facts,
    findings: [
      ...findRpo(view, verified, rpo),
      ...findBad(backups),
      ...findUnchecked(backups),
      ...findLost(view.lost),
      ...findDeleted(view),
      ...findFuture(view),
      ...findForged(view),
    ],
    notes: noteProof(proven, now),
  };
}

/**
 * Whether a person would restore from it: read back, neither damaged nor suspicious, nor dated in
 * the future.
 */
export function isRecoveryPoint({ state, suspicious, future }: StatusBackup): boolean {
  return !suspicious && future !== true && (state === "verified" || state === "proven");
}

function describePoint({ id, startedAt, state }: StatusBackup, now: Date): StatusPoint {
  return { id, at: startedAt.toISOString(), ageSeconds: ageSeconds(startedAt, now), state };
}

function ageSeconds(at: Date, now: Date): number {
  return Math.floor((now.getTime() - at.getTime()) / 1000);
}

/**
 * The RPO is what would be lost now: everything since the newest backup that is known to be good
 * began.
 */
function measureRpo({ source, now }: SourceView, verified: StatusBackup | undefined): SourceStatus["rpo"] {
  const objectiveSeconds = source.objectives.rpoSeconds;
  if (verified === undefined) return { objectiveSeconds, measuredSeconds: null, met: false };
  const measuredSeconds = ageSeconds(verified.startedAt, now);
  return { objectiveSeconds, measuredSeconds, met: measuredSeconds <= objectiveSeconds };
}

function findRpo(view: SourceView, verified: StatusBackup | undefined, rpo: SourceStatus["rpo"]): StatusFinding[] {
  const { backups, now } = view;
  if (backups.length === 0) return [{ level: "breach", subject: "rpo", message: "there is no backup" }];
  if (verified === undefined)
    return [{ level: "breach", subject: "rpo", message: `none of ${backups.length} backups is verified` }];
  if (rpo.met) return [];
  const newer = backups.indexOf(verified);
  const unverified = newer === 0 ? "" : `; ${newer} newer ${newer === 1 ? "one does" : "ones do"} not count`;
  const age = formatAge(verified.startedAt, now);
  const message = `the newest verified backup is ${age} old, the objective is ${formatDuration(rpo.objectiveSeconds * 1000)}${unverified}`;
  // While the next backup is being made, a day after the last is a day and some minutes: no cause
  // to wake anybody.
  if (isRunUnderWay(view, verified)) {
    return [{ level: "warning", subject: "rpo", message: `${message}; the scheduled run is expected to bring one` }];
  }
  return [{ level: "breach", subject: "rpo", message }];
}

/**
 * Whether a scheduled run has just begun, the objective was met until then, and nothing but that
 * run's own backup came since.
 */
function isRunUnderWay({ backups, ...view }: SourceView, verified: StatusBackup): boolean {
  const run = findExpectedRun({ backups, ...view });
  if (run === undefined || ageSeconds(verified.startedAt, run) > view.source.objectives.rpoSeconds) return false;
  return backups.slice(0, backups.indexOf(verified)).every(({ state, startedAt }) => state === "stored" && startedAt >= run);
}

function findBad(backups: readonly StatusBackup[]): StatusFinding[] {
  return backups.flatMap(({ id, state, suspicious, problems = [] }, index): StatusFinding[] => {
    const subject = index === 0 ? `the newest backup, ${id},` : id;
    if (state === "damaged")
      return [
        {
          level: index === 0 ? "breach" : "warning",
          subject: "damage",
          message: `${subject} is damaged${problems.length === 0 ? "" : `: ${problems.join("; ")}`}`,
        },
      ];
    return suspicious
      ? [
          {
            level: "warning",
            subject: "backup",
            message: `${subject} is suspicious: it looks as if data were lost or encrypted`,
          },
        ]
      : [];
  });
}

/** Once for a reason: without the key it is the same for all. */
function findUnchecked(backups: readonly StatusBackup[]): StatusFinding[] {
  const reasons = new Set(backups.flatMap(({ unchecked }) => unchecked?.message ?? []));
  const unchecked = [...reasons].map(
    (reason): StatusFinding => ({
      level: "warning",
      subject: "backup",
      message: `whether its backups were made with the vault's key was not checked: ${reason}`,
    }),
  );
  const unread = backups.flatMap(({ id, unread: reason }): StatusFinding[] =>
    reason === undefined ? [] : [{ level: "warning", subject: "backup", message: `${id} could not be judged: ${reason}` }],
  );
  return [...unchecked, ...unread];
}

function findLost(lost: readonly string[]): StatusFinding[] {
  return lost.map((id) => ({
    level: "breach",
    subject: "backup",
    message: `the manifest of ${id} is missing: it was lost or deleted outside Holdfast`,
  }));
}

function findDeleted({ deleted, now }: SourceView): StatusFinding[] {
  return deleted.map(({ id, deletedAt, keptUntil }) => ({
    level: "warning",
    subject: "backup",
    message: `${id} was deleted ${formatAge(deletedAt, now)} ago; its objects are kept until ${keptUntil.toISOString()}: was it a prune of yours?`,
  }));
}

function findFuture({ backups, dated: datedBackups, now }: SourceView): StatusFinding[] {
  return [...datedBackups, ...backups].flatMap(({ id, startedAt, future, futureChecks = [] }): StatusFinding[] => {
    const message = `${id} is dated ${formatAge(now, startedAt)} in the future and does not count: a clock is or was wrong`;
    const dated: StatusFinding[] = future === true ? [{ level: "warning", subject: "backup", message }] : [];
    const [first] = futureChecks;
    if (first === undefined) return dated;
    const at = new Date(first.at).toISOString();
    const planted = `${id} has evidence "${first.check}" dated ${at}, in the future: it does not count; find out who wrote it`;
    return [...dated, { level: "breach", subject: "verification", message: planted }];
  });
}

/** Once for all: somebody may have put any number of them there. */
function findForged({ backups, dated }: SourceView): StatusFinding[] {
  const keys = [...dated, ...backups].flatMap(({ forged = [] }) => forged);
  const [first] = keys;
  if (first === undefined) return [];
  const message =
    keys.length === 1
      ? `${first} is not signed with a key of the policy: it does not count; find out who wrote it`
      : `${keys.length} documents, such as ${first}, are not signed with a key of the policy: they do not count; find out who wrote them`;
  return [{ level: "breach", subject: "verification", message }];
}

function noteProof(proven: StatusBackup | undefined, now: Date): string[] {
  const proof = proven?.checks.findLast(({ check }) => check === "proven");
  if (proven === undefined || proof === undefined) return [];
  return [`${proven.id} was restored and compared equal ${formatAge(new Date(proof.at), now)} ago`];
}
