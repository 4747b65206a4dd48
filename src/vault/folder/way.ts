/**
 * The way to a name in a folder vault: its directories, opened one by one from the vault's own,
 * none of them through a link. Names are then reached through the opened directory: one that is
 * swapped for a link meanwhile leads nobody out of the vault.
 */
import { constants, existsSync } from "node:fs";
import { type FileHandle, lstat, mkdir, open, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, folderError, notAnObject } from "./errors.ts";
import { makeDurableDirectory, syncHandle } from "./paths.ts";

export interface OpenDirectory {
  /** What to put before `/<name>` in a call. */
  readonly path: string;
  /** Its path as people know it. */
  readonly shown: string;
  readonly handle: FileHandle;
}

export interface Way {
  /** From the vault's own directory to the last. */
  readonly directories: readonly OpenDirectory[];
  readonly last: OpenDirectory;
  close(): Promise<void>;
}

/**
 * Linux reaches a name in an opened directory by this path; elsewhere a directory is checked when
 * it is opened, and named by its path.
 */
const descriptors = "/proc/self/fd";
const hasDescriptors = existsSync(descriptors);
/** Of directories inside a vault. O_NONBLOCK: a pipe that stands there must not be waited for. */
export const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** The vault itself may lie behind a link. */
export const rootFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK;
/** Only the owner may look into a vault. */
const directoryMode = 0o700;

/** What to put before `/<name>` for names in the directory that is open as `fd`. */
export function pathThrough(fd: number, shown: string): string {
  return hasDescriptors ? `${descriptors}/${fd}` : shown;
}

/**
 * Opens the directories of `key` below `root`, and makes those that are missing when told to, each
 * durable before the next. Undefined when one is missing (or a file stands there) and none is to be
 * made. Errors: VaultInvalid (a link or something else in the way), StoreAccessDenied, DiskFull.
 */
export async function openWay(root: string, key: string, make: boolean): Promise<Way | undefined> {
  const names = key.split("/").slice(0, -1);
  const directories: OpenDirectory[] = [];
  const close = async (): Promise<void> => {
    for (const { handle } of directories) await handle.close().catch(() => undefined);
  };
  try {
    directories.push(await openRoot(root, make));
    for (const name of names) {
      const parent = directories.at(-1) as OpenDirectory;
      if (make) await makeDirectory(parent, name);
      directories.push(await openBelow(parent, name));
    }
  } catch (error) {
    await close();
    // Where nothing is to be made, what is not there is no error; a file in the way holds no
    // objects either.
    if (!make && (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR")) return undefined;
    throw folderError(error, make ? "make the directories of" : "read", join(root, key));
  }
  return { directories, last: directories.at(-1) as OpenDirectory, close };
}

/**
 * Runs `work` on the opened directories of `key`; `absent` is the answer where they are missing.
 * Errors: those of openWay and of `work`.
 */
export async function onWay<T, A>(root: string, key: string, absent: A, work: (way: Way) => Promise<T>): Promise<T | A> {
  const way = await openWay(root, key, false);
  if (way === undefined) return absent;
  try {
    return await work(way);
  } finally {
    await way.close();
  }
}

/**
 * Makes the names on the way durable, from the last: another process may have made these and not
 * synced them yet.
 */
export async function syncWay({ directories }: Way): Promise<void> {
  for (const { handle, shown } of directories.toReversed()) await syncHandle(handle, shown);
}

/**
 * Removes the directories on the way that have become empty; one that another writer needs is left
 * or made again.
 */
export async function removeEmptyOnWay({ directories }: Way): Promise<void> {
  for (let index = directories.length - 1; index > 0; index -= 1) {
    const name = directories[index]?.shown.split("/").at(-1) ?? "";
    try {
      await rmdir(`${directories[index - 1]?.path}/${name}`);
    } catch {
      return; // Not empty, or gone already: either way nothing is wrong.
    }
  }
}

async function openRoot(root: string, make: boolean): Promise<OpenDirectory> {
  if (make) await makeDurableDirectory(root);
  const handle = await open(root, rootFlags);
  return { handle, shown: root, path: pathThrough(handle.fd, root) };
}

async function openBelow(parent: OpenDirectory, name: string): Promise<OpenDirectory> {
  const path = `${parent.path}/${name}`;
  const shown = join(parent.shown, name);
  try {
    const handle = await open(path, directoryFlags);
    return { handle, shown, path: pathThrough(handle.fd, shown) };
  } catch (error) {
    // Both are said of links by some system or other.
    if (codeOf(error) !== "ENOTDIR" && codeOf(error) !== "ELOOP") throw folderError(error, "read", shown, ["ENOENT"]);
    if ((await lstat(path)).isSymbolicLink()) throw notAnObject("a symbolic link", shown);
    throw error;
  }
}

async function makeDirectory(parent: OpenDirectory, name: string): Promise<void> {
  try {
    await mkdir(`${parent.path}/${name}`, { mode: directoryMode });
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    throw folderError(error, "make the directory", join(parent.shown, name), ["ENOENT"]);
  }
  await syncHandle(parent.handle, parent.shown);
}

/** The file name that a key ends with. */
export function nameOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
