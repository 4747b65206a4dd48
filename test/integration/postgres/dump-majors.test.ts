import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkPostgres } from "../../../src/engines/postgres/check.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { runOk } from "../../support/processes.ts";
import { archiveRows, dumpTo, makeContext, makeSource, rowsOf } from "./dump-context.ts";

const schema = `
  CREATE ROLE app_owner; CREATE ROLE "Odd Role" LOGIN PASSWORD 'x-secret-x'; GRANT app_owner TO "Odd Role";
  CREATE DATABASE shop OWNER app_owner;
  \\c shop
  CREATE EXTENSION hstore;
  CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, twice text GENERATED ALWAYS AS (name || name) STORED);
  INSERT INTO users (name) SELECT 'user ' || i FROM generate_series(1, 1000) i;
  CREATE TABLE events (at date, what text) PARTITION BY RANGE (at);
  CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
  INSERT INTO events SELECT date '2026-01-01' + i % 50, 'e' FROM generate_series(1, 500) i;
  CREATE UNLOGGED TABLE cache (k text); INSERT INTO cache VALUES ('a'), ('b');
  CREATE TABLE "Quoted ""Name""" ("select" int, "a b" text); INSERT INTO "Quoted ""Name""" VALUES (1, E'line\\nbreak\\\\');
  CREATE TABLE nothing ();
  INSERT INTO nothing DEFAULT VALUES;
  CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3);
  CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM users;
  SELECT lo_from_bytea(0, '\\x0001'::bytea);
  GRANT SELECT ON users TO "Odd Role";
  ALTER DATABASE shop SET work_mem = '8MB';`;

describe.each([14, 15, 16, 17, 18])("dump of PostgreSQL %i", (major) => {
  let server: PostgresServer;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "hf-dump-"));
    server = await startPostgres({ major });
    await server.sql(schema);
  }, 60_000);
  afterAll(async () => {
    await server.remove();
    await rm(directory, { recursive: true, force: true });
  });

  it("gives an archive that opens, counts that match it, globals and facts", async () => {
    const context = makeContext([server.binDir], { SHOP_DB: server.urlOf("shop") });
    const dump = await dumpTo(directory, makeSource({ sourceCheck: "content" }), context);
    const rows = await archiveRows(server.binDir, dump.archive);
    expect(rows).toEqual({
      "table public.users": 1000,
      "table public.events_1": 310,
      "table public.events_2": 190,
      "table public.cache": 2,
      'table public."Quoted ""Name"""': 1,
      "table public.nothing": 1,
      "table public.parent": 1,
      "table public.child": 1,
    });
    expect(rowsOf(dump.check)).toEqual(rows);
    const [largeObjects, tables] = [true, false].map((large) =>
      Object.entries(dump.check.objects).filter(([name]) => name.startsWith("large objects ") === large),
    );
    expect(tables?.every(([, { hash }]) => hash !== undefined && /^-?\d+$/.test(hash))).toBe(true);
    expect(largeObjects?.map(([, { rows: count }]) => count)).toEqual([1]);
    expect(dump.globals).toContain('CREATE ROLE "Odd Role"');
    expect(dump.globals).not.toContain("SCRAM-SHA-256");
    expect(dump.facts).toMatchObject({
      serverMajor: major,
      toolMajor: major,
      archiveCompression: major >= 16 ? "zstd" : "none",
      databaseName: "shop",
      databaseOwner: "app_owner",
      encoding: "UTF8",
      localeProvider: "libc",
      roles: ["Odd Role", "app_owner", "postgres"],
      globalsCaptured: "all",
      rolePasswords: false,
      largeObjectCount: 1,
    });
    expect(dump.facts.extensions.map(({ name }) => name)).toEqual(["hstore", "plpgsql"]);
    expect(dump.facts.systemIdentifier).toMatch(/^\d+$/);
    expect(dump.notices).toEqual([]);
    expect(dump.coverage.to.mark).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
    expect(JSON.parse(JSON.stringify(dump.facts))).toEqual(dump.facts);
    const list = await runOk(join(server.binDir, "pg_restore"), ["-C", "-l", dump.archive]);
    expect(list).toContain("DATABASE PROPERTIES - shop");
  }, 60_000);

  it("passes its check", async () => {
    const context = makeContext([server.binDir], { SHOP_DB: server.urlOf("shop") });
    const findings = await checkPostgres(makeSource(), context);
    expect(findings.filter(({ level }) => level === "error")).toEqual([]);
  }, 60_000);
});
