/**
 * Runs pg_restore over an archive so that rows keep the order of the dump, and reads its errors.
 */
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { lastLines, runTool } from "../../../runtime/child-process.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { Confinement } from "../../../runtime/sandbox.ts";
import { redact } from "../../../runtime/secret.ts";
import type { DelegatedRights } from "../archive/archive-rights.ts";
import type { ArchiveSource } from "../archive/archive-source.ts";
import { type ConnectionSettings, secretsOf, toolEnvironment } from "../connection/connection.ts";
import { connect } from "../connection/driver.ts";
import { readOwner } from "../digest/ddl-normalise.ts";
import { conninfo } from "../place/place-settings.ts";
import { archiveConfinement } from "../place/throwaway-sandbox.ts";
import { applyDelegatedRights } from "./grant-rights.ts";
import { type EntryFinder, isDeadlock, isEnvironmental, parseRestoreErrors, type RestoreError } from "./load-errors.ts";
import { emptyPlan, isEmptyPlan, type ListedEntry, type LoadLists, type LoadPlan, parseList, splitList } from "./load-order.ts";

export interface ArchiveLoad {
  readonly pgRestore: string;
  readonly source: ArchiveSource;
  readonly settings: ConnectionSettings;
  readonly outline: EntryFinder;
  /** Holdfast's own, for pg_restore's list: the server cannot write in it. */
  readonly directory: string;
  /** The sandbox of a throwaway server's clients; absent for a server of the user's. */
  readonly confinement?: Confinement;
  /** Lets the sandbox's user read a file in `directory`. */
  readonly handOver?: (file: string) => Promise<void>;
  /** `--no-owner`, `--no-privileges`, `--no-tablespaces`. */
  readonly options: readonly string[];
  /** Sessions that load at once, when the archive is on disk. */
  readonly jobs: number;
  /** What is left to the end, and what is left out. */
  readonly order?: LoadPlan;
  /** Rights that Holdfast grants itself, after the objects. None where options leave rights out. */
  readonly delegated?: readonly DelegatedRights[];
  /** Runs before what is left to the end, when all else is loaded. */
  readonly beforeLast?: () => Promise<void>;
  /**
   * Indexes and keys may be made while other tables still get their rows
   * (ArchiveOutline.plainKeysOnly). Default: they wait for all rows.
   */
  readonly keysBesideRows?: boolean;
}

/**
 * A streamed load begins anew without an entry that this place cannot take; so many times at most.
 */
const maxStreamAttempts = 200;

/**
 * Loads the archive; gives pg_restore's errors. From disk: in parallel, each table created and
 * filled in one transaction. Streamed: all in one transaction, which has to begin anew without any
 * entry that fails. Both ways a table's rows are appended in the archive's order; a plain serial
 * restore may fill gaps and change it, and is never used.
 * Errors: ThrowawayFailed when the server gave way; DiskFull; whatever the archive's reader throws.
 */
export async function loadArchive(load: ArchiveLoad, context: RunContext): Promise<RestoreError[]> {
  const lists = await readLists(load, context);
  const errors = await loadEntries(load, lists?.first, context);
  errors.push(...(await grantDelegated(load, context)));
  errors.push(...(await loadRest(load, lists?.views, context)));
  await load.beforeLast?.();
  return [...errors, ...(await loadRest(load, lists?.last, context))];
}

/** Loads what is left of a list, in its order. */
async function loadRest(load: ArchiveLoad, list: readonly number[] = [], context: RunContext): Promise<RestoreError[]> {
  return list.length === 0 ? [] : loadEntries({ ...load, jobs: 1, keysBesideRows: true }, list, context);
}

async function grantDelegated({ delegated = [], settings }: ArchiveLoad, { signal }: RunContext): Promise<RestoreError[]> {
  if (delegated.length === 0) return [];
  const connection = await connect(settings, signal);
  try {
    return await applyDelegatedRights(delegated, connection);
  } finally {
    await connection.close();
  }
}

/** Loads the entries with these numbers; all of them without a list. */
async function loadEntries(load: ArchiveLoad, list: readonly number[] | undefined, context: RunContext): Promise<RestoreError[]> {
  if (load.source.kind === "stream") return loadStreamed(load, list, context);
  const jobs = `--jobs=${load.jobs}`;
  const chosen = list === undefined ? [] : [`--use-list=${await writeList(load, list)}`];
  if (load.keysBesideRows === true) return loadParallel(load, [...chosen, jobs], context);
  // In two runs: in one, a session may make a partitioned table's trigger while another still loads
  // its partitions, and the trigger fires. Tables and rows stay together, because only a table made
  // in the same run is filled in one transaction.
  const errors = await loadParallel(load, [...chosen, "--section=pre-data", "--section=data", jobs], context);
  return [...errors, ...(await loadParallel(load, [...chosen, "--section=post-data", jobs], context))];
}

/**
 * Runs pg_restore's sessions side by side. They may lock each other out: attaching the indexes of
 * partitions does. What such a deadlock stopped, and what failed for want of it, is loaded once
 * more by one session.
 */
