/**
 * What a backup lacks is said when it is made, and by `check` before; what an unusual database has
 * is counted as it is dumped.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkPostgres } from "../../../src/engines/postgres/check.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { dumpTo, makeContext, makeSource, rowsOf } from "./dump-context.ts";

let server: PostgresServer;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-omissions-"));
  server = await startPostgres({ major: 17 });
  await server.sql("CREATE ROLE holdfast LOGIN PASSWORD 'p'; GRANT pg_read_all_data TO holdfast; CREATE ROLE app LOGIN");
});
afterAll(async () => {
  await server.remove();
  await rm(directory, { recursive: true, force: true });
});

async function said(name: string, setup: string, user = "holdfast") {
  await server.sql(`CREATE DATABASE ${name}`);
  await server.sql(setup, name);
  const url = user === "holdfast" ? server.urlOf(name, "holdfast", "p") : server.urlOf(name);
  const context = makeContext([server.binDir], { SHOP_DB: url });
  const findings = (await checkPostgres(makeSource(), context)).filter(
    ({ level, subject }) => level !== "ok" && subject === "content",
  );
  const dump = await dumpTo(directory, makeSource(), context);
  return { warnings: findings.map(({ message }) => message), notices: dump.notices.map(({ message }) => message), dump };
}

const mapping = `CREATE FOREIGN DATA WRAPPER remote; CREATE SERVER warehouse FOREIGN DATA WRAPPER remote;
  CREATE USER MAPPING FOR app SERVER warehouse OPTIONS (user 'app', password 'secret');
  CREATE USER MAPPING FOR PUBLIC SERVER warehouse OPTIONS (user 'all', password 'secret');`;

it("hidden options of user mappings, without any of them", async () => {
  const { warnings, notices } = await said("mappings", mapping);
  const expected = expect.stringMatching(
    /^the options .* of 2 user mappings of foreign server "warehouse" are hidden from role "holdfast"/,
  );
  expect(warnings).toEqual([expected]);
  expect(notices).toEqual([expected]);
  expect(JSON.stringify([warnings, notices])).not.toContain("secret");
});

it("nothing of user mappings for a superuser, or for the role that may see them", async () => {
  expect((await said("mappings_seen", mapping, "postgres")).notices).toEqual([]);
  const own = `CREATE FOREIGN DATA WRAPPER remote; CREATE SERVER own FOREIGN DATA WRAPPER remote; GRANT USAGE ON FOREIGN SERVER own TO holdfast;
    CREATE USER MAPPING FOR holdfast SERVER own OPTIONS (user 'h');`;
  expect((await said("mappings_own", own)).notices).toEqual([]);
});

it("rows and values that an extension does not declare, but not those that it brings itself", async () => {
  // Made members as CREATE EXTENSION does it: in one transaction with the rows that the script
  // writes.
  const { warnings, notices } = await said(
    "undeclared",
    `CREATE EXTENSION cube; CREATE SCHEMA queue;
     BEGIN; CREATE TABLE queue.message (id int); ALTER EXTENSION cube ADD TABLE queue.message; INSERT INTO queue.message VALUES (0); COMMIT;
     BEGIN; CREATE TABLE queue.shipped (id int); ALTER EXTENSION cube ADD TABLE queue.shipped; INSERT INTO queue.shipped VALUES (0); COMMIT;
     CREATE TABLE queue.empty (id int); ALTER EXTENSION cube ADD TABLE queue.empty;
     CREATE SEQUENCE queue.ids; ALTER EXTENSION cube ADD SEQUENCE queue.ids; SELECT nextval('queue.ids');
     INSERT INTO queue.message SELECT generate_series(1, 1234);`,
  );
  const expected = [
    expect.stringContaining("table queue.message of extension cube holds 1,234 rows that are not in the backup"),
    expect.stringContaining("the value of sequence queue.ids of extension cube is not in the backup"),
  ];
  expect(warnings).toEqual(expected);
  expect(notices).toEqual(expected);
});

it("settings of all roles, by their names only", async () => {
  await server.sql("ALTER ROLE ALL SET app.token = 'secret-value'");
  try {
    const { warnings, notices } = await said("settings", "CREATE TABLE t (id int)");
    expect(warnings).toEqual([expect.stringContaining("ALTER ROLE ALL SET: app.token")]);
    expect(notices).toEqual(warnings);
    expect(JSON.stringify(notices)).not.toContain("secret-value");
  } finally {
    await server.sql("ALTER ROLE ALL RESET app.token");
  }
});

it("extensions' conditions that name their table, sort, or take children along are counted as they are dumped", async () => {
  const { dump } = await said(
    "conditions",
    `CREATE EXTENSION cube; CREATE TABLE named (id int, shipped bool); CREATE TABLE sorted (id int, up int); CREATE TABLE one (id int);
     INSERT INTO named VALUES (1, true), (2, false), (3, false); INSERT INTO sorted VALUES (1, null), (2, 1); INSERT INTO one VALUES (1), (2);
     ALTER EXTENSION cube ADD TABLE named; ALTER EXTENSION cube ADD TABLE sorted; ALTER EXTENSION cube ADD TABLE one;
     UPDATE pg_extension SET extconfig = ARRAY['named'::regclass, 'sorted'::regclass, 'one'::regclass]::oid[],
       extcondition = ARRAY['WHERE NOT named.shipped', 'ORDER BY id', 'WHERE id = 1 LIMIT 1'] WHERE extname = 'cube'`,
    "postgres",
  );
  expect(rowsOf(dump.check)).toEqual({ "table public.named": 2, "table public.sorted": 2, "table public.one": 1 });
});

it("names that are not UTF-8 keep their bytes: tables are locked, counted and compared by them", async () => {
  await using ascii = await startPostgres({ major: 17, initdbArgs: ["--encoding=SQL_ASCII", "--locale=C"] });
  await ascii.sql("CREATE DATABASE names");
  const file = join(directory, "names.sql");
  const sql = `SET client_encoding = sql_ascii; CREATE TABLE "caf\xe9" (id int, "na\xefve" text); INSERT INTO "caf\xe9" VALUES (1, E'\\xe9');
    CREATE TABLE "caf\xe8" (id int); CREATE TABLE "\xc3\xa9" (id int); INSERT INTO "\xc3\xa9" VALUES (1), (2); CREATE SCHEMA "\xff\xfe"; CREATE TABLE "\xff\xfe"."x.\xe9" (id int);`;
  await writeFile(file, Buffer.from(sql, "latin1"));
  await ascii.sql(`\\i ${file}`, "names");
  const context = makeContext([ascii.binDir], { SHOP_DB: ascii.urlOf("names") });
  expect((await checkPostgres(makeSource(), context)).filter(({ level }) => level === "error")).toEqual([]);
  for (const sourceCheck of ["counts", "content"] as const) {
    const dump = await dumpTo(directory, makeSource({ sourceCheck }), context);
    expect(rowsOf(dump.check)).toEqual({
      'table public."caf\xe9"': 1,
      'table public."caf\xe8"': 0,
      'table public."é"': 2,
      'table "\xff\xfe"."x.\xe9"': 0,
    });
  }
});

it("a server that target_session_attrs excludes is refused by check and dump alike", async () => {
  for (const [wanted, taken] of [
    ["any", true],
    ["read-write", true],
    ["primary", true],
    ["prefer-standby", true],
    ["standby", false],
    ["read-only", false],
  ] as const) {
    const context = makeContext([server.binDir], { SHOP_DB: `${server.url}?target_session_attrs=${wanted}` });
    const errors = (await checkPostgres(makeSource(), context)).filter(({ level }) => level === "error");
    const dumped = await dumpTo(directory, makeSource(), context).then(
      () => true,
      (error) => {
        expect(error).toMatchObject({ name: "SourceUnreachable", message: expect.stringContaining("target_session_attrs") });
        return false;
      },
    );
    expect({ wanted, errors: errors.length, dumped }).toEqual({ wanted, errors: taken ? 0 : 1, dumped: taken });
  }
});
