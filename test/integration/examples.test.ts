/**
 * The examples, as their readers use them: every command of each README, in order, against a real
 * server.
 */
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parsePolicy } from "../../src/policy/parse-policy.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import { type RunResult, run } from "../support/processes.ts";

const repository = join(import.meta.dirname, "..", "..");
const example = join(repository, "examples", "taskmaster");

/** The text of the README's fenced blocks in one language, in order. */
function fencedBlocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map((match) => match[1] ?? "");
}

let directory: string;
let server: PostgresServer;
let env: NodeJS.ProcessEnv;
let readme: string;
let blocks: string[];
let session: RunResult;
/** What each block printed. */
let outputs: string[];

const home = (...names: string[]): string => join(directory, "home", ...names);

async function holdfast(...args: string[]) {
  const ran = await run("holdfast", [...args, "--json"], {
    cwd: home(),
    env: { ...env, HOLDFAST_POLICY: home("holdfast", "holdfast.yml") },
  });
  return { ...ran, json: JSON.parse(ran.stdout) };
}

/** The output of the block with this command in it. */
function outputOf(command: string): string {
  const index = blocks.findIndex((block) => block.includes(command));
  expect(index, command).toBeGreaterThanOrEqual(0);
  return outputs[index] ?? "";
}

/**
 * One shell for all blocks, so that what one sets holds in the next; it stops at the first command
 * that fails.
 */
function sessionScript(): string {
  const numbered = blocks.map((block, index) => `echo '==== block ${index} ===='\n${block}`);
  return ["trap 'echo \"failed with $?: $BASH_COMMAND\" >&2' ERR", ...numbered].join("\n");
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-examples-"));
  server = await startPostgres({ major: 17, superuserPassword: "correct horse" });
  await server.sql("create database taskmaster");
  await mkdir(home());
  await mkdir(join(directory, "bin"));
  await cp(example, home("taskmaster-example"), { recursive: true });
  const shim = join(directory, "bin", "holdfast");
  await writeFile(shim, `#!/bin/sh\nexec "${process.execPath}" "${join(repository, "bin", "holdfast.mjs")}" "$@"\n`);
  await chmod(shim, 0o755);
  const { HOLDFAST_POLICY: _policy, ...inherited } = process.env;
  env = {
    ...inherited,
    HOME: home(),
    PATH: [join(directory, "bin"), server.binDir, process.env["PATH"]].join(delimiter),
    HOLDFAST_PG_PATH: server.binDir,
    NO_COLOR: "1",
    TASKMASTER_DATABASE_URL: server.urlOf("taskmaster"),
  };
  readme = await readFile(join(example, "README.md"), "utf8");
  blocks = fencedBlocks(readme, "sh");
  session = await run("bash", ["--noprofile", "--norc", "-euo", "pipefail", "-c", sessionScript()], {
    cwd: home("taskmaster-example"),
    env,
    timeoutMs: 170_000,
  });
  outputs = session.stdout.split(/^==== block \d+ ====\n/m).slice(1);
});

afterAll(async () => {
  await server?.remove();
  await rm(directory, { recursive: true, force: true });
});

