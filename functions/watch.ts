/**
 * Looks whether everything is as promised, tells what is not, and measures the ages that the
 * dashboard and the alarms show.
 */
import { MetricUnit } from "@aws-lambda-powertools/metrics";
import * as z from "zod";
import { type WatchResult, watchSources } from "../src/pipeline/watch.ts";
import { metrics } from "./commons/powertools.ts";
import { publishAlert } from "./commons/publish-alert.ts";
import { tellProgress } from "./commons/restore-progress.ts";
import { withStateStore } from "./commons/state-store.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "watch",
  input: z.strictObject({}),
  async run(context) {
    const { sources, unmeasured, told, recovered } = await withStateStore(context.run.clock, async (memory) => {
      const watched = await watchSources(context, {
        memory,
        tell: (alert) => publishAlert(context, alert),
        measured: addMetrics,
      });
      return { ...watched, told: watched.told + (await tellProgress(context, memory)) };
    });
    // An alarm on its absence tells when nobody watches.
    metrics.addMetric("WatchedSources", MetricUnit.Count, sources.length);
    return { watched: sources.length, unmeasured: unmeasured.length, told, recovered };
  },
});

export const handler = serve(step);

/** One document a source: what has no age yet, for there is none, has no metric. */
function addMetrics({ source, newest, newestVerified, newestProven, findings }: WatchResult["sources"][number]): void {
  const ages = { BackupAgeSeconds: newest, VerifiedAgeSeconds: newestVerified, ProvenAgeSeconds: newestProven };
  metrics.addDimension("source", source);
  for (const [name, point] of Object.entries(ages)) {
    if (point !== null) metrics.addMetric(name, MetricUnit.Seconds, point.ageSeconds);
  }
  // With the grace that a run which is under way has: an age by itself knows of none.
  const breaches = findings.filter(({ level, subject }) => level === "breach" && subject === "rpo");
  metrics.addMetric("RpoBreached", MetricUnit.Count, breaches.length);
  metrics.publishStoredMetrics();
}
