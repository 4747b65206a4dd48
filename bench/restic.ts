/** restic, for comparison: the system's, else Debian's package unpacked into the cache, else nothing but a word of why. */
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
  const directory = join(cacheDirectory(), "restic");
  const unpacked = join(directory, "usr/bin/restic");
  const present = versionOf("restic") ?? versionOf(unpacked);
  if (present !== undefined) return present;
  try {
    unpackDebianPackages(() => ["restic"], directory);
  } catch (error) {
    return { missing: `restic is not installed, and ${error instanceof Error ? error.message : String(error)}` };
  }
  return versionOf(unpacked) ?? { missing: "Debian's restic does not run here" };
}

function versionOf(program: string): Restic | undefined {
  const { status, stdout } = spawnSync(program, ["version"], { encoding: "utf8" });
  return status === 0 ? { program, version: stdout.split(" compiled")[0]?.trim() ?? "" } : undefined;
}
