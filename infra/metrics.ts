/** The functions' own metrics (functions/), as alarms and the dashboard name them. */
import type { Deployment } from "./deployment.ts";
import { metricsNamespace } from "./functions.ts";

/**
 * Powertools adds the service, which is the stage's prefix, to every metric; those of a source have
 * its name besides.
 */
export function metricDimensions(
  { prefix }: Deployment,
  source?: string,
): readonly { readonly Name: string; readonly Value: string }[] {
  return [{ Name: "service", Value: prefix }, ...(source === undefined ? [] : [{ Name: "source", Value: source }])];
}

/** For an alarm. */
export function ownMetric(deployment: Deployment, name: string, statistic: string, source?: string) {
  return {
    Namespace: metricsNamespace,
    MetricName: name,
    Dimensions: metricDimensions(deployment, source),
    Statistic: statistic,
  };
}

/** For a graph: `[namespace, name, dimension, value, …]`. */
export function graphMetric(deployment: Deployment, name: string, source?: string): readonly string[] {
  return [metricsNamespace, name, ...metricDimensions(deployment, source).flatMap(({ Name, Value }) => [Name, Value])];
}
