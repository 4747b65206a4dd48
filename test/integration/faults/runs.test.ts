/**
 * Runs that fail, collide, or run under a wrong clock: nothing lost, nothing half done, the right
 * exit code.
 */
import { chmod, readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dumpSource } from "../../../src/pipeline/dump.ts";
import { findBackup } from "../../../src/vault/find-backup.ts";
import { createProject, type Project, postgresSource } from "../../support/holdfast.ts";
import { openPipeline, shiftedClock } from "../../support/pipeline.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { waitFor } from "../../support/processes.ts";
import { mountSmallDisk } from "../../support/tmpfs.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres({ major: 17 });
  await server.sql("create database big");
  await server.sql(
    "create table rows as select n, md5(n::text) || md5((n * 7)::text) || md5((n * 13)::text) as noise from generate_series(1, 1500000) n",
    "big",
  );
}, 180_000);

afterAll(() => server.remove());

async function bigProject(vault?: string): Promise<Project> {
  const options = { sources: postgresSource("big", "BIG_URL"), env: { BIG_URL: server.urlOf("big") }, majors: [17] };
  return createProject(vault === undefined ? options : { ...options, vault });
}

/** Every file below a directory, with its size. */
async function filesBelow(directory: string): Promise<{ path: string; bytes: number }[]> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    files.map(async (path) => ({
      path,
      bytes: await stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    })),
  );
}

/** Resolves once some bytes of the dump are on their way into the vault. */
async function untilDumping(project: Project): Promise<void> {
  await waitFor("bytes of the dump", async () => (await filesBelow(project.vault)).some(({ bytes }) => bytes > 1_000_000));
}

/** Process ids of programs of this name that talk to our database. */
async function pidsOf(program: string): Promise<number[]> {
  const pids: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const target = await readlink(`/proc/${name}/exe`).catch(() => "");
    const environment = await readFile(`/proc/${name}/environ`, "utf8").catch(() => "");
    if (target.endsWith(`/${program}`) && environment.includes(`PGPORT=${server.port}`)) pids.push(Number(name));
  }
  return pids;
}

