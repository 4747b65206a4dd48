/**
 * Loads with pg_restore's sessions side by side, and tells what each entry failed with. The
 * sessions share one standard error and write their lines in pieces, so that two that fail at once
 * may spoil each other's messages; and they may lock each other out.
 */
import type { RunContext } from "../../../runtime/run-context.ts";
import { isSessionStatement, readOwner } from "../digest/ddl-normalise.ts";
import type { ArchiveLoad } from "./archive-load.ts";
import { isArchiveError, isDeadlock, type RestoreError } from "./load-errors.ts";
import {
  assertLoadedAlone,
  assertServerStood,
  environmentError,
  listEntries,
  type RestoreRun,
  runRestore,
  writeList,
} from "./run-restore.ts";

/**
 * Runs pg_restore with these arguments. What a deadlock stopped (attaching the indexes of
 * partitions makes some), and what failed with messages that cannot be told apart, is loaded once
 * more by one session: its errors are clean, and only what fails again has failed.
 * Errors: ThrowawayFailed, DiskFull.
 */
export async function loadParallel(load: ArchiveLoad, args: readonly string[], context: RunContext): Promise<RestoreError[]> {
  const run = await runRestore(load, [...args, "--verbose"], context);
  const mixed = areMixed(run);
  // Mixed messages may name the server's failure beside the wrong entry. A run that went to its end
  // had a server; what failed in it is tried again.
  if (!mixed || !run.ended) assertServerStood(run);
  if (!mixed && !run.errors.some(isDeadlock)) return run.errors;
  const stopped = run.errors.find((error) => isDeadlock(error) && isOwner(error));
  if (stopped !== undefined) throw environmentError(stopped, run.stderr);
  const left = keptErrors(run);
  const again = await orderedEntries(load, run, context);
  if (again.length === 0) return left;
  const second = await runRestore(load, [`--use-list=${await writeList(load, again)}`, "--jobs=1"], context);
  assertLoadedAlone(second);
  return [...left, ...second.errors.filter((error) => !wasMade(error, second.errors))];
}

/** The statement that gives an entry its owner is a transaction of its own; all others are one. */
function isOwner({ command }: RestoreError): boolean {
  return readOwner(command) !== undefined;
}

const keyOf = (error: RestoreError): string | undefined =>
  error.entry === undefined ? undefined : JSON.stringify([error.entry.type, error.entry.schema, error.entry.name]);

/**
 * Whether messages of several sessions may have run into each other. The first piece that stands in
 * another session's line or message begins with the program's name; and where a message's pieces
 * were parted between two lines, the errors are not those of all entries that failed, or the
 * statement of one is not known.
 */
export function areMixed({ errors, failed, stderr }: Pick<RestoreRun, "errors" | "failed" | "stderr">): boolean {
  if (/[^\n]pg_restore:/.test(stderr)) return true;
  const unknown = errors.filter(({ entry, answered }) => entry === undefined && answered === true);
  // The sessions' own settings are of no entry; of rows only the table's bare name may be known.
  const rows = unknown.filter(({ message }) => message.startsWith("COPY failed for table "));
  const settings = unknown.filter(({ command }) => command !== "" && isSessionStatement(command));
  if (rows.length + settings.length < unknown.length) return true;
  const known = new Set(errors.flatMap((error) => keyOf(error) ?? []));
  return known.size + rows.length !== failed.size;
}

/**
 * What is not loaded again, and stays as it was said: owners, what the archive itself is guilty of,
 * and where no entry failed, the sessions' settings. Anything else without an entry is a piece of
 * two messages, whose entries have failed and are loaded again.
 */
export function keptErrors({ errors, failed }: Pick<RestoreRun, "errors" | "failed">): RestoreError[] {
  return errors.filter((error) => {
    if (error.entry !== undefined) return isOwnerOnly(keyOf(error), errors);
    if (isArchiveError(error)) return true;
    return error.answered === true && failed.size === 0 && error.command !== "";
  });
}

function isOwnerOnly(key: string | undefined, errors: readonly RestoreError[]): boolean {
  return errors.every((error) => keyOf(error) !== key || isOwner(error));
}

/** Numbers of the entries to load once more, in the archive's order. */
async function orderedEntries(load: ArchiveLoad, { errors, failed }: RestoreRun, context: RunContext): Promise<number[]> {
  if (failed.size === 0) return [];
  const ownersOnly = new Set(
    errors.flatMap((error) => (error.entry !== undefined && isOwnerOnly(keyOf(error), errors) ? (error.entry.dumpId ?? []) : [])),
  );
  const listed = await listEntries(load, context);
  return listed.map(({ dumpId }) => dumpId).filter((dumpId) => failed.has(dumpId) && !ownersOnly.has(dumpId));
}

/**
 * Of an entry that was made, and lacks its owner only, the second load says that it exists already.
 */
function wasMade(error: RestoreError, errors: readonly RestoreError[]): boolean {
  const key = keyOf(error);
  return / already exists$/.test(error.message) && errors.some((other) => keyOf(other) === key && isOwner(other));
}
