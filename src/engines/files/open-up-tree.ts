/** Gives the owner of a tree's directories the rights to empty them; root needs none. */
import { chmod, lstat, readdir } from "node:fs/promises";
import { errorCode } from "../../runtime/error-code.ts";
import { type EntryPath, joinEntry, locate, rootEntry } from "./entry-path.ts";

/** Opens up every directory at and below `root`. What vanishes or is not ours is skipped. */
export async function openUpTree(root: EntryPath): Promise<void> {
  if (process.geteuid?.() === 0) return;
  const waiting: EntryPath[] = [rootEntry];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    try {
      const location = locate(root, path);
      const { mode } = await lstat(location);
      if ((mode & 0o700) !== 0o700) await chmod(location, 0o700);
      for (const entry of await readdir(location, { encoding: "latin1", withFileTypes: true })) {
        if (entry.isDirectory()) waiting.push(joinEntry(path, entry.name));
      }
    } catch (error) {
      errorCode(error);
    }
  }
}
