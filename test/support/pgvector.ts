/** A pgvector that somebody else built: the one in PyPI's `pgserver`, for PostgreSQL 16, x86_64. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../../scripts/cache-directory.ts";
import { fetchWheel } from "../../scripts/python-wheel.ts";

export const pgvectorMajor = 16;
const version = "0.1.4";
const sha256 = "d595789b47624a3d963aa9aa6359da9be31beb7e61f1a45541953242068b8813";

/** The tree in which it is installed. Errors: a plain Error with pip's own words. */
export function ensurePgvector(): string {
  const directory = join(cacheDirectory(), `pgserver-${version}`);
  if (existsSync(directory)) return directory;
  mkdirSync(cacheDirectory(), { recursive: true });
  const temporary = mkdtempSync(join(cacheDirectory(), ".fetch-"));
  try {
    const request = { name: "pgserver", version, sha256, pythonVersion: "3.11", platform: "manylinux_2_17_x86_64" };
    const unpacked = join(temporary, "tree");
    cpSync(join(fetchWheel(request, temporary), "pgserver/pginstall"), unpacked, { recursive: true });
    // Several processes may fetch at once; the first is kept.
    if (!existsSync(directory)) renameSync(unpacked, directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return directory;
}
