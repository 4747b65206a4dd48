/**
 * Whether two paths lead to the same, and one below the other: by their names, by where their links
 * lead, and by device and inode.
 */
import type { BigIntStats } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { errorCode } from "./error-code.ts";

/** A file's or directory's identity on this machine. */
export function identityOf({ dev, ino }: Pick<BigIntStats, "dev" | "ino">): string {
  return `${dev}:${ino}`;
}

/** The identity of what `path` leads to; undefined where it cannot be looked at. */
export async function identify(path: string): Promise<string | undefined> {
  try {
    return identityOf(await stat(path, { bigint: true }));
  } catch (error) {
    errorCode(error);
    return undefined;
  }
}

/**
 * The identities of a directory and all that it is in, from the innermost on. `path` is absolute
 * and without symbolic links.
 */
export async function identifyUpwards(path: string): Promise<string[]> {
  const identities: string[] = [];
  for (let at = path; ; at = dirname(at)) {
    const identity = await identify(at);
    if (identity !== undefined) identities.push(identity);
    if (at === dirname(at)) return identities;
  }
}

/**
 * Whether `path` is `directory` or lies below it, by its names, by where its links lead, or by the
 * identity of what it goes through.
 */
export async function isWithin(path: string, directory: string): Promise<boolean> {
  const [real, realDirectory] = [await resolveLinks(path), await resolveLinks(directory)];
  const above = (outer: string, inner: string) => inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
  if (above(realDirectory, real) || above(resolve(directory), resolve(path))) return true;
  const identity = await identify(directory);
  if (identity === undefined) return false;
  return (await identifyUpwards(resolve(path))).includes(identity) || (await identifyUpwards(real)).includes(identity);
}

/** The path without symbolic links, as far as it exists. */
async function resolveLinks(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch (error) {
    errorCode(error);
    return absolute === dirname(absolute) ? absolute : join(await resolveLinks(dirname(absolute)), basename(absolute));
  }
}
