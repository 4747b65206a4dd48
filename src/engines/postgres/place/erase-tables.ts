/** What a restored database knows of the tables and columns that erasures name. */
import type { RowErasure } from "../../../proof/erasure.ts";
import type { Connection } from "../connection/driver.ts";
import { type ColumnForm, type ErasureGroup, groupKeyOf } from "./erase-statements.ts";

/** Erasures that can be tried, and why others have no meaning in this database. */
export interface PlannedErasures {
  readonly groups: readonly ErasureGroup[];
  readonly notApplicable: readonly { readonly erasures: readonly RowErasure[]; readonly reason: string }[];
  readonly refused: readonly { readonly erasures: readonly RowErasure[]; readonly reason: string }[];
}

interface FoundTable extends Record<string, unknown> {
  readonly oid: string;
  readonly kind: string;
  /** Whether rows of it lie on another server. */
  readonly foreign: boolean;
}

const tableQuery = `
  WITH RECURSIVE parts AS (
    SELECT c.oid, c.relkind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2
    UNION
    SELECT c.oid, c.relkind FROM parts p JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid
      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid)
  SELECT c.oid::pg_catalog.text AS oid, c.relkind::pg_catalog.text AS kind,
         EXISTS (SELECT FROM parts WHERE parts.relkind = 'f') AS foreign
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = $1 AND c.relname = $2`;

// A domain is compared as its base type. An extension's type (citext) may bring an equality of its
// own, in its own schema; only superusers make base types. All others are the server's.
const columnQuery = `
  WITH RECURSIVE chain AS (
    SELECT a.attname, a.atttypid, a.atttypmod, t.oid, t.typtype, t.typbasetype
      FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
     WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT c.attname, c.atttypid, c.atttypmod, t.oid, t.typtype, t.typbasetype
      FROM chain c JOIN pg_catalog.pg_type t ON t.oid = c.typbasetype WHERE c.typtype = 'd')
  SELECT c.attname::pg_catalog.text AS name,
         pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname) AS type,
         pg_catalog.format_type(c.atttypid, c.atttypmod) AS "storedType",
         CASE WHEN t.typtype = 'b' AND EXISTS (
                SELECT FROM pg_catalog.pg_operator o WHERE o.oprname = '=' AND o.oprnamespace = t.typnamespace
                   AND o.oprleft = t.oid AND o.oprright = t.oid AND o.oprresult = 'pg_catalog.bool'::pg_catalog.regtype)
              THEN n.nspname::pg_catalog.text ELSE 'pg_catalog' END AS "operatorSchema"
    FROM chain c JOIN pg_catalog.pg_type t ON t.oid = c.oid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
   WHERE c.typtype <> 'd'`;

/** Looks every table up once. Errors: the driver's. */
export async function planErasures(erasures: readonly RowErasure[], connection: Connection): Promise<PlannedErasures> {
  const groups: ErasureGroup[] = [];
  const notApplicable: { readonly erasures: readonly RowErasure[]; readonly reason: string }[] = [];
  const refused: { readonly erasures: readonly RowErasure[]; readonly reason: string }[] = [];
  const tables = new Map<string, Map<string, ColumnForm> | { readonly problem: string; readonly refuse: boolean }>();
  for (const alike of Map.groupBy(erasures, groupKeyOf).values()) {
    const [{ schema, table, key, set = {} }] = alike as [RowErasure];
    const name = JSON.stringify([schema, table]);
    const known = tables.get(name) ?? (await describeTable(schema, table, connection));
    tables.set(name, known);
    if ("problem" in known) {
      (known.refuse ? refused : notApplicable).push({ erasures: alike, reason: known.problem });
      continue;
    }
    const names = Object.keys(key).toSorted();
    const missing = names.filter((column) => !known.has(column));
    const overwritten = Object.entries(set).filter(([column]) => known.has(column));
    if (missing.length > 0 || (overwritten.length === 0 && Object.keys(set).length > 0)) {
      const columns = missing.length > 0 ? missing : Object.keys(set);
      notApplicable.push({ erasures: alike, reason: `the backup's table has no column ${columns.join(", ")}` });
      continue;
    }
    groups.push({
      schema,
      table,
      columns: names.map((column) => known.get(column) as ColumnForm),
      set: overwritten.map(([column, value]) => ({ ...(known.get(column) as ColumnForm), value })),
      keys: alike.map((erasure) => names.map((column) => erasure.key[column] as string)),
    });
  }
  return { groups, notApplicable, refused };
}

async function describeTable(
  schema: string,
  table: string,
  connection: Connection,
): Promise<Map<string, ColumnForm> | { readonly problem: string; readonly refuse: boolean }> {
  const found = await connection.row<FoundTable>(tableQuery, [schema, table]);
  if (found === undefined) return { problem: "the backup has no such table", refuse: false };
  if (!["r", "p", "f"].includes(found.kind)) return { problem: "it is not a table in this backup", refuse: false };
  // Rows that lie on another server are not the copy's: deleting them would reach production.
  if (found.kind === "f") return { problem: "its rows lie on another server, which no restore touches", refuse: false };
  if (found.foreign) return { problem: "a part of it lies on another server, which no restore touches", refuse: true };
  const columns = await connection.rows<ColumnForm & Record<string, unknown>>(columnQuery, [found.oid]);
  return new Map(columns.map((column) => [column.name, column]));
}
