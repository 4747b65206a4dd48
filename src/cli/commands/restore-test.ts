/** `holdfast restore-test`: one backup, a source's newest, or every source's newest. */
import { type ExitCode, exitCodes } from "../../errors/catalogue.ts";
import { findInVaults } from "../../pipeline/find-backups.ts";
import type { PipelineContext } from "../../pipeline/pipeline-context.ts";
import { type RestoreTestResult, restoreTest as runRestoreTest } from "../../pipeline/restore-test.ts";
import { formatBytes, formatDuration } from "../../report/format.ts";
import type { Outcome, Session } from "../session.ts";
import { stateLabel } from "../state-label.ts";
import type { Terminal } from "../terminal.ts";

export async function restoreTest({ context, terminal }: Session, reference: string | undefined): Promise<Outcome> {
  const results: RestoreTestResult[] = [];
  for (const each of referencesOf(context, reference)) {
    results.push(await runRestoreTest(context, await findInVaults(context, each)));
  }
  return {
    document: { tests: results.map(({ evidence }) => evidence) },
    text: results.map((result) => describe(terminal, result)).join("\n\n"),
    exitCode: exitCodeOf(results),
  };
}

function referencesOf(context: PipelineContext, reference: string | undefined): string[] {
  if (reference === undefined) return Object.keys(context.policy.sources).map((source) => `${source}@latest`);
  return [Object.hasOwn(context.policy.sources, reference) ? `${reference}@latest` : reference];
}

function exitCodeOf(results: readonly RestoreTestResult[]): ExitCode {
  if (results.some(({ outcome }) => outcome === "disproven")) return exitCodes.integrity;
  const missed = results.some(({ outcome, evidence }) => outcome === "unproven" || evidence.objective?.met === false);
  return missed ? exitCodes.failed : exitCodes.done;
}

function describe(terminal: Terminal, { backupId, source, outcome, evidence }: RestoreTestResult): string {
  const { comparison, sourceCheck, assertions = [], loadFindings = [], timings = {}, objective } = evidence;
  const lines = [`${terminal.style("bold", backupId)}  of ${source}, ${stateLabel(terminal, outcome)}`];
  if (comparison !== undefined) {
    const what = `${comparison.objectsCompared} objects, ${comparison.rowsCompared} rows, ${formatBytes(comparison.bytesCompared)}`;
    lines.push(`  compared    ${what} with the backup: ${comparison.differenceCount} differences`);
  }
  if (sourceCheck !== undefined) {
    const what = `${sourceCheck.objectsCompared} objects, ${sourceCheck.rowsCompared} rows`;
    lines.push(`  the source  ${what} as it counted them itself: ${sourceCheck.differenceCount} differences`);
  }
  if (assertions.length > 0) {
    lines.push(`  assertions  ${assertions.filter(({ passed }) => passed).length} of ${assertions.length} passed`);
  }
  if (objective !== undefined) {
    const verdict = objective.met ? terminal.style("green", "met") : terminal.style("red", "missed");
    const restored = formatDuration(objective.measuredSeconds * 1000);
    lines.push(
      `  RTO         restored in ${restored}; the objective is ${formatDuration(objective.rtoSeconds * 1000)}: ${verdict}`,
    );
  }
  const phases = Object.entries(timings).map(([phase, elapsedMs]) => `${phase} ${formatDuration(elapsedMs)}`);
  lines.push(`  phases      ${phases.join(", ")}`);
  for (const finding of evidence.findings) lines.push(`  ${terminal.style("red", "found")}       ${finding}`);
  const benign = loadFindings.filter((finding) => finding.class === "benign");
  for (const { subject, message } of benign) lines.push(`  ${terminal.style("dim", `noted       ${subject}: ${message}`)}`);
  return lines.join("\n");
}
