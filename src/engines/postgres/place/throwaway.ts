/**
 * A restore test's place: the backup loaded into a server of the source's major that lives for this
 * one test.
 */
import { HoldfastError, isHoldfastError } from "../../../errors/holdfast-error.ts";
import type { Assertion, PostgresSource } from "../../../policy/engines/postgres/source.ts";
import type { ContentDigest } from "../../../proof/content.ts";
import { abortError } from "../../../runtime/process-group.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { LoadOutcome } from "../../place.ts";
import { type ArchiveSource, archiveBytesOnDisk, fetchArchive, freeBytes, streamArchive } from "../archive/archive-source.ts";
import { findArchiveTools } from "../archive/archive-tools.ts";
import type { PostgresBackup } from "../backup-facts.ts";
import { connect } from "../connection/driver.ts";
import { readAllowances } from "../load/load-order.ts";
import { openScript } from "../script/archive-script.ts";
import { describePart, readSelection } from "../selection/read-selection.ts";
import { findServerTools } from "../tools.ts";
import { runAssertions } from "./assert-value.ts";
import type { LoadedPlace } from "./dump-loaded.ts";
import { eraseInDatabase } from "./erase-rows.ts";
import { compareLoaded, compareLoadedSourceCheck } from "./place-compare.ts";
import { conninfo, throwawaySettings } from "./place-settings.ts";
import { withConnection } from "./restore-connection.ts";
import { type LoadedThrowaway, loadJobs, loadThrowaway, type ThrowawayParts } from "./throwaway-load.ts";
import { startThrowawayServer, type ThrowawayServer } from "./throwaway-server.ts";

/**
 * A fresh data directory with its write-ahead log takes some 60 MB; the rest is for logs and
 * sorting.
 */
const baseBytes = 256 * 1024 * 1024;

/**
 * Bytes of temporary disk that a restore test needs for its server; an archive on disk beside it
 * comes on top.
 */
export function estimateThrowawayBytes(backup: Pick<PostgresBackup, "facts">): number {
  // A database shrinks when it is loaded anew, and its write-ahead log is kept small: its own size
  // is a safe bound.
  return baseBytes + backup.facts.databaseSizeBytes;
}

