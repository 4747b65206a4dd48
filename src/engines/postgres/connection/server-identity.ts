/**
 * What answers a connection: the server itself, or something in between that may hand out other
 * sessions.
 */
import type { Client, QueryResult } from "pg";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { type ConnectionSettings, describePlace } from "./connection.ts";

export interface ServerIdentity {
  /** The number of the server's process. */
  readonly pid: number;
  /** `server_version_num`: 170011. */
  readonly version: number;
  readonly standby: boolean;
  readonly readOnly: boolean;
  readonly rawBytes: boolean;
  /**
   * The server's process is not the one that the connection was told: something stands in between.
   */
  readonly proxied: boolean;
}

interface IdentityRow {
  readonly pid: number;
  readonly version: string;
  readonly standby: boolean;
  readonly read_only: boolean;
  readonly encoding: string;
}

/**
 * Everything within one transaction: until it is known what answers, nothing may stay behind in its
 * session. The search path comes first, so that no function of the database's owner answers instead
 * of the server's; the transaction ends at once.
 */
const identityQuery = `
  BEGIN; SET LOCAL search_path = '';
  SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.current_setting('server_version_num') AS version,
         pg_catalog.pg_is_in_recovery() AS standby,
         pg_catalog.current_setting('default_transaction_read_only')::pg_catalog.bool AS read_only,
         pg_catalog.current_setting('server_encoding') AS encoding;
  COMMIT`;

const pidQuery = "SELECT pg_catalog.pg_backend_pid() AS pid";
/**
 * A pooler that gives each transaction another session is found in the first round, unless it is
 * very busy.
 */
const rounds = 5;

/** The rows of the statement that has some, in an answer to several. */
function rowsOf<R>(answer: QueryResult | QueryResult[]): R[] {
  const results = Array.isArray(answer) ? answer : [answer];
  return results.flatMap(({ rows }) => rows as R[]);
}

/** Asks a fresh connection what it reached; leaves nothing behind. Errors: the driver's. */
export async function identifyServer(client: Client): Promise<ServerIdentity> {
  const told = (client as unknown as { processID: number | null }).processID;
  const [row] = rowsOf<IdentityRow>((await client.query(identityQuery)) as QueryResult | QueryResult[]);
  if (row === undefined) throw new Error("the server's answer breaks the protocol: no row");
  return {
    pid: Number(row.pid),
    version: Number(row.version),
    standby: row.standby,
    readOnly: row.read_only || row.standby,
    // The server passes these on as they are; what is not UTF-8 would be refused in that encoding.
    rawBytes: row.encoding === "SQL_ASCII" || row.encoding === "MULE_INTERNAL",
    proxied: Number(row.pid) !== told,
  };
}

/**
 * Whether a connection keeps its server session between transactions while another one asks for
 * sessions too. A pooler in transaction mode gives the other one this connection's session, or this
 * connection another one afterwards. Errors: the driver's.
 */
export async function keepsSession(client: Client, other: Client): Promise<boolean> {
  const pidOf = async (of: Client): Promise<number> => rowsOf<{ pid: number }>(await of.query(pidQuery))[0]?.pid ?? 0;
  for (let round = 0; round < rounds; round++) {
    const own = await pidOf(client);
    await other.query("BEGIN");
    try {
      // Asked again only when the other one has a session of its own: a pool of one session would
      // wait for ever.
      if ((await pidOf(other)) === own || (await pidOf(client)) !== own) return false;
    } finally {
      await other.query("COMMIT");
    }
  }
  return true;
}

/** The error for a pooler in transaction mode. */
export function poolerError(settings: ConnectionSettings): HoldfastError {
  const message = `${describePlace(settings)} is answered by a connection pooler that gives each transaction another session`;
  return new HoldfastError("SourceUnsupported", message, {
    hint: "Connect to the database server itself, or to the pooler's port for session mode: a dump needs one session for one snapshot.",
  });
}

const sessionRules: Readonly<Record<string, (server: ServerIdentity) => boolean>> = {
  "read-write": ({ readOnly }) => !readOnly,
  "read-only": ({ readOnly }) => readOnly,
  primary: ({ standby }) => !standby,
  standby: ({ standby }) => standby,
};

/** Refuses a server that libpq would refuse for target_session_attrs. Errors: SourceUnreachable. */
export function assertSessionAttributes(server: ServerIdentity, settings: ConnectionSettings): void {
  const wanted = settings.variables["PGTARGETSESSIONATTRS"] ?? "any";
  // With one host prefer-standby takes what is there.
  if (sessionRules[wanted]?.(server) ?? true) return;
  const is = `${server.standby ? "a standby" : "a primary"}${server.readOnly && !server.standby ? ", read-only" : ""}`;
  throw new HoldfastError("SourceUnreachable", `${describePlace(settings)} is ${is}; target_session_attrs asks for ${wanted}`, {
    hint: "Correct the host or target_session_attrs in the connection, or wait for the end of a failover.",
  });
}