async function loadParallel(load: ArchiveLoad, args: readonly string[], context: RunContext): Promise<RestoreError[]> {
  const { errors, stderr } = await runRestore(load, args, context);
  if (!errors.some(isDeadlock)) return errors;
  const again = errors.filter(mayLoadAgain);
  const left = errors.filter((error) => !again.includes(error));
  const stopped = left.find(isDeadlock);
  if (stopped !== undefined) throw environmentError(stopped, stderr);
  const numbers = [...new Set(again.flatMap(({ entry }) => entry?.dumpId ?? []))];
  const second = await runRestore(load, [`--use-list=${await writeList(load, numbers)}`, "--jobs=1"], context);
  assertNoDeadlock(second);
  return [...left, ...second.errors];
}

/**
 * Statements of one entry are one transaction, so that it failed as a whole; but for its owner,
 * which is set apart.
 */
function mayLoadAgain({ entry, command }: RestoreError): boolean {
  return entry?.dumpId !== undefined && readOwner(command) === undefined;
}

async function loadStreamed(load: ArchiveLoad, list: readonly number[] | undefined, context: RunContext): Promise<RestoreError[]> {
  const found: RestoreError[] = [];
  const left = new Set<number>();
  for (let attempt = 0; attempt < maxStreamAttempts; attempt++) {
    const wanted = left.size === 0 ? list : (list ?? (await listEntries(load, context)).map(({ dumpId }) => dumpId));
    const kept = wanted?.filter((dumpId) => !left.has(dumpId));
    const chosen = kept === undefined ? [] : [`--use-list=${await writeList(load, kept)}`];
    const result = await runRestore(load, ["--single-transaction", "--verbose", ...chosen], context);
    assertNoDeadlock(result);
    const { errors, exitCode } = result;
    const [first] = errors;
    if (exitCode === 0 || first === undefined) return found;
    found.push(first);
    // Rows that do not load, and anything outside of the entries, are no matter of leaving one
    // definition out.
    if (first.dumpId === undefined || first.entry?.type === "TABLE DATA" || left.has(first.dumpId)) return found;
    left.add(first.dumpId);
  }
  return found;
}

/** The archive's entries in its own order. */
async function listEntries(load: ArchiveLoad, context: RunContext): Promise<ListedEntry[]> {
  const confinement = await archiveConfinement(load.pgRestore, context);
  const file = load.source.kind === "file" ? await open(load.source.path, constants.O_RDONLY | constants.O_NOFOLLOW) : undefined;
  try {
    const input = load.source.kind === "stream" ? await load.source.open() : { descriptor: (file as FileHandle).fd };
    const options = { env: {}, signal: context.signal, confinement, input };
    return parseList((await runTool(load.pgRestore, ["--list", "--verbose"], options)).stdout);
  } finally {
    await file?.close();
  }
}

/** The numbers that are loaded first and last; undefined where the archive's own order does. */
async function readLists(load: ArchiveLoad, context: RunContext): Promise<LoadLists | undefined> {
  const { order = emptyPlan, delegated = [] } = load;
  if (isEmptyPlan(order) && delegated.length === 0) return undefined;
  return splitList(await listEntries(load, context), order, new Set(delegated.map(({ entry }) => entry.dumpId)));
}

async function writeList(load: ArchiveLoad, dumpIds: readonly number[]): Promise<string> {
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

interface RestoreRun {
  readonly errors: RestoreError[];
  readonly exitCode: number;
  readonly stderr: string;
}

/** Errors: ThrowawayFailed, DiskFull. A deadlock is left to the caller. */
async function runRestore(load: ArchiveLoad, args: readonly string[], context: RunContext): Promise<RestoreRun> {
  const command = ["--no-password", `--dbname=${conninfo(load.settings.database)}`, ...load.options, ...args];
  const source = load.source.kind === "file" ? [load.source.path] : [];
  const input = load.source.kind === "stream" ? { input: await load.source.open() } : {};
  const result = await runTool(load.pgRestore, [...command, ...source], {
    env: toolEnvironment(load.settings),
    signal: context.signal,
    cwd: "/",
    // All of its words are needed, not the last only.
    maxStderrBytes: maxErrorBytes,
    stderrBytes: true,
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
  const gaveWay = errors.find((error) => isEnvironmental(error) && !isDeadlock(error));
  if (gaveWay !== undefined) throw environmentError(gaveWay, stderr);
  if (result.exitCode !== 0 && errors.length === 0) {
    // Its words are not taken as they are: what it writes may be the source's text.
    errors.push({ message: `pg_restore ended with status ${result.exitCode} and named no error`, command: "" });
  }
  return { errors, exitCode: result.exitCode, stderr };
}

function assertNoDeadlock({ errors, stderr }: RestoreRun): void {
  const deadlock = errors.find(isDeadlock);
  if (deadlock !== undefined) throw environmentError(deadlock, stderr);
}

function environmentError(error: RestoreError, stderr: string): HoldfastError {
  const details = lastLines(stderr);
  if (/No space left on device|Disk quota exceeded/.test(error.message)) {
    return new HoldfastError("DiskFull", `the server ran out of disk while it loaded the backup: ${error.message}`, { details });
  }
  return new HoldfastError("ThrowawayFailed", `the server gave way while it loaded the backup: ${error.message}`, { details });
}
