/**
 * The layer for tests: built by its command once for each state of what builds it, and kept in the
 * cache.
 */
import { spawnSync } from "node:child_process";
import { createHash, type Hash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory, projectDirectory } from "../cache-directory.ts";
import { lambdaArchitectures, type Processor } from "./processor.ts";

/**
 * The zip for this machine's processor, built with further `options` of the command. Errors: a
 * plain Error with the command's own words.
 */
export function ensureLayer(options: readonly string[] = [], processor = process.arch as Processor): string {
  const sources = readdirSync(import.meta.dirname)
    .toSorted()
    .map((name) => join(import.meta.dirname, name));
  const builders = createHash("sha256");
  for (const file of [...sources, join(projectDirectory, "scripts/postgres-binaries.ts")]) builders.update(readFileSync(file));
  const parent = join(cacheDirectory(), "layer");
  const kind = `built-${shorten(createHash("sha256").update(JSON.stringify([processor, options])))}`;
  const directory = join(parent, `${kind}-${shorten(builders)}`);
  const file = join(directory, `holdfast-tools-${lambdaArchitectures[processor]}.zip`);
  if (existsSync(file)) return file;
  mkdirSync(parent, { recursive: true });
  // Of another state of what builds it; layers of other options stay.
  for (const old of readdirSync(parent).filter((name) => name.startsWith(`${kind}-`)))
    rmSync(join(parent, old), { recursive: true, force: true });
  const temporary = mkdtempSync(join(parent, ".out-"));
  const args = [
    join(import.meta.dirname, "build-layer.ts"),
    "--arch",
    lambdaArchitectures[processor],
    "--out",
    temporary,
    ...options,
  ];
  const { status, stderr, error } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`the layer could not be built: ${error?.message ?? stderr.trim()}`);
  renameSync(temporary, directory);
  return file;
}

const shorten = (hash: Hash): string => hash.digest("hex").slice(0, 12);
