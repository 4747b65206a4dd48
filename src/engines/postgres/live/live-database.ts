/** The live database that a table or its rows are put into, looked at without touching it. */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { Finding } from "../../finding.ts";
import { ownTarget } from "../../restore-request.ts";
import { assertEncrypted } from "../connection/check-connection.ts";
import { type ConnectionSettings, describePlace, resolveConnection } from "../connection/connection.ts";
import type { Connection } from "../connection/driver.ts";
import { withConnection } from "../place/restore-connection.ts";
import { resolveTarget } from "../place/restore-target.ts";
import { keyOf } from "./object-names.ts";

export interface LiveDatabase {
  readonly settings: ConnectionSettings;
  readonly serverMajor: number;
  readonly serverVersion: string;
  readonly superuser: boolean;
  readonly standby: boolean;
  /** Of others, in this database. */
  readonly sessions: number;
  readonly roles: ReadonlySet<string>;
}

interface ServerRow extends Record<string, unknown> {
  readonly major: number;
  readonly version: string;
  readonly superuser: boolean;
  readonly standby: boolean;
  readonly sessions: number;
}

const serverQuery = `
  SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 / 10000 AS major,
         pg_catalog.current_setting('server_version') AS version, r.rolsuper AS superuser, pg_catalog.pg_is_in_recovery() AS standby,
         (SELECT pg_catalog.count(*)::pg_catalog.int4 FROM pg_catalog.pg_stat_activity
          WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()) AS sessions
  FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`;

/**
 * Resolves and looks at the target: the source's own database, or what is after --to. Errors:
 * UsageInvalid, SecretUnavailable; the driver's, where it cannot be reached.
 */
export async function surveyLive(target: string, source: PostgresSource | undefined, context: RunContext): Promise<LiveDatabase> {
  const settings = await resolveLive(target, source, context);
  if (context.requireTls === true) assertEncrypted(settings);
  return withConnection(settings, context, async (connection) => {
    const [server] = (await connection.rows<ServerRow>(serverQuery)) as [ServerRow];
    const roles = await connection.rows<{ name: string }>("SELECT rolname::text AS name FROM pg_catalog.pg_roles");
    const { major: serverMajor, version: serverVersion, superuser, standby, sessions } = server;
    return { settings, serverMajor, serverVersion, superuser, standby, sessions, roles: new Set(roles.map(({ name }) => name)) };
  });
}

async function resolveLive(target: string, source: PostgresSource | undefined, context: RunContext): Promise<ConnectionSettings> {
  if (target !== ownTarget) return resolveTarget(target, source, context);
  if (source !== undefined) return (await resolveConnection(source.connection, context)).settings;
  throw new HoldfastError("UsageInvalid", "cannot tell which database is the live one: the backup's source is not in the policy", {
    hint: "Give the live database with --to env:NAME, file:/PATH or service:NAME.",
  });
}

/** What keeps anything from being put there. */
export function checkLive(live: LiveDatabase, backupMajor: number): readonly Finding[] {
  const { settings, serverMajor, serverVersion, standby, superuser } = live;
  if (standby) {
    const message = `${describePlace(settings)} is on a standby, which takes no writes`;
    return [{ level: "error", subject: "server", message, remedy: "Give the primary with --to." }];
  }
  if (serverMajor < backupMajor) {
    const message = `the backup is of PostgreSQL ${backupMajor} and ${settings.host}:${settings.port} runs ${serverMajor}: an older server does not understand all that a newer one dumps`;
    return [{ level: "error", subject: "version", message, remedy: "Give a database on a server of that major or later." }];
  }
  const who = superuser ? "a superuser" : "not a superuser";
  return [{ level: "ok", subject: "server", message: `PostgreSQL ${serverVersion}, as "${settings.user}" (${who})` }];
}

// Tables, indexes, sequences and views share their names with each other, and with types.
const takenQuery = `
  SELECT n.nspname::text AS schema, x.name FROM pg_catalog.pg_namespace n JOIN (
    SELECT relnamespace AS namespace, relname::text AS name FROM pg_catalog.pg_class
    UNION ALL SELECT typnamespace, typname::text FROM pg_catalog.pg_type
    UNION ALL SELECT stxnamespace, stxname::text FROM pg_catalog.pg_statistic_ext
    UNION ALL SELECT connamespace, conname::text FROM pg_catalog.pg_constraint
  ) x ON x.namespace = n.oid WHERE n.nspname = ANY ($1)`;

/** All names that are taken in these schemas, by `keyOf`. Errors: the driver's. */
export async function readTakenNames(schemas: readonly string[], connection: Connection): Promise<ReadonlySet<string>> {
  const rows = await connection.rows<{ schema: string; name: string }>(takenQuery, [schemas]);
  return new Set(rows.map(keyOf));
}
