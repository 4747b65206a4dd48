/**
 * Databases whose encoding is not UTF-8, with roles, comments and settings in it: all is proven,
 * and nothing is renamed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { openPostgresTarget } from "../../../src/engines/postgres/place/restore.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { prove, proven } from "./prove.ts";
import { takeBackup } from "./taken-backup.ts";

/**
 * In client encoding UTF8; names, values, a comment and a setting of the database, a role of its
 * own with a comment.
 */
const contentOf = (word: string): string => `
  set client_encoding = 'UTF8';
  create table "${word}" ("${word} column" text primary key, v text default '${word}', check (v <> '${word}!')); insert into "${word}" values ('${word}');
  comment on table "${word}" is '${word}'; create type "${word} type" as enum ('${word}'); create view "${word} view" as select '${word}'::text as "${word}";
  create function "${word}()"() returns text language sql as $$ select '${word}'::text $$;
  create role "${word} role"; comment on role "${word} role" is '${word}'; alter table "${word}" owner to "${word} role"; grant select on "${word} view" to "${word} role";
  do $$ begin
    execute format('comment on database %I is %L', current_database(), '${word}');
    execute format('alter database %I set "my.word" = %L', current_database(), '${word}');
    execute format('alter role "${word} role" in database %I set "my.word" = %L', current_database(), '${word}');
  end $$;`;

/** Bytes that are no text anywhere, in a database that takes any. */
const anyBytes = String.raw`
  create table t (a text primary key, j text[]); insert into t values (E'\xff\xfe', array[E'\xe9']), ('ä', '{}');
  create view v as select E'\xe9'::text as a; create type e as enum (E'\xe9'); comment on table t is E'\xff';
  create index on t (a) where a <> E'\xff'; create policy p on t using (a <> E'\xe9');
  do $$ begin execute format('comment on database %I is %L', current_database(), E'\xe9');
    end $$;`;

const databases = [
  { name: "latin", encoding: "LATIN1", content: contentOf("größer") },
  { name: "win", encoding: "WIN1252", content: contentOf("„5 €“") },
  { name: "japan", encoding: "EUC_JP", content: contentOf("能表構") },
  { name: "utf", encoding: "UTF8", content: contentOf("größer 能 €") },
  { name: "bytes", encoding: "SQL_ASCII", content: anyBytes },
];

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-encodings-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

const stored = (server: PostgresServer, name: string): Promise<string> =>
  server.sql(
    `select encode(convert_to(shobj_description(oid, 'pg_database'), getdatabaseencoding()), 'hex') from pg_database where datname = current_database()`,
    name,
  );

test.each(databases)("$encoding is proven and restored byte by byte", async ({ name, encoding, content }) => {
  await using server = await startPostgres({ major: 17 });
  await server.sql(`create database ${name} encoding '${encoding}' lc_collate 'C' lc_ctype 'C' template template0`);
  await server.sql(content, name);
  const taken = await takeBackup(server, name, directory, { sourceCheck: "content" });
  expect((await prove(taken)).verdict).toEqual(proven);
  const place = await openPostgresTarget(taken.backup, taken.source, { target: `${name}_again`, overwrite: false }, taken.context);
  try {
    const { findings } = await place.load();
    expect(findings.filter((finding) => finding.class !== "benign")).toEqual([]);
    expect(await place.compare(await digestPostgresBackup(taken.backup, taken.context))).toMatchObject({ equal: true });
    expect(await stored(server, `${name}_again`)).toBe(await stored(server, name));
  } finally {
    await place.close();
  }
});
