/**
 * What is not good about a step's result, in the form that alerts are made of: one problem a source
 * and finding, not one a backup.
 */
import type { Alert } from "../../alerts/alert.ts";
import { alertForFailure } from "../../alerts/alert-for-failure.ts";
import { alertForOutcome, type BadOutcome } from "../../alerts/alert-for-outcome.ts";
import type { HoldfastError } from "../../errors/holdfast-error.ts";
import { gatherAlertContext } from "../notify.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { RestoreTestResult } from "../restore-test.ts";
import type { BackupRunResult } from "../run-backup.ts";
import type { VerifyResult } from "../verify.ts";

/** Something that somebody should hear of. */
export type AlertableProblem =
  | { readonly source?: string | undefined; readonly outcome: BadOutcome }
  | {
      readonly source?: string | undefined;
      readonly operation: string;
      readonly backupId?: string | undefined;
      readonly error: HoldfastError;
    };

export function problemsOfBackup({ dump, verification, failure }: BackupRunResult): readonly AlertableProblem[] {
  // What could not be written down comes as the failure as well.
  const found = verification === undefined ? [] : problemsOfVerification([verification]);
  if (failure === undefined || failure.error === verification?.unrecorded) return found;
  // A refusal to prune after a suspicious backup follows from it: one cause, one alert.
  if (failure.error.name === "PruneRefused" && found.length > 0) return found;
  return [...found, { source: dump.source, operation: failure.step, backupId: dump.backupId, error: failure.error }];
}

export function problemsOfVerification(results: readonly VerifyResult[]): readonly AlertableProblem[] {
  const unrecorded = results.flatMap((result) => unrecordedOf("verify", result));
  const found = (["damaged", "suspicious"] as const).flatMap((name): readonly AlertableProblem[] => {
    const bad = results.filter(({ outcome }) => outcome === name);
    return [...Map.groupBy(bad, ({ source }) => source)].map(([source, own]) => ({
      source,
      outcome: {
        name,
        backupIds: own.map(({ backupId }) => backupId),
        findings: own.flatMap(({ backupId, findings }) => (own.length === 1 ? findings : [`${backupId}: ${findings[0] ?? name}`])),
      },
    }));
  });
  return [...found, ...unrecorded];
}

/** What was found and could not be written down. */
function unrecordedOf(
  operation: string,
  {
    source,
    backupId,
    unrecorded,
  }: { readonly source: string; readonly backupId: string; readonly unrecorded?: HoldfastError | undefined },
): readonly AlertableProblem[] {
  return unrecorded === undefined ? [] : [{ operation, source, backupId, error: unrecorded }];
}

export function problemsOfRestoreTests(results: readonly RestoreTestResult[]): readonly AlertableProblem[] {
  return results.flatMap((result) => {
    const { source, backupId, outcome, evidence } = result;
    const problems: AlertableProblem[] = [...unrecordedOf("restore-test", result)];
    if (outcome !== "proven")
      problems.push({ source, outcome: { name: outcome, backupIds: [backupId], findings: evidence.findings } });
    const { objective } = evidence;
    if (objective?.met === false) {
      const findings = [`restored in ${objective.measuredSeconds} s, where ${objective.rtoSeconds} s are promised`];
      problems.push({ source, outcome: { name: "RTO missed", backupIds: [backupId], findings } });
    }
    return problems;
  });
}

/** The alerts of these problems, with the newest good backup of each source. Never throws. */
export async function alertsFor(
  context: PipelineContext,
  problems: readonly AlertableProblem[],
  given: { readonly since: Date; readonly invocation: string },
): Promise<readonly Alert[]> {
  const alerts: Alert[] = [];
  for (const problem of problems) {
    const { source } = problem;
    const about = await gatherAlertContext(context, {
      ...given,
      run: context.run.identity,
      source,
    });
    alerts.push("outcome" in problem ? alertForOutcome(problem.outcome, about) : alertForFailure(problem, about));
  }
  return alerts;
}
