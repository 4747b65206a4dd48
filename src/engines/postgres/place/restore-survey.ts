/** Looks at a restore's target without touching it: what is there, who asks, and what it lacks. */
import { type HoldfastError, isHoldfastError } from "../../../errors/holdfast-error.ts";
import type { PostgresFacts } from "../backup-facts.ts";
import type { ConnectionSettings } from "../connection/connection.ts";
import { type Connection, connect } from "../connection/driver.ts";
import { inDatabase } from "./place-settings.ts";
import { measureRoom } from "./restore-room.ts";

/** `absent` and `empty` targets are used as they are; an `occupied` one needs --overwrite. */
export type TargetState = "absent" | "empty" | "occupied";

/** Whether something of the server is there, and this role may use it. */
export interface RoleState {
  readonly present: boolean;
  readonly usable: boolean;
}

export interface TargetSurvey {
  /** To a database that is not the target: where databases are made and renamed. */
  readonly maintenance: ConnectionSettings;
  readonly serverMajor: number;
  readonly serverVersion: string;
  readonly superuser: boolean;
  readonly mayCreateDatabases: boolean;
  /**
   * Whether the target can be renamed: the role owns it, or is a superuser. True for one that does
   * not exist.
   */
  readonly ownsTarget: boolean;
  readonly state: TargetState;
  /** Why an existing target cannot be looked into; it counts as occupied. */
  readonly closed?: HoldfastError | undefined;
  /** Sessions of others in the target. */
  readonly sessions: number;
  /**
   * Transactions that were prepared in the target (two-phase commit): they keep it from being
   * renamed.
   */
  readonly preparedTransactions: number;
  /** A standby, which takes no writes. */
  readonly standby: boolean;
  /** Connections that this role may still open, as far as the server says. */
  readonly freeConnections: number;
  /** `rds_superuser` and the like, of which the role is a member: how a managed server is known. */
  readonly managedBy?: string | undefined;
  /** Of the target, where it exists. */
  readonly encoding?: string | undefined;
  /** Whether the server lists the locale that the backup's database has. */
  readonly knowsLocale: boolean;
  /** On the server's disk, where that can be known. */
  readonly freeBytes?: number | undefined;
  /** Databases that look like copies of restores that were cut off: `shop_holdfast_1a2b3c`. */
  readonly leftovers: readonly string[];
  /** Of the role that is to own everything (--role): whether it is there and may be taken. */
  readonly newOwner: RoleState;
  /** Of the tablespace that was asked for (--tablespace). */
  readonly newTablespace: RoleState;
  readonly missingRoles: readonly string[];
  readonly presentRoles: ReadonlySet<string>;
  readonly missingTablespaces: readonly string[];
  /**
   * Extensions of the backup that this server cannot install, with the version that the source had.
   */
  readonly missingExtensions: readonly string[];
}

interface ServerRow extends Record<string, unknown> {
  readonly major: number;
  readonly version: string;
  readonly superuser: boolean;
  readonly createdb: boolean;
  readonly owner: boolean;
  readonly present: boolean;
  readonly sessions: number;
  readonly prepared: number;
  readonly standby: boolean;
  readonly free: number;
  readonly managed: string | null;
  readonly encoding: string | null;
  readonly locale: boolean;
}

