/**
 * The sample database of demo and tests: a task manager with some 400,000 rows, the same on every
 * run.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** What runs SQL: a server of test/support/postgres-server.ts, or anything like it. */
export interface SqlRunner {
  sql(text: string, database?: string): Promise<string>;
}

const load = (name: string): Promise<string> => readFile(join(import.meta.dirname, name), "utf8");

/** Creates `database` with schema and rows, in some seconds. */
export async function createSampleDatabase(server: SqlRunner, database: string): Promise<void> {
  await server.sql(`create database "${database}" template template0`);
  await server.sql(`begin;\n${await load("sample-schema.sql")}\n${await load("sample-rows.sql")}\ncommit;`, database);
}

/** A day's work on it: inserts, updates, deletes, a new column. */
export async function changeSampleDatabase(server: SqlRunner, database: string): Promise<void> {
  await server.sql(`begin;\n${await load("sample-changes.sql")}\ncommit;`, database);
}

/** Rows in all tables (materialized views left out), exactly. */
export async function countSampleRows(server: SqlRunner, database: string): Promise<number> {
  const counts = `select coalesce(sum((xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %I.%I', schemaname, tablename), false, true, '')))[1]::text::bigint), 0)
    from pg_tables where schemaname = 'app' and tablename <> 'events'`;
  return Number(await server.sql(counts, database));
}
