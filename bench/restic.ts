/**
 * restic, for comparison: the system's, else Debian's package unpacked into the cache, else nothing
 * but a word of why.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { cacheDirectory } from "../scripts/cache-directory.ts";
import { unpackDebianPackages } from "../scripts/debian-packages.ts";

export interface Restic {
  readonly program: string;
  readonly version: string;
}

/** The program, or in words why it cannot be compared with. */
export function findRestic(): Restic | { readonly missing: string } {
  const program = findDebianProgram("restic");
  if (program === undefined) return { missing: "restic is not installed, and Debian's cannot be had" };
  return versionOf(program) ?? { missing: "Debian's restic does not run here" };
}

/**
 * A program to compare with: the system's, else that of Debian's package of its name; undefined:
 * neither runs here.
 */
export function findDebianProgram(name: "restic" | "rclone"): string | undefined {
  if (versionOf(name) !== undefined) return name;
  const directory = join(cacheDirectory(), name);
  const unpacked = join(directory, "usr/bin", name);
  try {
    if (versionOf(unpacked) === undefined) unpackDebianPackages(() => [name], directory);
  } catch {
    return undefined;
  }
  return versionOf(unpacked) === undefined ? undefined : unpacked;
}

function versionOf(program: string): Restic | undefined {
  const { status, stdout } = spawnSync(program, ["version"], { encoding: "utf8" });
  return status === 0 ? { program, version: stdout.split(" compiled")[0]?.trim() ?? "" } : undefined;
}