const serverQuery = `
  SELECT pg_catalog.current_setting('server_version_num')::int / 10000 AS major, pg_catalog.current_setting('server_version') AS version,
         r.rolsuper AS superuser, r.rolsuper OR r.rolcreatedb AS createdb,
         EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1) AS present,
         r.rolsuper OR NOT EXISTS (SELECT FROM pg_catalog.pg_database
           WHERE datname = $1 AND NOT pg_catalog.pg_has_role(current_user, datdba, 'USAGE')) AS owner,
         (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid()) AS sessions,
         (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_prepared_xacts WHERE database = $1) AS prepared,
         pg_catalog.pg_is_in_recovery() AS standby,
         LEAST(pg_catalog.current_setting('max_connections')::int
             - CASE WHEN r.rolsuper THEN 0 ELSE pg_catalog.current_setting('superuser_reserved_connections')::int END
             - (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'),
           CASE WHEN r.rolsuper OR r.rolconnlimit < 0 THEN 1000000
             ELSE r.rolconnlimit - (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity WHERE usename = current_user) END) AS free,
         (SELECT pg_catalog.min(m.rolname::text) FROM pg_catalog.pg_roles m
           WHERE m.rolname = ANY ('{rds_superuser,cloudsqlsuperuser,azure_pg_admin,alloydbsuperuser,neon_superuser}')
             AND pg_catalog.pg_has_role(current_user, m.oid, 'MEMBER')) AS managed,
         (SELECT pg_catalog.pg_encoding_to_char(encoding)::text FROM pg_catalog.pg_database WHERE datname = $1) AS encoding,
         $2 IN ('C', 'POSIX', 'C.UTF-8', 'C.UTF8') OR $3 <> 'libc'
           OR EXISTS (SELECT FROM pg_catalog.pg_database WHERE datcollate = $2)
           OR EXISTS (SELECT FROM pg_catalog.pg_collation WHERE collprovider = 'c'
             AND pg_catalog.replace(pg_catalog.lower(collcollate), '-', '') = pg_catalog.replace(pg_catalog.lower($2), '-', '')) AS locale
  FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`;

// What a user made: anything in a schema of theirs, or in public, that is no part of an extension;
// large objects; and what belongs to no schema.
const occupiedQuery = `
  WITH own AS (
    SELECT oid FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
  ), members AS (
    SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
  )
  SELECT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace IN (SELECT oid FROM own)
                   AND ('pg_catalog.pg_class'::pg_catalog.regclass, c.oid) NOT IN (SELECT classid, objid FROM members))
      OR EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.pronamespace IN (SELECT oid FROM own)
                   AND ('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid) NOT IN (SELECT classid, objid FROM members))
      OR EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.typnamespace IN (SELECT oid FROM own)
                   AND ('pg_catalog.pg_type'::pg_catalog.regclass, t.oid) NOT IN (SELECT classid, objid FROM members))
      OR EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.oid IN (SELECT oid FROM own) AND n.nspname <> 'public'
                   AND ('pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid) NOT IN (SELECT classid, objid FROM members))
      OR EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)
      OR EXISTS (SELECT FROM pg_catalog.pg_event_trigger)
      OR EXISTS (SELECT FROM pg_catalog.pg_publication)
      OR EXISTS (SELECT FROM pg_catalog.pg_foreign_data_wrapper w
                   WHERE ('pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, w.oid) NOT IN (SELECT classid, objid FROM members))
      AS occupied`;

/** Databases that are there on nearly every server and that nobody restores into. */
const maintenanceDatabases: readonly string[] = ["postgres", "template1"];

/**
 * Connects to a database of the server that is not the target. Errors: SourceUnreachable,
 * SourceAccessDenied.
 */
export async function connectBeside(
  settings: ConnectionSettings,
  signal: AbortSignal,
): Promise<{ readonly connection: Connection; readonly maintenance: ConnectionSettings }> {
  let failure: unknown;
  for (const database of maintenanceDatabases.filter((name) => name !== settings.database)) {
    const maintenance = inDatabase(settings, database);
    try {
      return { connection: await connect(maintenance, signal), maintenance };
    } catch (error) {
      failure ??= error;
      if (signal.aborted) throw error;
    }
  }
  throw failure;
}

/** What a restore asks of a server beside a place for the database. */
export interface Wishes {
  /** The role that is to own everything. */
  readonly owner?: string | undefined;
  readonly tablespace?: string | undefined;
}

