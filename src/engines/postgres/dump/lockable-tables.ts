/**
 * The tables that a dump reads, and which of them a session has locked: lists only, locking is in
 * lock-tables.ts.
 */
import type { Connection } from "../connection/driver.ts";
import type { RelationName } from "./exclusions.ts";

/** A table or partitioned table as the catalogue has it. */
export interface LockableTable extends RelationName {
  readonly oid: string;
}

/** A table as the snapshot sees it, beside what it is now. */
export interface SeenTable extends LockableTable {
  /** Whether this session holds its lock. */
  readonly locked: boolean;
  /**
   * Whether its file is the one that the snapshot knows: TRUNCATE and rewriting statements make a
   * new one.
   */
  readonly same_file: boolean;
}

// What pg_dump locks: tables and partitioned tables, but those of extensions. The tables that an
// extension declares as configuration pg_dump copies without having locked them before: locked here
// too. Extensions below oid 16384 are the server's.
const from = `FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`;
const where = `
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND (NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
    OR EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE e.oid >= 16384 AND c.oid = ANY (e.extconfig)))
  ORDER BY c.oid`;

/**
 * In the order of their numbers, in which every dump locks them: two dumps never wait for each
 * other.
 */
const listQuery = `SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name ${from} ${where}`;

// pg_relation_filenode answers from the newest catalogue, whatever the transaction's snapshot is.
const seenQuery = `
  SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name, l.relation IS NOT NULL AS locked,
         (c.relkind = 'p' OR pg_catalog.pg_relation_filenode(c.oid) IS NOT DISTINCT FROM c.relfilenode) AS same_file
  ${from}
  LEFT JOIN (
    SELECT DISTINCT k.relation FROM pg_catalog.pg_locks k
    WHERE k.locktype = 'relation' AND k.pid = pg_catalog.pg_backend_pid() AND k.granted AND k.mode = 'AccessShareLock'
  ) l ON l.relation = c.oid ${where}`;

/**
 * The tables to lock, by the newest catalogue: to be asked outside of the transaction that locks.
 * Errors: as `queryError`.
 */
export async function listLockableTables(connection: Connection): Promise<LockableTable[]> {
  return (await connection.rows(listQuery)) as unknown as LockableTable[];
}

/**
 * The tables of the transaction's snapshot, compared with what they are now. Errors: as
 * `queryError`.
 */
export async function listSeenTables(connection: Connection): Promise<SeenTable[]> {
  return (await connection.rows(seenQuery)) as unknown as SeenTable[];
}

// to_regnamespace answers from the newest catalogue too. Renaming a schema takes no lock on its
// tables.
const movedSchemaQuery = `
  SELECT n.nspname AS name FROM pg_catalog.pg_namespace n
  WHERE n.nspname !~ '^pg_' AND pg_catalog.to_regnamespace(pg_catalog.quote_ident(n.nspname)) IS DISTINCT FROM n.oid
  ORDER BY 1 LIMIT 1`;

/**
 * A schema of the snapshot whose name means another one by now, or none. Errors: as `queryError`.
 */
export async function findMovedSchema(connection: Connection): Promise<string | undefined> {
  const row = await connection.row<{ name: string }>(movedSchemaQuery);
  return row?.name;
}
