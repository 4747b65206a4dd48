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
  await server.sql("alter database demo set work_mem = '7MB'");
  await server.sql("comment on database demo is $$first line\nALTER DATABASE demo SET work_mem = '1MB';$$");
  await server.sql("create role reader; grant create on database demo to reader; revoke connect on database demo from public");
  const backup = await project.holdfast(["backup", "demo"]);
  expect(backup.code).toBe(0);
  const erasure = ["--table", "public.users", "--where", "id=42", "--reason", "GDPR Art. 17"];
  expect((await project.holdfast(["erase", "add", "demo", ...erasure])).code).toBe(0);
  const workDir = join(project.directory, "work");
  await mkdir(workDir);
  // On the day itself, the new database has the name that the old one had.
  await server.sql("alter database demo rename to lost");
  await server.sql("create database demo");
  const followed = await followRestoreInstructions({
    instructions: await readFile(join(project.vault, "RESTORE.md"), "utf8"),
    vaultDir: project.vault,
    source: "demo",
    backupId: backup.json.backupId,
    keyFile: project.keyFile,
    workDir,
    pgBin: server.binDir,
    databaseUrl: server.urlOf("demo"),
  });
  // What has to be taken out by hand is said, with the key opened.
  expect(followed.stdout).toMatch(/^1 erasures are recorded$/m);
  expect(followed.stdout).toContain('"targets":[{"key":{"id":"42"},"schema":"public","table":"users"}]');
  expect(await countSampleRows(server, "demo")).toBe(await countSampleRows(server, "lost"));
  const own = (name: string): Promise<unknown> =>
    server.sql(
      `select array(select unnest(datacl)::text order by 1), shobj_description(oid, 'pg_database'),
        (select setconfig from pg_db_role_setting where setdatabase = oid) from pg_database where datname = '${name}'`,
    );
  expect(await own("demo")).toEqual(await own("lost"));
});
