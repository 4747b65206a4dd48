/**
 * The session that holds a dump's locks and snapshot: everything a backup reads, it reads as of
 * this one instant.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import { supportedMajors } from "../tools.ts";
import { type ConnectionSettings, describePlace } from "./connection.ts";
import { type Connection, connect } from "./driver.ts";

export interface SourceSession {
  readonly connection: Connection;
  readonly serverMajor: number;
  readonly serverVersion: string;
  /** Never throws; idempotent. */
  close(): Promise<void>;
}

export interface Snapshot {
  /** For `pg_dump --snapshot` and SET TRANSACTION SNAPSHOT; valid while its transaction is open. */
  readonly name: string;
  /** A hot standby: what is read is as old as what it has replayed. */
  readonly standby: boolean;
  /** The server's own instant and LSN. */
  readonly position: { readonly at: string; readonly mark: string };
}

/**
 * Well below the idle limits of proxies (RDS Proxy and Azure's load balancer: minutes), and soon
 * enough to notice a dead server.
 */
const heartbeatMs = 30_000;

interface SnapshotRow extends Record<string, unknown> {
  readonly name: string;
  readonly standby: boolean;
  readonly mark: string;
  readonly at: string;
}

// A standby that has replayed all it has received is as fresh as its primary's last word; else it
// is as old as the last transaction it has replayed.
const snapshotQuery = `
  SELECT pg_catalog.pg_export_snapshot() AS name,
         pg_catalog.pg_is_in_recovery() AS standby,
         CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
              ELSE pg_catalog.pg_current_wal_lsn() END::pg_catalog.text AS mark,
         pg_catalog.to_char((CASE WHEN pg_catalog.pg_is_in_recovery()
                        AND pg_catalog.pg_last_wal_receive_lsn() IS DISTINCT FROM pg_catalog.pg_last_wal_replay_lsn()
                  THEN coalesce(pg_catalog.pg_last_xact_replay_timestamp(), pg_catalog.clock_timestamp())
                  ELSE pg_catalog.clock_timestamp() END) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at`;

/**
 * Connects, outside of any transaction. Errors: SourceUnreachable, SourceAccessDenied,
 * SecretUnavailable; SourceUnsupported for a server that is older than the oldest supported major,
 * and for a transaction pooler.
 */
export async function openSession(settings: ConnectionSettings, context: Pick<RunContext, "signal">): Promise<SourceSession> {
  const connection = await connect(settings, context.signal);
  try {
    const { serverMajor, serverVersion } = await readVersion(connection, settings);
    // SHOW takes no snapshot: a SELECT before the locks are there would take that of the whole
    // transaction.
    const heartbeat = setInterval(() => void connection.run("SHOW transaction_isolation").catch(() => {}), heartbeatMs);
    heartbeat.unref();
    const close = (): Promise<void> => {
      clearInterval(heartbeat);
      return connection.close();
    };
    return { connection, serverMajor, serverVersion, close };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function readVersion(
  connection: Connection,
  settings: ConnectionSettings,
): Promise<Pick<SourceSession, "serverMajor" | "serverVersion">> {
  const row = await connection.row<{ major: number; version: string }>(`
    SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 / 10000 AS major,
           pg_catalog.current_setting('server_version') AS version`);
  const { major, version } = row ?? { major: 0, version: "" };
  if (major >= supportedMajors.oldest) return { serverMajor: major, serverVersion: version };
  throw new HoldfastError(
    "SourceUnsupported",
    `${describePlace(settings)} runs PostgreSQL ${major}; ${supportedMajors.oldest} is the oldest supported`,
  );
}

/** Takes and exports the snapshot of the open transaction. Errors: as the driver's `queryError`. */
export async function takeSnapshot(connection: Connection): Promise<Snapshot> {
  const row = await connection.row<SnapshotRow>(snapshotQuery);
  const { name, standby, mark, at } = row as SnapshotRow;
  return { name, standby, position: { at, mark } };
}

/**
 * A further connection that sees the snapshot. Errors: SourceUnreachable, SourceAccessDenied.
 */
export async function joinSnapshot(snapshot: Snapshot, settings: ConnectionSettings, signal: AbortSignal): Promise<Connection> {
  const connection = await connect(settings, signal);
  try {
    await connection.run(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '${snapshot.name.replaceAll("'", "''")}'`,
    );
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}
