/**
 * Gives a restored copy the name of the database that it replaces, and takes that back. Both
 * renames are one transaction: at no moment is the name free, and a run that is killed between
 * them has changed nothing (docs/adr/0047-restores-by-hand.md).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { RestoreRequest, SwappedBack } from "../../restore-request.ts";
import { assertEncrypted } from "../connection/check-connection.ts";
import { type ConnectionSettings, describePlace } from "../connection/connection.ts";
import type { Connection } from "../connection/driver.ts";
import { endSessionsStatement } from "./restore-checks.ts";
import { withConnection } from "./restore-connection.ts";
import { renameDatabase, renameStatement } from "./restore-databases.ts";
import { isKeptOf, nameUndone } from "./restore-names.ts";
import { connectBeside } from "./restore-survey.ts";
import { resolveTarget } from "./restore-target.ts";

interface SwapNames {
  /** The name that is swapped. */
  readonly target: string;
  /** What gets that name. */
  readonly restored: string;
  /** What has it now will be called so. */
  readonly setAside: string;
}

interface SwapOptions {
  /** Where databases are renamed. */
  readonly maintenance: ConnectionSettings;
  readonly endConnections: boolean;
}

/**
 * Swaps the names in one transaction.
 * Errors: RestoreRefused when others are connected; RestoreFailed. After either both databases have
 * the names they had, which is said; where that cannot be known, because the server was lost at the
 * very end, both states are named.
 */
export async function swapDatabases(names: SwapNames, options: SwapOptions, context: RunContext): Promise<void> {
  const { target, restored } = names;
  const kept = `the restored copy is kept as "${restored}", and "${target}" is as it was`;
  await withConnection(options.maintenance, context, async (connection) => {
    const copy = await readOid(restored, connection);
    const sessions = await countSessions(target, connection);
    if (sessions > 0 && !options.endConnections) throw inUse(sessions, names, kept);
    const ending = options.endConnections ? endSessions(target, options.maintenance, context) : undefined;
    try {
      await renameBoth(names, connection);
    } catch (error) {
      if ((await holdsName(target, copy, options.maintenance)) === true) return;
      throw await swapError(error, names, options.maintenance, copy, kept);
    } finally {
      await ending?.stop();
    }
  });
}

async function renameBoth({ target, restored, setAside }: SwapNames, connection: Connection): Promise<void> {
  await connection.run("BEGIN");
  try {
    await renameDatabase(target, setAside, connection);
    await renameDatabase(restored, target, connection);
    await connection.run("COMMIT");
  } catch (error) {
    await connection.run("ROLLBACK").catch(() => undefined); // The session's end does the same.
    throw error;
  }
}

/** How a person ends the swap, once nobody is connected. */
function statementsOf({ target, restored, setAside }: SwapNames): string {
  return `BEGIN; ${renameStatement(target, setAside)}; ${renameStatement(restored, target)}; COMMIT;`;
}

function inUse(sessions: number, names: SwapNames, kept: string): HoldfastError {
  const are = sessions === 1 ? "1 session is" : `${sessions} sessions are`;
  return new HoldfastError("RestoreRefused", `${are} connected to "${names.target}", which cannot be renamed; ${kept}`, {
    details: [endSessionsStatement(names.target), statementsOf(names)],
    hint: "Stop what connects and run the two statements above in psql, connected to another database; or restore again with --end-connections.",
  });
}

/** The server's refusal, or its loss: then a new connection says what became of the names. */
async function swapError(
  error: unknown,
  names: SwapNames,
  maintenance: ConnectionSettings,
  copy: string | undefined,
  kept: string,
): Promise<HoldfastError> {
  const words = error instanceof Error ? error.message : String(error);
  const { target, restored, setAside } = names;
  if ((await holdsName(restored, copy, maintenance)) === true) {
    return new HoldfastError("RestoreFailed", `"${target}" and "${restored}" were not renamed: ${words}; ${kept}`, {
      cause: error,
      details: [statementsOf(names)],
      hint: "Fix the cause and run the statement above in psql, connected to another database, or restore again.",
    });
  }
  return new HoldfastError(
    "RestoreFailed",
    `the server was lost while "${target}" and "${restored}" were renamed, both or neither: ${words}`,
    {
      cause: error,
      hint: `When the server answers again, look at the names: with a database "${setAside}" the swap is done; without one, "${target}" is as it was and the copy is "${restored}".`,
    },
  );
}