async function expectNothingCommitted(project: Project): Promise<void> {
  const files = (await filesBelow(project.vault)).map(({ path }) => path.slice(project.vault.length + 1));
  const left = files.filter((path) => /^(manifests|artifacts|evidence|\.partial)\//.test(path));
  expect(left).toEqual([]);
  expect((await project.holdfast(["list"])).json.backups).toEqual([]);
}

test("pg_dump killed mid-stream: no manifest, no artifact, the tool is named, exit code 1", async () => {
  await using project = await bigProject();
  const running = project.holdfast(["backup", "big"]);
  await untilDumping(project);
  for (const pid of await pidsOf("pg_dump")) process.kill(pid, "SIGKILL");
  const { code, json } = await running;
  expect(json.error).toMatchObject({ class: "DumpFailed" });
  expect(JSON.stringify(json.error)).toContain("pg_dump");
  expect(code).toBe(1);
  await expectNothingCommitted(project);
  expect((await project.holdfast(["backup", "big"])).code).toBe(0);
});

test("the server stopped mid-dump: no manifest, no artifact, the server's own words, exit code 1", async () => {
  await using project = await bigProject();
  const running = project.holdfast(["backup", "big"]);
  await untilDumping(project);
  await server.stop("immediate");
  const { code, json } = await running;
  await server.start();
  expect(["DumpFailed", "SourceUnreachable"]).toContain(json.error.class);
  expect(code).toBe(1);
  await expectNothingCommitted(project);
  expect((await project.holdfast(["backup", "big"])).code).toBe(0);
});

test("the vault's disk full: DiskFull names the place, nothing is left, exit code 1", async () => {
  await using disk = await mountSmallDisk(16 * 1024 * 1024);
  await using project = await bigProject(`folder:${join(disk.path, "vault")}`);
  const { code, json } = await project.holdfast(["backup", "big"]);
  expect(json.error).toMatchObject({ class: "DiskFull" });
  expect(json.error.message).toContain(disk.path);
  expect(code).toBe(1);
  const left = (await filesBelow(join(disk.path, "vault"))).map(({ path }) => path);
  expect(left.filter((path) => /(manifests|artifacts|\.partial)\//.test(path))).toEqual([]);
});

test("two runs at once: the second says who holds the lease and since when, exit code 5", async () => {
  await using project = await bigProject();
  const first = project.holdfast(["backup", "big"]);
  await untilDumping(project);
  const second = await project.holdfast(["backup", "big"]);
  expect(second.code).toBe(5);
  expect(second.json.error).toMatchObject({ class: "LeaseHeld" });
  expect(second.json.error.message).toMatch(/since .*\d{4}-\d{2}-\d{2}T/);
  expect((await first).code).toBe(0);
  expect((await project.holdfast(["list"])).json.backups).toHaveLength(1);
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s: the run takes back what it wrote, releases the lease, exit code 130",
  async (signal) => {
    await using project = await bigProject();
    const running = project.holdfast(["backup", "big"]);
    await untilDumping(project);
    for (const pid of await holdfastPids(project)) process.kill(pid, signal);
    const { code, json } = await running;
    expect(json.error).toMatchObject({ class: "Interrupted" });
    expect(code).toBe(130);
    await expectNothingCommitted(project);
    await waitFor("the end of pg_dump", async () => (await pidsOf("pg_dump")).length === 0);
    expect((await project.holdfast(["backup", "big"])).code).toBe(0);
  },
);

async function holdfastPids(project: Project): Promise<number[]> {
  const pids: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const words = (await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "")).split("\0");
    if (words.includes(project.policyFile) && words.includes("backup")) pids.push(Number(name));
  }
  return pids;
}

test("a throwaway server is gone after SIGKILL of a restore test", async () => {
  await using project = await bigProject();
  expect((await project.holdfast(["backup", "big"])).code).toBe(0);
  const throwaways = async (): Promise<string[]> => {
    const directories: string[] = [];
    for (const name of await readdir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const words = (await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "")).split("\0");
      const target = await readlink(`/proc/${name}/exe`).catch(() => "");
      if (target.endsWith("/postgres") && words.some((word) => word.includes(project.directory))) directories.push(name);
    }
    return directories;
  };
  // The server runs as another user, who must be able to walk there.
  await chmod(project.directory, 0o755);
  const running = project.say(["restore-test", "big"], { HOLDFAST_TMPDIR: project.directory });
  await waitFor("the throwaway server", async () => (await throwaways()).length > 0, 60_000);
  for (const name of await readdir("/proc")) {
    const words = (await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "")).split("\0");
    if (words.includes(project.policyFile) && words.includes("restore-test")) process.kill(Number(name), "SIGKILL");
  }
  await running;
  await waitFor("its end", async () => (await throwaways()).length === 0, 30_000);
  const known = ["holdfast.yml", "initial.yml", "main.key", "vault"];
  await waitFor(
    "its directory's removal",
    async () => (await readdir(project.directory)).every((name) => known.includes(name)),
    30_000,
  );
});

test("a clock set back: the backup is made and says so, and pruning refuses while the newest lies in the future", async () => {
  await using project = await bigProject();
  await project.writePolicy(postgresSource("small", "SMALL_URL"));
  const env = { ...project.env, SMALL_URL: server.url };
  const ahead = await openPipeline({ policyFile: project.policyFile, env, clock: shiftedClock(36 * 3600 * 1000) });
  const future = await dumpSource(ahead, { source: "small", kind: "full" });
  ahead.close();
  const { code, json } = await project.holdfast(["backup", "small"], { SMALL_URL: server.url });
  expect(JSON.stringify(json.notices)).toContain("clock-behind");
  expect(json.state).toBe("verified");
  expect(JSON.stringify(json.pruneRefusal)).toMatch(/future|ahead|clock/);
  expect(code).toBe(5);
  const now = await openPipeline({ policyFile: project.policyFile, env });
  expect((await findBackup(await now.vaultOf("main"), future.backupId, new Date())).id).toBe(future.backupId);
  now.close();
});

test("a wrong password, a missing database and a missing server are told apart, without the password", async () => {
  await using project = await bigProject();
  const cases = [
    [server.urlOf("big", "postgres", "wrong-secret"), "SourceAccessDenied"],
    [server.urlOf("no_such_database"), "SourceAccessDenied"],
    ["postgresql://someone:wrong-secret@127.0.0.1:1/big", "SourceUnreachable"],
  ] as const;
  for (const [url, name] of cases) {
    const { code, json, stdout, stderr } = await project.holdfast(["backup", "big"], { BIG_URL: url });
    expect(json.error.class).toBe(name);
    expect(code).toBe(1);
    expect(stdout + stderr).not.toContain("wrong-secret");
  }
  await expectNothingCommitted(project);
});
