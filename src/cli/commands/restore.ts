/** `holdfast restore`: to a new target, compared afterwards. */
import { exitCodes } from "../../errors/exit-codes.ts";
import { describeDoubt, namingNewestGood } from "../../pipeline/catalogue/doubt.ts";
import { findInVaults } from "../../pipeline/catalogue/find-backups.ts";
import { resolveInstant } from "../../pipeline/catalogue/resolve-reference.ts";
import { planRestore, type RestoreOptions, type RestoreResult, restoreBackup } from "../../pipeline/restore.ts";
import type { EngineTraits } from "../../policy/policy.ts";
import type { LoadFinding } from "../../proof/content.ts";
import { formatBytes } from "../../report/format.ts";
import { describePhases } from "../../report/phases.ts";
import { contentAmount } from "../content-amount.ts";
import { countOf } from "../count.ts";
import { engineFlagsIn } from "../engine-options.ts";
import type { Outcome, Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";

interface RestoreCommandOptions {
  readonly to: string;
  readonly overwrite?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly allowDamaged?: boolean | undefined;
  readonly discardDifferent?: boolean | undefined;
  readonly until?: string | undefined;
  /** Switches that engines add. */
  readonly [flag: string]: unknown;
}

export async function restore({ context, terminal }: Session, reference: string, given: RestoreCommandOptions): Promise<Outcome> {
  const found = await findInVaults(context, reference);
  const doubt = await describeDoubt(context, found);
  for (const line of doubt) context.run.log.warn(line);
  const options: RestoreOptions = {
    to: given.to,
    overwrite: given.overwrite === true,
    allowDamaged: given.allowDamaged === true,
    discardDifferent: given.discardDifferent === true,
    ...(given.until === undefined ? {} : { until: resolveInstant(context, given.until) }),
    flags: engineFlagsIn(given, context.engines.policies),
  };
  if (given.dryRun === true) {
    const plan = await namingNewestGood(context, found, () => planRestore(context, found, options));
    const lines = [
      `restoring ${found.entry.id} of ${found.entry.source} (${found.entry.state}) to ${plan.target} would:`,
      ...plan.steps.map((step, index) => `  ${index + 1}. ${step}`),
    ];
    if (plan.occupied && !options.overwrite) {
      lines.push(terminal.style("yellow", "the target holds something: without --overwrite the restore is refused"));
    }
    const { id: backupId, source, state } = found.entry;
    return {
      document: { dryRun: true, backupId, source, state, ...(doubt.length === 0 ? {} : { doubt }), ...plan },
      lines,
    };
  }
  const result = await namingNewestGood(context, found, () => restoreBackup(context, found, options));
  // What was salvaged is kept, as was asked for, and is still not what was backed up.
  return {
    document: { ...result, ...(doubt.length === 0 ? {} : { doubt }) },
    lines: [
      ...describe(terminal, result, context.policy.sources[result.source]?.traits.units),
      // The findings stand above, where they were said before anything was touched.
      ...(doubt.length === 0
        ? []
        : [`  ${terminal.style("yellow", "suspicious")}  compare what was restored with an older backup before you rely on it`]),
    ],
    exitCode: result.intact ? exitCodes.done : exitCodes.integrity,
  };
}

function describeEqual({ leftOut, unjudged }: RestoreResult["comparison"]): string {
  const but = [
    ...(leftOut === undefined ? [] : [countOf(leftOut.count, "object")]),
    ...(unjudged === undefined ? [] : [`${countOf(unjudged.count, "definition")} NOT judged`]),
  ];
  return but.length === 0 ? "equal to the backup" : `equal to the backup but for ${but.join(" and ")}`;
}

/** Each definition that is printed differently and could not be judged, after the reason. */
function describeUnjudged(terminal: Terminal, { unjudged }: RestoreResult["comparison"]): string[] {
  if (unjudged === undefined) return [];
  const { count, objects, reason } = unjudged;
  const more = count > objects.length ? [`and ${countOf(count - objects.length, "more definition")}`] : [];
  const why = `what is printed differently may still mean the same: ${reason}`;
  return [why, ...objects, ...more].map((line) => `  ${terminal.style("yellow", "not judged")}  ${line}`);
}

/**
 * What is missing by the policy's own wish is said as a warning: the restore is as good as it can
 * be.
 */
function findingLabel(terminal: Terminal, kind: LoadFinding["class"]): string {
  if (kind === "excepted") return terminal.style("yellow", "left out  ");
  return (kind === "benign" ? "noted" : kind).padEnd(10);
}

function describe(
  terminal: Terminal,
  { backupId, source, target, comparison, loadFindings, timings, place }: RestoreResult,
  units: EngineTraits["units"] | undefined,
): string[] {
  const what = `${contentAmount(units, comparison.objectsCompared, comparison.rowsCompared)}, ${formatBytes(comparison.bytesCompared)}`;
  const omitted = typeof place["notRestored"] === "string" ? `; ${place["notRestored"]} NOT restored` : "";
  const verdict = comparison.equal
    ? terminal.style(
        omitted === "" && comparison.unjudged === undefined ? "green" : "yellow",
        `${describeEqual(comparison)}${omitted}`,
      )
    : terminal.style("red", `${countOf(comparison.differenceCount, "difference")} from the backup`);
  return [
    `${terminal.style("bold", backupId)}  of ${source}, restored to ${target}`,
    `  compared    ${what}: ${verdict}`,
    `  phases      ${describePhases(timings)}`,
    ...(typeof place["replaced"] === "string" ? [`  kept        what was there before is now ${place["replaced"]}`] : []),
    ...comparison.differences.map(({ object, problem }) => `  ${terminal.style("red", "differs")}     ${object}: ${problem}`),
    ...describeUnjudged(terminal, comparison),
    ...loadFindings.map(({ class: kind, subject, message }) => `  ${findingLabel(terminal, kind)}  ${subject}: ${message}`),
  ];
}
