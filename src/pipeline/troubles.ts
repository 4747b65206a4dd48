/**
 * What is not good about a step's result, in the form that alerts are made of: one trouble a source
 * and finding, not one a backup.
 */
import type { Alert } from "../alerts/alert.ts";
import { alertForFailure } from "../alerts/alert-for-failure.ts";
import { alertForOutcome, type BadOutcome } from "../alerts/alert-for-outcome.ts";
import type { HoldfastError } from "../errors/holdfast-error.ts";
import { gatherAlertContext } from "./notify.ts";
import type { PipelineContext } from "./pipeline-context.ts";
import type { RestoreTestResult } from "./restore-test.ts";
import type { BackupRunResult } from "./run-backup.ts";
import type { VerifyResult } from "./verify.ts";

/** Something that somebody should hear of. */
export type Trouble =
  | { readonly source?: string | undefined; readonly outcome: BadOutcome }
  | {
      readonly source?: string | undefined;
      readonly operation: string;
      readonly backupId?: string | undefined;
      readonly error: HoldfastError;
    };

export function troublesOfBackup({ dump, verification, failure }: BackupRunResult): readonly Trouble[] {
  // What could not be written down comes as the failure as well.
  const found = verification === undefined ? [] : troublesOfVerification([verification]);
  if (failure === undefined || failure.error === verification?.unrecorded) return found;
  // A refusal to prune after a suspicious backup follows from it: one cause, one alert.
  if (failure.error.name === "PruneRefused" && found.length > 0) return found;
  return [...found, { source: dump.source, operation: failure.step, backupId: dump.backupId, error: failure.error }];
}

export function troublesOfVerification(results: readonly VerifyResult[]): readonly Trouble[] {
  const unrecorded = results.flatMap((result) => unrecordedOf("verify", result));
  const found = (["damaged", "suspicious"] as const).flatMap((name): readonly Trouble[] => {
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
): readonly Trouble[] {
  return unrecorded === undefined ? [] : [{ operation, source, backupId, error: unrecorded }];
}

export function troublesOfRestoreTests(results: readonly RestoreTestResult[]): readonly Trouble[] {
  return results.flatMap((result) => {
    const { source, backupId, outcome, evidence } = result;
    const troubles: Trouble[] = [...unrecordedOf("restore-test", result)];
    if (outcome !== "proven")
      troubles.push({ source, outcome: { name: outcome, backupIds: [backupId], findings: evidence.findings } });
    const { objective } = evidence;
    if (objective?.met === false) {
      const findings = [`restored in ${objective.measuredSeconds} s, where ${objective.rtoSeconds} s are promised`];
      troubles.push({ source, outcome: { name: "RTO missed", backupIds: [backupId], findings } });
    }
    return troubles;
  });
}

/** The alerts of these troubles, with the newest good backup of each source. Never throws. */
export async function alertsFor(
  context: PipelineContext,
  troubles: readonly Trouble[],
  given: { readonly since: Date; readonly invocation: string },
): Promise<readonly Alert[]> {
  const alerts: Alert[] = [];
  for (const trouble of troubles) {
    const { source } = trouble;
    const about = await gatherAlertContext(context, {
      ...given,
      run: context.run.identity,
      source,
    });
    alerts.push("outcome" in trouble ? alertForOutcome(trouble.outcome, about) : alertForFailure(trouble, about));
  }
  return alerts;
}
