/**
 * Reads a backup back. Damage and a suspicious drop are errors here: no state machine may skip
 * them.
 */
import { MetricUnit } from "@aws-lambda-powertools/metrics";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import type { FoundBackup } from "../../src/pipeline/catalogue/find-backups.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import { metrics } from "./powertools.ts";

/** Errors: BackupDamaged, BackupSuspicious, those of verifyBackup. */
export async function readBack(context: PipelineContext, backup: FoundBackup) {
  const found = await verifyBackup(context, backup);
  metrics.addMetric("VerifyDuration", MetricUnit.Milliseconds, found.durationMs);
  if (found.outcome === "damaged") {
    throw new HoldfastError("BackupDamaged", `backup ${found.backupId} of ${found.source} is damaged`, {
      details: found.findings,
    });
  }
  if (found.outcome === "suspicious") {
    const message = `backup ${found.backupId} of ${found.source} looks as if data were lost or encrypted: ${found.findings[0]}`;
    throw new HoldfastError("BackupSuspicious", message, { details: found.findings });
  }
  return {
    source: found.source,
    backupId: found.backupId,
    outcome: found.outcome,
    objects: found.objectCount,
    rows: found.rows,
    bytes: found.bytes,
    durationMs: Math.round(found.durationMs),
  };
}
