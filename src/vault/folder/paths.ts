/**
 * From a key to a path that is certainly inside the folder, and directories that survive a power
 * cut.
 */
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assertKey } from "../object-key.ts";
import { codeOf, folderError } from "./errors.ts";

/** Only the owner may look into a vault. */
const directoryMode = 0o700;

/** The path of `key` below `root`, for messages. Errors: VaultInvalid for a key that is none. */
export function pathOf(root: string, key: string): string {
  assertKey(key);
  return join(root, key);
}

/** Makes a vault's own directory and its missing parents, each durable before the next. */
export async function makeDurableDirectory(path: string, parentsMade = false): Promise<void> {
  try {
    await mkdir(path, { mode: directoryMode });
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    // A parent that is made and still not there is a link to nowhere, or is being removed by
    // another process.
    if (codeOf(error) !== "ENOENT" || parentsMade) throw folderError(error, "make the directory", path);
    await makeDurableDirectory(dirname(path));
    return makeDurableDirectory(path, true);
  }
  await syncDirectory(dirname(path));
}

/**
 * Makes the names in a directory durable. Some file systems cannot sync a directory, and need not
 * be asked to.
 */
async function syncDirectory(path: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (error) {
    if (isNoMatter(error)) return;
    throw folderError(error, "sync the directory", path);
  }
  try {
    await syncHandle(handle, path);
  } finally {
    await handle.close();
  }
}

/** The same for a directory that is open; `path` is for messages. */
export async function syncHandle(handle: FileHandle, path: string): Promise<void> {
  try {
    await handle.sync();
  } catch (error) {
    if (!isNoMatter(error)) throw folderError(error, "sync the directory", path);
  }
}

/** ENOENT: what was named there has been deleted since. */
function isNoMatter(error: unknown): boolean {
  return ["ENOENT", "EINVAL", "ENOTSUP", "EISDIR", "EBADF", "ENOSYS"].includes(codeOf(error) ?? "");
}
