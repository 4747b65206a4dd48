/** From a key to a path that is certainly inside the folder, and directories that survive a power cut. */
import { lstat, mkdir, open, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { codeOf, folderError } from "./folder-errors.ts";
import { assertKey } from "./object-key.ts";

/** Only the owner may look into a vault. */
const directoryMode = 0o700;

/** The path of `key` below `root`. Errors: VaultInvalid for a key that is none. */
export function pathOf(root: string, key: string): string {
  assertKey(key);
  return join(root, key);
}

/**
 * Refuses a way from `root` (which itself may be a link) to `path` that goes through a symbolic link: it could lead out of the vault, and
 * no vault needs one. Errors: VaultInvalid.
 */
export async function assertNoLinks(root: string, path: string): Promise<void> {
  const names = path
    .slice(root.length)
    .split("/")
    .filter((name) => name !== "");
  let current = root;
  for (const name of names) {
    current = join(current, name);
    try {
      if ((await lstat(current)).isSymbolicLink()) throw linkInVault(current);
    } catch (error) {
      // What is not there yet is made as what it must be; a file in the way is found when it is opened.
      if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return;
      throw folderError(error, "look at", current);
    }
  }
}

export function linkInVault(path: string): HoldfastError {
  return new HoldfastError(
    "VaultInvalid",
    `${path} is a symbolic link: a folder vault holds none, for it could lead out of the vault`,
    {
      hint: "Replace the link by the directory itself; the vault as a whole may lie behind a link or a mount point.",
    },
  );
}

/** Makes a directory and its missing parents, each durable before the next. */
export async function makeDurableDirectory(path: string, parentsMade = false): Promise<void> {
  try {
    await mkdir(path, { mode: directoryMode });
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    // A parent that is made and still not there is a link to nowhere, or is being removed by another process.
    if (codeOf(error) !== "ENOENT" || parentsMade) throw folderError(error, "make the directory", path);
    await makeDurableDirectory(dirname(path));
    return makeDurableDirectory(path, true);
  }
  await syncDirectory(dirname(path));
}

/** Makes the name at `path` durable, and those of the directories on the way to it: another process may have made these and not synced them yet. */
export async function syncWay(root: string, path: string): Promise<void> {
  for (let directory = dirname(path); directory.length >= root.length; directory = dirname(directory)) {
    await syncDirectory(directory);
    if (directory === dirname(directory)) return;
  }
}

/** Makes the names in a directory durable. Some file systems cannot sync a directory, and need not be asked to. */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const handle = await open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // ENOENT: what was named there has been deleted since.
    if (["ENOENT", "EINVAL", "ENOTSUP", "EISDIR", "EBADF", "ENOSYS"].includes(codeOf(error) ?? "")) return;
    throw folderError(error, "sync the directory", path);
  }
}

/** Removes the directories between `path` and `root` that have become empty; a directory that another writer needs is left or made again. */
export async function removeEmptyParents(root: string, path: string): Promise<void> {
  for (let directory = dirname(path); directory.length > root.length; directory = dirname(directory)) {
    try {
      await rmdir(directory);
    } catch {
      return; // Not empty, or gone already: either way nothing is wrong.
    }
  }
}
