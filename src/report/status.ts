/**
 * What is promised against what was measured, per source. The verdict; the single judgements are in
 * judge-*.ts.
 */
import { judgeBackups } from "./judge-backups.ts";
import { judgeCoverage } from "./judge-coverage.ts";
import { judgeRestores } from "./judge-restores.ts";
import { judgeSchedules } from "./judge-schedules.ts";
import { measureSize } from "./measure-size.ts";
import type { SourceStatus, SourceView, Status, StatusInput, Verdict } from "./status-model.ts";

/**
 * Measures every source against its objectives: the age of the newest verified recovery point
 * against the RPO (a backup that was only stored does not count), the last measured restore against
 * the RTO, restore tests, verifications and backups against their schedules, growth, and what is
 * damaged or suspicious. Pure; the answer is plain JSON.
 */
export function assessStatus({ now, timezone, sources, backups, lost = [], deleted = [], gaps = [] }: StatusInput): Status {
  const bySource = Map.groupBy(backups, ({ source }) => source);
  const statuses = sources.map((source) => {
    const own = (bySource.get(source.name) ?? []).toSorted((a, b) => b.startedAt.getTime() - a.startedAt.getTime());
    return assessSource({
      source,
      backups: own.filter(({ future }) => future !== true),
      dated: own.filter(({ future }) => future === true),
      lost: lostOf(lost, source.name),
      deleted: deleted.filter((each) => each.source === source.name),
      gaps: gaps.filter((each) => each.source === source.name),
      now,
      timezone,
    });
  });
  return { at: now.toISOString(), timezone, verdict: worst(statuses.map(({ verdict }) => verdict)), sources: statuses };
}

function assessSource(view: SourceView): SourceStatus {
  const [points, restores, schedules, size] = [judgeBackups(view), judgeRestores(view), judgeSchedules(view), measureSize(view)];
  const findings = [points, judgeCoverage(view), restores, schedules, size].flatMap((judgement) => judgement.findings);
  const { name, engine, tier } = view.source;
  return {
    source: name,
    engine,
    tier,
    verdict: worst(findings.map(({ level }) => level)),
    ...points.facts,
    ...restores.facts,
    ...schedules.facts,
    ...size.facts,
    findings: findings.toSorted((a, b) => Number(b.level === "breach") - Number(a.level === "breach")),
    notes: [points, restores, schedules, size].flatMap((judgement) => judgement.notes),
  };
}

function lostOf(lost: NonNullable<StatusInput["lost"]>, name: string): string[] {
  return lost.filter(({ source }) => source === name).map(({ id }) => id);
}

function worst(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes("breach")) return "breach";
  return verdicts.includes("warning") ? "warning" : "ok";
}
