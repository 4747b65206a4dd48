/** `holdfast show`: one backup's manifest and evidence. */
import { errorDocument } from "../../errors/error-document.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { describeChoice } from "../../pipeline/catalogue/describe-choice.ts";
import { showBackup, type UnreadEvidence } from "../../pipeline/show-backup.ts";
import { findEngine } from "../../policy/engine-policy.ts";
import type { EngineTraits } from "../../policy/policy.ts";
import type { Position } from "../../proof/position.ts";
import { formatBytes, formatDuration, renderTable } from "../../report/format.ts";
import type { Evidence } from "../../vault/documents/evidence.ts";
import type { Manifest } from "../../vault/documents/manifest.ts";
import { totalsOf } from "../../vault/documents/manifest-totals.ts";
import { contentAmount, sourceAmount } from "../content-amount.ts";
import { countOf } from "../count.ts";
import type { Outcome, Session } from "../session.ts";
import { stateLabel } from "../state-label.ts";
import type { Terminal } from "../terminal.ts";

export async function show({ context, terminal }: Session, reference: string): Promise<Outcome> {
  const { found, examined, manifest: read, evidence } = await showBackup(context, reference);
  const { lines: about, ...choice } = await describeChoice(context, { ...found, entry: examined });
  const { entry } = found;
  const { suspicious, held, futureChecks, forged, future } = entry;
  const { state, problems } = examined;
  const heading = `${terminal.style("bold", entry.id)}  of ${entry.source}, ${stateLabel(terminal, state)}${suspicious ? ", suspicious" : ""}${held ? ", held" : ""}`;
  const bad = terminal.style("red", "found");
  const checks = [
    ...problems.map((problem) => `${bad}  ${problem}`),
    ...[examined.unread, examined.unchecked?.message].flatMap((reason) =>
      reason === undefined ? [] : [`${terminal.style("yellow", "not checked")}  ${reason}`],
    ),
    ...(future ? [`${bad}  it is dated in the future, and does not count`] : []),
    ...forged.map((key) => `${bad}  ${key} is not signed with a key of the policy, and does not count`),
    ...futureChecks.map(({ key }) => `${bad}  ${key} is dated in the future, and does not count`),
    ...describeEvidence(terminal, evidence, context.policy.sources[entry.source]?.traits.units),
  ];
  const more = {
    choice,
    problems,
    ...(examined.unchecked === undefined ? {} : { notChecked: examined.unchecked.message }),
    ...(future ? { future } : {}),
    ...(futureChecks.length > 0 ? { futureChecks } : {}),
    ...(forged.length > 0 ? { forged } : {}),
  };
  if (read instanceof HoldfastError) {
    // What the checks found is what one looks for here, and all the more where the manifest says
    // nothing now.
    const { name, message, hint } = read;
    const lines = [heading, `  ${terminal.style("red", "manifest")}  ${message} (${name})`, `  ${hint}`, "", ...checks];
    const document = { state, suspicious, held, ...more, manifest: null, error: errorDocument(read), evidence };
    return { document, lines, exitCode: read.exitCode };
  }
  const { manifest, sha256 } = read;
  const lines = [
    heading,
    ...about.map((line) => `  ${line}`),
    ...describeManifest(terminal, manifest, sha256, findEngine(context.engines.policies, manifest.engine)?.units),
    "",
    ...checks,
  ];
  return { document: { state, suspicious, held, ...more, manifestSha256: sha256, manifest, evidence }, lines };
}

function describeCoverage({ from, to }: Manifest["coverage"]): string {
  const say = ({ at, mark, line }: Position): string => {
    const more = [...(mark === undefined ? [] : [mark]), ...(line === undefined ? [] : [`line ${line}`])];
    return more.length === 0 ? at : `${at} (${more.join(", ")})`;
  };
  return from === undefined ? `as of ${say(to)}` : `from ${say(from)} to ${say(to)}`;
}

