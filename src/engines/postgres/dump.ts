/** A logical backup: pg_dump's archive and the cluster's globals, read as of one snapshot that is shared with the source check. */
import { Readable } from "node:stream";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { BackupKind, PostgresSource } from "../../policy/policy.ts";
import type { Notice, SourceCheckResult } from "../../proof/content.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { DumpArtifact, DumpSession } from "../engine.ts";
import { type ConnectionSettings, describePlace, resolveConnection } from "./connection.ts";
import { dumpWarnings } from "./dump-warnings.ts";
import { type Exclusions, resolveExclusions } from "./exclusions.ts";
import { type DatabaseFacts, type PostgresFacts, readDatabaseFacts } from "./facts.ts";
import { captureGlobals, type Globals } from "./globals.ts";
import { streamClientTool } from "./run-tool.ts";
import { joinSnapshot, openSession, type SnapshotSession } from "./session.ts";
import { checkTables } from "./source-check.ts";
import { type ClientTools, findClientTools, supportedMajors, supportsZstd } from "./tools.ts";

/** The archive's name in a backup. */
export const archiveName = "archive.dump";
/** The globals' name in a backup. */
export const globalsName = "globals.sql";

/** A table that is locked exclusively for longer than this is being rebuilt: better to say so than to wait through the night. */
const lockWaitMs = 5 * 60_000;
/** When the snapshot's session is lost, pg_dump is usually losing its own and about to say why; its words are better than ours. */
const lossGraceMs = 2_000;
/** Binary rows and zstd together: archives of real databases are a third to a quarter of their tables. For progress only. */
const archiveShare = 0.3;
/** The clocks of a source and this machine agree within a minute where NTP runs at all. */
const clockSkewMs = 60_000;

/** Everything that stays the same while a dump is open. */
interface OpenDump {
  readonly source: PostgresSource;
  readonly settings: ConnectionSettings;
  readonly session: SnapshotSession;
  readonly tools: ClientTools;
  readonly zstd: boolean;
  readonly exclusions: Exclusions;
  /** The run's context, but with a signal that a lost session and `close` abort too. */
  readonly context: RunContext;
  readonly stop: AbortController;
  readonly notices: Notice[];
  /** Where the context's abort arrives at this dump's own. */
  readonly relay: () => void;
}

/**
 * Opens a dump (Engine.openDump): connects, takes the snapshot, finds tools, resolves exclusions, reads the facts.
 * `facts.globalsCaptured` and the notices are final once the artifacts have been read.
 * Errors: SourceUnreachable, SourceAccessDenied, SourceUnsupported, SecretUnavailable, ToolMissing, UsageInvalid, Interrupted.
 */
export async function openPostgresDump(
  source: PostgresSource,
  request: { readonly kind: BackupKind; readonly backupId: string },
  context: RunContext,
): Promise<DumpSession> {
  if (request.kind !== "full") {
    throw new HoldfastError("UsageInvalid", `the postgres engine takes full backups; ${request.kind} was asked for ${source.name}`);
  }
  const { settings, notices } = await resolveConnection(source.connection, context);
  const stop = new AbortController();
  const relay = (): void => stop.abort(context.signal.reason);
  context.signal.addEventListener("abort", relay, { once: true });
  if (context.signal.aborted) relay();
  const own = { ...context, signal: stop.signal };
  let session: SnapshotSession | undefined;
  try {
    // Looked for while the connection is made: the versions that are read now are known below. What is missing is told there.
    findClientTools(supportedMajors.oldest, own).catch(() => undefined);
    session = await openSession(settings, own);
    const tools = await findClientTools(session.serverMajor, own);
    const [zstd, exclusions] = await Promise.all([supportsZstd(tools, own), resolveExclusions(source.exclude, session.connection)]);
    const facts = await readDatabaseFacts(session.connection);
    const all = [...notices, ...exclusions.notices, ...sessionNotices(session, context)];
    return describe({ source, settings, session, tools, zstd, exclusions, context: own, stop, relay, notices: all }, facts);
  } catch (error) {
    context.signal.removeEventListener("abort", relay);
    await session?.close();
    throw error;
  }
}

function sessionNotices(session: SnapshotSession, context: RunContext): Notice[] {
  const notices: Notice[] = [];
  if (session.serverMajor > supportedMajors.newest) {
    const message = `PostgreSQL ${session.serverMajor} is newer than the newest that this release was tested with (${supportedMajors.newest})`;
    notices.push({ code: "server-newer-than-tested", subject: session.serverVersion, message });
  }
  const skewMs = context.clock.now().getTime() - Date.parse(session.consistencyPoint.time);
  if (session.standby && skewMs > clockSkewMs) {
    const message = `the standby's data is as old as ${session.consistencyPoint.time}`;
    notices.push({ code: "standby-lag", subject: session.consistencyPoint.time, message });
  } else if (Math.abs(skewMs) > clockSkewMs) {
    const message = `the server's clock and this machine's differ by ${Math.round(skewMs / 1000)} s`;
    notices.push({ code: "clock-skew", subject: session.consistencyPoint.time, message });
  }
  return notices;
}

