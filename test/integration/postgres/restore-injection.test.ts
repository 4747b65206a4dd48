/**
 * A source's owner chooses names and texts; a restore by a superuser runs nothing of them outside
 * of the restored database.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { openPostgresTarget } from "../../../src/engines/postgres/place/restore.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { takeBackup } from "./taken-backup.ts";

let server: PostgresServer;
let directory: string;

beforeAll(async () => {
  server = await startPostgres({ major: 17, settings: { log_statement: "all", log_line_prefix: "%d|" } });
  directory = await mkdtemp(join(tmpdir(), "hf-injection-"));
  await server.sql("create role attacker login; create role granter");
});

afterAll(async () => {
  await server?.remove();
  await rm(directory, { recursive: true, force: true });
});

/**
 * Each makes a database whose definitions, taken for statements about the database, would make the
 * attacker a superuser.
 */
const attacks: Readonly<Record<string, string>> = {
  "a schema and a table whose names imitate an entry of the database": `
    create schema "DATABASE s; Type: FOO; Schema: -";
    create table "DATABASE s; Type: FOO; Schema: -"."DATABASE x" (
      a text default 'a DATABASE b'::text, c text default ' ); ALTER ROLE attacker SUPERUSER; SELECT (1 --'::text)`,
  "a schema whose name imitates the database's properties": `
    create schema "x; Type: DATABASE PROPERTIES; Schema: -; Owner: y";
    create table "x; Type: DATABASE PROPERTIES; Schema: -; Owner: y"."ALTER ROLE attacker SUPERUSER" (
      a text default ' DATABASE x'::text, c text default '; ALTER ROLE attacker SUPERUSER; --'::text)`,
  "line breaks in names": `
    create schema "s
ALTER ROLE attacker SUPERUSER;
--"; create table "s
ALTER ROLE attacker SUPERUSER;
--"."t
; ALTER ROLE attacker SUPERUSER; --" (a int)`,
  "a setting's value and a comment of the database": `
    alter database "DB" set search_path to 'x''; ALTER ROLE attacker SUPERUSER; --', '\\';
    comment on database "DB" is ' DATABASE x''; ALTER ROLE attacker SUPERUSER; --\\'`,
  "comments and defaults under backslash escapes": `
    alter database "DB" set standard_conforming_strings to off;
    comment on database "DB" is E'\\\\''; ALTER ROLE attacker SUPERUSER; --'`,
  "rights on the database that another role granted": `
    grant connect on database "DB" to granter with grant option; set session authorization granter;
    grant connect on database "DB" to attacker; reset session authorization`,
};

/** What a restore says in the maintenance database: nothing else may be said there. */
const allowed =
  /^(?:SELECT |SHOW |SET |RESET |BEGIN|COMMIT|CREATE DATABASE |ALTER DATABASE |COMMENT ON DATABASE |GRANT \S+ ON DATABASE |REVOKE \S+ ON DATABASE |DROP DATABASE |START TRANSACTION)/i;

test.each(Object.keys(attacks))("%s", async (name) => {
  const database = "shop \"DATABASE x'; --";
  const quoted = `"${database.replaceAll('"', '""')}"`;
  await server.sql("drop database if exists restored");
  await server.sql(`drop database if exists ${quoted}`);
  await server.sql(`create database ${quoted} owner attacker`);
  await server.sql((attacks[name] as string).replaceAll('"DB"', quoted), database);
  const taken = await takeBackup(server, database, directory);
  const digest = await digestPostgresBackup(taken.backup, taken.context);
  const before = (await server.log()).length;
  const place = await openPostgresTarget(taken.backup, taken.source, { target: "restored", overwrite: false }, taken.context);
  try {
    expect((await place.load()).findings).toEqual([]);
    expect(await place.compare(digest)).toMatchObject({ equal: true, differences: [] });
    await place.commit();
  } finally {
    await place.close();
  }
  const said = [
    ...(await server.log()).slice(before).matchAll(/^postgres\|LOG: {2}(?:statement|execute [^:]*): (.*(?:\n\t.*)*)$/gm),
  ];
  expect(said.length).toBeGreaterThan(0);
  expect(said.map(([, statement]) => (statement as string).trim()).filter((statement) => !allowed.test(statement))).toEqual([]);
  expect(await server.sql("select count(*) from pg_roles where rolsuper and rolname <> 'postgres'")).toBe("0");
});