function describeManifest(
  terminal: Terminal,
  manifest: Manifest,
  sha256: string,
  units: EngineTraits["units"] | undefined,
): string[] {
  const reuses = manifest.artifacts.some(({ reusedFrom }) => reusedFrom !== undefined);
  const table = renderTable({
    head: ["ARTIFACT", "FORMAT", "COMPRESSION", "STORED", "STORED SHA-256", "KEY", ...(reuses ? ["STORED BY"] : [])],
    rows: manifest.artifacts.map((artifact) => [
      artifact.name,
      artifact.format,
      artifact.compression,
      formatBytes(artifact.storedBytes),
      `${artifact.storedSha256.slice(0, 16)}…`,
      artifact.keyId,
      ...(reuses ? [artifact.reusedFrom ?? "this backup"] : []),
    ]),
  });
  return [
    `  engine    ${manifest.engine}, ${manifest.kind}`,
    `  content   ${describeCoverage(manifest.coverage)}`,
    ...(manifest.base === null ? [] : [`  base      ${manifest.base.id}`]),
    `  made      ${manifest.startedAt} to ${manifest.finishedAt} by Holdfast ${manifest.holdfastVersion}`,
    `  source    ${describeSource(manifest, units)}`,
    `  manifest  SHA-256 ${sha256}`,
    ...manifest.notices.map(({ message }) => `  ${terminal.style("yellow", "notice")}    ${message}`),
    "",
    ...table,
  ];
}

function describeSource(manifest: Manifest, units: EngineTraits["units"] | undefined): string {
  const { mode, objects } = manifest.sourceCheck;
  if (mode === "none") return "was not asked (sourceCheck: none)";
  return `${sourceAmount(units, Object.keys(objects).length, totalsOf(manifest).rows)} by its own ${mode}`;
}

function describeEvidence(
  terminal: Terminal,
  evidence: readonly (Evidence | UnreadEvidence)[],
  units: EngineTraits["units"] | undefined,
): string[] {
  if (evidence.length === 0) return ["no evidence yet: read it back with `holdfast verify`, prove it with `holdfast restore-test`"];
  return evidence.flatMap((found) => {
    if ("unreadable" in found) return [`${terminal.style("red", "damaged evidence")}  ${found.key}`];
    return [
      `${found.at}  ${stateLabel(terminal, found.check)}  by ${found.by}${found.reason === undefined ? "" : `: ${found.reason}`}`,
      ...figuresOf(found, units).map((line) => `  ${line}`),
      ...found.findings.map((finding) => `  ${terminal.style("red", "found")} ${finding}`),
    ];
  });
}

function figuresOf({ digest, comparison, objective }: Evidence, units: EngineTraits["units"] | undefined): string[] {
  const lines: string[] = [];
  if (digest !== undefined) {
    lines.push(`read back ${contentAmount(units, digest.objectCount, digest.rows)}, ${formatBytes(digest.bytes)}`);
  }
  if (comparison !== undefined) {
    const { objectsCompared, rowsCompared, differenceCount } = comparison;
    const what = contentAmount(units, objectsCompared, rowsCompared);
    lines.push(`compared after a restore: ${what}, ${countOf(differenceCount, "difference")}`);
    if (comparison.printOnly !== undefined) {
      lines.push(`${countOf(comparison.printOnly.count, "definition")} printed differently, and equal in meaning`);
    }
    if (comparison.leftOut !== undefined) lines.push(describeLeftOut(comparison.leftOut));
  }
  if (objective !== undefined) {
    const [measured, wanted] = [objective.measuredSeconds, objective.rtoSeconds].map((seconds) => formatDuration(seconds * 1000));
    lines.push(`restored in ${measured}; the objective is ${wanted}: ${objective.met ? "met" : "missed"}`);
  }
  return lines;
}

/** `left out by the policy: 3 objects, 2 rows: schema EXTENSION queue, …`. */
function describeLeftOut({ count, rows, objects }: NonNullable<NonNullable<Evidence["comparison"]>["leftOut"]>): string {
  const more = count > objects.length ? ", …" : "";
  return `left out by the policy: ${countOf(count, "object")}, ${countOf(rows, "row")}: ${objects.join(", ")}${more}`;
}
