/**
 * Runs that read a backup and are stopped, or whose tools are: no judgement of the backup, nothing
 * left behind, the right exit code.
 */
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ensurePostgres } from "../../../scripts/postgres-binaries.ts";
import { createProject, type Project, postgresSource } from "../../support/holdfast.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { waitFor } from "../../support/processes.ts";

let server: PostgresServer;
let project: Project;
let scratch: string;
let realTools: string;

beforeAll(async () => {
  server = await startPostgres({ major: 17 });
  realTools = (await ensurePostgres(17)).binDir;
  await server.sql("create database shop");
  await server.sql(
    "create table orders as select n as id, md5(n::text) as note from generate_series(1, 100000) n; create table small as select 1 as one",
    "shop",
  );
  project = await createProject({
    sources: postgresSource("shop", "SHOP_URL"),
    env: { SHOP_URL: server.urlOf("shop") },
    majors: [17],
  });
  expect((await project.holdfast(["backup", "shop"])).code).toBe(0);
}, 180_000);

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await server.remove();
});

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "holdfast-scratch-"));
  // Throwaway servers run as another user, who must be able to walk there.
  await chmod(scratch, 0o777);
  return () => rm(scratch, { recursive: true, force: true });
});

/**
 * Client programs that are the real ones, but for pg_restore, which runs `script` where its
 * arguments match.
 */
async function toolsWith(pattern: string, script: string): Promise<NodeJS.ProcessEnv> {
  const directory = join(scratch, "tools");
  await mkdir(directory);
  for (const program of ["pg_dump", "pg_dumpall", "psql", "pg_restore"]) {
    const special = program === "pg_restore" ? `case "$*" in ${pattern}) ${script};; esac\n` : "";
    await writeFile(join(directory, program), `#!/bin/sh\n${special}exec ${realTools}/${program} "$@"\n`);
    await chmod(join(directory, program), 0o755);
  }
  const temporary = join(scratch, "tmp");
  await mkdir(temporary);
  await chmod(temporary, 0o777);
  // A script needs a shell, which no sandbox has.
  return { HOLDFAST_PG_PATH: [directory, realTools].join(delimiter), HOLDFAST_TMPDIR: temporary, HOLDFAST_SANDBOX: "none" };
}

async function stateOf(): Promise<string> {
  return (await project.holdfast(["list", "shop"])).json.backups.at(-1).state;
}

const leftovers = async (): Promise<string[]> => [
  ...(await readdir(join(scratch, "tmp"))),
  ...(await readdir(join(project.vault, "leases", "reading"), { recursive: true }).catch(() => [])).filter((name) =>
    name.endsWith(".json"),
  ),
];

test.each([
  ["verify", "--file=-", ["verify", "shop@latest"]],
  ["restore test", "--dbname", ["restore-test", "shop"]],
] as const)("pg_restore killed under a %s is no damage of the backup, exit code 1", async (_name, argument, command) => {
  const tools = await toolsWith(`*${argument}*`, "kill -KILL $$");
  const { code, stdout } = await project.holdfast(command, tools);
  expect(code, stdout).toBe(1);
  expect(stdout).toContain("SIGKILL");
  expect(await stateOf()).toBe("verified");
  expect(await leftovers()).toEqual([]);
});

test.each([
  ["SIGINT", "verify", "--file=-", ["verify", "shop@latest"]],
  ["SIGINT", "restore test", "--dbname", ["restore-test", "shop"]],
  ["SIGINT", "restore", "--dbname", ["restore", "shop@latest", "--to", "shop_copy"]],
  ["SIGHUP", "restore", "--dbname", ["restore", "shop@latest", "--to", "shop_copy"]],
] as const)("%s to a %s leaves nothing behind and judges nothing, exit code 130", async (signal, _name, argument, command) => {
  const reached = join(scratch, "reached");
  const tools = await toolsWith(`*${argument}*`, `: > ${reached}; exec sleep 300`);
  const running = project.holdfast(command, tools);
  await waitFor("the tool", () => stat(reached).then(Boolean, () => false), 60_000);
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const words = (await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "")).split("\0");
    if (words.includes(project.policyFile) && words.includes(command[0])) process.kill(Number(name), signal);
  }
  const { code, json } = await running;
  expect(json.error).toMatchObject({ class: "Interrupted" });
  expect(code).toBe(130);
  expect(await stateOf()).toBe("verified");
  expect(await leftovers()).toEqual([]);
  expect(await server.sql("select count(*) from pg_database where datname like 'shop_%'")).toBe("0");
});

test("a damaged archive is salvaged when asked for by name, and exit code 4 says that it is not whole", async () => {
  const id = (await project.holdfast(["list", "shop"])).json.backups.at(-1).id;
  const path = join(project.vault, "artifacts", "shop", id, "archive.dump");
  const file = await open(path, "r+");
  const { size } = await file.stat();
  const kept = Buffer.alloc(1);
  await file.read(kept, 0, 1, size - 100);
  await file.write(Buffer.from([(kept[0] ?? 0) ^ 1]), 0, 1, size - 100);
  try {
    const refused = await project.holdfast(["restore", id, "--to", "shop_refused"]);
    expect(refused.code).toBe(4);
    const salvaged = await project.holdfast(["restore", id, "--to", "shop_salvaged", "--allow-damaged"]);
    expect(salvaged.code, salvaged.stdout).toBe(4);
    expect(salvaged.json.intact).toBe(false);
    expect(JSON.stringify(salvaged.json.loadFindings)).toContain("archive.dump");
    expect(await server.sql("select count(*) from pg_database where datname = 'shop_salvaged'")).toBe("1");
    expect((await project.holdfast(["show", id])).json.evidence.length).toBeGreaterThan(0);
  } finally {
    await file.write(kept, 0, 1, size - 100);
    await file.close();
  }
});