describe("examples/taskmaster/README.md", () => {
  test("every command ends with exit code 0, in order", () => {
    expect(session.stderr).not.toContain("failed with");
    expect(session.code, session.stderr).toBe(0);
    expect(blocks.length).toBeGreaterThan(12);
    expect(outputs).toHaveLength(blocks.length);
  });

  test("speaks of no command that it does not show", () => {
    const shown = blocks.join("\n");
    const spoken = [...readme.matchAll(/`holdfast ([a-z][a-z-]*)/g)].map((match) => match[1]);
    for (const command of new Set(spoken)) expect(shown).toMatch(new RegExp(`^holdfast ${command}`, "m"));
  });

  test("check finds no error, and warns of the vault that is not there yet and the webhook that is not set here", () => {
    const output = outputOf("holdfast check");
    expect(output).toMatch(/^\d+ checks: 0 errors, 2 warnings$/m);
    expect(output).toMatch(/warning {2}vault: .* does not exist yet/);
    expect(output).toMatch(/warning {2}alerts: slack:env:TASKMASTER_SLACK_WEBHOOK: .* is not set/);
  });

  test("both sources end with proven backups", async () => {
    expect(outputOf("holdfast backup taskmaster\nholdfast backup taskmaster-config").match(/, verified$/gm)).toHaveLength(2);
    const proof = outputOf("holdfast restore-test");
    expect(proof.match(/ {2}of taskmaster(-config)?, proven\n {2}compared/gm)).toHaveLength(2);
    expect(proof).toContain("assertions  3 of 3 passed");
    expect(proof).toMatch(/RTO +restored in .*; the objective is 4 h: met/);
    const { json } = await holdfast("list");
    const states = (source: string) =>
      json.backups
        .filter((backup: { source: string }) => backup.source === source)
        .map((backup: { state: string }) => backup.state);
    expect(states("taskmaster")).toEqual(["proven", "verified"]);
    expect(states("taskmaster-config")).toEqual(["proven"]);
  });

  test("the restored copy has the users and tasks, and none of the excluded rows", async () => {
    const rows = (table: string, database: string) => server.sql(`select count(*) from ${table}`, database);
    for (const table of ["users", "tasks"]) {
      const original = await rows(table, "taskmaster");
      expect(Number(original)).toBeGreaterThan(100);
      expect(await rows(table, "taskmaster_restored")).toBe(original);
    }
    for (const table of ["sessions", "admin_sessions", "cache_task_counts"]) {
      expect(Number(await rows(table, "taskmaster"))).toBeGreaterThan(0);
      expect(await rows(table, "taskmaster_restored")).toBe("0");
    }
    expect(await readFile(home("taskmaster", "config-restored", "api.env"), "utf8")).toBe("API_PORT=8080\n");
  });

  test("status has no word against an RPO that a daily dump keeps", () => {
    const said = outputOf("holdfast status").replace(/\s+/g, " ");
    expect(said).toContain("taskmaster");
    expect(said).not.toContain("can never keep an RPO");
  });

  test("the connection and the key are readable by their owner only, and in no object of the vault", async () => {
    const secrets = [home(".config", "holdfast", "environment"), home(".config", "holdfast", "taskmaster.key")];
    for (const file of secrets) expect((await stat(file)).mode & 0o077, file).toBe(0);
    const key = (await readFile(secrets[1] ?? "", "utf8")).trim().split("\n").at(-1) ?? "";
    const files = await readdir(home("holdfast", "taskmaster-vault"), { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) {
      const content = await readFile(join(file.parentPath, file.name), "latin1");
      expect(content.includes("correct%20horse") || content.includes(key.split(" ")[0] ?? ""), file.name).toBe(false);
    }
  });

  test("the crontab has the policy's schedules, and its lines work as cron runs them", { timeout: 170_000 }, async () => {
    const lines = fencedBlocks(readme, "cron").join("").trim().split("\n");
    const jobs = lines.map((line) => line.match(/^((?:\S+ +){4}\S+) +(.*)$/)).map((match) => [match?.[1], match?.[2]] as const);
    const policyFile = join(example, "holdfast.local.yml");
    const policy = parsePolicy(await readFile(policyFile, "utf8"), policyFile, { directory: example, home: home() });
    const expected = Object.values(policy.sources).flatMap((source) => [
      [source.schedules.full, `holdfast backup ${source.name}`],
      [source.verify.schedule, `holdfast verify --source ${source.name}`],
      [source.restoreTest.schedule, `holdfast restore-test ${source.name}`],
    ]);
    const scheduled = jobs.map(([when, command]) => [when, command?.split("&& ").at(-1)]);
    for (const job of expected) expect(scheduled).toContainEqual(job);
    expect(jobs).toHaveLength(expected.length + 1);
    for (const [, command = ""] of jobs) {
      // cron gives a job little more than this.
      const ran = await run("/bin/sh", ["-c", command], {
        cwd: home(),
        env: { HOME: home(), PATH: "/usr/bin:/bin", HOLDFAST_PG_PATH: server.binDir },
      });
      expect(ran.code, `${command}: ${ran.stderr}`).toBe(0);
    }
  });
});
