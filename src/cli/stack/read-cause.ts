/** An error and its cause as Step Functions keeps them, in words for people. */
import { escapeUnprintable } from "../../runtime/printable-text.ts";

export interface Failure {
  /** The error's name: the catalogue's, or one of AWS (`States.Timeout`, `Lambda.Unknown`). */
  readonly error: string;
  /** One line of words. */
  readonly message: string;
}

/** Before the cause of an execution that has told of its failure itself (statemachines/, `FailedAndTold`). */
const toldMark = /^alerted: /;
/** A cause may have 32,768 characters; a line that long is read by nobody. */
const mostCharacters = 600;

/**
 * Reads a cause: JSON with Lambda's `errorType` and `errorMessage`, JSON of a stopped Fargate task with its `StoppedReason`, or plain words. Never
 * throws; what AWS left out is said.
 */
export function readCause(error: string | undefined, cause: string | undefined): Failure {
  const words = (cause ?? "").replace(toldMark, "");
  const fields = parseObject(words);
  const named = textOf(error) ?? textOf(fields?.["errorType"]) ?? "States.TaskFailed";
  const message = textOf(fields?.["errorMessage"]) ?? textOf(fields?.["StoppedReason"]) ?? textOf(words) ?? "AWS gave no cause";
  return { error: escapeUnprintable(named), message: oneLine(message) };
}

function oneLine(text: string): string {
  const line = escapeUnprintable(text.replaceAll(/\s+/g, " ").trim());
  return line.length > mostCharacters ? `${line.slice(0, mostCharacters)}…` : line;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    // Not JSON: a cause may be plain words, which are then the message.
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}
