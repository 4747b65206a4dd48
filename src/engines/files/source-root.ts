/** The directory that a files source names. */
import type { BigIntStats } from "node:fs";
import { lstat, realpath, stat } from "node:fs/promises";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { errorCode } from "../../runtime/error-code.ts";
import { identifyUpwards } from "../../runtime/path-identity.ts";
import { findAvoided } from "./avoided.ts";
import { type EntryPath, locate, rootEntry, treeRootOf } from "./entry-path.ts";
import { describeCode } from "./failures.ts";
import { pooledOperations } from "./file-operations.ts";
import { openDirectory } from "./open-directory.ts";

export interface SourceRoot {
  /** Absolute, without symbolic links. */
  readonly path: EntryPath;
  readonly stats: BigIntStats;
  /** The source's path is a symbolic link, which was followed. */
  readonly linked: boolean;
}

/**
 * Finds and opens the root of a tree; a symbolic link is followed.
 * Errors: SourceUnreachable (missing, or the system's error), SourceAccessDenied, SourceUnsupported
 * (not a directory, or one of
 * `vaults` or within it).
 */
export async function findSourceRoot(path: string, vaults: readonly string[] = []): Promise<SourceRoot> {
  try {
    const linked = (await lstat(path)).isSymbolicLink();
    const root = treeRootOf(await realpath(path, { encoding: "buffer" }));
    const stats = await stat(locate(root, rootEntry), { bigint: true });
    if (!stats.isDirectory()) {
      throw new HoldfastError("SourceUnsupported", `${path} is not a directory`, {
        hint: "Point the source's path at a directory; to back up a single file, name it in include.",
      });
    }
    await refuseVault(path, vaults);
    // Whether it can be listed shows here, not in the middle of a backup.
    await (await openDirectory(pooledOperations, locate(root, rootEntry), { expected: stats })).release();
    return { path: root, stats, linked };
  } catch (error) {
    throw explain(path, error);
  }
}

async function refuseVault(path: string, vaults: readonly string[]): Promise<void> {
  const avoided = await findAvoided(vaults);
  if (avoided.size === 0 || !(await identifyUpwards(await realpath(path))).some((identity) => avoided.has(identity))) return;
  throw new HoldfastError("SourceUnsupported", `${path} is in a vault of this policy, which is not backed up into a vault`, {
    hint: "Point the source's path at the data, and copy vaults with `holdfast export`.",
  });
}

function explain(path: string, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const code = errorCode(error);
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new HoldfastError("SourceUnreachable", `the directory ${path} does not exist`, {
      cause: error,
      hint: "Correct the source's path in the policy, or mount what should be there.",
    });
  }
  if (code === "EACCES" || code === "EPERM") {
    return new HoldfastError("SourceAccessDenied", `cannot read ${path}: permission denied for this user`, {
      cause: error,
      hint: "Run Holdfast as a user that may read the tree, as docs/files.md describes.",
    });
  }
  return new HoldfastError("SourceUnreachable", `the directory ${path} cannot be read: ${describeCode(code)}`, { cause: error });
}
