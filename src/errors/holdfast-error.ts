/**
 * The one error type that crosses a module's border, and the questions that are asked of any error.
 */
import { catalogue, type ErrorName } from "./catalogue.ts";
import type { ExitCode } from "./exit-codes.ts";

export interface ErrorOptions {
  /** What went wrong underneath; kept for logs, never shown as a stack trace. */
  readonly cause?: unknown | undefined;
  /** A more precise hint than the catalogue's: one imperative sentence. */
  readonly hint?: string | undefined;
  /**
   * Further facts, one line each: the tool's own words, every problem found. Must hold no secret.
   */
  readonly details?: readonly string[] | undefined;
}

/**
 * An error from the catalogue. `name` is the catalogue's class name, so that Lambda reports it as
 * the error's type and a state machine's Retry and Catch can match it.
 * The message is a lowercase fact without a full stop that says what happened and where.
 */
export class HoldfastError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly retryable: boolean;
  readonly hint: string;
  readonly details: readonly string[];

  constructor(name: ErrorName, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const entry = catalogue[name];
    this.name = name;
    this.code = entry.code;
    this.exitCode = entry.exitCode;
    this.retryable = entry.retryable;
    this.hint = options.hint ?? entry.hint;
    this.details = options.details ?? [];
  }
}

/** Whether `error` is from the catalogue, and, when names are given, one of these. */
export function isHoldfastError(error: unknown, ...names: ErrorName[]): error is HoldfastError {
  return error instanceof HoldfastError && (names.length === 0 || names.includes(error.name as ErrorName));
}

/**
 * The error as one from the catalogue: itself, or `Internal` with the original as its cause. An
 * error that only says that the operation was aborted becomes `Interrupted`.
 */
export function toHoldfastError(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  if (error instanceof Error && error.name === "AbortError") {
    if (error.cause instanceof HoldfastError) return error.cause;
    return new HoldfastError("Interrupted", "the operation was interrupted", { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new HoldfastError("Internal", `unexpected failure: ${message}`, { cause: error });
}
