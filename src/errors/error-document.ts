/**
 * An error in JSON: the one form that commands, functions, executions and alerts use
 * (docs/json-output.md).
 */
import { catalogue, type ErrorEntry } from "./catalogue.ts";
import type { ErrorDocument } from "./error-schema.ts";

/** A HoldfastError, or what is known of another error. */
export interface DescribedError {
  /** The catalogue's class, a name of AWS, or what a check found. */
  readonly name: string;
  readonly message: string;
  /** Default: the catalogue's. */
  readonly hint?: string | undefined;
  readonly details?: readonly string[] | undefined;
}

/** Where neither the error nor the catalogue knows better. */
const generalHint = "Read the message and its details.";

/**
 * The document of an error; code, exit code and whether to retry are the catalogue's, where the
 * class is.
 */
export function errorDocument({ name, message, hint, details = [] }: DescribedError): ErrorDocument {
  const entry: ErrorEntry | undefined = Object.hasOwn(catalogue, name) ? catalogue[name as keyof typeof catalogue] : undefined;
  const known = entry === undefined ? {} : { code: entry.code, exitCode: entry.exitCode, retryable: entry.retryable };
  return { version: 1, class: name, message, hint: hint ?? entry?.hint ?? generalHint, details: [...details], ...known };
}
