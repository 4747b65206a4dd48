/**
 * A directory by a path of a few bytes, whatever its own: system calls take 4,095 bytes of path,
 * and a tree that was read at `/t` may be restored at a longer path.
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { type EntryPath, treeRootOf } from "./entry-path.ts";
import { descriptorPaths } from "./open-directory.ts";

/**
 * Runs `work` with a root that stands for `directory`: its own path where there are no paths by
 * descriptor. The directory may be renamed meanwhile. Rejects with the system call's error.
 */
export async function withShortPath<T>(directory: string, work: (root: EntryPath) => Promise<T>): Promise<T> {
  const opened = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    // With a dot, for calls that follow no link at the end of a path.
    return await work(treeRootOf(Buffer.from(descriptorPaths ? `/proc/self/fd/${opened.fd}/.` : directory)));
  } finally {
    await opened.close();
  }
}
