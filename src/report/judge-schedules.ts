/**
 * Judges backups against their schedules: runs that brought none, and schedules that cannot meet
 * the objective.
 */
import { type BackupKind, backupKinds } from "../policy/policy.ts";
import { formatDuration } from "./format.ts";
import { openSchedule, type Schedule } from "./schedule.ts";
import type { Judgement, SourceView, StatusBackup, StatusFinding, StatusSource } from "./status-model.ts";

/**
 * A backup is listed once it is committed: a run may take this long at least, or twice as long as
 * the last one.
 */
const minGraceMs = 15 * 60_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** A scheduler may start a run a little early by our clock. */
const earlyStartMs = 60_000;
/**
 * Enough runs to see a week of hourly ones; more missed runs than this are not counted one by one.
 */
const maxRuns = 400;

export function judgeSchedules(view: SourceView): Judgement<"missedRuns"> {
  const schedules = backupKinds.flatMap((kind) => {
    const cron = view.source.schedules[kind];
    return cron === undefined ? [] : [{ kind, schedule: openSchedule(cron, view.timezone) }];
  });
  const missedRuns = schedules.flatMap(({ kind, schedule }) => findMissed(view, kind, schedule));
  const findings = missedRuns.map(({ kind, count, lastAt }): StatusFinding => {
    const runs =
      count === 1
        ? `the ${kind} backup scheduled for ${lastAt} was`
        : `${count === maxRuns ? "at least " : ""}${count} scheduled ${kind} backups were`;
    return { level: "warning", subject: "schedule", message: `${runs} not made${count === 1 ? "" : `, the last at ${lastAt}`}` };
  });
  const unmeetable = sayUnmeetable(view.source, view.timezone, view.now);
  const gap: StatusFinding[] = unmeetable === undefined ? [] : [{ level: "warning", subject: "schedule", message: unmeetable }];
  return { facts: { missedRuns }, findings: [...findings, ...gap], notes: [] };
}

/**
 * Runs after the newest backup of the kind, whatever that is worth: an older backup that is gone
 * may have been pruned.
 */
function findMissed(
  { backups, now }: SourceView,
  kind: BackupKind,
  schedule: Schedule,
): { kind: BackupKind; count: number; lastAt: string }[] {
  const newest = backups.find((backup) => backup.kind === kind);
  // Before its first backup a source has no history of its own: how long the schedule has been
  // there is not known.
  const since = newest ?? backups.at(-1);
  if (since === undefined) return [];
  const afterMs = since.startedAt.getTime() + earlyStartMs;
  let run = schedule.previous(new Date(now.getTime() - graceMsOf(newest)));
  const last = run;
  let count = 0;
  for (; run !== undefined && run.getTime() > afterMs && count < maxRuns; count++) run = schedule.previous(run);
  return count === 0 || last === undefined ? [] : [{ kind, count, lastAt: last.toISOString() }];
}

/**
 * The scheduled run that began so little ago that it may well still be at work: a backup is due any
 * moment.
 */
export function findExpectedRun({ source, backups, now, timezone }: SourceView): Date | undefined {
  const graceMs = graceMsOf(backups[0]);
  const runs = backupKinds.flatMap((kind) => {
    const cron = source.schedules[kind];
    return (cron === undefined ? undefined : openSchedule(cron, timezone).previous(now)) ?? [];
  });
  return runs.find((run) => now.getTime() - run.getTime() <= graceMs);
}

function graceMsOf(newest: StatusBackup | undefined): number {
  return Math.max(minGraceMs, 2000 * (newest?.figures?.durationSeconds ?? 0));
}

/**
 * A policy that promises more than its schedules can give is breached between any two runs; better
 * said once and plainly: in the status, and when a stack is packaged. Undefined: it can be kept.
 */
export function sayUnmeetable(
  { schedules: crons, objectives: { rpoSeconds } }: Pick<StatusSource, "schedules" | "objectives">,
  timezone: string,
  now: Date,
): string | undefined {
  const schedules = Object.values(crons).map((cron) => openSchedule(cron, timezone));
  const histories = schedules.map((schedule) => pastRuns(schedule, now)).filter((runs) => runs.length > 1);
  if (histories.length === 0) return undefined;
  // Only as far back as the runs of every kind are known.
  const from = Math.max(...histories.map((runs) => runs.at(-1) ?? 0));
  const runs = [...new Set(histories.flat())].filter((run) => run >= from).sort((a, b) => a - b);
  const gapMs = runs.slice(1).reduce((widest, run, index) => Math.max(widest, run - (runs[index] ?? run)), 0);
  // A day has 25 hours when clocks go back: no cause to speak of a daily schedule the whole autumn.
  const allowedMs = rpoSeconds * 1000 + (rpoSeconds * 1000 >= dayMs ? hourMs : 0);
  if (gapMs <= allowedMs) return undefined;
  return `the schedule leaves ${formatDuration(gapMs)} between backups, and can never keep an RPO of ${formatDuration(rpoSeconds * 1000)}`;
}

/** The runs of two months, two at least, newest first. */
function pastRuns(schedule: Schedule, now: Date): number[] {
  const fromMs = now.getTime() - 60 * dayMs;
  const runs: number[] = [];
  for (let run = schedule.previous(now); run !== undefined && runs.length < maxRuns; run = schedule.previous(run)) {
    if (runs.length >= 2 && run.getTime() < fromMs) break;
    runs.push(run.getTime());
  }
  return runs;
}
