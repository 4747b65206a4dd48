/** `holdfast restore-test`: one backup, a source's newest, or every source's newest. */
import { errorDocument } from "../../errors/error-document.ts";
import { type ExitCode, exitCodes } from "../../errors/exit-codes.ts";
import { type HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { findInVaults } from "../../pipeline/catalogue/find-backups.ts";
import { type AlertableProblem, problemsOfRestoreTests } from "../../pipeline/notify/alertable.ts";
import type { PipelineContext } from "../../pipeline/pipeline-context.ts";
import { type RestoreTestResult, restoreTest as runRestoreTest } from "../../pipeline/restore-test.ts";
import type { EngineTraits } from "../../policy/policy.ts";
import { formatBytes, formatDuration } from "../../report/format.ts";
import { describePhases } from "../../report/phases.ts";
import { contentAmount, sourceAmount } from "../content-amount.ts";
import { countOf } from "../count.ts";
import type { Outcome, Session } from "../session.ts";
import { stateLabel } from "../state-label.ts";
import type { Terminal } from "../terminal.ts";

export async function restoreTest({ context, terminal }: Session, reference: string | undefined): Promise<Outcome> {
  const references = referencesOf(context, reference);
  const results: RestoreTestResult[] = [];
  const untested: Untested[] = [];
  for (const each of references) {
    try {
      results.push(await runRestoreTest(context, await findInVaults(context, each)));
    } catch (error) {
      // One source that cannot be tested must not keep the others from being tested.
      if (references.length === 1 || !isHoldfastError(error) || error.name === "Interrupted") throw error;
      untested.push({ reference: each, error });
    }
  }
  return {
    document: {
      tests: results.map(({ evidence, unrecorded }) =>
        unrecorded === undefined ? evidence : { ...evidence, unrecorded: errorDocument(unrecorded) },
      ),
      untested: untested.map(({ reference: untestedOne, error }) => ({ backup: untestedOne, error: errorDocument(error) })),
    },
    lines: [
      ...results.map((result) => linesOf(terminal, result, context.policy.sources[result.source]?.traits.units)),
      ...untested.map((each) => describeUntested(terminal, each)),
    ].flatMap((paragraph, index) => (index === 0 ? paragraph : ["", ...paragraph])),
    exitCode: exitCodeOf(results, untested),
    problems: [...problemsOfRestoreTests(results), ...untested.map(problemOf)],
  };
}

/** A source's backup of which this run could not say anything. */
interface Untested {
  readonly reference: string;
  readonly error: HoldfastError;
}

function referencesOf(context: PipelineContext, reference: string | undefined): string[] {
  if (reference === undefined) return Object.keys(context.policy.sources).map((source) => `${source}@latest`);
  return [Object.hasOwn(context.policy.sources, reference) ? `${reference}@latest` : reference];
}

function problemOf({ reference, error }: Untested): AlertableProblem {
  return { operation: "restore-test", source: reference.split("@", 1)[0] ?? reference, error };
}

function exitCodeOf(results: readonly RestoreTestResult[], untested: readonly Untested[]): ExitCode {
  const broken = untested.some(({ error }) => error.exitCode === exitCodes.integrity);
  if (broken || results.some(({ outcome }) => outcome === "disproven")) return exitCodes.integrity;
  if (untested.length > 0) return exitCodes.failed;
  const missed = results.some(
    ({ outcome, evidence, unrecorded }) => outcome === "unproven" || evidence.objective?.met === false || unrecorded !== undefined,
  );
  return missed ? exitCodes.failed : exitCodes.done;
}

function describeUntested(terminal: Terminal, { reference, error }: Untested): string[] {
  return [
    `${terminal.style("bold", reference)}  ${terminal.style("red", "not tested")}: ${error.message} (${error.name})`,
    ...error.details.filter((detail) => !error.message.includes(detail)).map((detail) => `  ${detail}`),
    `  ${terminal.style("cyan", "hint")}        ${error.hint}`,
  ];
}

function linesOf(
  terminal: Terminal,
  { backupId, source, outcome, evidence, unrecorded }: RestoreTestResult,
  units: EngineTraits["units"] | undefined,
): string[] {
  const { comparison, sourceCheck, assertions = [], loadFindings = [], timings = {}, objective } = evidence;
  const leftOut = comparison?.leftOut;
  const but = leftOut === undefined ? "" : ` but for ${countOf(leftOut.count, "object")} with ${countOf(leftOut.rows, "row")}`;
  const lines = [`${terminal.style("bold", backupId)}  of ${source}, ${stateLabel(terminal, outcome)}${but}`];
  if (comparison !== undefined) {
    const what = `${contentAmount(units, comparison.objectsCompared, comparison.rowsCompared)}, ${formatBytes(comparison.bytesCompared)}`;
    lines.push(`  compared    ${what} with the backup: ${countOf(comparison.differenceCount, "difference")}`);
  }
  if (sourceCheck !== undefined) {
    const what = sourceAmount(units, sourceCheck.objectsCompared, sourceCheck.rowsCompared);
    const counted = `${what} as it counted them itself: ${countOf(sourceCheck.differenceCount, "difference")}`;
    const isEmpty = sourceCheck.objectsCompared + sourceCheck.rowsCompared + sourceCheck.differenceCount === 0;
    lines.push(`  the source  ${isEmpty ? "not compared: the backup has no counts of the source's own" : counted}`);
  }
  if (assertions.length > 0) {
    lines.push(`  assertions  ${assertions.filter(({ passed }) => passed).length} of ${assertions.length} passed`);
  }
  // How fast what differs came back is no answer to the objective.
  if (objective !== undefined && outcome !== "disproven") {
    const verdict = objective.met ? terminal.style("green", "met") : terminal.style("red", "missed");
    const restored = formatDuration(objective.measuredSeconds * 1000);
    lines.push(
      `  RTO         restored in ${restored}; the objective is ${formatDuration(objective.rtoSeconds * 1000)}: ${verdict}`,
    );
  }
  lines.push(`  phases      ${describePhases(timings)}`);
  if (unrecorded !== undefined) lines.push(`  ${terminal.style("red", "not recorded in the vault")}: ${unrecorded.message}`);
  for (const finding of evidence.findings) lines.push(`  ${terminal.style("red", "found")}       ${finding}`);
  const benign = loadFindings.filter((finding) => finding.class === "benign" || finding.class === "excepted");
  for (const { class: kind, subject, message } of benign)
    lines.push(`  ${terminal.style("dim", `${kind === "benign" ? "noted     " : "left out  "}  ${subject}: ${message}`)}`);
  return lines;
}
