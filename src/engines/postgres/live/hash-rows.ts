/** Rows as their own server counts and hashes them, in whatever order they lie. */
import type { Connection } from "../connection/driver.ts";
import { patientLimits } from "../connection/wire-guard.ts";
import { quoteIdentifier } from "../script/script-identifiers.ts";

export interface HashedRows {
  readonly rows: number;
  /** The sum of a hash of each row's text: a duplicate counts. */
  readonly hash: string;
}

/**
 * `from` is a FROM item; without columns, all of them count. Two servers agree where the rows do:
 * both have the driver's pinned settings. Errors: the driver's.
 */
export async function hashRows(from: string, columns: readonly string[] | undefined, connection: Connection): Promise<HashedRows> {
  const row = columns === undefined ? "ROW(hf.*)" : `ROW(${columns.map((column) => `hf.${quoteIdentifier(column)}`).join(", ")})`;
  const sum = `pg_catalog.sum(pg_catalog.hashtextextended(${row}::pg_catalog.text, 0))`;
  const sql = `SELECT pg_catalog.count(*)::pg_catalog.text AS rows, coalesce(${sum}, 0)::pg_catalog.text AS hash FROM ${from} AS hf`;
  const [found] = await connection.rows<{ rows: string; hash: string }>(sql, undefined, patientLimits);
  return { rows: Number(found?.rows), hash: found?.hash ?? "0" };
}
