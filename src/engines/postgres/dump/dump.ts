/**
 * A logical backup: pg_dump's archive and the cluster's globals, read as of one snapshot that is
 * shared with the source check.
 */

import { Readable } from "node:stream";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import type { Notice, SourceCheckResult } from "../../../proof/content.ts";
import type { ToolStream } from "../../../runtime/child-process.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { DumpArtifact, DumpRequest, DumpSession } from "../../dump-session.ts";
import type { DatabaseFacts, PostgresFacts } from "../backup-facts.ts";
import { assertEncrypted } from "../connection/check-connection.ts";
import { type ConnectionSettings, describePlace, resolveConnection } from "../connection/connection.ts";
import { type Connection, connect } from "../connection/driver.ts";
import { joinSnapshot, openSession, type Snapshot, type SourceSession } from "../connection/session.ts";
import { readDatabaseFacts } from "../facts.ts";
import { streamClientTool } from "../run-tool.ts";
import { type ClientTools, findClientTools, supportedMajors, supportsZstd } from "../tools.ts";
import { dumpWarnings } from "./dump-warnings.ts";
import { describeEffects, type ExclusionEffect, findExclusionEffects } from "./exclusion-effects.ts";
import type { Exclusions } from "./exclusions.ts";
import { findOmissions } from "./find-omissions.ts";
import { captureGlobals, type Globals } from "./globals.ts";
import { encodeGlobals } from "./globals-text.ts";
import { defaultLockLimits, type LockedSnapshot, type LockLimits } from "./lock-tables.ts";
import { findMovedSchema } from "./lockable-tables.ts";
import { checkTables } from "./source-check.ts";
import { type StartedDump, startDump, watchStandoff } from "./start-dump.ts";

/** The archive's name in a backup. */
export const archiveName = "archive.dump";
/** The globals' name in a backup. */
export const globalsName = "globals.sql";

/**
 * When the snapshot's session is lost, pg_dump is usually losing its own and about to say why; its
 * words are better than ours.
 */
const lossGraceMs = 2_000;
/**
 * Binary rows and zstd together: archives of real databases are a third to a quarter of their
 * tables. For progress only.
 */
const archiveShare = 0.3;
/** The clocks of a source and this machine agree within a minute where NTP runs at all. */
const clockSkewMs = 60_000;

/** Everything that stays the same while a dump is open. */
interface OpenDump {
  readonly source: PostgresSource;
  readonly settings: ConnectionSettings;
  readonly session: SourceSession;
  /** Sees what the sessions wait for; absent where the server has no connection to spare. */
  readonly observer: Connection | undefined;
  readonly snapshot: Snapshot;
  /** pg_dump, which holds its locks and waits to be read. */
  readonly archive: ToolStream;
  /** What this pg_dump calls itself at the server. */
  readonly application: string;
  readonly tools: ClientTools;
  readonly zstd: boolean;
  readonly exclusions: Exclusions;
  readonly effects: readonly ExclusionEffect[];
  /** The run's context, but with a signal that a lost session and `close` abort too. */
  readonly context: RunContext;
  readonly stop: AbortController;
  readonly notices: Notice[];
  /** Where the context's abort arrives at this dump's own. */
  readonly relay: () => void;
}

/**
 * Opens a dump (Engine.openDump): connects, finds tools, locks every table, takes the snapshot,
 * starts pg_dump, reads the facts.
 * `limits` are for tests; `settings` lead to another database than the source's.
 * Errors: SourceUnreachable, SourceAccessDenied, SourceUnsupported, SecretUnavailable, ToolMissing,
 * DumpFailed, UsageInvalid, Interrupted.
 */
