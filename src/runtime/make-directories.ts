/** Makes a directory with the parents it lacks. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes `path` and whatever parents are missing, with `mode`; nothing when it is there. Errors: the
 * system's own. Not mkdir's `recursive`: where a parent exists and yet answers ENOENT (below /proc,
 * on some network mounts) that one tries for ever (seen with Node 24 and a path below /proc).
 */
export async function makeDirectories(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EEXIST") return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path) throw error;
    await makeDirectories(parent, mode);
    // Once: a second ENOENT is the answer.
    await mkdir(path, { mode }).catch((again: NodeJS.ErrnoException) => {
      if (again.code !== "EEXIST") throw again;
    });
  }
}
