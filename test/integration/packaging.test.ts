import { existsSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { type RunResult, run, runOk } from "../support/processes.ts";

let directory: string;
let installed: string;

/**
 * What a shell of a person has, who never saw the clone: no node_modules/.bin, no npm variables of
 * this run.
 */
const plainEnv: NodeJS.ProcessEnv = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_") && !name.startsWith("VITEST"))),
  PATH: (process.env.PATH ?? "")
    .split(":")
    .filter((entry) => !entry.startsWith(projectDirectory))
    .join(":"),
  NODE_ENV: undefined,
};

const holdfast = (...args: string[]): Promise<RunResult> =>
  run(join(installed, "bin/holdfast"), args, { cwd: directory, env: plainEnv });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-package-"));
  installed = join(directory, "prefix");
  await runOk("npm", ["pack", "--pack-destination", directory], { cwd: projectDirectory, env: plainEnv, timeoutMs: 170_000 });
  const tarball = (await readdir(directory)).find((name) => name.endsWith(".tgz"));
  const install = [
    "install",
    "--global",
    "--prefix",
    installed,
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    join(directory, String(tarball)),
  ];
  await runOk("npm", install, { cwd: directory, env: plainEnv, timeoutMs: 300_000 });
}, 480_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

describe("the packed and installed package", () => {
  it("starts outside the clone, under whatever Node the system has", async () => {
    const { version } = JSON.parse(await readFile(join(projectDirectory, "package.json"), "utf8")) as { version: string };
    const result = await holdfast("--version");
    expect(result).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("shows its help, with every command", async () => {
    const { code, stdout } = await holdfast("--help");
    expect(code).toBe(0);
    for (const command of [
      "init",
      "check",
      "backup",
      "list",
      "show",
      "verify",
      "restore-test",
      "restore",
      "prune",
      "hold",
      "status",
      "report",
      "export",
    ]) {
      expect(stdout).toMatch(new RegExp(`^ +${command}\\b`, "m"));
    }
  });

  it("passes on exit codes", async () => {
    expect((await holdfast("no-such-command")).code).toBe(2);
    expect((await holdfast("--policy", "missing.yml", "list")).code).toBe(2);
  });

  it("writes a policy and a key, and backs up and verifies files", async () => {
    const tree = join(directory, "tree");
    await cp(join(projectDirectory, "docs"), tree, { recursive: true });
    const init = await holdfast(
      "init",
      "--engine",
      "files",
      "--source",
      "docs",
      "--path",
      tree,
      "--vault",
      "folder:vault",
      "--key",
      "main.key",
    );
    expect(init).toMatchObject({ code: 0 });
    expect(await holdfast("backup", "docs")).toMatchObject({ code: 0 });
    expect(await holdfast("restore-test", "docs")).toMatchObject({ code: 0 });
    const { stdout } = await holdfast("list", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ backups: [{ source: "docs", state: "proven" }] });
  });

  it("holds the bundle, documents and licence, and neither sources nor tests", async () => {
    const root = join(installed, "lib/node_modules/holdfast");
    for (const there of ["dist/cli/main.js", "LICENSE", "README.md", "docs", "examples"])
      expect(existsSync(join(root, there)), there).toBe(true);
    for (const absent of ["src", "test", "scripts", ".cache", "demo-output"])
      expect(existsSync(join(root, absent)), absent).toBe(false);
  });
});
