import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { run } from "../support/processes.ts";

const { setUp, whyInstall } = (await import(join(projectDirectory, "scripts/with-node.mjs"))) as {
  whyInstall(directory: string): string | undefined;
  setUp(directory: string): string | undefined;
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-setup-"));
  await mkdir(join(directory, "node_modules"));
  return () => rm(directory, { recursive: true, force: true });
});

const lock = (packages: object): string => JSON.stringify({ packages });
const write = async (wanted: object, there: object | undefined): Promise<void> => {
  await writeFile(join(directory, "package-lock.json"), lock({ "": {}, ...wanted }));
  if (there !== undefined) await writeFile(join(directory, "node_modules/.package-lock.json"), lock(there));
};

describe("deciding whether to install", () => {
  it("is content when what is there is what the lock file says", async () => {
    await write({ "node_modules/a": { version: "1.0.0" } }, { "node_modules/a": { version: "1.0.0" } });
    expect(whyInstall(directory)).toBeUndefined();
  });

  it("installs when nothing is there", async () => {
    await write({ "node_modules/a": { version: "1.0.0" } }, undefined);
    expect(whyInstall(directory)).toBe("node_modules is missing");
  });

  it("installs when a package has another version", async () => {
    await write({ "node_modules/a": { version: "2.0.0" } }, { "node_modules/a": { version: "1.0.0" } });
    expect(whyInstall(directory)).toBe("node_modules/a is 1.0.0 and package-lock.json wants 2.0.0");
  });

  it("does not miss packages that are optional for this system", async () => {
    await write({ "node_modules/other-arch": { version: "1.0.0", optional: true } }, {});
    expect(whyInstall(directory)).toBeUndefined();
  });

  it("says what failed when npm fails", async () => {
    await write({ "node_modules/a": { version: "1.0.0" } }, undefined);
    await writeFile(join(directory, "package.json"), "{ not json");
    expect(setUp(directory)).toMatch(/npm install failed in .* \(exit code \d+\)/);
  });
});

describe("running a script with Node 24", () => {
  let scripts: string;
  const withNode = join(projectDirectory, "scripts/with-node.mjs");
  beforeAll(async () => {
    scripts = await mkdtemp(join(tmpdir(), "hf-script-"));
    await writeFile(
      join(scripts, "report.ts"),
      "const args: string[] = process.argv.slice(2);\nconsole.log(JSON.stringify([process.version, process.env.PATH, args]));\nprocess.exitCode = 7;\n",
    );
    await writeFile(
      join(scripts, "wait.ts"),
      'process.on("SIGTERM", () => process.exit(9));\nconsole.log("ready");\nsetInterval(() => {}, 1000);\n',
    );
  });
  afterAll(() => rm(scripts, { recursive: true, force: true }));
  const relative = (name: string): string => join("../".repeat(projectDirectory.split("/").length - 1), scripts, name);

  it("passes arguments and exit code, and puts the checkout's programs first on the PATH", async () => {
    const { code, stdout } = await run("node", [withNode, relative("report.ts"), "a b", "$c"]);
    const [version, path, args] = JSON.parse(stdout) as [string, string, string[]];
    expect(code).toBe(7);
    expect(version).toMatch(/^v24\./);
    expect(path.split(":")[1]).toBe(join(projectDirectory, "node_modules/.bin"));
    expect(args).toEqual(["a b", "$c"]);
  });

  it("passes signals on", async () => {
    const { spawn } = await import("node:child_process");
    const child = spawn("node", [withNode, relative("wait.ts")], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill("SIGTERM");
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(9);
  });

  it("says what to do when the package node was left out and this Node is too old", async () => {
    const bin = join(directory, "bin");
    await mkdir(bin);
    // A find-node that asks the real one, on a system where there is nothing to find.
    const copy = join(bin, "find-node.mjs");
    const { readFile } = await import("node:fs/promises");
    await writeFile(
      copy,
      (await readFile(join(projectDirectory, "bin/find-node.mjs"), "utf8")).replace("requiredMajor = 24", "requiredMajor = 999"),
    );
    await writeFile(join(bin, "ask.mjs"), 'import { findNode } from "./find-node.mjs";\nconsole.log(String(findNode()));\n');
    await chmod(copy, 0o644);
    expect((await run(process.execPath, [join(bin, "ask.mjs")])).stdout).toBe("undefined\n");
  });
});
