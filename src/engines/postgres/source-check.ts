/** What a database says of its own rows, independently of any dump: counts, or an order-independent hash, per table. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { SourceCheckMode } from "../../policy/policy.ts";
import type { SourceCheckResult } from "../../proof/content.ts";
import type { Connection } from "./driver.ts";
import type { RelationName } from "./exclusions.ts";
import { quoteIdentifier, quoteLiteral, tableObject } from "./script-identifiers.ts";

interface CheckedTable extends RelationName {
  /** Names of the columns, in the order of their names: a restore may bring columns of inheritance children in another order. */
  readonly columns: readonly string[];
  readonly pages: number;
  /** The WHERE clause with which an extension's configuration table is dumped; empty for all rows. */
  readonly condition: string;
}

/** Tables below 8 MiB are asked for together; larger ones alone, so that the server may use parallel workers. */
const batchedPages = 1024;
/** Keeps a statement's text and plan small: 1,000 tables take some ten round trips. */
const batchTables = 100;

// The tables whose rows pg_dump dumps: ordinary ones and partitions, unlogged ones too (which a standby does not have), and
// of an extension's own tables those it declares as configuration. Extensions below oid 16384 are the server's own.
const tablesQuery = `
  SELECT n.nspname AS schema, c.relname AS name, c.relpages AS pages, coalesce(x.condition, '') AS condition,
         ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               ORDER BY a.attname::text COLLATE pg_catalog."C") AS columns
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL (
    SELECT coalesce(e.extcondition[u.at], '') AS condition
    FROM pg_catalog.pg_extension e, unnest(e.extconfig) WITH ORDINALITY AS u(oid, at)
    WHERE u.oid = c.oid AND e.oid >= 16384 LIMIT 1
  ) x ON true
  WHERE c.relkind = 'r' AND c.relpersistence <> 't'
    AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND (x.condition IS NOT NULL OR NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'))
  ORDER BY c.relpages DESC, 1, 2`;

/**
 * Asks the database for the figures of every table whose rows a dump holds. The connections must see the same snapshot
 * (or a database that nobody writes to), with the driver's pinned settings; they share the work.
 * Names are those of the digest: `table schema.name`. Errors: as the driver's `queryError`.
 */
export async function checkTables(
  connections: readonly [Connection, ...Connection[]],
  mode: SourceCheckMode,
  excludesRows: (relation: RelationName) => boolean,
): Promise<SourceCheckResult> {
  if (mode === "none") return { mode, objects: {} };
  const all = (await connections[0].rows(tablesQuery)) as unknown as CheckedTable[];
  const batches = makeBatches(all.filter((table) => !excludesRows(table)));
  const objects: Record<string, { rows: number; hash?: string }> = {};
  const work = async (connection: Connection): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      Object.assign(objects, await checkBatch(connection, batch, mode));
    }
  };
  try {
    await Promise.all(connections.map(work));
  } catch (error) {
    batches.length = 0;
    throw error;
  }
  return { mode, objects: Object.fromEntries(Object.entries(objects).sort(([a], [b]) => (a < b ? -1 : 1))) };
}

function makeBatches(tables: readonly CheckedTable[]): CheckedTable[][] {
  const large = tables.filter(({ pages }) => pages >= batchedPages);
  const small = tables.filter(({ pages }) => pages < batchedPages);
  const batches = large.map((table) => [table]);
  for (let at = 0; at < small.length; at += batchTables) batches.push(small.slice(at, at + batchTables));
  return batches;
}

interface BatchRow extends Record<string, unknown> {
  readonly at: number;
  readonly rows: string;
  readonly hash: string | null;
}

async function checkBatch(
  connection: Connection,
  batch: readonly CheckedTable[],
  mode: "counts" | "content",
): Promise<Record<string, { rows: number; hash?: string }>> {
  const sql = batch.map((table, at) => `SELECT ${at} AS at, ${figures(table, mode)}`).join("\nUNION ALL\n");
  const result: Record<string, { rows: number; hash?: string }> = {};
  for (const row of await connection.rows<BatchRow>(sql)) {
    const table = batch[row.at] as CheckedTable;
    const rows = Number(row.rows);
    if (!Number.isSafeInteger(rows)) {
      throw new HoldfastError("Internal", `the row count of ${quoteLiteral(table.name)} is out of range`);
    }
    result[tableObject(table.schema, table.name)] = row.hash === null ? { rows } : { rows, hash: row.hash };
  }
  return result;
}

/**
 * The select list and FROM clause for a table. The hash is a sum, so that the rows' order does not matter and a duplicate
 * does; a row's text is built from its columns in the order of their names.
 */
function figures(table: CheckedTable, mode: "counts" | "content"): string {
  const from = `FROM ONLY ${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)} AS hf ${table.condition}`;
  if (mode === "counts") return `count(*)::text AS rows, NULL::text AS hash ${from}`;
  const row = `ROW(${table.columns.map((column) => `hf.${quoteIdentifier(column)}`).join(", ")})`;
  return `count(*)::text AS rows, coalesce(sum(pg_catalog.hashtextextended(${row}::text, 0)), 0)::text AS hash ${from}`;
}
