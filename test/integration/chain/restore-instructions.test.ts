/** A restore with public tools alone, by the words of the RESTORE.md in the vault. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { countSampleRows, createSampleDatabase } from "../../../demo/sample-data.ts";
import { followRestoreInstructions } from "../../support/follow-restore-instructions.ts";
import { createProject, postgresSource } from "../../support/holdfast.ts";
import { startPostgres } from "../../support/postgres-server.ts";

test("RESTORE.md, followed word by word, restores the database without Holdfast", { timeout: 600_000 }, async () => {
  await using server = await startPostgres({ major: 17 });
  await createSampleDatabase(server, "demo");
  await using project = await createProject({
    sources: postgresSource("demo", "DEMO_URL"),
    env: { DEMO_URL: server.urlOf("demo") },
  });
  const backup = await project.holdfast(["backup", "demo"]);
  expect(backup.code).toBe(0);
  const workDir = join(project.directory, "work");
  await mkdir(workDir);
  await server.sql("create database rescued");
  await followRestoreInstructions({
    instructions: await readFile(join(project.vault, "RESTORE.md"), "utf8"),
    vaultDir: project.vault,
    source: "demo",
    backupId: backup.json.backupId,
    keyFile: project.keyFile,
    workDir,
    pgBin: server.binDir,
    databaseUrl: server.urlOf("rescued"),
  });
  expect(await countSampleRows(server, "rescued")).toBe(await countSampleRows(server, "demo"));
});
