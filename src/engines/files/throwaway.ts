/** A restore test's place for files: a private directory in the temporary directory, gone afterwards. */
import { statfs } from "node:fs/promises";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { makePrivateDirectory } from "../../runtime/private-directory.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { BackupReader, Place } from "../engine.ts";
import { createPlace } from "./place.ts";
import { archiveName } from "./read-archive.ts";

/** What a file system takes for a name, an inode and the last block's rest, about. */
const bytesAnEntry = 4_096;

/** Bytes that the extracted tree takes: the content, and a block for every entry. The manifest's facts have the figures; without them, the archive's size. */
export function estimateThrowawayBytes(backup: BackupReader): number {
  const fact = (name: string) => (typeof backup.facts[name] === "number" ? backup.facts[name] : undefined);
  const content = fact("bytes") ?? backup.artifacts.find(({ name }) => name === archiveName)?.plainBytes ?? 0;
  return content + bytesAnEntry * ((fact("files") ?? 0) + (fact("directories") ?? 0) + (fact("symlinks") ?? 0));
}

/** Opens a throwaway. Errors: DiskFull (the room is checked first), UsageInvalid (no temporary directory). */
export async function openThrowaway(backup: BackupReader, context: RunContext): Promise<Place> {
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
    directory,
    unheldTimes: "lacking",
    failure: "ThrowawayFailed",
    facts: { kind: "private directory", user: process.geteuid?.() ?? null, neededBytes: needed, freeBytes: free ?? null },
    commit: async () => undefined,
  });
}

/** Free for this user; undefined where the system does not say. */
async function freeBytes(path: string): Promise<number | undefined> {
  const statistics = await statfs(path).catch(() => undefined);
  return statistics === undefined ? undefined : statistics.bavail * statistics.bsize;
}
