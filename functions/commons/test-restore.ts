/**
 * Restores a backup into a throwaway server. What does not restore, or cannot be judged, is an
 * error here.
 */
import { MetricUnit } from "@aws-lambda-powertools/metrics";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import type { FoundBackup } from "../../src/pipeline/catalogue/find-backups.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { restoreTest } from "../../src/pipeline/restore-test.ts";
import { metrics } from "./powertools.ts";

/** Errors: BackupDamaged, BackupUnproven, those of restoreTest. */
export async function testRestore(context: PipelineContext, found: FoundBackup) {
  const { source, backupId, outcome, evidence } = await restoreTest(context, found);
  if (outcome !== "proven") {
    const [name, what] =
      outcome === "disproven"
        ? (["BackupDamaged", "does not restore"] as const)
        : (["BackupUnproven", "could not be judged"] as const);
    throw new HoldfastError(name, `backup ${backupId} of ${source} ${what}`, { details: evidence.findings });
  }
  const { objective } = evidence;
  if (objective !== undefined) metrics.addMetric("RestoreSeconds", MetricUnit.Seconds, objective.measuredSeconds);
  return {
    source,
    backupId,
    outcome,
    objects: evidence.comparison?.objectsCompared ?? 0,
    rows: evidence.comparison?.rowsCompared ?? 0,
    restoreSeconds: objective?.measuredSeconds ?? 0,
    rtoSeconds: objective?.rtoSeconds ?? 0,
    rtoMet: objective?.met ?? true,
  };
}
