/**
 * A restore test's place for files: a private directory in the temporary directory, gone
 * afterwards.
 */
import { statfs } from "node:fs/promises";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { makePrivateDirectory } from "../../runtime/private-directory.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { Place } from "../place.ts";
import type { FilesBackup } from "./backup-facts.ts";
import { createPlace } from "./place.ts";

/** What a file system takes for a name, an inode and the last block's rest, about. */
export const bytesAnEntry = 4_096;

/**
 * Bytes that the extracted tree takes: the content, and a block for every entry. By the manifest's
 * facts.
 */
export function estimateThrowawayBytes(backup: Pick<FilesBackup, "facts">): number {
  const { bytes, files, directories, symlinks } = backup.facts;
  return bytes + bytesAnEntry * (files + directories + symlinks);
}

/**
 * Opens a throwaway. Errors: DiskFull (the room is checked first), UsageInvalid (no temporary
 * directory).
 */
export async function openThrowaway(backup: FilesBackup, context: RunContext, only?: readonly string[]): Promise<Place> {
  const needed = estimateThrowawayBytes(backup);
  const free = await freeBytes(context.temporaryDirectory);
  if (free !== undefined && free < needed) {
    throw new HoldfastError(
      "DiskFull",
      `the restore test needs ${needed} bytes in ${context.temporaryDirectory}, where ${free} are free`,
    );
  }
  const directory = await makePrivateDirectory(context.temporaryDirectory, "holdfast-test-");
  return createPlace({
    backup,
    context,
    only,
    directory,
    unheldTimes: "lacking",
    failure: "ThrowawayFailed",
    facts: { kind: "private directory", user: process.geteuid?.() ?? null, neededBytes: needed, freeBytes: free ?? null },
    throwaway: true,
    commit: async () => undefined,
  });
}

/** Free for this user; undefined where the system does not say. */
async function freeBytes(path: string): Promise<number | undefined> {
  const statistics = await statfs(path).catch(() => undefined);
  return statistics === undefined ? undefined : statistics.bavail * statistics.bsize;
}
