/**
 * Says facts on the deployment's bus, where it has one. What cannot be said is logged and counted,
 * and never spoils the work that it is about: alerts tell people, events tell programs.
 */
import { MetricUnit } from "@aws-lambda-powertools/metrics";
import { type EventType, makeEvent } from "../../src/alerts/event.ts";
import { putEvent } from "../../src/alerts/put-event.ts";
import { toHoldfastError } from "../../src/errors/holdfast-error.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { requireVariable } from "./environment.ts";
import { logger, metrics } from "./powertools.ts";

/** Never throws. */
export async function announce<T extends EventType>(
  { run }: PipelineContext,
  type: T,
  facts: Parameters<typeof makeEvent<T>>[1],
): Promise<void> {
  const bus = process.env["HOLDFAST_EVENT_BUS"] ?? "";
  if (bus === "") return;
  try {
    const deployment = requireVariable("HOLDFAST_DEPLOYMENT");
    await putEvent(bus, makeEvent(type, facts, { deployment, now: run.clock.now() }));
  } catch (error) {
    const { name, message } = toHoldfastError(error);
    logger.warn("an event was not put", { event: type, error: name, reason: message });
    metrics.addMetric("EventsNotPut", MetricUnit.Count, 1);
  }
}
