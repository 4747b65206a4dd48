/** Proves a backup in a throwaway server. What does not restore, or cannot be judged, is an error here. */
import { MetricUnit } from "@aws-lambda-powertools/metrics";
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { restoreTest } from "../src/pipeline/restore-test.ts";
import { findNamed } from "./commons/found-backup.ts";
import { backupInput } from "./commons/inputs.ts";
import { metrics } from "./commons/powertools.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "restore-test",
  input: backupInput,
  async run(context, request) {
    const { source, backupId, outcome, evidence } = await restoreTest(context, await findNamed(context, request));
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
  },
});

export const handler = serve(step);
