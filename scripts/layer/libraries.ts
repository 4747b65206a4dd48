/**
 * The libraries that the layer's programs load, down to what Lambda's Amazon Linux 2023 has itself:
 * glibc and the compiler's.
 */
import { copyFileSync, lstatSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readElf } from "./elf.ts";
import { askForOlderSymbols } from "./older-symbols.ts";
import type { Processor } from "./processor.ts";

/**
 * What Lambda has, and up to which version of their symbols: Amazon Linux 2023 has glibc 2.34 and
 * GCC 11 (its release notes; GCC's documentation, "ABI Policy and Guidelines", has the versions of
 * GCC 11).
 */
const systemLibraries: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  "libc.so.6": { GLIBC: [2, 34] },
  "libm.so.6": { GLIBC: [2, 34] },
  "libdl.so.2": { GLIBC: [2, 34] },
  "libpthread.so.0": { GLIBC: [2, 34] },
  "librt.so.1": { GLIBC: [2, 34] },
  "libresolv.so.2": { GLIBC: [2, 34] },
  "ld-linux-x86-64.so.2": { GLIBC: [2, 34] },
  "ld-linux-aarch64.so.1": { GLIBC: [2, 34] },
  "libstdc++.so.6": { GLIBCXX: [3, 4, 29], CXXABI: [1, 3, 13] },
  "libgcc_s.so.1": { GCC: [11, 0] },
};

export const isSystemLibrary = (name: string): boolean => Object.hasOwn(systemLibraries, name);

/**
 * The layer's directory of libraries that all majors share; `/opt/lib` would be in the way of
 * others.
 */
export const sharedLibraries = "pgsql-lib";

/** Every file below `root`, links left out. */
export function filesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((name) => join(root, name))
    .filter((path) => lstatSync(path).isFile())
    .toSorted();
}

/**
 * Copies into the layer what its programs and libraries need and it lacks, and what those need,
 * from unpacked packages. Gives the roots of the packages that were used. Errors: a plain Error,
 * naming what nobody has.
 */
export function addLibraries(root: string, packages: readonly string[]): ReadonlySet<string> {
  const offered = offeredLibraries(packages);
  const directory = join(root, sharedLibraries);
  mkdirSync(directory, { recursive: true });
  const used = new Set<string>();
  const there = new Set(filesBelow(root).map((file) => file.slice(file.lastIndexOf("/") + 1)));
  const open = filesBelow(root);
  const missing = new Map<string, string>();
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    for (const name of readElf(file)?.needed ?? []) {
      if (there.has(name) || isSystemLibrary(name)) continue;
      const offer = offered.get(name);
      if (offer === undefined) {
        missing.set(name, file);
        continue;
      }
      copyFileSync(offer.file, join(directory, name));
      askForOlderSymbols(join(directory, name));
      there.add(name);
      used.add(offer.package);
      open.push(join(directory, name));
    }
  }
  if (missing.size === 0) return used;
  throw new Error(
    `no package has ${[...missing].map(([name, file]) => `${name} (for ${file.slice(root.length + 1)})`).join(", ")}`,
  );
}

/** Every name of a library that a file below `root` is linked with. */
export const librariesNeeded = (root: string): ReadonlySet<string> =>
  new Set(filesBelow(root).flatMap((file) => readElf(file)?.needed ?? []));

/** The packages' shared libraries, by the name under which they are loaded. */
export function offeredLibraries(packages: readonly string[]): Map<string, { readonly file: string; readonly package: string }> {
  const found = new Map<string, { readonly file: string; readonly package: string }>();
  for (const root of packages) {
    for (const file of filesBelow(root).filter((path) => /\.so(?:\.|$)/.test(path))) {
      const soname = readElf(file)?.soname;
      if (soname !== undefined && !found.has(soname)) found.set(soname, { file, package: root });
    }
  }
  return found;
}

/**
 * What would not load in Lambda, a line each: another processor, a library that neither the layer
 * nor Lambda has, a symbol of a newer glibc or compiler. Empty: everything loads.
 */
export function closureProblems(root: string, processor: Processor): string[] {
  const files = filesBelow(root);
  const there = new Set(files.map((file) => file.slice(file.lastIndexOf("/") + 1)));
  return files.flatMap((file) => {
    const elf = readElf(file);
    if (elf === undefined) return [];
    const name = file.slice(root.length + 1);
    const absent = elf.needed.filter((each) => !there.has(each) && !isSystemLibrary(each));
    return [
      ...(elf.processor === processor ? [] : [`${name} is for ${elf.processor}`]),
      ...absent.map((each) => `${name} needs ${each}`),
      ...[...elf.versions].flatMap(([library, versions]) =>
        versions.filter((version) => tooNew(library, version)).map((version) => `${name} needs ${version} of ${library}`),
      ),
    ];
  });
}

/**
 * `GLIBC_2.36` of libc.so.6, and not `GLIBC_2.34`. A library of the layer has what its packages
 * asked for.
 */
function tooNew(library: string, version: string): boolean {
  const limits = systemLibraries[library];
  if (limits === undefined) return false;
  const [, family = "", numbers = ""] = /^([A-Z]+)_([0-9.]+)$/.exec(version) ?? [];
  const limit = limits[family];
  // Of no numbers, as `GLIBC_PRIVATE`: no one but glibc itself may ask for it.
  if (limit === undefined) return true;
  const asked = numbers.split(".").map(Number);
  const at = asked.findIndex((number, index) => number !== (limit[index] ?? 0));
  return at >= 0 && (asked[at] as number) > (limit[at] ?? 0);
}
