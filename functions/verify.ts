/** Reads a backup back. Damage and a suspicious drop are errors here: no state machine may pass over them. */
import { MetricUnit } from "@aws-lambda-powertools/metrics";
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { verifyBackup } from "../src/pipeline/verify.ts";
import { findNamed } from "./commons/found-backup.ts";
import { backupInput } from "./commons/inputs.ts";
import { metrics } from "./commons/powertools.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "verify",
  input: backupInput,
  async run(context, request) {
    const found = await verifyBackup(context, await findNamed(context, request));
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
  },
});

export const handler = serve(step);