const rolesQuery = `
  SELECT rolname::text AS name, pg_catalog.pg_has_role(current_user, oid, 'MEMBER') AS usable FROM pg_catalog.pg_roles`;
const tablespacesQuery = `
  SELECT spcname::text AS name, pg_catalog.has_tablespace_privilege(oid, 'CREATE') AS usable FROM pg_catalog.pg_tablespace`;
/** A copy that is being loaded has the name that restores give it (restore-plan.ts). */
const leftoversQuery = `
  SELECT datname::text AS name FROM pg_catalog.pg_database d
  WHERE datname ~ '_holdfast_[0-9a-f]{6}$' AND pg_catalog.starts_with($1, pg_catalog.regexp_replace(datname, '_holdfast_[0-9a-f]{6}$', ''))
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid) ORDER BY 1`;

/** Errors: SourceUnreachable, SourceAccessDenied. */
export async function surveyTarget(
  settings: ConnectionSettings,
  facts: PostgresFacts,
  wishes: Wishes,
  signal: AbortSignal,
): Promise<TargetSurvey> {
  const { connection, maintenance } = await connectBeside(settings, signal);
  try {
    const about = [settings.database, facts.collate, facts.localeProvider];
    const [server] = (await connection.rows<ServerRow>(serverQuery, about)) as [ServerRow];
    const list = async (query: string): Promise<Map<string, boolean>> =>
      new Map((await connection.rows<{ name: string; usable: boolean }>(query)).map(({ name, usable }) => [name, usable]));
    const names = async (query: string): Promise<Set<string>> =>
      new Set((await connection.rows<{ name: string }>(query)).map(({ name }) => name));
    const roles = await list(rolesQuery);
    const tablespaces = await list(tablespacesQuery);
    const leftovers = await connection.rows<{ name: string }>(leftoversQuery, [settings.database]);
    const extensions = await names("SELECT name::text AS name FROM pg_catalog.pg_available_extensions");
    return {
      maintenance,
      serverMajor: server.major,
      serverVersion: server.version,
      superuser: server.superuser,
      mayCreateDatabases: server.createdb,
      ownsTarget: server.owner,
      ...(server.present ? await readState(settings, signal) : { state: "absent" }),
      sessions: server.sessions,
      preparedTransactions: server.prepared,
      standby: server.standby,
      freeConnections: server.free,
      managedBy: server.managed ?? undefined,
      encoding: server.encoding ?? undefined,
      knowsLocale: server.locale,
      freeBytes: await measureRoom(connection, settings, wishes.tablespace),
      leftovers: leftovers.map(({ name }) => name),
      newOwner: stateOf(wishes.owner, roles),
      newTablespace: stateOf(wishes.tablespace, tablespaces),
      presentRoles: new Set(roles.keys()),
      missingRoles: (facts.roles ?? []).filter((name) => !roles.has(name)),
      missingTablespaces: (facts.tablespaces ?? []).map(({ name }) => name).filter((name) => !tablespaces.has(name)),
      missingExtensions: (facts.extensions ?? [])
        .filter(({ name }) => !extensions.has(name))
        .map(({ name, version }) => `${name} ${version}`),
    };
  } finally {
    await connection.close();
  }
}

function stateOf(name: string | undefined, known: ReadonlyMap<string, boolean>): RoleState {
  return { present: name !== undefined && known.has(name), usable: name !== undefined && known.get(name) === true };
}

async function readState(settings: ConnectionSettings, signal: AbortSignal): Promise<Pick<TargetSurvey, "state" | "closed">> {
  try {
    const connection = await connect(settings, signal);
    try {
      const [row] = await connection.rows<{ occupied: boolean }>(occupiedQuery);
      return { state: row?.occupied === false ? "empty" : "occupied" };
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (!isHoldfastError(error, "SourceUnreachable", "SourceAccessDenied") || signal.aborted) throw error;
    // One that does not let us look is not ours to fill.
    return { state: "occupied", closed: error };
  }
}
