/**
 * The logger, metrics and tracer that every function shares; named and switched by the POWERTOOLS_*
 * variables (infra/functions.ts).
 */
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics } from "@aws-lambda-powertools/metrics";
import { Tracer } from "@aws-lambda-powertools/tracer";

export const logger = new Logger();
/**
 * What it has to say goes where everything is said; by itself it would write plain text among the
 * log's documents.
 */
export const metrics = new Metrics({ logger });
export const tracer = new Tracer();
