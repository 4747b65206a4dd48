/** The status as text for a terminal or a log: no colours, wrapped to a width. */
import { countOf } from "../proof/compare-digests.ts";
import { escapeUnprintable } from "../runtime/printable-text.ts";
import { displayWidth } from "./display-width.ts";
import { formatAge, formatBytes, formatDuration } from "./format.ts";
import type { SourceStatus, Status, StatusPoint } from "./status-model.ts";

export interface RenderOptions {
  /** Columns; lines longer than this are wrapped between words. */
  readonly width: number;
  /** Ages are counted up to here. */
  readonly now: Date;
}

const indent = "  ";
/** The labels' column. */
const labelWidth = 16;

/** The lines of a paragraph per source, the verdict first, and one that sums up. */
export function renderStatus(status: Status, { width, now }: RenderOptions): string[] {
  const paragraphs = status.sources.map((source) => [
    ...renderSource(source, now).flatMap((line) => wrap(escapeUnprintable(line), width)),
    "",
  ]);
  const unmeasured = (status.unmeasured ?? []).map(({ source, error }) => [
    ...[`breach   ${source}`, labelled("not measured", error.message), labelled("", error.hint)].flatMap((line) =>
      wrap(escapeUnprintable(line), width),
    ),
    "",
  ]);
  return [...paragraphs.flat(), ...unmeasured.flat(), summarise(status)];
}

/** How many sources keep their objectives: `2 of 3 sources are ok, 1 in breach`. */
export function summarise({ sources, unmeasured = [] }: Status): string {
  const all = sources.length + unmeasured.length;
  if (all === 0) return "the policy has no sources";
  const count = (verdict: SourceStatus["verdict"]) => sources.filter((source) => source.verdict === verdict).length;
  const parts = [`${count("ok")} of ${all} ${all === 1 ? "source is" : "sources are"} ok`];
  if (count("warning") > 0) parts.push(`${count("warning")} with warnings`);
  if (count("breach") > 0) parts.push(`${count("breach")} in breach`);
  if (unmeasured.length > 0) parts.push(`${unmeasured.length} not measured`);
  return parts.join(", ");
}

function renderSource(source: SourceStatus, now: Date): string[] {
  const { findings, notes } = source;
  return [
    `${source.verdict.padEnd(7)}  ${source.source}  (${source.engine}, ${source.tier})`,
    labelled("recovery point", describeRecoveryPoint(source, now)),
    labelled("restore time", describeRestoreTime(source, now)),
    labelled("restore test", describeRestoreTest(source, now)),
    labelled("backups", describeBackups(source, now)),
    ...findings.map(({ level, message }) => labelled(level, message)),
    ...notes.map((note) => labelled("ok", note)),
  ];
}

function labelled(label: string, text: string): string {
  return `${indent}${label.padEnd(labelWidth)}${text}`;
}

function verdictOf(met: boolean): string {
  return met ? "met" : "missed";
}

export function describeRecoveryPoint({ newestVerified, rpo }: Pick<SourceStatus, "newestVerified" | "rpo">, now: Date): string {
  const objective = `objective ${formatDuration(rpo.objectiveSeconds * 1000)}: ${verdictOf(rpo.met)}`;
  if (newestVerified === null) return `none is verified; ${objective}`;
  return `${newestVerified.id}, ${newestVerified.state}, ${age(newestVerified, now)} old; ${objective}`;
}

export function describeRestoreTime({ rto }: Pick<SourceStatus, "rto">, now: Date): string {
  const objective = `objective ${formatDuration(rto.objectiveSeconds * 1000)}`;
  if (rto.measuredSeconds === null || rto.measuredAt === null) return `never measured; ${objective}`;
  const forecast = rto.forecastSeconds === null ? "" : `, forecast ${formatDuration(rto.forecastSeconds * 1000)} for today's size`;
  const measured = `${formatDuration(rto.measuredSeconds * 1000)}, measured ${formatAge(new Date(rto.measuredAt), now)} ago`;
  return `${measured}${forecast}; ${objective}: ${verdictOf(rto.met === true)}`;
}

export function describeRestoreTest({ restoreTest }: Pick<SourceStatus, "restoreTest">, now: Date): string {
  const { at, outcome, leftOut, backupId, dueAt, overdue } = restoreTest;
  const but = leftOut === undefined ? "" : ` but for ${countOf(leftOut, "object")}`;
  const due = overdue && dueAt !== null ? `; overdue since ${dueAt}` : "";
  return at === null ? `never${due}` : `${outcome}${but} ${formatAge(new Date(at), now)} ago (${backupId})${due}`;
}

export function describeBackups({ newest, size }: Pick<SourceStatus, "newest" | "size">, now: Date): string {
  if (newest === null) return "none";
  const parts = [`${size.backups}, the newest ${age(newest, now)} old and ${newest.state}`];
  if (size.newestStoredBytes !== null) parts.push(`${formatBytes(size.newestStoredBytes)} stored`);
  if (size.newestContentBytes !== null) parts.push(`${formatBytes(size.newestContentBytes)} of content`);
  if (size.newestDurationSeconds !== null) parts.push(`made in ${formatDuration(size.newestDurationSeconds * 1000)}`);
  if (size.growthPerMonth !== null)
    parts.push(`${size.growthPerMonth < 0 ? "" : "+"}${Math.round(size.growthPerMonth * 100)} % a month`);
  return parts.join(", ");
}

function age({ at }: StatusPoint, now: Date): string {
  return formatAge(new Date(at), now);
}

/**
 * Breaks a line between words; what follows is indented as deep as the text beside the label. A
 * word longer than the line stays whole.
 */
function wrap(line: string, width: number): string[] {
  const hanging = " ".repeat(indent.length + labelWidth);
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(/(?<=\S) (?=\S)/)) {
    const longer = current === "" ? word : `${current} ${word}`;
    if (current !== "" && displayWidth(longer) > width) {
      lines.push(current);
      current = hanging + word;
    } else {
      current = longer;
    }
  }
  return [...lines, current];
}
