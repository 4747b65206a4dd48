/** Runs pg_restore over an archive so that rows keep the order of the dump, and reads its errors. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { lastLines, runTool } from "../../runtime/child-process.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { Confinement } from "../../runtime/sandbox.ts";
import { redact } from "../../runtime/secret.ts";
import type { ArchiveSource } from "./archive-source.ts";
import { type ConnectionSettings, secretsOf, toolEnvironment } from "./connection.ts";
import { type EntryFinder, isEnvironmental, parseRestoreErrors, type RestoreError } from "./load-errors.ts";
import { conninfo } from "./place-settings.ts";
import { archiveConfinement } from "./throwaway-sandbox.ts";

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
  /** Indexes and keys may be made while other tables still get their rows (ArchiveOutline.plainKeysOnly). Default: they wait for all rows. */
  readonly keysBesideRows?: boolean;
}

/** A streamed load begins anew without an entry that this place cannot take; so many times at most. */
const maxStreamAttempts = 200;

/**
 * Loads the archive; gives pg_restore's errors. From disk: in parallel, each table created and filled in one transaction.
 * Streamed: all in one transaction, which has to begin anew without any entry that fails. Both ways a table's rows are
 * appended in the archive's order; a plain serial restore may fill gaps and change it, and is never used.
 * Errors: ThrowawayFailed when the server gave way; DiskFull; whatever the archive's reader throws.
 */
export async function loadArchive(load: ArchiveLoad, context: RunContext): Promise<RestoreError[]> {
  if (load.source.kind === "stream") return loadStreamed(load, context);
  const jobs = `--jobs=${load.jobs}`;
  if (load.keysBesideRows === true) return (await runRestore(load, [jobs], context)).errors;
  // In two runs: in one, a session may make a partitioned table's trigger while another still loads its partitions, and
  // the trigger fires. Tables and rows stay together, because only a table made in the same run is filled in one transaction.
  const { errors } = await runRestore(load, ["--section=pre-data", "--section=data", jobs], context);
  return [...errors, ...(await runRestore(load, ["--section=post-data", jobs], context)).errors];
}

async function loadStreamed(load: ArchiveLoad, context: RunContext): Promise<RestoreError[]> {
  const found: RestoreError[] = [];
  const left = new Set<number>();
  for (let attempt = 0; attempt < maxStreamAttempts; attempt++) {
    const list = left.size === 0 ? [] : [`--use-list=${await writeList(load, left, context)}`];
    const { errors, exitCode } = await runRestore(load, ["--single-transaction", "--verbose", ...list], context);
    const [first] = errors;
    if (exitCode === 0 || first === undefined) return found;
    found.push(first);
    // Rows that do not load, and anything outside of the entries, are no matter of leaving one definition out.
    if (first.dumpId === undefined || first.entry?.type === "TABLE DATA" || left.has(first.dumpId)) return found;
    left.add(first.dumpId);
  }
  return found;
}

/** The archive's own list without the entries in `left`. */
async function writeList(load: ArchiveLoad, left: ReadonlySet<number>, context: RunContext): Promise<string> {
  if (load.source.kind === "file") throw new HoldfastError("Internal", "a list is for streamed archives");
  const input = await load.source.open();
  const confinement = await archiveConfinement(load.pgRestore, context);
  const result = await runTool(load.pgRestore, ["--list"], { env: {}, signal: context.signal, confinement, input });
  const lines = result.stdout.split("\n").filter((line) => !left.has(Number(/^(\d+);/.exec(line)?.[1])));
  const path = join(load.directory, `restore-${left.size}.list`);
  // "wx" makes a new file, and follows no link.
  await writeFile(path, lines.join("\n"), { mode: 0o600, flag: "wx" });
  await load.handOver?.(path);
  return path;
}

/** Errors of a restore that says more than this are not a restore's: nobody reads a million lines. */
const maxErrorBytes = 64 * 1024 * 1024;

async function runRestore(
  load: ArchiveLoad,
  args: readonly string[],
  context: RunContext,
): Promise<{ readonly errors: RestoreError[]; readonly exitCode: number }> {
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
  const gaveWay = errors.find(isEnvironmental);
  if (gaveWay !== undefined) throw environmentError(gaveWay, stderr);
  if (result.exitCode !== 0 && errors.length === 0) {
    // Its words are not taken as they are: what it writes may be the source's text.
    errors.push({ message: `pg_restore ended with status ${result.exitCode} and named no error`, command: "" });
  }
  return { errors, exitCode: result.exitCode };
}

function environmentError(error: RestoreError, stderr: string): HoldfastError {
  const details = lastLines(stderr);
  if (/No space left on device|Disk quota exceeded/.test(error.message)) {
    return new HoldfastError("DiskFull", `the server ran out of disk while it loaded the backup: ${error.message}`, { details });
  }
  return new HoldfastError("ThrowawayFailed", `the server gave way while it loaded the backup: ${error.message}`, { details });
}