export async function openPostgresDump(
  source: PostgresSource,
  request: DumpRequest,
  context: RunContext,
  { limits = defaultLockLimits, settings: given }: { readonly limits?: LockLimits; readonly settings?: ConnectionSettings } = {},
): Promise<DumpSession<PostgresFacts, DumpArtifact>> {
  if (request.kind !== "full") {
    throw new HoldfastError("UsageInvalid", `the postgres engine takes full backups; ${request.kind} was asked for ${source.name}`);
  }
  const { settings, notices } =
    given === undefined ? await resolveConnection(source.connection, context) : { settings: given, notices: [] };
  if (context.requireTls === true) assertEncrypted(settings);
  const stop = new AbortController();
  const relay = (): void => stop.abort(context.signal.reason);
  context.signal.addEventListener("abort", relay, { once: true });
  if (context.signal.aborted) relay();
  const own = { ...context, signal: stop.signal };
  let session: SourceSession | undefined;
  let observer: Connection | undefined;
  try {
    // Looked for while the connection is made: the versions that are read now are known below. What
    // is missing is told there.
    findClientTools(supportedMajors.oldest, own).catch(() => undefined);
    session = await openSession(settings, own);
    observer = await connect(settings, stop.signal).catch(() => undefined);
    const started = await start(session, observer, { source, settings, limits }, own);
    const facts = await readDatabaseFacts(session.connection);
    const omissions = await findOmissions(session.connection, started.exclusions.excludesRows);
    const effects = await findExclusionEffects(session.connection, started.exclusions);
    const left = [...started.exclusions.notices, ...describeEffects(effects)];
    const all = [...notices, ...left, ...omissions, ...sessionNotices(session, started.snapshot, context)];
    return makeSession(
      { source, settings, session, observer, ...started, context: own, stop, relay, notices: all, effects },
      facts,
    );
  } catch (error) {
    context.signal.removeEventListener("abort", relay);
    // Ends a pg_dump that runs already.
    stop.abort(error);
    await Promise.all([session?.close(), observer?.close()]);
    throw error;
  }
}

interface StartOptions {
  readonly source: PostgresSource;
  readonly settings: ConnectionSettings;
  readonly limits: LockLimits;
}

async function start(
  { connection, serverMajor }: SourceSession,
  observer: Connection | undefined,
  { source, settings, limits }: StartOptions,
  context: RunContext,
): Promise<StartedDump & Pick<OpenDump, "application" | "tools" | "zstd">> {
  const tools = await findClientTools(serverMajor, context);
  const zstd = await supportsZstd(tools, context);
  const application = `holdfast dump ${Buffer.from(context.randomBytes(6)).toString("hex")}`;
  const request = {
    connection,
    observer,
    settings,
    exclude: source.exclude,
    limits,
    application,
    start: (locked: LockedSnapshot) =>
      streamClientTool(tools.pgDump, dumpArguments(locked, zstd, limits), settings, context, application),
  };
  return { ...(await startDump(request, context)), application, tools, zstd };
}

function sessionNotices(session: SourceSession, { standby, position }: Snapshot, context: RunContext): Notice[] {
  const notices: Notice[] = [];
  if (session.connection.proxied) {
    const message = "a pooler or proxy stands between here and the server; it kept the dump's session";
    notices.push({ code: "connection-through-proxy", subject: session.serverVersion, message });
  }
  if (session.serverMajor > supportedMajors.newest) {
    const message = `PostgreSQL ${session.serverMajor} is newer than the newest that this release was tested with (${supportedMajors.newest})`;
    notices.push({ code: "server-newer-than-tested", subject: session.serverVersion, message });
  }
  const skewMs = context.clock.now().getTime() - Date.parse(position.at);
  if (standby && skewMs > clockSkewMs) {
    const message = `the standby's data is as old as ${position.at}`;
    notices.push({ code: "standby-lag", subject: position.at, message });
  } else if (Math.abs(skewMs) > clockSkewMs) {
    const message = `the server's clock and this machine's differ by ${Math.round(skewMs / 1000)} s`;
    notices.push({ code: "clock-skew", subject: position.at, message });
  }
  return notices;
}

