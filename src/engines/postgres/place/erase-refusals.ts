/**
 * Why a server refused an erasure, in words of our own: its messages and details repeat the values
 * of rows, which must reach no log.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { sqlState } from "../connection/driver-errors.ts";

interface ServerError {
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
}

/** `server`: the server said it, and the session goes on. `data`: a value is not of its type. */
export function isOf(error: unknown, kind: "server" | "data"): boolean {
  const state = stateOf(error);
  // Classes of a session that is over: lost, shut down, out of room, cancelled.
  if (state === undefined || /^(?:08|53|57|58|XX)/.test(state)) return false;
  return kind === "server" || /^(?:22|23514|42846|42883)/.test(state);
}

/** Completes "users (1 erasure): …". */
export function describeRefusal(error: unknown): string {
  const state = stateOf(error) ?? "";
  const { schema, table, column, constraint } = (sourceOf(error) ?? {}) as ServerError;
  const where = table === undefined ? "" : ` of ${[schema, table].filter(Boolean).join(".")}`;
  if (state === "23503")
    return `rows${where} still point to it (foreign key ${constraint}). Add those rows to the erasure, or declare the key with ON DELETE CASCADE or SET NULL`;
  if (state === "23502")
    return `the column ${column}${where} takes no NULL. Record the erasure again with a text for it, or as a deletion`;
  if (state === "23505")
    return `the value it was to be overwritten with is there already (unique ${constraint}). Record the erasure again with NULL`;
  if (state === "42501") return "the role that restores may not see or change all of its rows (privileges, or row-level security)";
  const what = constraint === undefined ? "" : `, constraint ${constraint}${where}`;
  return `the server refused it (SQLSTATE ${state}${what}); its own words are not repeated here, for they can hold values`;
}

function stateOf(error: unknown): string | undefined {
  return sqlState(sourceOf(error));
}

function sourceOf(error: unknown): unknown {
  return error instanceof HoldfastError ? error.cause : error;
}
