/**
 * The main job on databases that hurt: every kind of object, heavy writes, nothing at all, hostile
 * names, collations.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ensureIcuPostgres } from "../../../scripts/debian-postgres.ts";
import { createProject, type Project, postgresSource } from "../../support/holdfast.ts";
import { createHurtfulDatabase, hurtfulDatabase } from "../../support/hurtful-data.ts";
import { createCollationDatabase, createObjectZoo } from "../../support/object-zoo.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { ending, runOk } from "../../support/processes.ts";

/** Backup, restore test and restore of one database; everything must compare equal. */
async function proveAndRestore(project: Project, source: string): Promise<void> {
  const backup = await project.holdfast(["backup", source]);
  expect(backup.json).toMatchObject({ state: "verified" });
  expect(backup.code).toBe(0);
  const proof = await project.holdfast(["restore-test", source]);
  expect(proof.json.tests[0]).toMatchObject({ check: "proven", findings: [] });
  expect(proof.code).toBe(0);
  const restored = await project.holdfast(["restore", `${source}@latest`, "--to", `${source}_restored`]);
  expect(restored.json).toMatchObject({ comparison: { equal: true, differences: [] } });
  expect(restored.code).toBe(0);
}

async function projectFor(server: PostgresServer, database: string, more = ""): Promise<Project> {
  return createProject({ sources: postgresSource("db", "DB_URL", more), env: { DB_URL: server.urlOf(database) } });
}

describe.each([14, 17, 18])("on PostgreSQL %i", (major) => {
  test("every kind of object survives", { timeout: 300_000 }, async () => {
    await using server = await startPostgres({ major, settings: { wal_level: "logical" } });
    await createObjectZoo(server);
    await using project = await projectFor(server, "zoo");
    await proveAndRestore(project, "db");
  });
});

test("an empty database survives", { timeout: 300_000 }, async () => {
  await using server = await startPostgres({ major: 17 });
  await server.sql("create database nothing");
  await using project = await projectFor(server, "nothing");
  await proveAndRestore(project, "db");
});

test("names and data that hurt survive: quotes, newlines, emoji, NUL-like bytes, 1,000 tables, 200 MB of rows", {
  timeout: 600_000,
}, async () => {
  await using server = await startPostgres({ major: 17 });
  await createHurtfulDatabase(server);
  await using project = await projectFor(server, hurtfulDatabase);
  await proveAndRestore(project, "db");
});

test("ICU collations survive", { timeout: 300_000 }, async () => {
  const { major, binDir } = ensureIcuPostgres();
  await using server = await startPostgres({ major, binDir });
  await createCollationDatabase(server);
  await using project = await createProject({
    sources: postgresSource("db", "DB_URL"),
    env: { DB_URL: server.urlOf("collated"), HOLDFAST_PG_PATH: binDir },
    majors: [],
  });
  await proveAndRestore(project, "db");
});

test("where the throwaway server's build lacks ICU, that is named, and is neither proof nor damage", {
  timeout: 300_000,
}, async () => {
  const { major, binDir } = ensureIcuPostgres();
  await using server = await startPostgres({ major, binDir });
  await createCollationDatabase(server);
  await using project = await createProject({
    sources: postgresSource("db", "DB_URL"),
    env: { DB_URL: server.urlOf("collated") },
    majors: [major],
  });
  expect((await project.holdfast(["backup", "db"])).code).toBe(0);
  const proof = await project.holdfast(["restore-test", "db"]);
  expect(proof.json.tests[0].check).toBe("unproven");
  expect(JSON.stringify(proof.json.tests[0].findings)).toMatch(/ICU/i);
  expect(proof.code).toBe(1);
  expect((await project.holdfast(["list"])).json.backups[0].state).toBe("verified");
});

test("the builtin collation provider survives", { timeout: 300_000 }, async () => {
  await using server = await startPostgres({ major: 18 });
  await server.sql(
    "create database built template template0 encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'",
  );
  await server.sql(
    "create table words as select unnest(array['Zebra', 'apple', 'Äpfel']) as word; create index on words (word collate pg_c_utf8)",
    "built",
  );
  await using project = await projectFor(server, "built");
  await proveAndRestore(project, "db");
});

test.each(["counts", "content"])(
  "a database written to heavily during the dump is proven against its snapshot (%s)",
  { timeout: 300_000 },
  async (mode) => {
    await using server = await startPostgres({ major: 17 });
    await server.sql("create database bench");
    const env = { ...server.env, PGDATABASE: "bench" };
    const pgbench = join(server.binDir, "pgbench");
    await runOk(pgbench, ["--initialize", "--scale=10", "--quiet"], { env });
    await using project = await projectFor(server, "bench", `    sourceCheck: ${mode}\n`);
    const writers = spawn(pgbench, ["--client=4", "--time=120", "--no-vacuum"], { env, stdio: "ignore" });
    try {
      const backup = await project.holdfast(["backup", "db"]);
      expect(backup.json).toMatchObject({ state: "verified" });
      const proof = await project.holdfast(["restore-test", "db"]);
      expect(proof.json.tests[0]).toMatchObject({
        check: "proven",
        findings: [],
        sourceCheck: { equal: true, objectsCompared: 4 },
      });
    } finally {
      writers.kill("SIGTERM");
      await ending(writers);
    }
  },
);