function requireRoom(backup: PostgresBackup, free: number, context: RunContext): void {
  const needed = estimateThrowawayBytes(backup);
  if (free >= needed) return;
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6).toLocaleString("en-US")} MB`;
  throw new HoldfastError(
    "DiskFull",
    `a restore test of ${backup.backupId} needs ${megabytes(needed)} in ${context.temporaryDirectory}, where ${megabytes(free)} are free`,
  );
}

/**
 * pg_restore from 17 on begins with a setting that older servers refuse: ignored in a parallel
 * load, but not in the one transaction of a streamed one.
 */
function requireStreamable(
  onDisk: boolean,
  toolMajor: number,
  serverMajor: number,
  backup: PostgresBackup,
  context: RunContext,
): void {
  if (onDisk || toolMajor < 17 || serverMajor >= 17) return;
  throw new HoldfastError(
    "DiskFull",
    `${context.temporaryDirectory} has no room for the archive of ${backup.backupId}, and pg_restore ${toolMajor} cannot stream it into PostgreSQL ${serverMajor}`,
  );
}

/**
 * Starts a server for one test of this backup. Errors: ToolMissing naming the package; DiskFull
 * saying what is needed and what is free; ThrowawayFailed; Interrupted.
 */
export async function openPostgresThrowaway(
  backup: PostgresBackup,
  context: RunContext,
  source?: Pick<PostgresSource, "restoreTest">,
  only?: readonly string[],
): Promise<LoadedPlace> {
  const facts = backup.facts;
  const serverTools = await findServerTools(facts.serverMajor, context);
  const tools = await findArchiveTools(backup.facts, context, facts.serverMajor);
  const part = only && { only, content: "all" as const };
  const selection = part && (await readSelection(tools.pgRestore, streamArchive(backup), part, context));
  const free = await freeBytes(context.temporaryDirectory);
  requireRoom(backup, free, context);
  const onDisk = free >= estimateThrowawayBytes(backup) + archiveBytesOnDisk(backup);
  requireStreamable(onDisk, tools.major, facts.serverMajor, backup, context);
  // The archive is unsealed while the server starts: the one takes a processor, the other mostly
  // waits.
  const fetching = onDisk ? createFetching(backup, context) : undefined;
  const encoding = /^[A-Z0-9_]+$/.test(facts.encoding ?? "") ? { encoding: facts.encoding } : {};
  const request = { major: facts.serverMajor, binDirectory: serverTools.directory, ...encoding };
  try {
    const server = await startThrowawayServer(fetching ? { ...request, onDirectory: fetching.start } : request, context);
    const allowed = readAllowances(source);
    // They ask of the whole database.
    const { assertions = [] } = selection === undefined ? (source?.restoreTest ?? {}) : {};
    const { version: serverVersion } = serverTools;
    return createPlace({ backup, facts, tools, server, fetching, context, allowed, assertions, serverVersion, selection });
  } catch (error) {
    await fetching?.stop();
    throw error;
  }
}

/** The archive's way from the vault to the server's directory. */
interface Fetching {
  readonly start: (directory: string) => void;
  /** Errors: those of fetchArchive. */
  archive(): Promise<ArchiveSource>;
  /** Ends it, finished or not; never throws. */
  stop(): Promise<void>;
}

function createFetching(backup: PostgresBackup, context: RunContext): Fetching {
  const stopped = new AbortController();
  let archive: Promise<ArchiveSource> | undefined;
  return {
    start(directory) {
      archive = fetchArchive(backup, directory, { ...context, signal: AbortSignal.any([context.signal, stopped.signal]) });
      archive.catch(() => undefined); // Reported when somebody asks for the archive; nobody may, when the server does not start.
    },
    async archive() {
      if (archive === undefined) throw new HoldfastError("Internal", "the archive was asked for before there was a place for it");
      return archive;
    },
    async stop() {
      stopped.abort();
      await archive?.catch(() => undefined);
    },
  };
}

interface Parts extends ThrowawayParts {
  readonly serverVersion: string;
  readonly assertions: readonly Assertion[];
  /** Where the archive fits on disk beside the server, for a parallel load; else it is streamed. */
  readonly fetching: Fetching | undefined;
}

function createPlace(parts: Parts): LoadedPlace {
  const { server, context, facts, fetching, assertions, selection } = parts;
  let loaded: LoadedThrowaway | undefined;
  let second: ContentDigest | undefined;
  const guarded = <T>(work: () => Promise<T>): Promise<T> => guard(work, server, context);
  const needLoaded = (): LoadedThrowaway => {
    if (loaded === undefined) throw new HoldfastError("Internal", "the throwaway server was asked before it was loaded");
    return loaded;
  };
  return {
    ...(selection === undefined ? {} : { selection: describePart(selection) }),
    facts: {
      serverVersion: parts.serverVersion,
      toolVersion: parts.tools.version,
      directory: server.directory,
      sandbox: server.sandbox,
      load: fetching ? "from disk" : "streamed",
      jobs: fetching ? loadJobs : 1,
    },
    load: () =>
      guarded(async () => {
        loaded = await loadThrowaway(parts.fetching ? await parts.fetching.archive() : streamArchive(parts.backup), parts);
        if (loaded.findings.some((finding) => finding.class === "damage")) await assertSound(server, facts.serverMajor, context);
        return { findings: loaded.findings } satisfies LoadOutcome;
      }),
    compare: (digest) =>
      guarded(async () => {
        const { database, deviations, globals, reprint, expected } = needLoaded();
        const openFirst = () => openScript(parts.tools.pgRestore, streamArchive(parts.backup), context);
        const first = await expected(digest);
        const result = await compareLoaded(database, first, deviations, globals, { openFirst, reprint }, context);
        if (!result.comparison.equal) await assertSound(server, facts.serverMajor, context);
        second = result.digest;
        return result.comparison;
      }),
    compareSourceCheck: (check) =>
      guarded(() => {
        const { database, deviations } = needLoaded();
        return compareLoadedSourceCheck(database, check, second, deviations, context);
      }),
    assert: () =>
      guarded(async () => {
        // The database's own settings hold here, as they would for the application.
        const settings = throwawaySettings(server, facts.serverMajor, needLoaded().database.settings.database);
        return withConnection(settings, context, (connection) => runAssertions(assertions, connection));
      }),
    erase: (targets, older) =>
      guarded(() =>
        withConnection(needLoaded().database.settings, context, (connection) => eraseInDatabase(connection, targets, older)),
      ),
    // Its supervisor ends it with this process.
    openToPeople: async () => [describeAccess(server, needLoaded().database.settings.database)],
    loadedDatabase: () => needLoaded().database,
    keepBeside: async () => undefined,
    commit: async () => {},
    close: async () => {
      await fetching?.stop();
      await server.stop();
    },
  };
}

/** A person is to see rows, not pg_restore's doings: psql by the private socket. */
function describeAccess({ socketDirectory, port, superuser }: ThrowawayServer, database: string): string {
  const quoted = quoteForShell(`host=${socketDirectory} port=${port} user=${superuser} ${conninfo(database)}`);
  return `psql ${quoted}`;
}

function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Before the backup is blamed: whether the server still has all that it was given. It writes out
 * everything that it holds, which a server without its files, its disk or its memory cannot.
 * Errors: the driver's.
 */
async function assertSound(server: ThrowawayServer, serverMajor: number, { signal }: RunContext): Promise<void> {
  const connection = await connect(throwawaySettings(server, serverMajor, "postgres"), signal);
  try {
    await connection.run("CHECKPOINT");
  } finally {
    await connection.close();
  }
}

/** Whatever makes the server fail is the test's failure, and says nothing of the backup. */
async function guard<T>(work: () => Promise<T>, server: ThrowawayServer, context: RunContext): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (context.signal.aborted) throw abortError(context.signal);
    if (isHoldfastError(error) && !isHoldfastError(error, "SourceUnreachable", "SourceAccessDenied", "RestoreFailed")) throw error;
    const words = error instanceof Error ? error.message : String(error);
    const told = isHoldfastError(error) ? error.details : [];
    const details = [...told, ...server.log()];
    throw new HoldfastError("ThrowawayFailed", `the throwaway server failed: ${words}`, { cause: error, details });
  }
}
