/** Runs pg_restore once, with a list of entries where one is given, and reads its errors. */
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { lastLines, runTool } from "../../../runtime/child-process.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import { redact } from "../../../runtime/secret.ts";
import { secretsOf, toolEnvironment, withLogin } from "../connection/connection.ts";
import { conninfo } from "../place/place-settings.ts";
import { archiveConfinement } from "../place/throwaway-sandbox.ts";
import { archiveError } from "../script/archive-script.ts";
import type { ArchiveLoad } from "./archive-load.ts";
import {
  isArchiveError,
  isDeadlock,
  isEnvironmental,
  isWorkerLost,
  parseRestoreErrors,
  type RestoreError,
  readFailedEntries,
} from "./load-errors.ts";
import { type ListedEntry, parseList } from "./load-order.ts";

/**
 * The archive's entries in its own order. Errors: as `archiveError`, and whatever the archive's
 * reader throws.
 */
export async function listEntries(
  load: Pick<ArchiveLoad, "pgRestore" | "source">,
  context: RunContext,
  { headOnly = false }: { readonly headOnly?: boolean } = {},
): Promise<ListedEntry[]> {
  const confinement = await archiveConfinement(load.pgRestore, context);
  const file = load.source.kind === "file" ? await open(load.source.path, constants.O_RDONLY | constants.O_NOFOLLOW) : undefined;
  try {
    const input = load.source.kind === "stream" ? await load.source.open() : { descriptor: (file as FileHandle).fd };
    const options = { env: {}, signal: context.signal, confinement, input, inputHead: headOnly };
    const result = await runTool(load.pgRestore, ["--list", "--verbose"], options);
    // Half a list would load half a backup.
    if (result.exitCode !== 0) throw archiveError(result);
    return parseList(result.stdout);
  } finally {
    await file?.close();
  }
}

export async function writeList(load: ArchiveLoad, dumpIds: readonly number[]): Promise<string> {
  const path = join(load.directory, `restore-${randomUUID()}.list`);
  // "wx" makes a new file, and follows no link.
  await writeFile(path, dumpIds.map((dumpId) => `${dumpId};\n`).join(""), { mode: 0o600, flag: "wx" });
  await load.handOver?.(path);
  return path;
}

/**
 * Errors of a restore that says more than this are not a restore's: nobody reads a million lines.
 */
const maxErrorBytes = 64 * 1024 * 1024;

/** What `--verbose` says of each entry as it goes; errors are counted by their own lines. */
export const progressLine =
  /^pg_restore: (?:connecting|creating|executing|entering|finished|launching|processing|restored|restoring|skipping) (?!.*pg_restore:)/;

export interface RestoreRun {
  readonly errors: RestoreError[];
  /** Numbers of the entries that failed; complete only with `--verbose`. */
  readonly failed: ReadonlySet<number>;
  readonly exitCode: number;
  /** Whether it went through its whole list, whatever failed on the way. */
  readonly ended: boolean;
  readonly stderr: string;
}

/**
 * Runs pg_restore. Errors: ThrowawayFailed when it was killed or wrote too much. What the server's
 * own failure and deadlocks mean is left to the caller.
 */
export async function runRestore(load: ArchiveLoad, args: readonly string[], context: RunContext): Promise<RestoreRun> {
  const command = ["--no-password", `--dbname=${conninfo(load.settings.database)}`, ...load.options, ...args];
  const source = load.source.kind === "file" ? [load.source.path] : [];
  const input = load.source.kind === "stream" ? { input: await load.source.open() } : {};
  const result = await runTool(load.pgRestore, [...command, ...source], {
    env: toolEnvironment(await withLogin(load.settings)),
    signal: context.signal,
    cwd: "/",
    // All of its words are needed, not the last only.
    maxStderrBytes: maxErrorBytes,
    stderrBytes: true,
    omitStderrLine: progressLine,
    confinement: load.confinement,
    ...input,
  });
  if (result.stderrCut === true) {
    throw new HoldfastError("ThrowawayFailed", `pg_restore wrote more than ${maxErrorBytes} bytes of errors`);
  }
  const stderr = redact(result.stderr, secretsOf(load.settings));
  const errors = parseRestoreErrors(stderr, load.outline);
  if (result.signal !== undefined) {
    // What it left behind half loaded is neither proof nor damage.
    throw new HoldfastError("ThrowawayFailed", `pg_restore was ended by ${result.signal} while it loaded the backup`, {
      details: lastLines(stderr),
    });
  }
  const failed = readFailedEntries(stderr);
  if (result.exitCode !== 0 && errors.length === 0 && failed.size === 0) throw noErrorNamed(result.exitCode, stderr);
  const ended = result.exitCode === 0 || /^pg_restore: warning: errors ignored on restore: \d+\n*$/m.test(stderr.slice(-200));
  return { errors, failed, exitCode: result.exitCode, ended, stderr };
}

/** It, or the sandbox around it, did not come to loading: the backup was not judged. */
function noErrorNamed(exitCode: number, stderr: string): HoldfastError {
  const message = `pg_restore ended with status ${exitCode} and named no error`;
  return new HoldfastError("ThrowawayFailed", message, { details: lastLines(stderr) });
}

/**
 * Errors: ThrowawayFailed, DiskFull when the server, its disk or the program failed; a deadlock is
 * none of it.
 */
export function assertServerStood({ errors, stderr }: RestoreRun): void {
  // A worker that met an archive it cannot read ends, and is missed by the others.
  const unreadable = errors.some(isArchiveError);
  const gaveWay = errors.find((error) => isEnvironmental(error) && !isDeadlock(error) && !(unreadable && isWorkerLost(error)));
  if (gaveWay !== undefined) throw environmentError(gaveWay, stderr);
}

/**
 * The same, where one session loads alone: nothing can lock it out but the server's other users.
 */
export function assertLoadedAlone(run: RestoreRun): void {
  assertServerStood(run);
  const { errors, exitCode, stderr } = run;
  if (exitCode !== 0 && errors.length === 0) throw noErrorNamed(exitCode, stderr);
  const deadlock = errors.find(isDeadlock);
  if (deadlock !== undefined) throw environmentError(deadlock, stderr);
}

export function environmentError(error: RestoreError, stderr: string): HoldfastError {
  const details = lastLines(stderr);
  if (/No space left on device|Disk quota exceeded/.test(error.message)) {
    return new HoldfastError("DiskFull", `the server ran out of disk while it loaded the backup: ${error.message}`, { details });
  }
  return new HoldfastError("ThrowawayFailed", `the server failed while it loaded the backup: ${error.message}`, { details });
}
