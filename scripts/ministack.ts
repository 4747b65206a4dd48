/** The local cloud of the tests: MiniStack, from the Python package index, in an environment of the project's own. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "./cache-directory.ts";

export interface MiniStack {
  /** Runs MiniStack's server: `python`, with these arguments. */
  readonly python: string;
  readonly args: readonly string[];
}

/** The version whose behaviour the tests were written against. */
const version = "1.5.33";
/** `python -m`-style, because the console script holds the path where it was installed. */
const args = ["-c", "from ministack.app import main; main()"];

/**
 * MiniStack from the cache, else installed into it (several processes may do so at once). Errors: a plain Error with the tools' own words and
 * what to install.
 */
export function ensureMiniStack(cache = cacheDirectory()): MiniStack {
  const directory = join(cache, `ministack-${version}`);
  const installed: MiniStack = { python: join(directory, "bin/python"), args };
  if (runs(installed.python)) return installed;
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, ".ministack-"));
  try {
    makeEnvironment(temporary);
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `ministack==${version}`];
    run(join(temporary, "bin/python"), install, `pip could not install ministack ${version}`);
    putInPlace(temporary, directory, installed.python);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return installed;
}

function runs(python: string): boolean {
  return existsSync(python) && spawnSync(python, ["-c", "import ministack.app"], { stdio: "ignore" }).status === 0;
}

/** Renames into place; when another process was faster, its result stands. */
function putInPlace(temporary: string, directory: string, python: string): void {
  try {
    renameSync(temporary, directory);
  } catch (error) {
    if (runs(python)) return;
    if (!existsSync(directory)) throw error;
    rmSync(directory, { recursive: true, force: true });
    renameSync(temporary, directory);
  }
}

/** A virtual environment; Debian packs the module apart, and it is fetched where this user may. */
function makeEnvironment(directory: string): void {
  const make = () => spawnSync("python3", ["-m", "venv", directory], { encoding: "utf8" });
  let result = make();
  if (result.status !== 0 && process.getuid?.() === 0) {
    spawnSync("apt-get", ["-qq", "update"], { stdio: "ignore" });
    const install = ["-qq", "install", "--yes", "--no-install-recommends", "python3", "python3-venv"];
    spawnSync("apt-get", install, { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
    result = make();
  }
  if (result.status === 0) return;
  const words = result.error?.message ?? `${result.stdout}${result.stderr}`.trim();
  throw new Error(
    `no Python environment can be made for MiniStack, the tests' local S3: ${words}\n` +
      "Install Python 3.10 or later with its venv module (Debian: apt-get install python3-venv) and run this again.",
  );
}

function run(command: string, args: readonly string[], problem: string): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 300_000 });
  if (status === 0) return;
  throw new Error(`${problem}: ${error?.message ?? `${stdout}${stderr}`.trim().split("\n").slice(-4).join(" | ")}`);
}
