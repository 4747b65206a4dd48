/**
 * The public tools that RESTORE.md names and a machine may lack: the AWS Encryption SDK for Python,
 * its command line, zstd's library.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { cacheDirectory } from "./cache-directory.ts";

/**
 * The versions that the instructions pin; zstandard is not pinned there, and any release since 2022
 * will do.
 */
const packages = ["aws-encryption-sdk==3.3.1", "aws-encryption-sdk-cli==4.3.0", "zstandard==0.25.0"];

/** The cache's name says what is in it, so that another set of packages is another directory. */
const name = "python-restore-1";

/**
 * A Python environment with those packages, made in the project's cache on first use; returns its
 * directory (programs are in `bin/`). Several processes may ask at once: each makes its own, one
 * wins. Errors: a plain Error that says what to install.
 */
export function provideRestoreTools(cache = cacheDirectory()): string {
  const wanted = join(cache, name);
  if (existsSync(join(wanted, "complete"))) return wanted;
  // Its programs hold its path, so that it cannot be renamed into place: a link is.
  const made = mkdtempSync(join(cache, `.${name}-`));
  try {
    makeEnvironment(made);
    run(join(made, "bin/python"), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages]);
    writeFileSync(join(made, "complete"), `${packages.join("\n")}\n`);
    const link = `${made}.link`;
    symlinkSync(basename(made), link);
    renameSync(link, wanted);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    throw error;
  }
  return wanted;
}

function makeEnvironment(directory: string): void {
  if (spawnSync("python3", ["-m", "venv", directory]).status === 0) return;
  // Debian ships Python without venv.
  const asRoot = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  for (const step of [["update"], ["install", "--yes", "--no-install-recommends", "python3-venv"]]) {
    const [command = "", ...args] = [...asRoot, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...step];
    if (spawnSync(command, args).status !== 0) break;
  }
  run("python3", ["-m", "venv", "--clear", directory]);
}

function run(command: string, args: readonly string[]): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", timeout: 300_000 });
  if (status === 0) return;
  const words = error?.message ?? `${stdout}${stderr}`.trim().split("\n").slice(-4).join(" | ");
  throw new Error(
    `${command} ${args.slice(0, 3).join(" ")} failed: ${words}\nInstall Python 3 with venv and pip (Debian: apt-get install python3-venv).`,
  );
}
