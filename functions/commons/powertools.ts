/** The logger, metrics and tracer that every function shares; named and switched by the POWERTOOLS_* variables (infra/functions.ts). */
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics } from "@aws-lambda-powertools/metrics";
import { Tracer } from "@aws-lambda-powertools/tracer";

export const logger = new Logger();
export const metrics = new Metrics();
export const tracer = new Tracer();
