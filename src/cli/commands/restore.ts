/** `holdfast restore`: to a new target, compared afterwards. */
import { exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { describeChoice } from "../../pipeline/catalogue/describe-choice.ts";
import { describeDoubt, namingNewestGood } from "../../pipeline/catalogue/doubt.ts";
import { type FoundBackup, findInVaults } from "../../pipeline/catalogue/find-backups.ts";
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
  const named = await findInVaults(context, reference);
  const until = given.until === undefined ? named.until : resolveInstant(context, given.until);
  const found: FoundBackup = { ...named, ...(until === undefined ? {} : { until }) };
  const doubt = await describeDoubt(context, found);
  for (const line of doubt) context.run.log.warn(line);
  const { lines: about, ...choice } = await describeChoice(context, found);
  const refusal = findRefusal(reference, found);
  const options: RestoreOptions = {
    to: given.to,
    overwrite: given.overwrite === true,
    allowDamaged: given.allowDamaged === true,
    discardDifferent: given.discardDifferent === true,
    ...(until === undefined ? {} : { until }),
    flags: engineFlagsIn(given, context.engines.policies),
  };
  const { id: backupId, source, state } = found.entry;
  const said = { choice, ...(doubt.length === 0 ? {} : { doubt }) };
  if (given.dryRun === true) {
    const plan = await namingNewestGood(context, found, () => planRestore(context, found, options));
    const lines = [
      `restoring ${backupId} of ${source} (${state}) to ${plan.target} would:`,
      ...plan.steps.map((step, index) => `  ${index + 1}. ${step}`),
      ...about,
    ];
    if (plan.occupied && !options.overwrite) {
      lines.push(terminal.style("yellow", "the target holds something: without --overwrite the restore is refused"));
    }
    if (refusal !== undefined) lines.push(terminal.style("yellow", `the restore is refused: ${refusal.message}. ${refusal.hint}`));
    return { document: { dryRun: true, backupId, source, state, ...said, ...plan }, lines };
  }
  if (refusal !== undefined) throw refusal;
  for (const line of about) context.run.log.info(`${backupId}: ${line}`);
  const result = await namingNewestGood(context, found, () => restoreBackup(context, found, options));
  // What was salvaged is kept, as was asked for, and is still not what was backed up.
  return {
    document: { ...result, ...said },
    lines: [
      ...linesOf(terminal, result, context.policy.sources[result.source]?.traits.units),
      // The findings stand above, where they were said before anything was touched.
      ...(doubt.length === 0
        ? []
        : [`  ${terminal.style("yellow", "suspicious")}  compare what was restored with an older backup before you rely on it`]),
    ],
    exitCode: result.intact ? exitCodes.done : exitCodes.integrity,
  };
}

/** What nobody has read back, or looks as if data were lost, is not taken because it is newest. */
function findRefusal(reference: string, { entry }: FoundBackup): HoldfastError | undefined {
  const { id, source, state, suspicious } = entry;
  if (!reference.includes("@") || (!suspicious && state !== "stored")) return undefined;
  const why = suspicious ? "is suspicious" : "was not read back since it was made, or builds on one that was not";
  return new HoldfastError("RestoreRefused", `${reference} is ${id}, which ${why}`, {
    hint: `To use it anyway, name it by its id. To use what a restore test has proven, write ${source}@latest-proven.`,
  });
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

function linesOf(
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
