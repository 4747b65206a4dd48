/** `holdfast backup`: dump, verify, prune. */
import { errorDocument } from "../../errors/error-document.ts";
import { type ExitCode, exitCodes } from "../../errors/exit-codes.ts";
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { problemsOfBackup } from "../../pipeline/notify/alertable.ts";
import { describeUnopenable, findNewestUnopenable, type Unopenable } from "../../pipeline/opening/unopenable.ts";
import type { PipelineContext } from "../../pipeline/pipeline-context.ts";
import { type BackupRunResult, runBackup } from "../../pipeline/run-backup.ts";
import type { BackupKind, EngineTraits } from "../../policy/policy.ts";
import { formatBytes, formatDuration, formatThroughput } from "../../report/format.ts";
import { contentAmount } from "../content-amount.ts";
import { countOf } from "../count.ts";
import type { Outcome, Session } from "../session.ts";
import { stateLabel } from "../state-label.ts";
import type { Terminal } from "../terminal.ts";
import { describePlan } from "./prune.ts";

interface BackupOptions {
  readonly kind: BackupKind;
  readonly verify: boolean;
  readonly prune: boolean;
}

export async function backup({ context, terminal }: Session, source: string, options: BackupOptions): Promise<Outcome> {
  const result = await runBackup(context, { source, ...options });
  const unopenable = await unopenableOf(context, source);
  const warnings = unopenable.map((each) => `  ${terminal.style("yellow", "warning")}   ${describeUnopenable(each)}`);
  return {
    document: { ...documentOf(result), ...(unopenable.length === 0 ? {} : { unopenable }) },
    lines: [...linesOf(terminal, result, context.policy.sources[result.dump.source]?.traits.units), ...warnings],
    exitCode: exitCodeOf(result),
    problems: problemsOfBackup(result),
  };
}

function exitCodeOf({ verification, failure }: BackupRunResult): ExitCode {
  if (verification?.outcome === "damaged") return exitCodes.integrity;
  if (verification?.outcome === "suspicious") return exitCodes.failed;
  return failure?.error.exitCode ?? exitCodes.done;
}

/** So many of the newest backups are looked at: a key is replaced between two of them. */
const openableCount = 10;

/**
 * Older backups that the policy's keys no longer open. The backup stands, whatever keeps this from
 * being found out.
 */
async function unopenableOf(context: PipelineContext, source: string): Promise<readonly Unopenable[]> {
  try {
    return await findNewestUnopenable(context, source, openableCount);
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    context.run.log.warn(`whether older backups can be opened is not known: ${error.message}`);
    return [];
  }
}

function documentOf({ dump, verification, prune, failure }: BackupRunResult): object {
  const { digest: _digest, unrecorded: _unrecorded, ...verified } = verification ?? {};
  return {
    ...dump,
    state: stateOf(verification),
    ...(verification === undefined ? {} : { verification: verified }),
    ...(prune === undefined ? {} : { pruned: prune.deleted, sweptObjects: prune.sweptObjects }),
    ...(failure === undefined ? {} : describeFailure(failure)),
  };
}

/** What was found but could not be written down is no state of the backup. */
function stateOf(verification: BackupRunResult["verification"]): string {
  return verification === undefined || verification.unrecorded !== undefined ? "stored" : verification.outcome;
}

/**
 * A refusal to prune has a name of its own: it is retention's answer, where anything else is a
 * failure.
 */
function describeFailure({ step, error }: NonNullable<BackupRunResult["failure"]>): Readonly<Record<string, unknown>> {
  const described = errorDocument(error);
  return error.name === "PruneRefused" ? { pruneRefusal: described } : { failure: { step, error: described } };
}

function linesOf(
  terminal: Terminal,
  { dump, verification, prune, failure }: BackupRunResult,
  units: EngineTraits["units"] | undefined,
): string[] {
  const stored = dump.artifacts.filter(({ reusedFrom }) => reusedFrom === undefined);
  const speed = formatThroughput(dump.storedBytes, dump.durationMs);
  const lines = [
    `${terminal.style("bold", dump.backupId)}  of ${dump.source}, ${stateLabel(terminal, stateOf(verification))}`,
    `  stored    ${formatBytes(dump.storedBytes)} in ${countOf(stored.length, "artifact")}, ${formatDuration(dump.durationMs)} (${speed})`,
  ];
  const reused = dump.artifacts.length - stored.length;
  if (reused > 0) lines.push(`  reused    ${formatBytes(dump.reusedBytes)} in ${countOf(reused, "artifact")} of earlier backups`);
  if (dump.createdVault !== undefined) {
    const news = `new vault created at ${dump.createdVault}; this is its first backup`;
    lines.push(`  ${terminal.style("yellow", "vault")}     ${news}`);
  }
  if (verification !== undefined) {
    const what = `${contentAmount(units, verification.objectCount, verification.rows)}, ${formatBytes(verification.bytes)}`;
    lines.push(`  read back ${what}, ${formatDuration(verification.durationMs)}`);
    for (const finding of verification.findings) lines.push(`  ${terminal.style("red", "found")}     ${finding}`);
  }
  for (const { message } of dump.notices) lines.push(`  ${terminal.style("yellow", "notice")}    ${message}`);
  if (verification?.outcome === "suspicious") {
    lines.push(
      `  next      look at it with \`holdfast show ${dump.backupId}\`; if it is right, \`holdfast verify ${dump.backupId} --accept "<why>"\``,
    );
  }
  if (prune !== undefined) {
    lines.push(`  pruned    ${prune.deleted.length} deleted, ${prune.plan.decisions.length - prune.deleted.length} kept`);
    lines.push(...describePlan(terminal, prune.plan, { onlyReleased: true }));
  }
  if (failure !== undefined) {
    const { step, error } = failure;
    const what = step === "prune" ? "pruning  " : "verifying";
    const colour = error.name === "PruneRefused" ? "yellow" : "red";
    lines.push(
      `  ${terminal.style(colour, what)} ${error.message}`,
      ...error.details.map((detail) => `            ${detail}`),
      `  ${terminal.style("cyan", "hint")}      ${error.hint}`,
    );
  }
  return lines;
}