/**
 * Whether the database of this identity has the name; undefined where the server does not answer.
 */
async function holdsName(name: string, oid: string | undefined, maintenance: ConnectionSettings): Promise<boolean | undefined> {
  // After an interruption too: the run's own signal would refuse the connection.
  const fresh = { signal: new AbortController().signal };
  try {
    return await withConnection(maintenance, fresh, async (connection) => (await readOid(name, connection)) === oid);
  } catch {
    return undefined;
  }
}

async function readOid(database: string, connection: Connection): Promise<string | undefined> {
  const query = "SELECT oid::text AS oid FROM pg_catalog.pg_database WHERE datname = $1";
  const [row] = await connection.rows<{ oid: string }>(query, [database]);
  return row?.oid;
}

/** Sessions of others in a database. */
async function countSessions(database: string, connection: Connection): Promise<number> {
  const [row] = await connection.rows<{ count: number }>(
    "SELECT pg_catalog.count(*)::int AS count FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid()",
    [database],
  );
  return row?.count ?? 0;
}

const endQuery = `
  SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
  WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid() AND backend_type = 'client backend'`;
const betweenEndsMs = 100;

/**
 * Ends the sessions in a database again and again until it is stopped: applications connect anew at
 * once. The rename waits up to five seconds for them with the database's lock, which keeps new ones
 * out.
 */
function endSessions(database: string, maintenance: ConnectionSettings, context: RunContext): { stop(): Promise<void> } {
  let stopped = false;
  const ending = withConnection(maintenance, context, async (connection) => {
    while (!stopped) {
      await connection.rows(endQuery, [database]);
      await sleep(betweenEndsMs);
    }
  });
  // A session that this role may not end keeps the rename from happening, which says so.
  ending.catch(() => undefined);
  return {
    async stop() {
      stopped = true;
      await ending.catch((error: unknown) => context.log.warn(`sessions could not be ended: ${(error as Error).message}`));
    },
  };
}

/**
 * Puts back what the newest overwrite of the target has kept (Engine.swapBack). Errors:
 * RestoreRefused when nothing is kept or others are connected; those of resolveTarget, the
 * driver's.
 */
export async function swapBackPostgres(
  source: PostgresSource | undefined,
  request: RestoreRequest,
  context: RunContext,
  dryRun: boolean,
): Promise<SwappedBack> {
  const settings = await resolveTarget(request.target, source, context);
  if (context.requireTls === true) assertEncrypted(settings);
  const { connection, maintenance } = await connectBeside(settings, context.signal);
  let names: readonly string[];
  try {
    const query = 'SELECT datname::text AS name FROM pg_catalog.pg_database ORDER BY datname COLLATE "C"';
    names = (await connection.rows<{ name: string }>(query)).map(({ name }) => name);
  } finally {
    await connection.close();
  }
  const target = settings.database;
  const from = names.filter((name) => isKeptOf(target, name)).at(-1);
  if (from === undefined) {
    throw new HoldfastError(
      "RestoreRefused",
      `nothing is kept of ${describePlace(settings)}: no database is named like "${target}_before_<time>"`,
      {
        hint: "Correct the name after --to, or restore the backup that you want there.",
      },
    );
  }
  const undone = nameUndone(target, context.clock.now());
  const result = { target, from, ...(names.includes(target) ? { kept: undone } : {}) };
  if (dryRun) return result;
  const endConnections = request.flags?.has("end-connections") === true;
  if (result.kept === undefined) {
    await withConnection(maintenance, context, (renaming) => renameDatabase(from, target, renaming));
  } else {
    await swapDatabases({ target, restored: from, setAside: undone }, { maintenance, endConnections }, context);
  }
  return result;
}
