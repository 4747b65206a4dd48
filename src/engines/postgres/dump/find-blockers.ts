/**
 * Who stands in a dump's way at the server: the sessions that hold or ask for a lock, and what they
 * run.
 */
import type { Connection } from "../connection/driver.ts";

/** A session that another one waits for. */
export interface Blocker {
  readonly pid: number;
  readonly user: string | null;
  readonly state: string | null;
  /** Its statement without the values in it; null where the role may not see it. */
  readonly statement: string | null;
  /** For how long its transaction has been open. */
  readonly seconds: number | null;
  /** The session that it waits for itself. */
  readonly behind: number | null;
}

interface BlockerRow extends Record<string, unknown> {
  readonly pid: number;
  readonly user: string | null;
  readonly state: string | null;
  readonly query: string | null;
  readonly seconds: number | null;
  readonly behind: number | null;
}

/** A statement is quoted up to here: enough to find it in the application. */
const maxStatementCharacters = 100;

const columns = `b.pid, a.usename AS user, a.state, a.query,
  extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::pg_catalog.float8 AS seconds,
  (pg_catalog.pg_blocking_pids(b.pid))[1] AS behind`;

const blockersQuery = `
  SELECT ${columns}
  FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids($1)) AS b(pid) LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
  ORDER BY a.xact_start NULLS LAST LIMIT 3`;

// Sessions that wait for $1 and that a session of the application $2 waits for: neither of the two
// can go on.
const standoffQuery = `
  SELECT ${columns}
  FROM pg_catalog.pg_stat_activity d, pg_catalog.unnest(pg_catalog.pg_blocking_pids(d.pid)) AS b(pid)
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
  WHERE d.application_name = $2 AND d.wait_event_type = 'Lock' AND $1 = ANY (pg_catalog.pg_blocking_pids(b.pid))
  LIMIT 1`;

const waitedTableQuery = `
  SELECT n.nspname AS schema, c.relname AS name
  FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE l.pid = $1 AND NOT l.granted LIMIT 1`;

/**
 * A statement as a message may show it: one line, without its values, which may be secrets or
 * personal data.
 */
export function showStatement(query: string): string {
  const text = query
    .replaceAll(/\$([A-Za-z_]\w*)?\$.*?(?:\$\1\$|$)/gs, "'…'")
    .replaceAll(/'(?:[^']|'')*(?:'|$)/gs, "'…'")
    .replaceAll(/(?<![\w.$"])\d[\d.]{3,}/g, "…")
    .replaceAll(/\s+/g, " ")
    .trim();
  return text.length <= maxStatementCharacters ? text : `${text.slice(0, maxStatementCharacters)}…`;
}

function toBlocker({ query, ...row }: BlockerRow): Blocker {
  const hidden = query === null || query === "" || query === "<insufficient privilege>";
  return { ...row, statement: hidden ? null : showStatement(query) };
}

/**
 * The sessions that the session `pid` waits for, the oldest first; at most three. Errors: as
 * `queryError`.
 */
export async function findBlockers(observer: Connection, pid: number): Promise<readonly Blocker[]> {
  return (await observer.rows<BlockerRow>(blockersQuery, [pid])).map(toBlocker);
}

/**
 * The session that waits for a lock of the session `pid` while pg_dump, which calls itself
 * `application`, waits behind it.
 * Errors: as `queryError`.
 */
export async function findStandoff(observer: Connection, pid: number, application: string): Promise<Blocker | undefined> {
  const row = await observer.row<BlockerRow>(standoffQuery, [pid, application]);
  return row === undefined ? undefined : toBlocker(row);
}

/** The table whose lock the session `pid` waits for. Errors: as `queryError`. */
export async function findWaitedTable(observer: Connection, pid: number): Promise<{ schema: string; name: string } | undefined> {
  const row = await observer.row<{ schema: string; name: string }>(waitedTableQuery, [pid]);
  return row;
}

/**
 * A blocker in a message:
 * `process 4711 (user "app", idle in transaction, open for 12 s): TRUNCATE t`.
 */
export function describeBlocker({ pid, user, state, statement, seconds, behind }: Blocker): string {
  // A prepared transaction has no process; the server calls it 0.
  if (pid === 0) return "a prepared transaction (see pg_prepared_xacts)";
  const about = [
    user === null ? "user hidden" : `user "${user}"`,
    ...(state === null ? [] : [state]),
    ...(seconds === null ? [] : [`transaction open for ${Math.round(seconds)} s`]),
    ...(behind === null ? [] : [`itself waiting for process ${behind}`]),
  ].join(", ");
  return `process ${pid} (${about}): ${statement ?? "statement hidden from this role; pg_read_all_stats shows it"}`;
}
