/**
 * Publishes alerts to the stack's topics; what is not told is an error, so that a retry, a queue or
 * a rule notices.
 */
import { MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Alert, AlertContext } from "../../src/alerts/alert.ts";
import type { ExecutionContext } from "../../src/alerts/alert-for-execution.ts";
import { gatherAlertContext, notify } from "../../src/pipeline/notify.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import type { Severity } from "../../src/policy/policy.ts";
import { requireVariable } from "./environment.ts";
import { metrics } from "./powertools.ts";

/** Errors: those of publishing: AlertRefused, AlertUndelivered. */
export async function publishAlert(context: PipelineContext, alert: Alert): Promise<{ readonly sent: number }> {
  const topic = (severity: Severity): string => requireVariable(`HOLDFAST_TOPIC_${severity.toUpperCase()}`);
  const deliveries = await notify(context, alert, {
    topics: { critical: topic("critical"), warning: topic("warning"), info: topic("info") },
  });
  const failed = deliveries.find(({ error }) => error !== undefined);
  if (failed?.error !== undefined) throw failed.error;
  return { sent: deliveries.length };
}

/**
 * Counts a failure that a state machine could not recover from, for the alarm that speaks when the
 * alert itself does not arrive.
 */
export function countFailure(source?: string): void {
  if (source !== undefined) metrics.addDimension("source", source);
  metrics.addMetric("Failures", MetricUnit.Count, 1);
}

/** What an alert about a source's execution is made with. Never throws. */
export function alertContext(context: PipelineContext, source: string, execution: string): Promise<AlertContext> {
  return gatherAlertContext(context, { source, run: execution });
}

/**
 * What the alert of an execution is made with, the newest good backup of the source that it was
 * about among it. Never throws.
 */
export async function executionContext(context: PipelineContext, source: string | undefined): Promise<ExecutionContext> {
  const { now, secrets, publicNames, newestGood } = await gatherAlertContext(context, { source });
  return {
    now,
    sources: context.policy.sources,
    secrets,
    publicNames,
    ...(newestGood === undefined ? {} : { newestGoodOf: () => newestGood }),
  };
}