function describe(dump: OpenDump, database: DatabaseFacts): DumpSession {
  const { session, tools, zstd, source } = dump;
  const facts: { -readonly [K in keyof PostgresFacts]: PostgresFacts[K] } = {
    ...database,
    toolVersion: tools.version,
    toolMajor: tools.major,
    archiveCompression: zstd ? "zstd" : "none",
    exclude: source.exclude,
    globalsCaptured: "none",
    rolePasswords: false,
  };
  const running = new Set<Promise<unknown>>();
  const track = <T>(work: Promise<T>): Promise<T> => {
    running.add(work);
    work.catch(() => {});
    return work;
  };
  let check: Promise<SourceCheckResult> | undefined;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    dump.context.signal.removeEventListener("abort", dump.relay);
    if (running.size > 0) dump.stop.abort(new HoldfastError("Interrupted", `the dump of ${source.name} was closed before its end`));
    await Promise.allSettled(running);
    await session.close();
  };
  return {
    consistencyPoint: session.consistencyPoint,
    facts: facts as unknown as Readonly<Record<string, unknown>>,
    notices: dump.notices,
    expectedBytes: Math.round(database.tableBytes * (zstd ? archiveShare : 1)),
    artifacts: () =>
      streamArtifacts(dump, track, (globals) => {
        facts.globalsCaptured = globals.captured;
        facts.rolePasswords = globals.rolePasswords;
      }),
    sourceCheck: () => {
      check ??= track(checkSource(dump));
      return check;
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

async function* streamArtifacts(
  dump: OpenDump,
  track: <T>(work: Promise<T>) => Promise<T>,
  learn: (globals: Globals) => void,
): AsyncGenerator<DumpArtifact> {
  const { tools, settings, source, context, zstd, notices } = dump;
  // Captured while the archive runs, close to the snapshot: a role dropped hours later is still there for its tables.
  const capturing = track(captureGlobals(tools, settings, source.rolePasswords, context));
  const archive = streamClientTool(tools.pgDump, dumpArguments(dump), settings, context);
  void track(archive.done);
  const ended = new AbortController();
  archive.done.then(
    () => ended.abort(),
    () => ended.abort(),
  );
  watchSession(dump, ended.signal);
  yield { name: archiveName, role: "archive", format: "pg_dump-custom", compress: !zstd, body: archive.stdout };
  notices.push(...dumpWarnings((await archive.done).stderr));
  const globals = await capturing;
  learn(globals);
  notices.push(...globals.notices);
  yield { name: globalsName, role: "globals", format: "sql", compress: true, body: Readable.from([Buffer.from(globals.sql)]) };
}

function dumpArguments({ session, zstd, exclusions }: OpenDump): string[] {
  return [
    "--format=custom",
    // pg_dump before 16 takes zstd:3 without a word and does not compress; then sealing does.
    zstd ? "--compress=zstd:3" : "--compress=0",
    `--snapshot=${session.snapshot}`,
    `--lock-wait-timeout=${lockWaitMs}`,
    "--no-password",
    ...exclusions.args,
  ];
}

/** A dump whose snapshot's session is lost is stopped: what is left of it may be cut short. */
function watchSession({ session, settings, stop }: OpenDump, ended: AbortSignal): void {
  const abort = (error: Error): void => {
    if (ended.aborted) return;
    const message = `the session that holds the snapshot of ${describePlace(settings)} was lost: ${error.message}`;
    const timer = setTimeout(() => stop.abort(new HoldfastError("DumpFailed", message, { cause: error })), lossGraceMs);
    ended.addEventListener("abort", () => clearTimeout(timer), { once: true });
  };
  session.connection.lost.then(abort, abort);
}

/** Two connections, so that a database of many tables is counted on two cores; one where the server has no second to give. */
async function checkSource({ source, session, settings, exclusions, context }: OpenDump): Promise<SourceCheckResult> {
  if (source.sourceCheck === "none") return { mode: "none", objects: {} };
  const first = await joinSnapshot(session, settings, context.signal);
  const second = await joinSnapshot(session, settings, context.signal).catch(() => undefined);
  try {
    return await checkTables(second === undefined ? [first] : [first, second], source.sourceCheck, exclusions.excludesRows);
  } finally {
    await Promise.all([first.close(), second?.close()]);
  }
}
