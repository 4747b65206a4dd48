/** `holdfast restore`: to a new target, compared afterwards. */

import type { RestorePlan } from "../../engines/restore-request.ts";
import { errorDocument } from "../../errors/error-document.ts";
import { exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { describeChoice } from "../../pipeline/catalogue/describe-choice.ts";
import { describeDoubt, namingNewestGood } from "../../pipeline/catalogue/doubt.ts";
import { type FoundBackup, findInVaults } from "../../pipeline/catalogue/find-backups.ts";
import { resolveInstant } from "../../pipeline/catalogue/resolve-reference.ts";
import type { PipelineContext } from "../../pipeline/pipeline-context.ts";
import type { RestoreOptions } from "../../pipeline/restore/restore-options.ts";
import type { RestoreResult } from "../../pipeline/restore/restore-result.ts";
import { seekOverwrite } from "../../pipeline/restore/seek-overwrite.ts";
import { planRestore, restoreBackup } from "../../pipeline/restore.ts";
import { obtainApproval } from "../approving.ts";
import { engineFlagsIn, engineValuesIn } from "../engine-options.ts";
import { findingLines } from "../finding-lines.ts";
import { requireTarget } from "../restore-target.ts";
import type { Outcome, Session } from "../session.ts";
import { tellOutcome } from "../tell-outcome.ts";
import type { Terminal } from "../terminal.ts";
import { restoreLines } from "./restore-lines.ts";

export interface RestoreCommandOptions {
  readonly to?: string | undefined;
  readonly keep?: string | undefined;
  readonly overwrite?: boolean | undefined;
  readonly swap?: boolean | undefined;
  readonly swapBack?: boolean | undefined;
  readonly safetyBackup?: boolean | undefined;
  readonly assertions?: boolean | undefined;
  readonly ignoreRoom?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly allowDamaged?: boolean | undefined;
  readonly withoutErasures?: boolean | undefined;
  readonly discardDifferent?: boolean | undefined;
  readonly until?: string | undefined;
  readonly only?: readonly string[] | undefined;
  readonly alert?: boolean | undefined;
  readonly reason?: string | undefined;
  readonly request?: string | undefined;
  readonly wait?: boolean | undefined;
  /** Switches that engines add. */
  readonly [flag: string]: unknown;
}

export async function restore(session: Session, reference: string, given: RestoreCommandOptions): Promise<Outcome> {
  const { context, terminal } = session;
  if (given.swapBack === true)
    return (await import("./swap-back.ts")).swapBack(session, reference, { ...given, to: requireTarget(given) });
  const named = await findInVaults(context, reference);
  const until = given.until === undefined ? named.until : resolveInstant(context, given.until);
  const found: FoundBackup = { ...named, ...(until === undefined ? {} : { until }) };
  const doubt = await describeDoubt(context, found);
  for (const line of doubt) context.run.log.warn(line);
  const { lines: about, ...choice } = await describeChoice(context, found);
  const refusal = findRefusal(reference, found);
  const said = { choice, ...(given.only === undefined ? {} : { only: given.only }), ...(doubt.length === 0 ? {} : { doubt }) };
  if (given.keep !== undefined) {
    if (refusal !== undefined) throw refusal;
    for (const line of about) context.run.log.info(`${found.entry.id}: ${line}`);
    return (await import("./keep.ts")).keep(session, found, { ...given, keep: given.keep }, until);
  }
  const options = restoreOptions(session, { ...given, to: requireTarget(given) }, until);
  if (given.dryRun === true) {
    const plan = await namingNewestGood(context, found, () => planRestore(context, found, options));
    return describeDryRun(terminal, found, plan, { about, refusal, said });
  }
  if (refusal !== undefined) throw refusal;
  for (const line of about) context.run.log.info(`${found.entry.id}: ${line}`);
  const { approval, outcome } = await obtainApproval(session, given, (asking) =>
    namingNewestGood(context, found, () => seekOverwrite(context, found, options, asking)),
  );
  if (outcome !== undefined) return outcome;
  const work = (within: PipelineContext) =>
    namingNewestGood(within, found, () => restoreBackup(within, found, { ...options, approval }));
  const result = given.alert === true ? await tellingAll(session, found, options.to, work) : await work(context);
  const failed = result.assertions.some(({ passed }) => !passed);
  const { unrecorded, ...restored } = result;
  // What was salvaged is kept, as was asked for, and is still not what was backed up.
  return {
    document: { ...restored, ...said, ...(unrecorded === undefined ? {} : { unrecorded: errorDocument(unrecorded) }) },
    lines: [
      ...restoreLines(terminal, result, context.policy.sources[result.source]?.traits.units),
      // The findings stand above, where they were said before anything was touched.
      ...(doubt.length === 0
        ? []
        : [`  ${terminal.style("yellow", "suspicious")}  compare what was restored with an older backup before you rely on it`]),
    ],
    exitCode: result.intact && !failed ? exitCodes.done : exitCodes.integrity,
  };
}

/** With --alert, people hear of it while it goes on; who runs the command hears of its failure. */
async function tellingAll(
  session: Session,
  found: FoundBackup,
  to: string,
  work: (context: PipelineContext) => Promise<RestoreResult>,
): Promise<RestoreResult> {
  const { tellingRestore } = await import("../../pipeline/notify/tell-restore.ts");
  return tellingRestore(session.context, found, to, (outcome) => tellOutcome(session, found.entry.source, outcome), work);
}

function restoreOptions(
  { context }: Session,
  given: RestoreCommandOptions & { readonly to: string },
  until: string | undefined,
): RestoreOptions {
  return {
    to: given.to,
    overwrite: given.overwrite === true,
    swap: given.swap,
    safetyBackup: given.safetyBackup,
    assertions: given.assertions,
    ignoreRoom: given.ignoreRoom,
    allowDamaged: given.allowDamaged === true,
    withoutErasures: given.withoutErasures === true,
    discardDifferent: given.discardDifferent === true,
    only: given.only,
    ...(until === undefined ? {} : { until }),
    flags: engineFlagsIn(given, context.engines.policies),
    values: engineValuesIn(given, context.engines.policies),
  };
}

interface DryRun {
  readonly about: readonly string[];
  readonly refusal: HoldfastError | undefined;
  readonly said: Readonly<Record<string, unknown>>;
}

function describeDryRun(terminal: Terminal, { entry }: FoundBackup, plan: RestorePlan, { about, refusal, said }: DryRun): Outcome {
  const { id: backupId, source, state } = entry;
  const refused = plan.checks.some(({ level }) => level === "error");
  const isPart = plan.checks.some(({ subject }) => subject === "selection");
  return {
    document: {
      dryRun: true,
      backupId,
      source,
      state,
      ...plan,
      ...said,
      ...(refusal === undefined ? {} : { refusal: refusal.message }),
    },
    lines: [
      `restoring ${isPart ? "A PART OF " : ""}${backupId} of ${source} (${state}) to ${plan.target} would:`,
      ...plan.steps.map((step, index) => `  ${index + 1}. ${step}`),
      ...about,
      "checks:",
      ...plan.checks.flatMap((check) => findingLines(terminal, check)),
      ...(refused ? [terminal.style("red", "the restore is refused until each failing check is fixed")] : []),
      ...(refusal === undefined ? [] : [terminal.style("yellow", `${refusal.message}: the restore is refused. ${refusal.hint}`)]),
    ],
    exitCode: refused || refusal !== undefined ? exitCodes.refused : exitCodes.done,
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
