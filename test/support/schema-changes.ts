/**
 * Writers that change schemas while dumps run: every table always holds the same number of rows of
 * one generation.
 */
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import type { PostgresServer } from "./postgres-server.ts";

/** Rows of every table at every instant that a snapshot can see. */
export const rowsOfEach = 200;

const fill = (table: string): string =>
  `INSERT INTO ${table} SELECT n, (SELECT g FROM generation) FROM generate_series(1, ${rowsOfEach}) n`;
const next = "UPDATE generation SET g = g + 1";
const pause = (seconds: number): string => `SELECT pg_sleep(${seconds})`;

/** One transaction on a table; `hold` is for how long it stays open after its change. */
const changes: readonly ((table: string, hold: number) => string)[] = [
  (table, hold) => `BEGIN; ${next}; TRUNCATE ${table}; ${fill(table)}; ${pause(hold)}; COMMIT`,
  (table, hold) =>
    `BEGIN; ALTER TABLE ${table} ALTER COLUMN id TYPE bigint; ${pause(hold)}; ALTER TABLE ${table} ALTER COLUMN id TYPE int; COMMIT`,
  (table, hold) =>
    `BEGIN; ${next}; DROP TABLE ${table}; ${pause(hold)}; CREATE TABLE ${table} (id int, g int); CREATE INDEX ${table}_i ON ${table} (id); ${fill(table)}; COMMIT`,
  (table, hold) =>
    `BEGIN; ALTER TABLE ${table} RENAME TO passing; ALTER TABLE spare RENAME TO ${table}; ${pause(hold)}; ALTER TABLE passing RENAME TO spare; COMMIT`,
  (table) => `VACUUM FULL ${table}`,
  (table) => `CLUSTER ${table} USING ${table}_i`,
  (_table, hold) =>
    `BEGIN; ALTER TABLE parted DETACH PARTITION part; ${pause(hold)}; ALTER TABLE parted ATTACH PARTITION part DEFAULT; COMMIT`,
  (_table, hold) => `BEGIN; ${next}; TRUNCATE parted; ${fill("parted")}; ${pause(hold)}; COMMIT`,
  () => "REFRESH MATERIALIZED VIEW figures",
  (table, hold) => `BEGIN; CREATE TABLE fresh AS SELECT * FROM ${table}; ${pause(hold)}; COMMIT; DROP TABLE fresh`,
  (table, hold) => `BEGIN; ${next}; DELETE FROM ${table}; ${fill(table)}; ${pause(hold)}; COMMIT`,
];

export interface Change {
  readonly sql: string;
  readonly pauseMs: number;
}

/** What one writer does, again and again. */
export const writer: fc.Arbitrary<readonly Change[]> = fc.array(
  fc
    .record({
      change: fc.nat({ max: changes.length - 1 }),
      table: fc.constantFrom("t1", "t2", "t3"),
      holdMs: fc.integer({ min: 0, max: 300 }),
      pauseMs: fc.integer({ min: 20, max: 250 }),
    })
    .map(({ change, table, holdMs, pauseMs }) => ({
      sql: (changes[change] as (typeof changes)[number])(table, holdMs / 1000),
      pauseMs,
    })),
  { minLength: 3, maxLength: 10 },
);

/** Makes the database in which the writers work. */
export async function prepareChangingDatabase(server: PostgresServer, database: string): Promise<void> {
  const tables = ["t1", "t2", "t3", "spare"];
  const made = tables.map(
    (table) => `CREATE TABLE ${table} (id int, g int); CREATE INDEX ${table}_i ON ${table} (id); ${fill(table)};`,
  );
  await server.sql(`CREATE DATABASE ${database}`);
  await server.sql(
    `CREATE TABLE generation (g int); INSERT INTO generation VALUES (1); ${made.join(" ")}
     CREATE TABLE parted (id int, g int) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parted DEFAULT; ${fill("parted")};
     CREATE MATERIALIZED VIEW figures AS SELECT count(*) FROM t1;`,
    database,
  );
}

/**
 * Lets the writers work until `stop` is aborted. What fails for the other writer's sake (a name
 * that is taken, a deadlock) is passed by.
 */
export async function write(server: PostgresServer, database: string, work: readonly Change[], stop: AbortSignal): Promise<void> {
  for (let at = 0; !stop.aborted; at++) {
    const { sql, pauseMs } = work[at % work.length] as Change;
    await server.sql(sql, database).catch(() => undefined);
    await sleep(pauseMs, undefined, { signal: stop }).catch(() => undefined);
  }
}

/**
 * The tables of an archive's script with what is wrong in them: rows that are missing, or of
 * several generations.
 */
export function findTornTables(script: string): string[] {
  const torn: string[] = [];
  for (const [, name = "", body = ""] of script.matchAll(/^COPY (\S+) \([^)]*\) FROM stdin;\n(.*?)^\\\.$/gms)) {
    if (name === "public.generation") continue;
    const lines = body.split("\n").filter((line) => line !== "");
    const generations = new Set(lines.map((line) => line.split("\t")[1]));
    if (lines.length !== rowsOfEach || generations.size !== 1)
      torn.push(`${name}: ${lines.length} rows of ${generations.size} generations`);
  }
  return torn;
}
