/**
 * The main job on the demo database, on every PostgreSQL major: backup, verify, restore-test,
 * restore.
 */
import { describe, expect, test } from "vitest";
import { changeSampleDatabase, countSampleRows, createSampleDatabase } from "../../../demo/sample-data.ts";
import { createProject, postgresSource } from "../../support/holdfast.ts";
import { startPostgres } from "../../support/postgres-server.ts";

/** The sample's attachments, each a large object: counted with the rows. */
const sampleLargeObjects = 40;

describe.each([14, 15, 16, 17, 18])("on PostgreSQL %i", (major) => {
  test("a backup of the demo database is verified, proven and restored with its content", { timeout: 300_000 }, async () => {
    await using server = await startPostgres({ major });
    await createSampleDatabase(server, "demo");
    await using project = await createProject({
      sources: postgresSource("demo", "DEMO_URL"),
      env: { DEMO_URL: server.urlOf("demo") },
    });
    const rows = await countSampleRows(server, "demo");

    const backup = await project.holdfast(["backup", "demo"]);
    expect(backup.stderr).not.toContain("error");
    expect(backup.code).toBe(0);
    expect(backup.json).toMatchObject({ state: "verified", rows: rows + sampleLargeObjects });

    // What is written afterwards must not count as a difference.
    await changeSampleDatabase(server, "demo");
    const proof = await project.holdfast(["restore-test", "demo"]);
    expect(proof.json.tests[0]).toMatchObject({ check: "proven", findings: [], comparison: { equal: true } });
    expect(proof.json.tests[0].comparison.rowsCompared).toBeGreaterThanOrEqual(rows);
    expect(proof.code).toBe(0);

    const restored = await project.holdfast(["restore", "demo@latest", "--to", "demo_restored"]);
    expect(restored.json).toMatchObject({ comparison: { equal: true, differences: [] } });
    expect(restored.code).toBe(0);
    expect(await countSampleRows(server, "demo_restored")).toBe(rows);

    const listed = await project.holdfast(["list"]);
    expect(listed.json.backups).toMatchObject([{ source: "demo", state: "proven", suspicious: false }]);
  });
});

test("a backup of PostgreSQL 15 is restored into 18 with its content", { timeout: 300_000 }, async () => {
  await using old = await startPostgres({ major: 15 });
  await using young = await startPostgres({ major: 18 });
  await createSampleDatabase(old, "demo");
  await young.sql("create database empty");
  await using project = await createProject({
    sources: postgresSource("demo", "DEMO_URL"),
    env: { DEMO_URL: old.urlOf("demo"), TARGET_URL: young.urlOf("empty") },
  });
  expect((await project.holdfast(["backup", "demo"])).code).toBe(0);
  const restored = await project.holdfast(["restore", "demo@latest", "--to", "env:TARGET_URL"]);
  expect(restored.json).toMatchObject({ comparison: { equal: true } });
  expect(await countSampleRows(young, "empty")).toBe(await countSampleRows(old, "demo"));
});
