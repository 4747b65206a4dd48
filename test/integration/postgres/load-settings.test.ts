/**
 * Settings of a source that reach into its own dump and load, and loads that lock themselves out:
 * equal all the same.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startPostgres } from "../../support/postgres-server.ts";
import { prove, proven, type Verdict } from "./prove.ts";
import { takeBackup } from "./taken-backup.ts";

async function proveDatabase(major: number, sql: string, settings = ""): Promise<Verdict> {
  await using server = await startPostgres({ major });
  const directory = await mkdtemp(join(tmpdir(), "hf-load-settings-"));
  try {
    await server.sql("create database shop");
    await server.sql(sql, "shop");
    if (settings !== "") await server.sql(settings);
    return (await prove(await takeBackup(server, "shop", directory))).verdict;
  } finally {
    await rm(directory, { recursive: true });
  }
}

const settings = [
  "standard_conforming_strings = off",
  "quote_all_identifiers = on",
  "array_nulls = off",
  "transform_null_equals = on",
  "default_transaction_read_only = on",
  "statement_timeout = '1s'",
  "datestyle = 'SQL, DMY'",
  "extra_float_digits = -3",
  "search_path = own, public, pg_catalog",
].map((setting) => `alter database shop set ${setting};`);

test.each([14, 17, 18])("a database of PostgreSQL %i whose own settings change how it is read is proven", async (major) => {
  const sql = String.raw`
    create schema own;
    create function own.log() returns trigger language plpgsql as 'begin return new; end';
    create table t (a bytea default '\x00ff', b text default 'a\b', c int[], d text, f float8,
      check (d between 'a' and 'c\' and a is not null or b = any (array['\', 'x'])));
    insert into t values ('\x5c', '\', '{1,NULL,3}', 'b', 0.1 + 0.2);
    create trigger log before insert on t for each row when (new.d between 'a' and 'b' and new.b <> '\') execute function own.log('\x');
    comment on table t is 'with \ and ''';`;
  expect(await proveDatabase(major, sql, settings.join(" "))).toEqual(proven);
});

test("what a deadlock between the sessions of a load stopped is loaded again, with what needs it", async () => {
  // Attaching indexes of partitions beside others deadlocks by chance; here the first session that
  // computes the index is the victim.
  const sql = `
    create sequence calls;
    create function victim(a int) returns int immutable language plpgsql as $$
    declare n bigint := nextval('public.calls');
    begin
      if n = 201 then raise exception 'deadlock detected' using errcode = '40P01'; end if;
      if n = 202 then perform setval('public.calls', 200); end if;
      return a;
    end $$;
    create table item (a int) partition by list (a);
    create table item_1 partition of item for values in (1) with (autovacuum_enabled = off);
    insert into item values (1);
    create index by_victim on item (victim(a));
    select setval('calls', 200);`;
  expect(await proveDatabase(17, sql)).toEqual(proven);
});
