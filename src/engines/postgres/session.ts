/** The session that holds a dump's snapshot: everything a backup reads, it reads as of this one instant. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import { type ConnectionSettings, describePlace } from "./connection.ts";
import { type Connection, connect } from "./driver.ts";
import { supportedMajors } from "./tools.ts";

export interface SnapshotSession {
  readonly connection: Connection;
  /** For `pg_dump --snapshot` and SET TRANSACTION SNAPSHOT; valid until `close`. */
  readonly snapshot: string;
  readonly serverMajor: number;
  readonly serverVersion: string;
  /** A hot standby: what is read is as old as what it has replayed. */
  readonly standby: boolean;
  readonly consistencyPoint: { readonly time: string; readonly position: string };
  /** Never throws; idempotent. */
  close(): Promise<void>;
}

/** Well below the idle limits of proxies (RDS Proxy and Azure's load balancer: minutes), and soon enough to notice a dead server. */
const heartbeatMs = 30_000;

interface SnapshotRow extends Record<string, unknown> {
  readonly snapshot: string;
  readonly major: number;
  readonly version: string;
  readonly standby: boolean;
  readonly position: string;
  readonly time: string;
}

// A standby that has replayed all it has received is as fresh as its primary's last word; else it is as old as the last
// transaction it has replayed.
const snapshotQuery = `
  SELECT pg_catalog.pg_export_snapshot() AS snapshot,
         pg_catalog.current_setting('server_version_num')::int / 10000 AS major,
         pg_catalog.current_setting('server_version') AS version,
         pg_catalog.pg_is_in_recovery() AS standby,
         CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
              ELSE pg_catalog.pg_current_wal_lsn() END::text AS position,
         to_char((CASE WHEN pg_catalog.pg_is_in_recovery()
                        AND pg_catalog.pg_last_wal_receive_lsn() IS DISTINCT FROM pg_catalog.pg_last_wal_replay_lsn()
                  THEN coalesce(pg_catalog.pg_last_xact_replay_timestamp(), pg_catalog.clock_timestamp())
                  ELSE pg_catalog.clock_timestamp() END) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time`;

/**
 * Connects and takes the snapshot. Errors: SourceUnreachable, SourceAccessDenied, SecretUnavailable; SourceUnsupported for
 * a server that is older than the oldest supported major.
 */
export async function openSession(settings: ConnectionSettings, context: Pick<RunContext, "signal">): Promise<SnapshotSession> {
  const connection = await connect(settings, context.signal);
  try {
    await checkVersion(connection, settings);
    await connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const [row] = await connection.rows<SnapshotRow>(snapshotQuery);
    const { snapshot, major, version, standby, position, time } = row as SnapshotRow;
    const heartbeat = setInterval(() => void connection.rows("SELECT 1").catch(() => {}), heartbeatMs);
    heartbeat.unref();
    const close = (): Promise<void> => {
      clearInterval(heartbeat);
      return connection.close();
    };
    return {
      connection,
      snapshot,
      serverMajor: major,
      serverVersion: version,
      standby,
      consistencyPoint: { time, position },
      close,
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function checkVersion(connection: Connection, settings: ConnectionSettings): Promise<void> {
  const [row] = await connection.rows<{ major: number }>("SELECT current_setting('server_version_num')::int / 10000 AS major");
  const major = row?.major ?? 0;
  if (major >= supportedMajors.oldest) return;
  throw new HoldfastError(
    "SourceUnsupported",
    `${describePlace(settings)} runs PostgreSQL ${major}; ${supportedMajors.oldest} is the oldest supported`,
  );
}

/**
 * A further connection that sees the session's snapshot. Errors: SourceUnreachable, SourceAccessDenied.
 */
export async function joinSnapshot(
  session: SnapshotSession,
  settings: ConnectionSettings,
  signal: AbortSignal,
): Promise<Connection> {
  const connection = await connect(settings, signal);
  try {
    await connection.run(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '${session.snapshot.replaceAll("'", "''")}'`,
    );
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}
