/**
 * What a database says of its own rows, independently of any dump: counts, or an order-independent
 * hash, per table.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { SourceCheckMode } from "../../../policy/engines/postgres/source.ts";
import type { SourceCheckResult } from "../../../proof/content.ts";
import type { Connection } from "../connection/driver.ts";
import { sqlStateOf } from "../connection/driver-errors.ts";
import { patientLimits } from "../connection/wire-guard.ts";
import { largeObjectRange, objectsPerRange } from "../digest/digest-large-objects.ts";
import { quoteIdentifier, quoteLiteral, tableObject } from "../script/script-identifiers.ts";
import type { RelationName } from "./exclusions.ts";

interface CheckedTable extends RelationName {
  /**
   * Names of the columns, in the order of their names: a restore may bring columns of inheritance
   * children in another order.
   */
  readonly columns: readonly string[];
  readonly pages: number;
  /**
   * What follows the name of an extension's configuration table in its dump (WHERE …, ORDER BY …);
   * null for any other table.
   */
  readonly condition: string | null;
}

/**
 * Tables below 8 MiB are asked for together; larger ones alone, so that the server may use parallel
 * workers.
 */
const batchedPages = 1024;
/** Keeps a statement's text and plan small: 1,000 tables take some ten round trips. */
const batchTables = 100;
/**
 * A connection without locks of its own waits for one this long, then leaves the tables to the one
 * that has them all.
 */
const lockTryMs = 500;

// The tables whose rows pg_dump dumps: ordinary ones and partitions, unlogged ones too (which a
// standby does not have), and of an extension's own tables those it declares as configuration.
// Extensions below oid 16384 are the server's own.
const tablesQuery = `
  SELECT n.nspname AS schema, c.relname AS name, c.relpages AS pages, x.condition AS condition,
         ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               ORDER BY a.attname::pg_catalog.text COLLATE pg_catalog."C") AS columns
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL (
    SELECT coalesce(e.extcondition[u.at], '') AS condition
    FROM pg_catalog.pg_extension e, pg_catalog.unnest(e.extconfig) WITH ORDINALITY AS u(oid, at)
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
 * Asks the database for the figures of every table whose rows a dump holds, and for the number of
 * its large objects. The connections must see the same snapshot (or a database that nobody writes
 * to), with the driver's pinned settings; they share the work. With `firstHoldsLocks` the first one
 * holds the lock of every table since before the snapshot and the others have open transactions
 * without locks: they never count a table that a statement in the queue may have replaced. Names
 * are those of the digest: `table schema.name`, `large objects 16000..16999`. Errors: as the
 * driver's `queryError`.
 */
export async function checkTables(
  connections: readonly [Connection, ...Connection[]],
  mode: SourceCheckMode,
  excludesRows: (relation: RelationName) => boolean,
  { firstHoldsLocks = false } = {},
): Promise<SourceCheckResult> {
  if (mode === "none") return { mode, objects: {} };
  const [first, ...others] = connections;
  const all = (await first.rows(tablesQuery)) as unknown as CheckedTable[];
  const batches = makeBatches(all.filter((table) => !excludesRows(table)));
  const objects: Figures = await countLargeObjects(first);
  const work = async (connection: Connection, check: typeof checkBatch): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const figures = await check(connection, batch, mode);
      if (figures === undefined) handedBack.push(batch);
      else Object.assign(objects, figures);
    }
  };
  const handedBack: CheckedTable[][] = [];
  const help = firstHoldsLocks ? checkUnlockedBatch : checkBatch;
  try {
    await Promise.all([work(first, checkBatch), ...others.map((connection) => work(connection, help))]);
    batches.push(...handedBack);
    await work(first, checkBatch);
  } catch (error) {
    batches.length = 0;
    throw error;
  }
  return { mode, objects: Object.fromEntries(Object.entries(objects).sort(([a], [b]) => (a < b ? -1 : 1))) };
}

type Figures = Record<string, { rows: number; hash?: string }>;

/** By the ranges in which a digest counts them. */
async function countLargeObjects(connection: Connection): Promise<Figures> {
  const rows = await connection.rows<{ range: string; rows: string }>(`
    SELECT (m.oid::pg_catalog.int8 / ${objectsPerRange})::pg_catalog.text AS range, pg_catalog.count(*)::pg_catalog.text AS rows
    FROM pg_catalog.pg_largeobject_metadata m GROUP BY 1`);
  return Object.fromEntries(rows.map(({ range, rows: count }) => [largeObjectRange(Number(range)), { rows: Number(count) }]));
}

/**
 * A batch on a connection without locks; undefined when a table could not be locked at once. The
 * locks are given back.
 */
async function checkUnlockedBatch(
  connection: Connection,
  batch: readonly CheckedTable[],
  mode: "counts" | "content",
): Promise<Figures | undefined> {
  await connection.run(`SAVEPOINT batch; SET LOCAL lock_timeout = ${lockTryMs}`);
  try {
    return await checkBatch(connection, batch, mode);
  } catch (error) {
    if (sqlStateOf(error) !== "55P03") throw error;
    return undefined;
  } finally {
    await connection.run("ROLLBACK TO SAVEPOINT batch").catch(() => undefined);
  }
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
): Promise<Figures | undefined> {
  const sql = batch.map((table, at) => `(SELECT ${at} AS at, ${figures(table, mode)})`).join("\nUNION ALL\n");
  const result: Figures = {};
  for (const row of await connection.rows<BatchRow>(sql, undefined, patientLimits)) {
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
 * The select list and FROM clause for a table. The hash is a sum: the rows' order does not matter
 * and a duplicate does; a row's text is built from its columns in the order of their names.
 */
function figures(table: CheckedTable, mode: "counts" | "content"): string {
  const from = `FROM ${selectedRows(table)} AS hf`;
  if (mode === "counts") return `pg_catalog.count(*)::pg_catalog.text AS rows, NULL::pg_catalog.text AS hash ${from}`;
  const row = `ROW(${table.columns.map((column) => `hf.${quoteIdentifier(column)}`).join(", ")})`;
  const sum = `pg_catalog.sum(pg_catalog.hashtextextended(${row}::pg_catalog.text, 0))`;
  return `pg_catalog.count(*)::pg_catalog.text AS rows, coalesce(${sum}, 0)::pg_catalog.text AS hash ${from}`;
}

/**
 * The rows that the dump holds. An extension's condition may name its table or sort: it is put
 * where pg_dump puts it.
 */
function selectedRows({ schema, name, condition }: CheckedTable): string {
  const table = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
  // pg_dump copies a query (with the rows of children) where there is a condition, else the table
  // alone.
  return condition === null || condition === "" ? `ONLY ${table}` : `(SELECT * FROM ${table} ${condition})`;
}
