/**
 * Whether the connecting role may read all that a dump reads, and the statement that fixes it where
 * it may not.
 */
import type { PostgresSource } from "../../policy/engines/postgres/source.ts";
import type { Finding } from "../finding.ts";
import type { ConnectionSettings } from "./connection/connection.ts";
import type { Connection } from "./connection/driver.ts";
import { resolveExclusions } from "./dump/exclusions.ts";
import { quoteIdentifier, quoteLiteral, spellQualified } from "./script/script-identifiers.ts";

/** A finding names this many objects and counts the others. */
const maxNamed = 5;

/**
 * The user's own objects, without those that belong to extensions: pg_dump leaves their content
 * out.
 */
const ownRelations = `
  pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')`;

interface NamedRow extends Record<string, unknown> {
  readonly schema: string;
  readonly name: string;
}

/**
 * Looks at tables, sequences, schemas, row-level security, large objects and globals. Errors: as
 * the driver's `queryError`.
 */
export async function checkPrivileges(
  connection: Connection,
  source: PostgresSource,
  settings: ConnectionSettings,
): Promise<Finding[]> {
  const role = quoteIdentifier(settings.user);
  const findings = [
    ...(await checkRelations(connection, source, role)),
    ...(await checkRowSecurity(connection, source, role)),
    ...(await checkLargeObjects(connection, settings.user)),
  ];
  if (findings.length === 0) {
    findings.push({
      level: "ok",
      subject: "privileges",
      message: `user "${settings.user}" may read every table, sequence and large object`,
    });
  }
  return [...findings, ...(await checkGlobals(connection, source, settings.user))];
}

function list(names: readonly string[]): string {
  const more = names.length - maxNamed;
  return `${names.slice(0, maxNamed).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

async function checkRelations(connection: Connection, source: PostgresSource, role: string): Promise<Finding[]> {
  // pg_dump locks tables and reads rows with SELECT, reads sequences' values with SELECT, and needs
  // USAGE on their schemas.
  const rows = (await connection.rows(`
    SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind
    FROM ${ownRelations} AND c.relkind IN ('r', 'p', 'S', 'm', 'v')
      AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND (c.relkind IN ('m', 'v') OR
               CASE WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT') ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END))
    ORDER BY 1, 2`)) as unknown as NamedRow[];
  if (rows.length === 0) return [];
  const { excludesTable } = await resolveExclusions({ tables: source.exclude.tables, data: [] }, connection).catch(() => ({
    excludesTable: () => false,
  }));
  const names = rows.filter((row) => !excludesTable(row)).map((row) => spellQualified(row.schema, row.name));
  if (names.length === 0) return [];
  return [
    {
      level: "error",
      subject: "privileges",
      message: `${names.length === 1 ? "1 table or sequence" : `${names.length} tables or sequences`} cannot be read: ${list(names)}`,
      remedy: `Grant the role everything a dump reads: GRANT pg_read_all_data TO ${role};`,
    },
  ];
}

async function checkRowSecurity(connection: Connection, source: PostgresSource, role: string): Promise<Finding[]> {
  const rows = (await connection.rows(`
    SELECT n.nspname AS schema, c.relname AS name
    FROM ${ownRelations} AND c.relkind IN ('r', 'p') AND c.relrowsecurity AND pg_catalog.row_security_active(c.oid) ORDER BY 1, 2`)) as unknown as NamedRow[];
  if (rows.length === 0) return [];
  const exclusions = await resolveExclusions(source.exclude, connection).catch(() => undefined);
  const names = rows.filter((row) => !exclusions?.excludesRows(row)).map((row) => spellQualified(row.schema, row.name));
  if (names.length === 0) return [];
  return [
    {
      level: "error",
      subject: "privileges",
      message: `row-level security hides rows of ${list(names)} from the role`,
      remedy: `Let the role see every row: ALTER ROLE ${role} BYPASSRLS;`,
    },
  ];
}

/**
 * has_largeobject_privilege came with 18; before, a large object's own list of grants says who may
 * read it.
 */
const hiddenLargeObject = `NOT (pg_catalog.pg_has_role(m.lomowner, 'USAGE') OR EXISTS (
  SELECT FROM pg_catalog.aclexplode(m.lomacl) a
  WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE'))))`;

async function checkLargeObjects(connection: Connection, user: string): Promise<Finding[]> {
  const settings = await connection.row<{ exempt: boolean; major: number }>(`
    SELECT pg_catalog.current_setting('lo_compat_privileges')::boolean OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS exempt,
           pg_catalog.current_setting('server_version_num')::int / 10000 AS major`);
  if (settings === undefined || settings.exempt) return [];
  const hidden = settings.major >= 18 ? "NOT pg_catalog.has_largeobject_privilege(m.oid, 'SELECT')" : hiddenLargeObject;
  const row = await connection.row<{ total: string; hidden: string }>(
    `SELECT pg_catalog.count(*)::text AS total, pg_catalog.count(*) FILTER (WHERE ${hidden})::text AS hidden FROM pg_catalog.pg_largeobject_metadata m`,
  );
  if (row === undefined || row.hidden === "0") return [];
  const literal = quoteLiteral(user);
  const grants = `DO $$ DECLARE o oid; BEGIN FOR o IN SELECT oid FROM pg_largeobject_metadata LOOP EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO %I', o, ${literal}); END LOOP; END $$;`;
  return [
    {
      level: "error",
      subject: "privileges",
      message: `${row.hidden} of ${row.total} large objects cannot be read`,
      remedy: `As a superuser, for all there will ever be: ALTER ROLE ${quoteIdentifier(user)} SET lo_compat_privileges = on; or for those there are: ${grants}`,
    },
  ];
}

async function checkGlobals(connection: Connection, source: PostgresSource, user: string): Promise<Finding[]> {
  const row = await connection.row<{ passwords: boolean; members: boolean; tablespaces: boolean }>(`
    SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS passwords,
           pg_catalog.has_table_privilege('pg_catalog.pg_auth_members', 'SELECT') AS members,
           pg_catalog.has_table_privilege('pg_catalog.pg_tablespace', 'SELECT') AS tablespaces`);
  const findings: Finding[] = [];
  if (source.rolePasswords && row?.passwords !== true) {
    const message = `the policy asks for password hashes of roles, which user "${user}" may not read`;
    const remedy = `Connect as a superuser, or GRANT SELECT ON pg_authid TO ${quoteIdentifier(user)};, or set rolePasswords to false.`;
    findings.push({ level: "warning", subject: "globals", message, remedy });
  }
  if (row?.members !== true || row.tablespaces !== true) {
    const message = `role memberships or tablespaces are hidden from user "${user}"; backups hold what is visible and name the rest`;
    findings.push({ level: "warning", subject: "globals", message });
  }
  if (findings.length === 0)
    findings.push({ level: "ok", subject: "globals", message: "roles, memberships and tablespaces are visible" });
  return findings;
}
