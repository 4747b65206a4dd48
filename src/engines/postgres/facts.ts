/** Asks the source for its side of a backup's facts. */
import type { DatabaseFacts } from "./backup-facts.ts";
import type { Connection } from "./connection/driver.ts";
import { decodeStatement } from "./script/script-text.ts";

const providers = { c: "libc", i: "icu", b: "builtin", d: "libc" } as const;
type ProviderLetter = keyof typeof providers;

/**
 * A name of a shared catalogue as its bytes: it is stored in the encoding of the session that made
 * it, of whatever database, and the server refuses to send what is no text in this database's.
 */
const bytesOf = (name: string): string =>
  `pg_catalog.encode(pg_catalog.convert_to(${name}::pg_catalog.text, pg_catalog.getdatabaseencoding()), 'hex')`;

interface DatabaseRow extends Record<string, unknown> {
  readonly server_version: string;
  readonly server_major: number;
  readonly standby: boolean;
  readonly data_checksums: boolean;
  readonly owner: string;
  readonly encoding: string;
  /** The row of pg_database, whose columns differ from major to major. */
  readonly database: Readonly<Record<string, unknown>>;
  readonly size: string;
  readonly table_bytes: string;
  readonly large_objects: string;
  readonly can_see_system: boolean;
}

const databaseQuery = `
  SELECT pg_catalog.current_setting('server_version') AS server_version,
         pg_catalog.current_setting('server_version_num')::int / 10000 AS server_major,
         pg_catalog.pg_is_in_recovery() AS standby,
         pg_catalog.current_setting('data_checksums')::boolean AS data_checksums,
         ${bytesOf("pg_catalog.pg_get_userbyid(d.datdba)")} AS owner,
         pg_catalog.pg_encoding_to_char(d.encoding) AS encoding,
         pg_catalog.to_jsonb(d) AS database,
         pg_catalog.pg_database_size(d.oid)::text AS size,
         (SELECT coalesce(pg_catalog.sum(c.relpages), 0) * pg_catalog.current_setting('block_size')::bigint
          FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 't') AND c.oid >= 16384)::text AS table_bytes,
         (SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata)::text AS large_objects,
         pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute') AS can_see_system
  FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()`;

const extensionsQuery = `
  SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema
  FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace ORDER BY 1`;

const collationsQuery = `
  SELECT n.nspname || '.' || l.collname AS name, l.collprovider AS provider, l.collversion AS version
  FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace
  WHERE l.collname NOT IN ('default', 'C', 'POSIX') AND (l.oid >= 16384 AND n.nspname <> 'pg_catalog' OR l.oid IN (
    SELECT a.attcollation FROM pg_catalog.pg_attribute a WHERE a.attrelid >= 16384
    UNION SELECT pg_catalog.unnest(i.indcollation::oid[]) FROM pg_catalog.pg_index i WHERE i.indexrelid >= 16384
    UNION SELECT t.typcollation FROM pg_catalog.pg_type t WHERE t.oid >= 16384))
  ORDER BY 1 LIMIT 1000`;

// pg_shdepend knows owners, grantees and those in policies and settings, but not the bootstrap
// superuser (oid 10), which is pinned.
const rolesQuery = `
  SELECT ${bytesOf("r.rolname")} AS name FROM pg_catalog.pg_roles r
  WHERE r.rolname !~ '^pg_' AND (r.oid = 10
    OR r.oid = (SELECT datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
    OR r.oid IN (SELECT s.refobjid FROM pg_catalog.pg_shdepend s
                 WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
                   AND s.dbid IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
                   AND (s.dbid <> 0 OR s.classid = 'pg_catalog.pg_database'::pg_catalog.regclass
                        AND s.objid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())))
    OR r.oid IN (SELECT g.setrole FROM pg_catalog.pg_db_role_setting g
                 WHERE g.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())))`;

const tablespacesQuery = `
  SELECT ${bytesOf("spcname")} AS name, ${bytesOf("pg_catalog.pg_tablespace_location(oid)")} AS location
  FROM pg_catalog.pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global') ORDER BY 1`;

/** Reads them all. Errors: as the driver's `queryError`. */
export async function readDatabaseFacts(connection: Connection): Promise<DatabaseFacts> {
  const [row] = (await connection.rows<DatabaseRow>(databaseQuery)) as [DatabaseRow];
  const extensions = await connection.rows<{ name: string; version: string; schema: string }>(extensionsQuery);
  const collations = await connection.rows<{ name: string; provider: ProviderLetter; version: string | null }>(collationsQuery);
  const roles = await connection.rows<{ name: string }>(rolesQuery);
  const tablespaces = await connection.rows<{ name: string; location: string }>(tablespacesQuery);
  const text = (hex: string): string => decodeStatement(Buffer.from(hex, "hex").toString("latin1"), row.encoding);
  const systemIdentifier = row.can_see_system ? await readSystemIdentifier(connection) : undefined;
  return {
    serverVersion: row.server_version,
    serverMajor: row.server_major,
    standby: row.standby,
    systemIdentifier,
    dataChecksums: row.data_checksums,
    databaseOwner: text(row.owner),
    encoding: row.encoding,
    ...readLocale(row.database),
    collations: collations.map(({ name, provider, version }) => ({
      name,
      provider: providers[provider],
      ...(version === null ? {} : { version }),
    })),
    extensions,
    roles: [...new Set(roles.map(({ name }) => text(name)))].sort(),
    tablespaces: tablespaces.map(({ name, location }) => ({ name: text(name), location: text(location) })),
    databaseSizeBytes: Number(row.size),
    tableBytes: Number(row.table_bytes),
    largeObjectCount: Number(row.large_objects),
  };
}

async function readSystemIdentifier(connection: Connection): Promise<string | undefined> {
  const row = await connection.row<{ id: string }>("SELECT system_identifier::text AS id FROM pg_catalog.pg_control_system()");
  return row?.id;
}

type LocaleFacts = Pick<
  DatabaseFacts,
  "databaseName" | "localeProvider" | "collate" | "ctype" | "locale" | "icuRules" | "collationVersion"
>;

/** 14 knows libc only; 15 and 16 call ICU's locale daticulocale, 17 and later datlocale. */
function readLocale(database: Readonly<Record<string, unknown>>): LocaleFacts {
  const text = (column: string): string | undefined => {
    const value = database[column];
    return typeof value === "string" ? value : undefined;
  };
  const letter = text("datlocprovider") ?? "c";
  const locale = text("datlocale") ?? text("daticulocale");
  const icuRules = text("daticurules");
  const collationVersion = text("datcollversion");
  return {
    databaseName: text("datname") ?? "",
    localeProvider: providers[letter as ProviderLetter],
    collate: text("datcollate") ?? "",
    ctype: text("datctype") ?? "",
    locale,
    icuRules,
    collationVersion,
  };
}
