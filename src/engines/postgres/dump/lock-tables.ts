/**
 * Locks first, then the snapshot. A snapshot that is older than a table's lock can show the table
 * empty: TRUNCATE and statements that rewrite a table put its rows where older snapshots do not
 * look (docs/adr/0013-lock-first-then-the-snapshot.md).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import { type ConnectionSettings, describePlace } from "../connection/connection.ts";
import type { Connection } from "../connection/driver.ts";
import { sqlStateOf } from "../connection/driver-errors.ts";
import { type Snapshot, takeSnapshot } from "../connection/session.ts";
import { quoteIdentifier, spellQualified } from "../script/script-identifiers.ts";
import { type Exclusions, resolveExclusions } from "./exclusions.ts";
import { type Blocker, describeBlocker, findBlockers, findWaitedTable } from "./find-blockers.ts";
import { type LockableTable, listLockableTables, listSeenTables } from "./lockable-tables.ts";

/** How long a dump waits for locks; tests use smaller ones. */
export interface LockLimits {
  /** In all, before the dump fails and says who holds the table. */
  readonly maxWaitMs: number;
  /** Each try gives all locks back after waiting this long for one of them. */
  readonly tryMs: number;
  /** Between two tries. */
  readonly pauseMs: number;
}

/**
 * A table that is locked exclusively for five minutes is being rebuilt: better to say so than to
 * wait through the night. A try stays below the server's deadlock_timeout (one second by default):
 * a migration that wants a table which the dump holds, while the dump waits for one of its own, is
 * never chosen as the victim of a deadlock.
 */
export const defaultLockLimits: LockLimits = { maxWaitMs: 5 * 60_000, tryMs: 700, pauseMs: 300 };

/** Tables per LOCK statement: 12,000 tables take some twenty round trips. */
const batchTables = 500;
/** A table list that is out of date this often in a row is not going to be caught by trying. */
const maxStaleLists = 50;

export interface LockedSnapshot {
  readonly snapshot: Snapshot;
  /** As the snapshot sees the tables. */
  readonly exclusions: Exclusions;
}

export interface LockRequest {
  /** Outside of a transaction; afterwards it holds the locks and the snapshot. */
  readonly connection: Connection;
  /**
   * Another connection, which can look on while the first waits; without one, messages name no
   * blocker.
   */
  readonly observer: Connection | undefined;
  readonly settings: ConnectionSettings;
  readonly exclude: PostgresSource["exclude"];
  readonly limits: LockLimits;
}

/** What one try came to: the snapshot, or why it has to be tried again. */
type Outcome = LockedSnapshot | "locked by others" | "changed meanwhile";

/**
 * Locks every table that a dump reads in ACCESS SHARE mode, exports a snapshot, and makes sure that
 * the snapshot knows no table that is not locked and none whose file was replaced in between; else
 * begins again.
 * Errors: DumpFailed when a table stays locked by others, naming them, or when the server has no
 * room for the locks; SourceAccessDenied, SourceUnreachable, PolicyInvalid, Interrupted.
 */
export async function lockForSnapshot(request: LockRequest, context: RunContext): Promise<LockedSnapshot> {
  const { connection, limits } = request;
  const deadlineMs = context.clock.monotonicMs() + limits.maxWaitMs;
  const watch: Watch = { said: new Set() };
  for (let stale = 0; ; ) {
    const outcome = await tryToLock(request, watch, context);
    if (typeof outcome !== "string") return outcome;
    await connection.run("ROLLBACK");
    if (outcome === "changed meanwhile") stale += 1;
    if (stale >= maxStaleLists) throw alwaysChanging(request.settings);
    if (context.clock.monotonicMs() >= deadlineMs) throw stillLocked(request, watch);
    await sleep(limits.pauseMs, undefined, { signal: context.signal }).catch(() => context.signal.throwIfAborted());
  }
}

