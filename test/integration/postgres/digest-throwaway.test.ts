/** dump(restore(backup)) = backup, on every major, for every kind of object. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { openPostgresThrowaway } from "../../../src/engines/postgres/place/throwaway.ts";
import type { Assertion } from "../../../src/policy/engines/postgres/source.ts";
import { compareCounts } from "../../../src/proof/compare-counts.ts";
import { createHurtfulDatabase, hurtfulDatabase } from "../../support/hurtful-data.ts";
import { createObjectZoo } from "../../support/object-zoo.ts";
import { startPostgres } from "../../support/postgres-server.ts";
import { expressions } from "./expressions.ts";
import { takeBackup } from "./taken-backup.ts";

/** What is restored faithfully and printed or placed differently: rivals' false alarms. */
const falseAlarms = `
  create table orders (id integer primary key, status varchar(10) check (status in ('new', 'paid', 'it''s')));
  insert into orders select n, 'paid' from generate_series(1, 1000) n;
  create view paid as select id from orders where status in ('new', 'paid');
  create type colour as enum ('red', 'green', 'blue', 'black', 'white');
  create table cars (colour colour, id integer) partition by hash (colour);
  create table cars_0 partition of cars for values with (modulus 2, remainder 0);
  create table cars_1 partition of cars for values with (modulus 2, remainder 1);
  insert into cars select (enum_range(null::colour))[n % 5 + 1], n from generate_series(1, 2000) n;
  create table wide (key serial primary key, id integer, filler text) with (fillfactor = 40);
  insert into wide (id, filler) select n, repeat('x', n * 37 % 3000) from generate_series(1, 2000) n;
  update wide set filler = filler || 'y' where id % 3 = 0;
  delete from wide where id % 7 = 0;
  insert into wide (id, filler) select n, repeat('z', n % 500) from generate_series(1, 500) n;
`;

const assertions: readonly Assertion[] = [
  { name: "orders", sql: "select count(*) from orders", expect: { equals: 1000 } },
  { name: "read only", sql: "delete from orders returning 1", expect: { atLeast: 0 } },
  { name: "two values", sql: "select 1, 2", expect: { atLeast: 0 } },
  { name: "no row", sql: "select 1 where false", expect: { atLeast: 0 } },
  { name: "false", sql: "select exists (select from orders where id > 1000)", expect: { equals: false } },
];

const majors = [14, 15, 16, 17, 18];

test.each(majors)(
  "a database of every kind of object on PostgreSQL %i is proven, and the server is gone afterwards",
  async (major) => {
    await using server = await startPostgres({ major });
    await createObjectZoo(server);
    await server.sql(falseAlarms, "zoo");
    const directory = await mkdtemp(join(tmpdir(), "hf-proof-"));
    try {
      const { backup, context } = await takeBackup(server, "zoo", directory, { rolePasswords: true, sourceCheck: "content" });
      const digest = await digestPostgresBackup(backup, context);
      expect(compareCounts(digest, backup.sourceCheck)).toMatchObject({ equal: true, differences: [] });
      const place = await openPostgresThrowaway(backup, context, { restoreTest: { assertions } });
      try {
        const { findings } = await place.load();
        expect(findings.filter((finding) => finding.class !== "benign")).toEqual([]);
        const comparison = await place.compare(digest);
        expect(comparison.differences).toEqual([]);
        expect(comparison).toMatchObject({ equal: true, objectsCompared: digest.objectCount, rowsCompared: digest.rows });
        expect(await place.compareSourceCheck(backup.sourceCheck)).toMatchObject({ equal: true, differences: [] });
        expect(await place.assert()).toMatchObject([
          { passed: true, actual: "1000", expected: "1,000" },
          { passed: false, actual: "error: cannot execute DELETE in a read-only transaction" },
          { passed: false, actual: "1 rows of 2 columns instead of one value" },
          { passed: false },
          { passed: true, actual: "f" },
        ]);
      } finally {
        await place.close();
      }
      expect(existsSync(String(place.facts["directory"]))).toBe(false);
      await place.close();
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);

test("expressions of every kind, wherever they stand, are printed the same after a restore", async () => {
  await using server = await startPostgres({ major: 16 });
  await server.sql("create database expressions");
  await server.sql(expressions, "expressions");
  const directory = await mkdtemp(join(tmpdir(), "hf-proof-"));
  try {
    const { backup, context } = await takeBackup(server, "expressions", directory);
    const digest = await digestPostgresBackup(backup, context);
    const place = await openPostgresThrowaway(backup, context);
    try {
      expect((await place.load()).findings).toEqual([]);
      expect((await place.compare(digest)).differences).toEqual([]);
    } finally {
      await place.close();
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("names and data that hurt are proven", async () => {
  await using server = await startPostgres({ major: 18 });
  await createHurtfulDatabase(server, { tables: 60, largeBytes: 5_000_000 });
  const directory = await mkdtemp(join(tmpdir(), "hf-proof-"));
  try {
    const { backup, context } = await takeBackup(server, hurtfulDatabase, directory, { sourceCheck: "content" });
    const digest = await digestPostgresBackup(backup, context);
    expect(compareCounts(digest, backup.sourceCheck)).toMatchObject({ equal: true, differences: [] });
    const place = await openPostgresThrowaway(backup, context);
    try {
      expect((await place.load()).findings).toEqual([]);
      expect((await place.compare(digest)).differences).toEqual([]);
      expect(await place.compareSourceCheck(backup.sourceCheck)).toMatchObject({ equal: true });
    } finally {
      await place.close();
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("settings of the source's server, database and roles that change how values are printed change nothing", async () => {
  await using server = await startPostgres({
    major: 17,
    settings: { timezone: "Asia/Tokyo", bytea_output: "escape", quote_all_identifiers: "on" },
  });
  await server.sql(`
    create database shop;
    alter database shop set default_transaction_read_only = on;
    alter database shop set search_path = app`);
  await server.sql(
    `set default_transaction_read_only = off; create schema app; create table app.t (at timestamptz, b bytea, m money);
     insert into app.t values ('2026-01-01Z', '\\x00ff5c', 1234.5)`,
    "shop",
  );
  // pg_restore would not live through these, if it met them.
  await server.sql(
    "alter database shop set statement_timeout = '5ms'; alter role postgres set default_transaction_isolation = 'serializable'",
  );
  const directory = await mkdtemp(join(tmpdir(), "hf-proof-"));
  try {
    const { backup, context } = await takeBackup(server, "shop", directory, { sourceCheck: "content" });
    const digest = await digestPostgresBackup(backup, context);
    const restoreTest = { assertions: [{ name: "t", sql: "select count(*) from t", expect: { equals: 1 } }] };
    const place = await openPostgresThrowaway(backup, context, { restoreTest });
    try {
      expect((await place.load()).findings).toEqual([]);
      expect((await place.compare(digest)).differences).toEqual([]);
      expect(await place.compareSourceCheck(backup.sourceCheck)).toMatchObject({ equal: true, objectsCompared: 1 });
      // The database's own search_path holds for assertions.
      expect(await place.assert()).toMatchObject([{ passed: true }]);
    } finally {
      await place.close();
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});
