/**
 * A Python program of the project's own: pinned, from the Python package index, in a virtual
 * environment in the cache.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "./cache-directory.ts";

export interface PythonProgram {
  /** The package's name in the index. */
  readonly name: string;
  readonly version: string;
  /** The module that shows, by being importable, that all is there. */
  readonly module: string;
  /** Packages that it works better with and does not ask for, pinned: `name==version`. */
  readonly beside?: readonly string[];
}

/**
 * The `python` of the program's environment, from the cache, else installed into it (several
 * processes may do so at once). Errors: a plain Error with the tools' own words and what to
 * install.
 */
export function ensurePythonProgram({ name, version, module, beside = [] }: PythonProgram, cache = cacheDirectory()): string {
  const directory = join(cache, [`${name}-${version}`, ...beside.map((each) => each.replace("==", "-"))].join("+"));
  const python = join(directory, "bin/python");
  const runs = (): boolean => existsSync(python) && spawnSync(python, ["-c", `import ${module}`], { stdio: "ignore" }).status === 0;
  if (runs()) return python;
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, `.${name}-`));
  try {
    makeEnvironment(temporary, name);
    install(join(temporary, "bin/python"), [`${name}==${version}`, ...beside]);
    putInPlace(temporary, directory, runs);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return python;
}

/** Renames into place; when another process was faster, its result stands. */
function putInPlace(temporary: string, directory: string, runs: () => boolean): void {
  try {
    renameSync(temporary, directory);
  } catch (error) {
    if (runs()) return;
    if (!existsSync(directory)) throw error;
    rmSync(directory, { recursive: true, force: true });
    renameSync(temporary, directory);
  }
}

/** A virtual environment; Debian packs the module apart, and it is fetched where this user may. */
function makeEnvironment(directory: string, name: string): void {
  const make = () => spawnSync("python3", ["-m", "venv", directory], { encoding: "utf8" });
  let result = make();
  if (result.status !== 0 && process.getuid?.() === 0) {
    spawnSync("apt-get", ["-qq", "update"], { stdio: "ignore" });
    const packages = ["-qq", "install", "--yes", "--no-install-recommends", "python3", "python3-venv"];
    spawnSync("apt-get", packages, { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
    result = make();
  }
  if (result.status === 0) return;
  const words = result.error?.message ?? `${result.stdout}${result.stderr}`.trim();
  throw new Error(
    `no Python environment can be made for ${name}: ${words}\n` +
      "Install Python 3.10 or later with its venv module (Debian: apt-get install python3-venv) and run this again.",
  );
}

function install(python: string, requirements: readonly string[]): void {
  const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...requirements];
  const { status, error, stdout, stderr } = spawnSync(python, args, { encoding: "utf8", timeout: 300_000 });
  if (status === 0) return;
  const words = error?.message ?? `${stdout}${stderr}`.trim().split("\n").slice(-4).join(" | ");
  throw new Error(`pip could not install ${requirements.join(" and ")}: ${words}`);
}
