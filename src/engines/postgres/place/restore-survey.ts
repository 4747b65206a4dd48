/** Looks at a restore's target without touching it: what is there, who asks, and what it lacks. */
import { HoldfastError, isHoldfastError } from "../../../errors/holdfast-error.ts";
import type { PostgresFacts } from "../backup-facts.ts";
import { type ConnectionSettings, describePlace } from "../connection/connection.ts";
import { type Connection, connect } from "../connection/driver.ts";
import { inDatabase } from "./place-settings.ts";

/** `absent` and `empty` targets are used as they are; an `occupied` one needs --overwrite. */
export type TargetState = "absent" | "empty" | "occupied";

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
  /** Sessions of others in the target. */
  readonly sessions: number;
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
}

const serverQuery = `
  SELECT pg_catalog.current_setting('server_version_num')::int / 10000 AS major, pg_catalog.current_setting('server_version') AS version,
         r.rolsuper AS superuser, r.rolsuper OR r.rolcreatedb AS createdb,
         EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1) AS present,
         r.rolsuper OR NOT EXISTS (SELECT FROM pg_catalog.pg_database
           WHERE datname = $1 AND NOT pg_catalog.pg_has_role(current_user, datdba, 'USAGE')) AS owner,
         (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid()) AS sessions
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
async function connectBeside(
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

/**
 * Errors: SourceUnreachable, SourceAccessDenied; RestoreRefused when the server is older than the
 * backup's.
 */
export async function surveyTarget(settings: ConnectionSettings, facts: PostgresFacts, signal: AbortSignal): Promise<TargetSurvey> {
  const { connection, maintenance } = await connectBeside(settings, signal);
  try {
    const [server] = (await connection.rows<ServerRow>(serverQuery, [settings.database])) as [ServerRow];
    refuseDowngrade(server.major, facts, settings);
    const names = async (query: string): Promise<Set<string>> =>
      new Set((await connection.rows<{ name: string }>(query)).map(({ name }) => name));
    const roles = await names("SELECT rolname::text AS name FROM pg_catalog.pg_roles");
    const tablespaces = await names("SELECT spcname::text AS name FROM pg_catalog.pg_tablespace");
    const extensions = await names("SELECT name::text AS name FROM pg_catalog.pg_available_extensions");
    return {
      maintenance,
      serverMajor: server.major,
      serverVersion: server.version,
      superuser: server.superuser,
      mayCreateDatabases: server.createdb,
      ownsTarget: server.owner,
      state: server.present ? await readState(settings, signal) : "absent",
      sessions: server.sessions,
      presentRoles: roles,
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

function refuseDowngrade(major: number, facts: PostgresFacts, settings: ConnectionSettings): void {
  if (major >= facts.serverMajor) return;
  throw new HoldfastError(
    "RestoreRefused",
    `the backup is of PostgreSQL ${facts.serverMajor} and ${settings.host}:${settings.port} runs ${major}: an older server does not understand all that a newer one dumps`,
    { hint: `Restore to a server of PostgreSQL ${facts.serverMajor} or later.` },
  );
}

async function readState(settings: ConnectionSettings, signal: AbortSignal): Promise<TargetState> {
  try {
    const connection = await connect(settings, signal);
    try {
      const [row] = await connection.rows<{ occupied: boolean }>(occupiedQuery);
      return row?.occupied === false ? "empty" : "occupied";
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (!isHoldfastError(error, "SourceUnreachable", "SourceAccessDenied") || signal.aborted) throw error;
    // One that does not let us look is not ours to fill.
    throw new HoldfastError("RestoreRefused", `${describePlace(settings)} exists, and cannot be looked into: ${error.message}`, {
      cause: error,
      details: error.details,
      hint: "Restore to a database that does not exist yet, or let the connecting role into this one.",
    });
  }
}
