/** Making and taking back whole databases on a restore's target. */
import type { RunContext } from "../../../runtime/run-context.ts";
import type { ConnectionSettings } from "../connection/connection.ts";
import { type Connection, connect } from "../connection/driver.ts";
import { tryStatement } from "../load/load-statement.ts";
import { quoteIdentifier } from "../script/script-identifiers.ts";

/**
 * A subscription is let go of before it is dropped, so that the publisher's slot, which is the
 * source's, stays.
 */
const subscriptionsQuery = `
  SELECT pg_catalog.format('ALTER SUBSCRIPTION %1$I DISABLE; ALTER SUBSCRIPTION %1$I SET (slot_name = NONE); DROP SUBSCRIPTION %1$I', subname) AS sql
  FROM pg_catalog.pg_subscription WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`;

/**
 * Drops the subscriptions of the connection's database, which keep it from being dropped. Errors:
 * the driver's.
 */
export async function dropSubscriptions(connection: Connection): Promise<void> {
  for (const { sql } of await connection.rows<{ sql: string }>(subscriptionsQuery)) await connection.run(sql);
}

/**
 * Makes a database ready to be dropped: without event triggers, which would fire, and without
 * subscriptions, which keep it.
 * Errors: the driver's.
 */
export async function prepareDrop(settings: ConnectionSettings, context: Pick<RunContext, "signal">): Promise<void> {
  const connection = await connect(settings, context.signal);
  try {
    const triggers = await connection.rows<{ sql: string }>(eventTriggersQuery);
    for (const { sql } of triggers) await connection.run(sql);
    await dropSubscriptions(connection);
  } finally {
    await connection.close();
  }
}

const eventTriggersQuery = "SELECT pg_catalog.format('DROP EVENT TRIGGER %I', evtname) AS sql FROM pg_catalog.pg_event_trigger";

/** Drops a database that this restore made, whose subscriptions are gone. Errors: the driver's. */
export async function dropDatabase(database: string, connection: Connection): Promise<void> {
  // A restored template's flag would keep it; without one, or without the database, this changes
  // nothing.
  await tryStatement(connection, `ALTER DATABASE ${quoteIdentifier(database)} IS_TEMPLATE false`);
  // FORCE: sessions of our own that were cut off may linger for a moment.
  await connection.run(`DROP DATABASE IF EXISTS ${quoteIdentifier(database)} WITH (FORCE)`);
}

/** Errors: the driver's, when somebody is connected to it or has no right to. */
export function renameDatabase(from: string, to: string, connection: Connection): Promise<void> {
  return connection.run(renameStatement(from, to));
}

/** The statement that gives a database another name. */
export function renameStatement(from: string, to: string): string {
  return `ALTER DATABASE ${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`;
}

/** What an empty database holds before a load, so that it can be emptied again. */
export interface EmptyState {
  readonly extensions: readonly string[];
  /** Undefined where it has no schema public. */
  readonly publicOwner: string | undefined;
  readonly publicGrants: readonly string[];
}

const grantsQuery = `
  SELECT pg_catalog.format('GRANT %s ON SCHEMA public TO %s%s', a.privilege_type,
           CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,
           CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS sql
  FROM pg_catalog.pg_namespace n, LATERAL pg_catalog.aclexplode(n.nspacl) a WHERE n.nspname = 'public'`;

export async function readEmptyState(connection: Connection): Promise<EmptyState> {
  const extensions = await connection.rows<{ name: string }>("SELECT extname::text AS name FROM pg_catalog.pg_extension");
  const [owner] = await connection.rows<{ owner: string }>(
    "SELECT pg_catalog.pg_get_userbyid(nspowner)::text AS owner FROM pg_catalog.pg_namespace WHERE nspname = 'public'",
  );
  const grants = await connection.rows<{ sql: string }>(grantsQuery);
  return { extensions: extensions.map(({ name }) => name), publicOwner: owner?.owner, publicGrants: grants.map(({ sql }) => sql) };
}

/**
 * Everything that a load may have made in a database, as statements that drop it; event triggers
 * first, because they would fire.
 */
const dropsQuery = `
  SELECT sql FROM (
    SELECT 1 AS step, pg_catalog.format('DROP EVENT TRIGGER %I CASCADE', evtname) AS sql FROM pg_catalog.pg_event_trigger
    UNION ALL SELECT 3, pg_catalog.format('DROP PUBLICATION %I CASCADE', pubname) FROM pg_catalog.pg_publication
    UNION ALL SELECT 4, pg_catalog.format('DROP EXTENSION %I CASCADE', extname) FROM pg_catalog.pg_extension WHERE extname::text <> ALL ($1)
    UNION ALL SELECT 5, pg_catalog.format('DROP SCHEMA %I CASCADE', nspname) FROM pg_catalog.pg_namespace n
      WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.objid = n.oid AND d.deptype = 'e')
    UNION ALL SELECT 6, pg_catalog.format('DROP FOREIGN DATA WRAPPER %I CASCADE', fdwname) FROM pg_catalog.pg_foreign_data_wrapper w
      WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass AND d.objid = w.oid AND d.deptype = 'e')
    UNION ALL SELECT 7, pg_catalog.format('SELECT pg_catalog.lo_unlink(%s)', oid) FROM pg_catalog.pg_largeobject_metadata
  ) drops ORDER BY step`;

/**
 * Empties a database that was empty before the load, its schema public as it was. Errors: the
 * driver's.
 */
export async function emptyDatabase(state: EmptyState, connection: Connection): Promise<void> {
  await dropSubscriptions(connection);
  for (const { sql } of await connection.rows<{ sql: string }>(dropsQuery, [state.extensions])) await connection.run(sql);
  if (state.publicOwner === undefined) return;
  await connection.run(`CREATE SCHEMA public AUTHORIZATION ${quoteIdentifier(state.publicOwner)}`);
  for (const grant of state.publicGrants) await connection.run(grant);
}
