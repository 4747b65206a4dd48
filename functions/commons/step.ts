/**
 * How a step of the pipeline is served: as a Lambda's handler, with the stack that all share, and
 * as the same step elsewhere.
 */
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import { MetricUnit } from "@aws-lambda-powertools/metrics";
import { logMetrics } from "@aws-lambda-powertools/metrics/middleware";
import { captureLambdaHandler } from "@aws-lambda-powertools/tracer/middleware";
import middy from "@middy/core";
import type { Context } from "aws-lambda";
import type * as z from "zod";
import { redactSecretForms } from "../../src/alerts/redact-secret-forms.ts";
import { errorDocument } from "../../src/errors/error-document.ts";
import { HoldfastError, toHoldfastError } from "../../src/errors/holdfast-error.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { type Invocation, withContext } from "./open-context.ts";
import { logger, metrics, tracer } from "./powertools.ts";

export interface Step<Schema extends z.ZodType = z.ZodType, Result = unknown> {
  readonly name: string;
  /** What it accepts; unknown keys are refused. */
  readonly input: Schema;
  /** Ids and figures only: a state machine carries the result on. */
  run(context: PipelineContext, input: z.output<Schema>): Promise<Result>;
}

/** A definition as it is; it lets the compiler find the input's type. */
export function defineStep<Schema extends z.ZodType, Result>(step: Step<Schema, Result>): Step<Schema, Result> {
  return step;
}

/** Step Functions keeps 32,768 characters of a cause, the stack that Lambda adds among them. */
const maxDetails = 5;
const maxCharacters = 1_500;
const maxDetailCharacters = 300;

/**
 * Runs a step on an event. Errors: UsageInvalid (the event), those of the step; each carries the
 * catalogue's name as its own.
 */
export async function runStep<Schema extends z.ZodType, Result>(
  step: Step<Schema, Result>,
  event: unknown,
  invocation: Invocation,
): Promise<Result> {
  logger.appendKeys({ step: step.name });
  try {
    const input = parseInput(step, event);
    const ids = idsIn(input);
    logger.appendKeys(ids);
    // Metrics of a source, failures among them, carry its name.
    if (ids.source !== undefined) metrics.addDimension("source", ids.source);
    const result = await withContext(invocation, (context) => step.run(context, input));
    logger.info("done", { result });
    return result;
  } catch (error) {
    throw nameError(error);
  }
}

/** The step as a Lambda's handler. */
export function serve<Schema extends z.ZodType, Result>(step: Step<Schema, Result>) {
  // middy would end the invocation beside the step, which then has no time to take back what is
  // half done: the deadline is ours.
  return middy<unknown, Result>({ timeoutEarlyInMillis: 0 })
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use(logMetrics(metrics, { captureColdStartMetric: true }))
    .use(captureLambdaHandler(tracer, { captureResponse: false }))
    .handler((event: unknown, context: Context) =>
      runStep(step, event, {
        identity: `lambda:${context.functionName}:${context.awsRequestId}`,
        remainingMs: context.getRemainingTimeInMillis(),
      }),
    );
}

function parseInput<Schema extends z.ZodType>(step: Step<Schema>, event: unknown): z.output<Schema> {
  const parsed = step.input.safeParse(event);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "event"}: ${message}`);
  throw new HoldfastError("UsageInvalid", `the input of ${step.name} is not what it takes: ${details.join("; ")}`, {
    hint: `Write it like events/functions/${step.name}.json.`,
  });
}

/**
 * What an input is about: one source, or one of its backups. Inputs about many, or about none, have
 * no such words.
 */
function idsIn(input: unknown): { readonly source?: string | undefined; readonly backupId?: string | undefined } {
  const given = (typeof input === "object" && input !== null ? input : {}) as {
    readonly source?: unknown;
    readonly backupId?: unknown;
  };
  const { source, backupId } = given;
  return {
    ...(typeof source === "string" && source !== "" ? { source } : {}),
    ...(typeof backupId === "string" && backupId !== "" ? { backupId } : {}),
  };
}

/**
 * The error as a state machine sees it: Lambda reports `name` as the error's type, and the message,
 * which is the error in JSON (docs/json-output.md), as its cause. The stack's first line says the
 * same, for V8 wrote it before the error had its name. No step puts a secret into an error; what
 * looks like one is taken out all the same: an execution's history is kept for 90 days.
 */
export function nameError(error: unknown): Error {
  const known = toHoldfastError(error);
  const message = redactSecretForms(known.message);
  const details = known.details.map(redactSecretForms);
  logger.error(message, {
    error: known.name,
    code: known.code,
    details,
    cause: redactSecretForms(String(known.cause ?? "")),
  });
  // Of this attempt: the state machine may try again, or go on in a container. What it gives up is
  // counted where it is told.
  metrics.addMetric("StepErrors", MetricUnit.Count, 1);
  const cause = errorDocument({
    name: known.name,
    message: message.slice(0, maxCharacters),
    hint: redactSecretForms(known.hint).slice(0, maxCharacters),
    details: details
      .filter((detail) => !message.includes(detail))
      .slice(0, maxDetails)
      .map((detail) => detail.slice(0, maxDetailCharacters)),
  });
  const named = new Error(JSON.stringify(cause));
  named.name = known.name;
  named.stack = `${known.name}: ${named.message}\n${(known.stack ?? "")
    .split("\n")
    .filter((line) => line.startsWith("    at "))
    .join("\n")}`;
  return named;
}
