/**
 * Judges what restoring would take and when it was last tried: RTO, restore tests, verifications.
 */
import { formatAge, formatDuration } from "./format.ts";
import { openSchedule } from "./schedule.ts";
import type { Judgement, SourceStatus, SourceView, StatusBackup, StatusFinding } from "./status-model.ts";

type Facts = "rto" | "restoreTest" | "verification";

/**
 * A scheduled check may run this long, and be written down as late, before it counts as overdue.
 */
const graceMs = 3_600_000;

const restoreChecks: readonly string[] = ["proven", "unproven", "disproven"];
const readChecks: readonly string[] = ["verified", "suspicious", "damaged", ...restoreChecks];

interface Check {
  readonly backup: StatusBackup;
  readonly check: string;
  readonly at: Date;
}

export function judgeRestores(view: SourceView): Judgement<Facts> {
  const tested = newestCheck(view.backups, restoreChecks);
  const test = measureCheck(view, tested, view.source.restoreTest.schedule);
  const read = newestCheck(view.backups, readChecks);
  const verification = measureCheck(view, read, view.source.verify.schedule);
  const rto = measureRto(view);
  const facts = {
    rto,
    restoreTest: {
      outcome: tested?.check ?? null,
      ...(tested?.check === "proven" && tested.backup.leftOut !== undefined ? { leftOut: tested.backup.leftOut } : {}),
      backupId: tested?.backup.id ?? null,
      ...test,
    },
    verification,
  };
  return {
    facts,
    findings: [...findRto(rto), ...findTest(view, tested, test), ...findVerification(view, read, verification)],
    notes: rto.met === true && rto.measuredSeconds !== null ? [`a restore took ${formatDuration(rto.measuredSeconds * 1000)}`] : [],
  };
}

function newestCheck(backups: readonly StatusBackup[], names: readonly string[]): Check | undefined {
  let newest: Check | undefined;
  for (const backup of backups) {
    for (const { check, at } of backup.checks) {
      const time = new Date(at);
      if (names.includes(check) && (newest === undefined || time >= newest.at)) newest = { backup, check, at: time };
    }
  }
  return newest;
}

/**
 * When it ran and when it should have; overdue when the newest run that was due before the grace
 * period was followed by none.
 */
function measureCheck({ now, timezone, backups }: SourceView, last: Check | undefined, schedule: string | undefined) {
  const due = schedule === undefined ? undefined : openSchedule(schedule, timezone).previous(new Date(now.getTime() - graceMs));
  // What was due before there was anything to check is not overdue.
  const oldest = backups.at(-1)?.startedAt;
  const owed = due !== undefined && oldest !== undefined && oldest <= due;
  const overdue = owed && (last === undefined || last.at < due);
  return { at: last?.at.toISOString() ?? null, dueAt: due?.toISOString() ?? null, overdue };
}

function measureRto({ source, backups }: SourceView): SourceStatus["rto"] {
  const objectiveSeconds = source.objectives.rtoSeconds;
  const measured = newestCheck(
    backups.filter(({ figures }) => figures?.restoreSeconds !== undefined),
    [...restoreChecks, "restored"],
  );
  const measuredSeconds = measured?.backup.figures?.restoreSeconds;
  if (measured === undefined || measuredSeconds === undefined) {
    return { objectiveSeconds, measuredSeconds: null, measuredAt: null, forecastSeconds: null, met: null };
  }
  const forecastSeconds = forecast(measured.backup, backups, measuredSeconds);
  return {
    objectiveSeconds,
    measuredSeconds,
    measuredAt: measured.at.toISOString(),
    forecastSeconds,
    met: measuredSeconds <= objectiveSeconds,
  };
}

/**
 * Time grows with size: at the measured speed. Nothing is forecast where the newest backup is not
 * larger, or sizes are unknown.
 */
function forecast(tested: StatusBackup, backups: readonly StatusBackup[], measuredSeconds: number): number | null {
  const newest = backups.find(
    ({ kind, state, figures }) => kind === tested.kind && state !== "damaged" && figures?.contentBytes !== undefined,
  );
  const [before, after] = [tested.figures?.contentBytes ?? 0, newest?.figures?.contentBytes ?? 0];
  return before > 0 && after > before ? Math.round((measuredSeconds * after) / before) : null;
}

function findRto({ objectiveSeconds, measuredSeconds, forecastSeconds, met }: SourceStatus["rto"]): StatusFinding[] {
  const objective = `the objective is ${formatDuration(objectiveSeconds * 1000)}`;
  if (measuredSeconds !== null && met === false) {
    return [
      { level: "breach", subject: "rto", message: `the last restore took ${formatDuration(measuredSeconds * 1000)}, ${objective}` },
    ];
  }
  if (forecastSeconds !== null && forecastSeconds > objectiveSeconds) {
    const message = `restoring the newest backup is forecast to take ${formatDuration(forecastSeconds * 1000)}, ${objective}`;
    return [{ level: "warning", subject: "rto", message }];
  }
  return [];
}

function findTest(
  { backups, now, source }: SourceView,
  tested: Check | undefined,
  { dueAt, overdue }: { dueAt: string | null; overdue: boolean },
): StatusFinding[] {
  const findings: StatusFinding[] = [];
  if (tested === undefined) {
    // A new source's first scheduled test is still to come; one without a schedule waits for a
    // person.
    const awaited = source.restoreTest.schedule !== undefined && !overdue;
    const byHand = newestCheck(backups, ["restored"]) !== undefined;
    const message = byHand ? "no restore test was ever made" : "no backup has ever been restored";
    if (backups.length > 0 && !awaited) findings.push({ level: "warning", subject: "restore-test", message });
  } else if (tested.check === "disproven") {
    findings.push({ level: "breach", subject: "restore-test", message: `the last restore test disproved ${tested.backup.id}` });
  } else if (tested.check === "unproven") {
    findings.push({
      level: "warning",
      subject: "restore-test",
      message: `the last restore test could not judge ${tested.backup.id}`,
    });
  }
  if (tested !== undefined && overdue && dueAt !== null) {
    const message = `the last restore test was ${formatAge(tested.at, now)} ago; one was due at ${dueAt}`;
    findings.push({ level: "warning", subject: "restore-test", message });
  }
  return findings;
}

function findVerification(
  { now }: SourceView,
  read: Check | undefined,
  { dueAt, overdue }: { dueAt: string | null; overdue: boolean },
): StatusFinding[] {
  if (!overdue) return [];
  const last = read === undefined ? "no backup was ever read back" : `the last backup was read back ${formatAge(read.at, now)} ago`;
  return [{ level: "warning", subject: "verification", message: `${last}; a verification was due at ${dueAt}` }];
}
