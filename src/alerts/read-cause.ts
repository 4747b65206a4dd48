/** An error and its cause as Step Functions keeps them. */
import { readErrorDocument } from "../errors/error-schema.ts";

/** What ended a step, a state or an execution. */
export interface Failure {
  /** The error's class: the catalogue's, or one of AWS (`States.Timeout`, `Lambda.Unknown`). */
  readonly error: string;
  readonly message: string;
  /** Absent: neither Holdfast nor AWS gave one. */
  readonly hint?: string | undefined;
  readonly details: readonly string[];
}

/**
 * Before the cause of an execution that has alerted of its failure itself
 * (statemachines/fragments/alert.ts).
 */
export const alertedMark = "alerted: ";

/**
 * Reads a cause: an error of Holdfast (schema/error.schema.json), by itself or as the
 * `errorMessage` of a Lambda; another message of a Lambda; JSON of a stopped Fargate task with its
 * `StoppedReason`; or plain text. Never throws; what AWS left out is said.
 */
export function readCause(error: string | null | undefined, cause: string | null | undefined): Failure {
  const text = withoutMark(cause ?? "");
  const fields = parseObject(text);
  const document = readErrorDocument(fields) ?? readErrorDocument(parseObject(textOf(fields?.["errorMessage"])));
  const name = textOf(error) ?? document?.class ?? textOf(fields?.["errorType"]) ?? "States.TaskFailed";
  if (document !== undefined) {
    const { message, hint, details } = document;
    // The hint is the class's own: of another class it would be wrong.
    return { error: name, message, ...(document.class === name ? { hint } : {}), details };
  }
  const message = textOf(fields?.["errorMessage"]) ?? textOf(fields?.["StoppedReason"]) ?? textOf(text);
  return { error: name, message: message ?? "AWS gave no cause", details: [] };
}

function withoutMark(cause: string): string {
  return cause.startsWith(alertedMark) ? cause.slice(alertedMark.length) : cause;
}

/** The object that `text` is in JSON; undefined when it is none. */
export function parseObject(text: string | null | undefined): Readonly<Record<string, unknown>> | undefined {
  if (typeof text !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    // Not JSON: a cause may be plain text, which is then the message.
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}