async function tryToLock(request: LockRequest, watch: Watch, context: RunContext): Promise<Outcome> {
  const { connection, exclude, limits } = request;
  // Asked before the transaction begins: inside, the question would take the snapshot.
  const exclusions = await resolveExclusions(exclude, connection);
  const tables = (await listLockableTables(connection)).filter((table) => !exclusions.excludesTable(table));
  await connection.run(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = ${limits.tryMs}`);
  const watching = watchWaiting(request, watch, context);
  try {
    await lockTables(connection, tables);
    const snapshot = await takeSnapshot(connection);
    const seen = await resolveExclusions(exclude, connection);
    if (!(await lockNewTables(connection, seen))) return "changed meanwhile";
    await connection.run("SET LOCAL lock_timeout = 0");
    return { snapshot, exclusions: seen };
  } catch (error) {
    const state = sqlStateOf(error);
    // 55P03 lock_not_available, 40P01 deadlock_detected.
    if (state === "55P03" || state === "40P01") return "locked by others";
    // Dropped, renamed, or replaced by something that is not a table since the list was read.
    if (state === "42P01" || state === "3F000" || state === "42809") return "changed meanwhile";
    if (state === "53200") throw noRoom(error as Error, request.settings, tables.length);
    throw error;
  } finally {
    await watching.stop();
  }
}

async function lockTables(connection: Connection, tables: readonly LockableTable[]): Promise<void> {
  for (let at = 0; at < tables.length; at += batchTables) {
    const names = tables
      .slice(at, at + batchTables)
      .map(({ schema, name }) => `ONLY ${quoteIdentifier(schema)}.${quoteIdentifier(name)}`);
    await connection.run(`LOCK TABLE ${names.join(", ")} IN ACCESS SHARE MODE`);
  }
}

/**
 * Locks what came between the list and the snapshot; false when that came too late, or a table was
 * replaced.
 */
async function lockNewTables(connection: Connection, { excludesTable }: Exclusions): Promise<boolean> {
  const wanted = async () => (await listSeenTables(connection)).filter((table) => !excludesTable(table));
  const seen = await wanted();
  const missing = seen.filter(({ locked }) => !locked);
  // Whatever took the snapshot too early would show in the files of tables that are locked.
  if (missing.length === 0) return seen.every(({ same_file }) => same_file);
  await lockTables(connection, missing);
  return (await wanted()).every(({ locked, same_file }) => locked && same_file);
}

/** What was seen while waiting. */
interface Watch {
  table?: string;
  blockers?: readonly Blocker[];
  readonly said: Set<number>;
}

/**
 * Looks on while the connection waits for a lock, and says once of each session that it waits for
 * it.
 */
function watchWaiting({ connection, observer, limits }: LockRequest, watch: Watch, context: RunContext) {
  const stop = new AbortController();
  const look = async (): Promise<void> => {
    await sleep(limits.tryMs / 2, undefined, { signal: stop.signal });
    if (observer === undefined) return;
    const blockers = await findBlockers(observer, connection.pid);
    const table = await findWaitedTable(observer, connection.pid);
    if (blockers.length === 0 || table === undefined) return;
    watch.blockers = blockers;
    watch.table = spellQualified(table.schema, table.name);
    const fresh = blockers.filter(({ pid }) => !watch.said.has(pid));
    for (const { pid } of fresh) watch.said.add(pid);
    if (fresh.length > 0) context.log.info(`waiting for table ${watch.table}, locked by ${fresh.map(describeBlocker).join("; ")}`);
  };
  const looking = look().catch(() => undefined);
  return {
    stop: async (): Promise<void> => {
      stop.abort();
      await looking;
    },
  };
}

function stillLocked({ settings, limits }: LockRequest, { table, blockers = [] }: Watch): HoldfastError {
  const what = table === undefined ? "a table" : `table ${table}`;
  const by = blockers.length === 0 ? "" : ` by ${blockers.map(describeBlocker).join("; ")}`;
  const seconds = Math.round(limits.maxWaitMs / 1000);
  return new HoldfastError("DumpFailed", `${what} of ${describePlace(settings)} stayed locked for ${seconds} s${by}`, {
    hint: "Wait until that statement has ended, or end it with pg_terminate_backend, and run the backup again. Nothing was written.",
  });
}

function alwaysChanging(settings: ConnectionSettings): HoldfastError {
  const message = `tables of ${describePlace(settings)} were created, dropped or rewritten at each of ${maxStaleLists} tries to lock them`;
  return new HoldfastError("DumpFailed", message, {
    hint: "Run the backup again when schema changes are over, or exclude the tables that change in the policy.",
  });
}

function noRoom(cause: Error, settings: ConnectionSettings, tables: number): HoldfastError {
  const message = `${describePlace(settings)} has no room for the locks of ${tables} tables`;
  return new HoldfastError("DumpFailed", message, {
    cause,
    details: [cause.message],
    hint: "Raise max_locks_per_transaction in postgresql.conf, restart the server, and run the backup again.",
  });
}
