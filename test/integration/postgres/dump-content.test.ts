import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkPostgres } from "../../../src/engines/postgres/check.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { run, runOk } from "../../support/processes.ts";
import { archiveRows, dumpTo, makeContext, makeSource, rowsOf } from "./dump-context.ts";

let server: PostgresServer;
let directory: string;

async function makeDatabase(name: string, setup: string) {
  await server.sql(`CREATE DATABASE "${name.replaceAll('"', '""')}"`);
  // A plain name with an equals sign in it would be taken for a connection string.
  await server.sql(setup, `dbname='${name.replaceAll(/[\\']/g, "\\$&")}'`);
  return makeContext([server.binDir], { SHOP_DB: server.urlOf(name) });
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-dump-"));
  server = await startPostgres({ major: 16 });
}, 60_000);
afterAll(async () => {
  await server.remove();
  await rm(directory, { recursive: true, force: true });
});

describe("under heavy writes", () => {
  it("counts are those of the archive", async () => {
    const context = await makeDatabase("busy", "SELECT 1");
    await runOk(join(server.binDir, "pgbench"), ["-i", "-q", "-s", "3", "busy"], { env: server.env });
    const writing = run(join(server.binDir, "pgbench"), ["-c", "3", "-T", "6", "-n", "busy"], { env: server.env });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const dump = await dumpTo(directory, makeSource({ sourceCheck: "content" }), context);
    const rows = await archiveRows(server.binDir, dump.archive);
    expect(rowsOf(dump.check)).toEqual(rows);
    expect(rows["table public.pgbench_history"]).toBeGreaterThan(0);
    const later = await dumpTo(directory, makeSource(), context);
    expect(rowsOf(later.check)["table public.pgbench_history"]).toBeGreaterThan(rows["table public.pgbench_history"] as number);
    expect((await writing).code).toBe(0);
  }, 60_000);
});

describe("exclusions", () => {
  const setup = `
    CREATE TABLE sessions (id int); INSERT INTO sessions VALUES (1);
    CREATE TABLE cache_a (id int); CREATE TABLE cache_b (id int); INSERT INTO cache_a VALUES (1); INSERT INTO cache_b VALUES (1), (2);
    CREATE TABLE "Cache_C" (id int); INSERT INTO "Cache_C" VALUES (1);
    CREATE TABLE "we+ird(1)" (id int); INSERT INTO "we+ird(1)" VALUES (1);
    CREATE TABLE "weird1" (id int); INSERT INTO "weird1" VALUES (1);
    CREATE SCHEMA audit; CREATE TABLE audit.sessions (id int); INSERT INTO audit.sessions VALUES (1);
    CREATE TABLE log (at date) PARTITION BY RANGE (at);
    CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); INSERT INTO log VALUES ('2026-01-05');
    CREATE TABLE keep (id int PRIMARY KEY); INSERT INTO keep VALUES (1);
    CREATE TABLE gone (id int PRIMARY KEY); CREATE TABLE refers (id int REFERENCES gone); CREATE VIEW shows AS SELECT * FROM gone;`;

  it("leave out the same rows and tables in dump and check", async () => {
    const context = await makeDatabase("exclude", setup);
    const source = makeSource({
      exclude: { tables: ["public.we+ird(1)", "SESSIONS"], data: ["public.cache_?", "public.log", 'public."Cache*"'] },
    });
    const dump = await dumpTo(directory, source, context);
    const rows = await archiveRows(server.binDir, dump.archive);
    expect(rows).toEqual({
      "table public.weird1": 1,
      "table audit.sessions": 1,
      'table public."Cache_C"': 1,
      "table public.keep": 1,
      "table public.gone": 0,
      "table public.refers": 0,
    });
    expect(rowsOf(dump.check)).toEqual(rows);
    const script = await runOk(join(server.binDir, "pg_restore"), ["--file=-", "--section=pre-data", dump.archive]);
    expect(script).toContain("CREATE TABLE public.cache_a");
    expect(script).toContain("CREATE TABLE public.log_1");
    expect(script).not.toContain("CREATE TABLE public.sessions");
    expect(script).not.toContain("we+ird");
    // Within quotes an asterisk is a letter.
    expect(dump.notices).toEqual([expect.objectContaining({ code: "exclusion-matches-nothing", subject: 'public."Cache*"' })]);
    expect(dump.facts.exclude.data).toEqual(source.exclude.data);
  });

  it("warn of what will dangle", async () => {
    const context = makeContext([server.binDir], { SHOP_DB: server.urlOf("exclude") });
    const findings = await checkPostgres(makeSource({ exclude: { tables: ["public.gone", "public.none"], data: [] } }), context);
    const messages = findings.filter(({ level }) => level === "warning").map(({ message }) => message);
    expect(messages).toEqual([
      "the exclusion public.none matches no table",
      "constraint refers_id_fkey on table public.refers needs public.gone, which is excluded: a restore leaves it out",
      "view public.shows needs public.gone, which is excluded: a restore leaves it out",
    ]);
  });
});

