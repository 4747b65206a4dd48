/**
 * The owner of a database, who is not a superuser, gets nothing from the sessions of a superuser's
 * backup.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checkPostgres } from "../../../src/engines/postgres/check.ts";
import { startPostgres } from "../../support/postgres-server.ts";
import { archiveRows, dumpTo, makeContext, makeSource } from "./dump-context.ts";

/** Functions, with their arguments and results, that sessions might call by their bare names. */
const functions = [
  ["current_setting", "text", "text"],
  ["pg_backend_pid", "", "int"],
  ["pg_is_in_recovery", "", "boolean"],
  ["pg_export_snapshot", "", "text"],
  ["current_database", "", "name"],
  ["has_table_privilege", "text, text", "boolean"],
  ["pg_get_userbyid", "oid", "name"],
  ["pg_encoding_to_char", "int", "name"],
  ["pg_relation_size", "regclass", "bigint"],
  ["format", "text", "text"],
  ["concat_ws", "text, text", "text"],
  ["set_config", "text, text, boolean", "text"],
] as const;

it.each([14, 18])("on PostgreSQL %i, whatever functions, tables, operators and search path the database has", async (major) => {
  await using server = await startPostgres({ major });
  const directory = await mkdtemp(join(tmpdir(), "hf-hijack-"));
  await server.sql(
    "CREATE ROLE attacker LOGIN; CREATE DATABASE shop OWNER attacker; CREATE ROLE dumper SUPERUSER LOGIN PASSWORD 'p'",
  );
  const loot = "BEGIN IF current_user <> 'attacker' THEN EXECUTE 'ALTER ROLE attacker SUPERUSER'; END IF; RETURN NULL; END";
  const traps = functions.map(
    ([name, argument, result]) =>
      `CREATE FUNCTION public.${name}(${argument}) RETURNS ${result} LANGUAGE plpgsql AS $$ ${loot} $$;`,
  );
  await server.sql(
    `SET SESSION AUTHORIZATION attacker;
     CREATE SCHEMA IF NOT EXISTS public; CREATE TABLE t (id int); INSERT INTO t VALUES (1);
     ${traps.join("\n")}
     CREATE FUNCTION trap_operator(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ ${loot} $$;
     CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = trap_operator);
     CREATE VIEW public.pg_class AS SELECT trap_operator(1, 1) AS oid; CREATE VIEW public.pg_database AS SELECT trap_operator(1, 1) AS oid;
     ALTER DATABASE shop SET search_path = public, pg_catalog;`,
    "shop",
  );
  const context = makeContext([server.binDir], { SHOP_DB: server.urlOf("shop", "dumper", "p") });
  expect((await checkPostgres(makeSource(), context)).filter(({ level }) => level === "error")).toEqual([]);
  const dump = await dumpTo(directory, makeSource({ sourceCheck: "content" }), context);
  expect(await archiveRows(server.binDir, dump.archive)).toEqual({ "table public.t": 1 });
  expect(await server.sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'attacker'")).toBe("f");
  await rm(directory, { recursive: true, force: true });
});
