/** Measures what a source's backups weigh and how fast that grows. */
import type { Judgement, SourceView, StatusBackup, StatusFinding } from "./status-model.ts";

const dayMs = 86_400_000;
const monthDays = 30;
/** Growth over less than this says little about a month. */
const minDays = 7;
/**
 * Growth beyond a fifth a month is worth a look (requirements, R23: "alert above 20 % a month").
 */
const notableGrowth = 0.2;

export function measureSize({ backups }: SourceView): Judgement<"size"> {
  const sized = backups.filter(({ state, suspicious, figures }) => state !== "damaged" && !suspicious && figures !== undefined);
  const growthPerMonth = sized[0] === undefined ? null : measureGrowth(sized[0], sized);
  // The newest of all, as everywhere in a status: figures of another one would stand beside its age
  // and state.
  const newest = backups[0];
  const size = {
    backups: backups.length,
    newestStoredBytes: newest?.figures?.storedBytes ?? null,
    newestContentBytes: newest?.figures?.contentBytes ?? null,
    newestDurationSeconds: newest?.figures?.durationSeconds ?? null,
    growthPerMonth,
  };
  const findings: StatusFinding[] = [];
  if (growthPerMonth !== null && growthPerMonth > notableGrowth) {
    findings.push({
      level: "warning",
      subject: "growth",
      message: `the backups grow by ${Math.round(growthPerMonth * 100)} % a month`,
    });
  }
  return { facts: { size }, findings, notes: [] };
}

/** Against the backup of the same kind nearest to 30 days before, carried over to 30 days. */
function measureGrowth(newest: StatusBackup, sized: readonly StatusBackup[]): number | null {
  const daysBefore = ({ startedAt }: StatusBackup) => (newest.startedAt.getTime() - startedAt.getTime()) / dayMs;
  const earlier = sized
    .filter((backup) => backup.kind === newest.kind && daysBefore(backup) >= minDays && (bytesOf(backup) ?? 0) > 0)
    .sort((a, b) => Math.abs(daysBefore(a) - monthDays) - Math.abs(daysBefore(b) - monthDays))[0];
  const [before, after] = [earlier && bytesOf(earlier), bytesOf(newest)];
  if (earlier === undefined || before === undefined || after === undefined) return null;
  return (after / before) ** (monthDays / daysBefore(earlier)) - 1;
}

function bytesOf({ figures }: StatusBackup): number | undefined {
  return figures?.contentBytes ?? figures?.storedBytes;
}