describe("unusual databases", () => {
  it("of 1,000 tables", async () => {
    const context = await makeDatabase(
      "many",
      `SELECT format('CREATE TABLE t%s AS SELECT generate_series(1, %s) AS i', n, n % 7) FROM generate_series(1, 1000) n \\gexec`,
    );
    const dump = await dumpTo(directory, makeSource(), context);
    expect(rowsOf(dump.check)).toEqual(await archiveRows(server.binDir, dump.archive));
    expect(Object.keys(dump.check.objects)).toHaveLength(1000);
    expect(dump.check.objects["table public.t6"]).toEqual({ rows: 6 });
  }, 60_000);

  it("with a name that hurts", async () => {
    const context = await makeDatabase(`od=d 'na"me\\`, `CREATE TABLE "select" ("from" int); INSERT INTO "select" VALUES (1)`);
    const dump = await dumpTo(directory, makeSource(), context);
    expect(dump.facts).toMatchObject({ databaseName: `od=d 'na"me\\`, globalsCaptured: "all" });
    // pg_dump quotes keywords; digests and checks spell by shape.
    expect(rowsOf(dump.check)).toEqual({ "table public.select": 1 });
  });

  it("that are empty", async () => {
    const context = await makeDatabase("nothing", "SELECT 1");
    const dump = await dumpTo(directory, makeSource({ sourceCheck: "content" }), context);
    expect(dump.check).toEqual({ mode: "content", objects: {} });
    await runOk(join(server.binDir, "pg_restore"), ["--file=/dev/null", dump.archive]);
  });

  it("with an extension's configuration table", async () => {
    const share = (await runOk(join(server.binDir, "pg_config"), ["--sharedir"])).trim();
    const context = await makeDatabase("configured", "SELECT 1");
    const control = join(share, "extension", "hf_test.control");
    const script = join(share, "extension", "hf_test--1.0.sql");
    await writeFile(control, "default_version = '1.0'\nrelocatable = false\nschema = public\n");
    await writeFile(
      script,
      `CREATE TABLE settings (k text, own boolean); INSERT INTO settings VALUES ('standard', false); CREATE TABLE internal (a int);
       SELECT pg_catalog.pg_extension_config_dump('settings', 'WHERE own');`,
    );
    try {
      await server.sql(
        "CREATE EXTENSION hf_test; INSERT INTO settings VALUES ('mine', true); INSERT INTO internal VALUES (1)",
        "configured",
      );
      const dump = await dumpTo(directory, makeSource({ sourceCheck: "content" }), context);
      expect(await archiveRows(server.binDir, dump.archive)).toEqual({ "table public.settings": 1 });
      expect(rowsOf(dump.check)).toEqual({ "table public.settings": 1 });
    } finally {
      await rm(control);
      await rm(script);
    }
  });

  it("with circular keys: pg_dump's warning is a notice", async () => {
    const context = await makeDatabase(
      "circular",
      "CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b",
    );
    const dump = await dumpTo(directory, makeSource(), context);
    expect(dump.notices).toEqual([]);
    await server.sql("CREATE SUBSCRIPTION s CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)", "circular");
    await server.sql("CREATE ROLE sub_reader LOGIN PASSWORD 'pw'; GRANT pg_read_all_data TO sub_reader");
    const poorer = makeContext([server.binDir], { SHOP_DB: server.urlOf("circular", "sub_reader", "pw") });
    const warned = await dumpTo(directory, makeSource(), poorer);
    expect(warned.notices).toEqual([
      expect.objectContaining({ code: "pg-dump-warning", message: expect.stringContaining("subscriptions not dumped") }),
    ]);
  });

  it("with a builtin locale", async () => {
    await using newer = await startPostgres({ major: 18 });
    await newer.sql("CREATE DATABASE built TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'");
    await newer.sql(
      "CREATE COLLATION own (provider = builtin, locale = 'PG_UNICODE_FAST'); CREATE TABLE t (a text COLLATE own)",
      "built",
    );
    const dump = await dumpTo(directory, makeSource(), makeContext([newer.binDir], { SHOP_DB: newer.urlOf("built") }));
    expect(dump.facts).toMatchObject({ localeProvider: "builtin", locale: "C.UTF-8" });
    expect(dump.facts.collations).toEqual([expect.objectContaining({ name: "public.own", provider: "builtin" })]);
  });
});

describe("tools of another major", () => {
  it("a newer pg_dump dumps an older server", async () => {
    const context = await makeDatabase("older", "CREATE TABLE t AS SELECT 1 AS a");
    await using newer = await startPostgres({ major: 18 });
    const dump = await dumpTo(directory, makeSource(), {
      ...context,
      toolPath: [newer.binDir],
      environment: { ...context.environment, PATH: "" },
    });
    expect(dump.facts).toMatchObject({ serverMajor: 16, toolMajor: 18, archiveCompression: "zstd" });
    expect(await archiveRows(newer.binDir, dump.archive)).toEqual({ "table public.t": 1 });
  });
});
