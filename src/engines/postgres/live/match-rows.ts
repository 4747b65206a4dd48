/**
 * Staged rows against those of the live table: what is the same row, and what is the same value.
 */
import type { Connection } from "../connection/driver.ts";
import { patientLimits } from "../connection/wire-guard.ts";
import { quoteIdentifier } from "../script/script-identifiers.ts";
import type { TableKey } from "./live-table.ts";

/** The rows as they arrived, and of them those that the live table lacks; both temporary. */
export const stagedRows = "pg_temp.holdfast_staged";
export const missingRows = "pg_temp.holdfast_missing";

/** Every type has a text, and few have an equality. */
const same = (columns: readonly string[], a: string, b: string): string =>
  columns
    .map(quoteIdentifier)
    .map((column) => `${a}.${column}::pg_catalog.text IS NOT DISTINCT FROM ${b}.${column}::pg_catalog.text`)
    .join(" AND ");

export const matching = ({ columns, operators }: TableKey, a: string, b: string): string =>
  columns
    .map(quoteIdentifier)
    .map((column, at) => `${a}.${column} ${operators[at]} ${b}.${column}`)
    .join(" AND ");

export interface FoundRows {
  readonly all: number;
  /** Of them, there by their key. */
  readonly there: number;
  /** Of those, with the same values. */
  readonly equal: number;
}

export interface LiveRows {
  /** As SQL. */
  readonly name: string;
  readonly columns: readonly string[];
  readonly key: TableKey;
}

/** Looks for rows of `from` in the live table. Errors: the driver's. */
export async function findRows(from: string, { name, columns, key }: LiveRows, connection: Connection): Promise<FoundRows> {
  const sql = `SELECT pg_catalog.count(*)::text AS all, pg_catalog.count(l.tableoid)::text AS there,
      (pg_catalog.count(*) FILTER (WHERE l.tableoid IS NOT NULL AND ${same(columns, "s", "l")}))::text AS equal
    FROM ${from} s LEFT JOIN ${name} l ON ${matching(key, "s", "l")}`;
  const [found] = await connection.rows<Record<keyof FoundRows, string>>(sql, undefined, patientLimits);
  return { all: Number(found?.all), there: Number(found?.there), equal: Number(found?.equal) };
}
