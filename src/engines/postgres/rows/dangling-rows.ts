/**
 * Foreign keys were silent while rows were loaded: which of them the rows do not keep, because they
 * refer to rows that were not chosen.
 */
import type { LoadFinding } from "../../../proof/content.ts";
import type { Connection } from "../connection/driver.ts";
import { spellQualified } from "../script/script-identifiers.ts";
import type { EntryNames } from "../selection/archive-entry.ts";

interface KeyRow extends Record<string, unknown> {
  readonly schema: string;
  readonly table: string;
  readonly key: string;
  readonly target: string;
  readonly count: string;
}

/** Each key of these tables, with the statement that counts the rows which refer to nothing. */
const keysQuery = `
  SELECT n.nspname AS schema, c.relname AS table, k.conname AS key, k.confrelid::pg_catalog.regclass::text AS target,
         pg_catalog.format('SELECT pg_catalog.count(*)::text AS rows FROM ONLY %s f WHERE %s AND NOT EXISTS (SELECT FROM %s k WHERE %s)',
           k.conrelid::pg_catalog.regclass,
           (SELECT pg_catalog.string_agg(pg_catalog.format('f.%I IS NOT NULL', a.attname), ' AND ')
              FROM pg_catalog.unnest(k.conkey) AS u(number) JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number),
           k.confrelid::pg_catalog.regclass,
           (SELECT pg_catalog.string_agg(pg_catalog.format('f.%I = k.%I', a.attname, b.attname), ' AND ')
              FROM ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) AS u(number, other)
              JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number
              JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.other)) AS count
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE k.contype = 'f' AND k.convalidated
    AND (n.nspname, c.relname) IN (SELECT w.schema, w.name FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS w(schema, name))
  ORDER BY 1, 2, 3`;

/** One finding for each key that rows of these tables break. Errors: the driver's. */
export async function findDanglingRows(tables: readonly EntryNames[], connection: Connection): Promise<LoadFinding[]> {
  const names = [tables.map(({ schema }) => schema), tables.map(({ name }) => name)];
  const findings: LoadFinding[] = [];
  for (const { schema, table, key, target, count } of await connection.rows<KeyRow>(keysQuery, names)) {
    const [row] = await connection.rows<{ rows: string }>(count);
    if (row === undefined || row.rows === "0") continue;
    const message = `${row.rows} rows refer to rows of ${target} that are not there; restore those too`;
    findings.push({ class: "lacking", subject: `foreign key ${spellQualified(schema, table)} ${key}`, message });
  }
  return findings;
}
