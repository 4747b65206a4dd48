/** `holdfast prune`: what retention keeps and releases, and why. */
import { errorDocument } from "../../errors/error-document.ts";
import { type ExitCode, exitCodes } from "../../errors/exit-codes.ts";
import { type PrunedSource, pruneSources } from "../../pipeline/prune-sources.ts";
import type { RetentionPlan } from "../../retention/plan-retention.ts";
import { countOf } from "../count.ts";
import type { Outcome, Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";

export async function prune(
  { context, terminal }: Session,
  source: string | undefined,
  options: { readonly dryRun?: boolean | undefined },
): Promise<Outcome> {
  const dryRun = options.dryRun === true;
  const pruned = await pruneSources(context, source, { dryRun });
  return {
    document: { dryRun, sources: pruned.map(documentOf) },
    lines: pruned.flatMap((each, index) => [...(index === 0 ? [] : [""]), ...linesOf(terminal, each, dryRun)]),
    exitCode: exitCodeOf(pruned),
    problems: pruned.flatMap(({ source: name, error }) =>
      error === undefined ? [] : [{ operation: "prune", source: name, error }],
    ),
  };
}

/** From the worst: what a source by itself would have ended with, and the worst of several. */
const worstFirst: readonly ExitCode[] = [
  exitCodes.integrity,
  exitCodes.failed,
  exitCodes.usage,
  exitCodes.refused,
  exitCodes.notFound,
];

function exitCodeOf(pruned: readonly PrunedSource[]): ExitCode {
  const codes = pruned.map(
    ({ plan, error }) => error?.exitCode ?? (plan?.refusal === undefined ? exitCodes.done : exitCodes.refused),
  );
  return worstFirst.find((code) => codes.includes(code)) ?? exitCodes.done;
}

function documentOf({ source, plan, result, error }: PrunedSource): unknown {
  return {
    source,
    ...(plan === undefined ? {} : { decisions: plan.decisions, released: plan.released, refusal: refusalOf(plan) }),
    ...(result === undefined
      ? {}
      : { deleted: result.deleted, locksExtended: result.locksExtended, sweptObjects: result.sweptObjects }),
    error: error && errorDocument(error),
  };
}

/**
 * Why the plan would not be carried out: retention's reason, and the error that carrying it out
 * ends with.
 */
function refusalOf({ refusal }: RetentionPlan): unknown {
  if (refusal === undefined) return null;
  const { code, message, details } = refusal;
  return { reason: code, error: errorDocument({ name: "PruneRefused", message, details }) };
}

function linesOf(terminal: Terminal, { source, plan, result, error }: PrunedSource, dryRun: boolean): string[] {
  if (error !== undefined)
    return [`${terminal.style("bold", source)}  ${error.message}`, `  ${terminal.style("cyan", "hint")} ${error.hint}`];
  const decisions = plan?.decisions ?? [];
  const releasedCount = plan?.released.length ?? 0;
  const verb = dryRun ? "would be deleted" : "deleted";
  const lines = [`${terminal.style("bold", source)}  ${decisions.length - releasedCount} kept, ${releasedCount} ${verb}`];
  if (plan !== undefined) lines.push(...describePlan(terminal, plan, { onlyReleased: false, planned: result === undefined }));
  if (result !== undefined && result.locksExtended.length > 0)
    lines.push(
      `  the ${countOf(result.locksExtended.length, "lock")} of what is kept longer ${result.locksExtended.length === 1 ? "was" : "were"} extended`,
    );
  if (result !== undefined && result.sweptObjects > 0)
    lines.push(
      `  ${countOf(result.sweptObjects, "object")} left by runs that died ${result.sweptObjects === 1 ? "was" : "were"} collected`,
    );
  if (plan?.refusal !== undefined) {
    lines.push(
      `  ${terminal.style("yellow", "refused")}  ${plan.refusal.message}`,
      ...plan.refusal.details.map((detail) => `           ${detail}`),
    );
  }
  return lines;
}

/**
 * A line per decision: the id, kept or deleted (or, of a plan that was not carried out, to delete),
 * and the reasons.
 */
export function describePlan(
  terminal: Terminal,
  plan: RetentionPlan,
  options: { readonly onlyReleased: boolean; readonly planned?: boolean | undefined },
): string[] {
  return plan.decisions
    .filter((decision) => !(options.onlyReleased && decision.kept))
    .map(({ id, kept, reasons }) => {
      const verdict = kept
        ? terminal.style("green", "kept    ")
        : terminal.style("yellow", options.planned === true ? "delete  " : "deleted ");
      return `  ${id}  ${verdict}  ${reasons.map((reason) => reason.replace(/^released: /, "")).join("; ")}`;
    });
}