function makeSession(dump: OpenDump, database: DatabaseFacts): DumpSession<PostgresFacts, DumpArtifact> {
  const { session, snapshot, tools, zstd, source } = dump;
  const known = {
    ...database,
    toolVersion: tools.version,
    toolMajor: tools.major,
    archiveCompression: zstd ? "zstd" : "none",
    exclude: source.exclude,
    exclusionEffects: dump.effects,
  } as const;
  // Known when the last artifact, the globals, is given out.
  let globals: Globals | undefined;
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
    // Also ends a pg_dump that nobody read.
    dump.stop.abort(new HoldfastError("Interrupted", `the dump of ${source.name} was closed before its end`));
    await Promise.allSettled(running);
    await Promise.all([session.close(), dump.observer?.close()]);
  };
  return {
    expectedBytes: Math.round(database.tableBytes * (zstd ? archiveShare : 1)),
    artifacts: () =>
      streamArtifacts(dump, track, (captured) => {
        globals = captured;
      }),
    sourceCheck: () => {
      check ??= track(checkSource(dump));
      return check;
    },
    async finish() {
      if (globals === undefined) throw new HoldfastError("Internal", "a dump was finished before it was read");
      const { captured: globalsCaptured, rolePasswords } = globals;
      return { coverage: { to: snapshot.position }, facts: { ...known, globalsCaptured, rolePasswords }, notices: dump.notices };
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
  const { tools, settings, source, context, zstd, notices, archive } = dump;
  // Captured while the archive runs, close to the snapshot: a role dropped hours later is still
  // there for its tables.
  const capturing = track(captureGlobals(tools, settings, source.rolePasswords, context));
  void track(archive.done);
  const ended = new AbortController();
  archive.done.then(
    () => ended.abort(),
    () => ended.abort(),
  );
  watchSession(dump, ended.signal);
  void track(watchStandoff({ ...dump, connection: dump.session.connection }, ended.signal, (error) => dump.stop.abort(error)));
  yield { name: archiveName, role: "archive", format: "pg_dump-custom", compress: !zstd, body: archive.stdout };
  const { stderr } = await archive.done;
  await assertSchemasStayed(dump);
  notices.push(...dumpWarnings(stderr));
  const globals = await capturing;
  learn(globals);
  notices.push(...globals.notices);
  yield { name: globalsName, role: "globals", format: "sql", compress: true, body: Readable.from([encodeGlobals(globals.sql)]) };
}

function dumpArguments({ snapshot, exclusions }: LockedSnapshot, zstd: boolean, limits: LockLimits): string[] {
  return [
    "--format=custom",
    // pg_dump before 16 takes zstd:3 without a word and does not compress; then sealing does.
    zstd ? "--compress=zstd:3" : "--compress=0",
    `--snapshot=${snapshot.name}`,
    `--lock-wait-timeout=${limits.maxWaitMs}`,
    "--no-password",
    ...exclusions.args,
  ];
}

/**
 * pg_dump and the counts find tables by name; their locks keep the tables' names, but not those of
 * schemas.
 */
async function assertSchemasStayed({ session, settings }: OpenDump): Promise<void> {
  const moved = await findMovedSchema(session.connection);
  if (moved === undefined) return;
  const message = `schema "${moved}" of ${describePlace(settings)} was renamed or dropped while it was dumped: the dump may hold the rows of other tables`;
  throw new HoldfastError("DumpFailed", message, { hint: "Run the backup again outside of schema changes." });
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

/**
 * The session itself, which holds the locks, and a second connection where the server has one to
 * give: two cores count.
 */
async function checkSource({ source, session, snapshot, settings, exclusions, context }: OpenDump): Promise<SourceCheckResult> {
  if (source.sourceCheck === "none") return { mode: "none", objects: {} };
  const second = await joinSnapshot(snapshot, settings, context.signal).catch(() => undefined);
  try {
    const { connection } = session;
    return await checkTables(
      second === undefined ? [connection] : [connection, second],
      source.sourceCheck,
      exclusions.excludesRows,
    );
  } finally {
    await second?.close();
  }
}
