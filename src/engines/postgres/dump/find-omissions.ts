/**
 * What pg_dump leaves out without a word: found before, and said in `check`, in the output and in
 * the manifest.
 */
import type { Notice } from "../../../proof/content.ts";
import type { Connection } from "../connection/driver.ts";
import { quoteIdentifier, spellQualified } from "../script/script-identifiers.ts";
import type { RelationName } from "./exclusions.ts";

/** Tables up to here are counted; of larger ones the planner's estimate is told. */
const maxCountedBytes = 64 * 1024 * 1024;
/** An extension's table that somebody has locked is not worth waiting for. */
const lockTryMs = 500;

/**
 * What a dump by this role lacks: options of user mappings that the role may not see, rows and
 * values of extensions' tables and sequences that their extensions do not declare, settings of all
 * roles. Within a transaction. Errors: as `queryError`.
 */
export async function findOmissions(
  connection: Connection,
  excludesRows: (relation: RelationName) => boolean,
): Promise<readonly Notice[]> {
  return [
    ...(await findHiddenUserMappings(connection)),
    ...(await findUndeclaredRows(connection, excludesRows)),
    ...(await findUndeclaredSequences(connection)),
    ...(await findSettingsOfAllRoles(connection)),
  ];
}

// The view shows null for hidden options and for none: its own condition, turned round, tells which
// it is.
const hiddenMappingsQuery = `
  SELECT s.srvname AS server, pg_catalog.count(*)::pg_catalog.int4 AS mappings, current_user AS role
  FROM pg_catalog.pg_user_mappings m JOIN pg_catalog.pg_foreign_server s ON s.oid = m.srvid
  WHERE m.umoptions IS NULL AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
    AND NOT (m.umuser <> 0 AND m.usename = current_user
             AND (pg_catalog.pg_has_role(s.srvowner, 'USAGE') OR pg_catalog.has_server_privilege(s.oid, 'USAGE')))
    AND NOT (m.umuser = 0 AND pg_catalog.pg_has_role(s.srvowner, 'USAGE'))
  GROUP BY 1 ORDER BY 1`;

async function findHiddenUserMappings(connection: Connection): Promise<Notice[]> {
  const rows = await connection.rows<{ server: string; mappings: number; role: string }>(hiddenMappingsQuery);
  const [first] = rows;
  if (first === undefined) return [];
  const total = rows.reduce((sum, { mappings }) => sum + mappings, 0);
  const servers = rows.map(({ server }) => `"${server}"`).join(", ");
  const what = total === 1 ? "1 user mapping" : `${total} user mappings`;
  const message = `the options (remote users, passwords) of ${what} of foreign server ${servers} are hidden from role "${first.role}" and not in the backup; a superuser sees them`;
  return [{ code: "user-mapping-options-hidden", subject: first.server, message }];
}

interface MemberRow extends Record<string, unknown> {
  readonly schema: string;
  readonly name: string;
  readonly extension: string;
  readonly bytes: string;
  readonly estimate: number;
  readonly readable: boolean;
  /**
   * The transaction that made the table a member: rows that it wrote come from the extension
   * itself.
   */
  readonly made_by: string;
}

const members = (kind: "r" | "S"): string => `
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
  JOIN pg_catalog.pg_class c ON c.oid = d.objid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
    AND d.deptype = 'e' AND e.oid >= 16384 AND c.relkind = '${kind}' AND c.relpersistence <> 't'
    AND NOT coalesce(c.oid = ANY (e.extconfig), false)`;

const undeclaredTablesQuery = `
  SELECT n.nspname AS schema, c.relname AS name, e.extname AS extension, pg_catalog.pg_relation_size(c.oid)::pg_catalog.text AS bytes,
         c.reltuples::pg_catalog.float8 AS estimate, d.xmin::pg_catalog.text AS made_by,
         pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable
  ${members("r")} ORDER BY 1, 2`;

async function findUndeclaredRows(connection: Connection, excludesRows: (relation: RelationName) => boolean): Promise<Notice[]> {
  const notices: Notice[] = [];
  for (const member of await connection.rows<MemberRow>(undeclaredTablesQuery)) {
    if (member.bytes === "0" || excludesRows(member)) continue;
    const rows = await countOwnRows(connection, member);
    if (rows === "0") continue;
    const table = spellQualified(member.schema, member.name);
    const message = `table ${table} of extension ${member.extension} holds ${rows} rows that are not in the backup: the extension does not declare the table for dumps`;
    notices.push({ code: "extension-rows-not-dumped", subject: table, message });
  }
  return notices;
}

/** The rows that the extension's own script did not write, as text for people. */
async function countOwnRows(connection: Connection, member: MemberRow): Promise<string> {
  if (!member.readable) return "an unknown number of";
  if (Number(member.bytes) > maxCountedBytes) return `about ${Math.max(0, Math.round(member.estimate)).toLocaleString("en-US")}`;
  await connection.run(`SAVEPOINT omissions; SET LOCAL lock_timeout = ${lockTryMs}`);
  try {
    const row = await connection.row<{ rows: string }>(`
      SELECT pg_catalog.count(*)::pg_catalog.text AS rows FROM ONLY ${quoteIdentifier(member.schema)}.${quoteIdentifier(member.name)} t
      WHERE t.xmin::pg_catalog.text <> '${member.made_by}'`);
    return Number(row?.rows ?? 0).toLocaleString("en-US");
  } catch {
    // Locked, or hidden by row-level security.
    return "an unknown number of";
  } finally {
    await connection.run("ROLLBACK TO SAVEPOINT omissions");
  }
}

// CASE, because conditions are evaluated in any order, and the functions refuse what is not a
// sequence.
const undeclaredSequencesQuery = `
  SELECT n.nspname AS schema, c.relname AS name, e.extname AS extension
  ${members("S")} AND CASE
    WHEN c.relkind <> 'S' OR NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') THEN false
    WHEN NOT pg_catalog.has_sequence_privilege(c.oid, 'SELECT') THEN false
    ELSE pg_catalog.pg_sequence_last_value(c.oid) IS NOT NULL END
  ORDER BY 1, 2`;

async function findUndeclaredSequences(connection: Connection): Promise<Notice[]> {
  const rows = await connection.rows<{ schema: string; name: string; extension: string }>(undeclaredSequencesQuery);
  return rows.map(({ schema, name, extension }) => {
    const sequence = spellQualified(schema, name);
    const message = `the value of sequence ${sequence} of extension ${extension} is not in the backup: the extension does not declare the sequence for dumps`;
    return { code: "extension-rows-not-dumped", subject: sequence, message };
  });
}

// Names only: a setting may be a secret of the application.
const settingsQuery = `
  SELECT DISTINCT pg_catalog.split_part(u.setting, '=', 1) AS name
  FROM pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) AS u(setting)
  WHERE s.setdatabase = 0 AND s.setrole = 0 ORDER BY 1`;

async function findSettingsOfAllRoles(connection: Connection): Promise<Notice[]> {
  const rows = await connection.rows<{ name: string }>(settingsQuery);
  if (rows.length === 0) return [];
  const names = rows.map(({ name }) => name).join(", ");
  const message = `settings of all roles in all databases (ALTER ROLE ALL SET: ${names}) are in no dump; set them again on a new server`;
  return [{ code: "settings-of-all-roles", subject: names, message }];
}
