/**
 * The password is nowhere but in the environment it came from: not in the vault, the output, argv,
 * or an error.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createProject, postgresSource } from "../../support/holdfast.ts";
import { startPostgres } from "../../support/postgres-server.ts";

const secret = "Hunter2-very-secret-%-word";

test("a password reaches no vault object, no output, no argv and no error", { timeout: 300_000 }, async () => {
  await using server = await startPostgres({ major: 17, superuserPassword: secret });
  await server.sql("create table rows as select n, md5(n::text) from generate_series(1, 300000) n");
  await using project = await createProject({ sources: postgresSource("db", "DB_URL"), env: { DB_URL: server.url }, majors: [17] });

  const seen: string[] = [];
  let watching = true;
  const watch = (async () => {
    while (watching) {
      for (const name of await readdir("/proc")) {
        if (/^\d+$/.test(name)) seen.push(await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => ""));
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  const outputs: string[] = [];
  for (const args of [
    ["check"],
    ["backup", "db"],
    ["restore-test", "db"],
    ["show", "db@latest"],
    ["restore", "db@latest", "--to", "copy"],
    ["restore", "db@latest", "--to", "copy"],
    ["restore", "db@latest", "--to", `postgresql://postgres:${encodeURIComponent(secret)}@127.0.0.1/copy2`],
  ]) {
    const ran = await project.holdfast(args);
    // The last is refused for standing in argv; Holdfast's own words must not repeat it.
    outputs.push(ran.stdout, ran.stderr);
  }
  watching = false;
  await watch;

  const forms = [secret, encodeURIComponent(secret)];
  expect(seen.some((line) => line.includes("pg_dump"))).toBe(true);
  const ownTools = seen.filter((line) => !line.includes("copy2"));
  for (const form of forms) {
    expect(outputs.join("\n")).not.toContain(form);
    expect(ownTools.join("\n")).not.toContain(form);
  }
  const files = await readdir(project.vault, { recursive: true, withFileTypes: true });
  for (const file of files.filter((entry) => entry.isFile())) {
    const content = await readFile(join(file.parentPath, file.name), "latin1");
    for (const form of forms) expect(content.includes(form), file.name).toBe(false);
  }
});
