/**
 * Makes a backup of one source. Each source has this function under a name and a role of its own.
 */
import { MetricUnit } from "@aws-lambda-powertools/metrics";
import * as z from "zod";
import { dumpSource } from "../src/pipeline/dump.ts";
import { kind, source } from "./commons/inputs.ts";
import { refuseOtherSource } from "./commons/own-source.ts";
import { logger, metrics } from "./commons/powertools.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "dump",
  input: z.strictObject({ source, kind }),
  async run(context, request) {
    refuseOtherSource(request.source, "dumps", "the `backup` state machine");
    const dump = await dumpSource(context, request);
    for (const { code, subject, message } of dump.notices) logger.warn(message, { code, subject, backupId: dump.backupId });
    metrics.addMetric("BackupBytes", MetricUnit.Bytes, dump.storedBytes);
    metrics.addMetric("BackupDuration", MetricUnit.Milliseconds, dump.durationMs);
    metrics.addMetric("BackupThroughput", MetricUnit.BytesPerSecond, dump.storedBytes / Math.max(dump.durationMs / 1000, 0.001));
    return {
      source: dump.source,
      backupId: dump.backupId,
      storedBytes: dump.storedBytes,
      rows: dump.rows,
      durationMs: Math.round(dump.durationMs),
      notices: dump.notices.length,
    };
  },
});

export const handler = serve(step);
