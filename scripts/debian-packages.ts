/**
 * Programs from Debian's packages, unpacked into a directory: nothing is installed, and no root is
 * needed.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Downloads the packages that `choose` names (asked again after the package lists were refreshed,
 * for a fresh image has none) and unpacks them so that `directory` is their root. Errors: a plain
 * Error with apt-get's own words.
 */
export function unpackDebianPackages(choose: () => readonly string[], directory: string): void {
  mkdirSync(dirname(directory), { recursive: true });
  const temporary = mkdtempSync(join(dirname(directory), ".fetch-"));
  try {
    const first = download(choose(), temporary);
    const words = first === undefined ? undefined : refreshAndDownload(choose, temporary);
    if (words !== undefined) throw new Error(`apt-get could not download ${choose().join(", ") || "the packages"}: ${words}`);
    const unpacked = join(temporary, "unpacked");
    for (const file of readdirSync(temporary).filter((name) => name.endsWith(".deb"))) {
      const { status, stderr } = spawnSync("dpkg-deb", ["-x", join(temporary, file), unpacked], { encoding: "utf8" });
      if (status !== 0) throw new Error(`${file} does not unpack: ${stderr.trim()}`);
    }
    rmSync(directory, { recursive: true, force: true });
    renameSync(unpacked, directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function refreshAndDownload(choose: () => readonly string[], directory: string): string | undefined {
  const update = apt(["update"], directory);
  const words = download(choose(), directory);
  return words === undefined ? undefined : [words, update].filter((part) => part !== undefined).join(" | ");
}

/** Undefined when all packages came; else why not. */
function download(names: readonly string[], directory: string): string | undefined {
  if (names.length === 0) return "no such package is known";
  return apt(["download", ...names], directory);
}

function apt(args: readonly string[], directory: string): string | undefined {
  const { status, stdout, stderr, error } = spawnSync("apt-get", args, { cwd: directory, encoding: "utf8", timeout: 300_000 });
  if (status === 0) return undefined;
  return error?.message ?? `${stdout}${stderr}`.trim().split("\n").slice(-3).join(" | ");
}
