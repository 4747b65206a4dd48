/**
 * A PostgreSQL that was built with ICU, which the packaged releases are not: the system's, or
 * Debian's packages unpacked into the cache.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "./cache-directory.ts";
import { unpackDebianPackages } from "./debian-packages.ts";
import { findSystemPostgres, type PostgresBinaries } from "./postgres-binaries.ts";

/**
 * Server and client programs with ICU, of whatever major version the system has or Debian ships.
 * Errors: a plain Error that says what to install.
 */
export function ensureIcuPostgres(cache = cacheDirectory()): PostgresBinaries {
  const directory = join(cache, "postgres", "debian");
  const present = findWithIcu(directory);
  if (present !== undefined) return present;
  try {
    unpackDebianPackages(choosePackages, directory);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `no PostgreSQL server built with ICU is installed or could be fetched: ${reason}\nInstall one (Debian: apt-get install postgresql).`,
    );
  }
  const fetched = findWithIcu(directory);
  if (fetched === undefined)
    throw new Error("Debian's PostgreSQL does not run here; install one (Debian: apt-get install postgresql)");
  return fetched;
}

function findWithIcu(directory: string): PostgresBinaries | undefined {
  const candidates = [...findSystemPostgres(), ...findSystemPostgres([join(directory, "usr/lib/postgresql/*/bin")])];
  return candidates.find(({ binDir }) => isServerWithIcu(binDir) && existsSync(join(binDir, "pg_restore")));
}

/** The server's binary names the ICU library that it is linked with. */
function isServerWithIcu(binDir: string): boolean {
  return readFileSync(join(binDir, "postgres")).includes("libicui18n");
}

/** The server's and the clients' packages of Debian's own major version. */
function choosePackages(): string[] {
  const { stdout } = spawnSync("apt-cache", ["depends", "postgresql"], { encoding: "utf8" });
  const server = /Depends: (postgresql-\d+)$/m.exec(stdout ?? "")?.[1];
  return server === undefined ? [] : [server, server.replace("postgresql-", "postgresql-client-")];
}
