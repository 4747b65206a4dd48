/**
 * The content digest of a files backup (docs/files.md, "The content digest"), and what the source's
 * own counts are compared with.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Comparison, ContentDigest, Difference, SourceCheckResult } from "../../proof/content.ts";
import { makePrivateDirectory } from "../../runtime/private-directory.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { BackupReader } from "../backup-reader.ts";
import { createGroupCollector } from "./digest-groups.ts";
import { type Entry, formatContentLine } from "./entry.ts";
import { spoolIndex } from "./index-spool.ts";
import { indexName, readArchive } from "./read-archive.ts";

/** Names the rules: SHA-256 over the content lines of all entries in the archive's order. */
const algorithm = "holdfast-files-1";

export interface DigestBuilder {
  add(entry: Entry): void;
  /**
   * objectCount: all entries; rows: files under all their names; bytes: their content, each file
   * once.
   */
  finish(): ContentDigest;
}

export function createDigestBuilder(): DigestBuilder {
  const lines = createHash("sha256");
  let [objectCount, rows, bytes] = [0, 0, 0];
  return {
    add(entry) {
      lines.update(formatContentLine(entry));
      objectCount++;
      if (entry.type === "file" || entry.type === "hardlink") rows++;
      bytes += entry.size;
    },
    finish: () => ({ algorithm, objectCount, rows, bytes, sha256: lines.digest("hex") }),
  };
}

/**
 * Reads a backup to its end. Errors: ContentInvalid, DiskFull (the index is kept in the temporary
 * directory meanwhile), whatever the reader gives.
 */
export async function digestBackup(backup: BackupReader, context: RunContext): Promise<ContentDigest> {
  const directory = await makePrivateDirectory(context.temporaryDirectory, "holdfast-files-");
  try {
    const spool = join(directory.path, "index.jsonl.zst");
    await spoolIndex(await backup.open(indexName), spool);
    const builder = createDigestBuilder();
    const groups = createGroupCollector();
    for await (const { entry, body } of readArchive(backup, spool, context.signal)) {
      builder.add(entry);
      await groups.add(entry, body);
    }
    return { ...builder.finish(), groups: groups.finish() };
  } finally {
    await directory.remove();
  }
}

/** What a backup or a restored tree holds, in the words of the source's count. */
export interface ContentCount {
  readonly files: number;
  /** Directories and symbolic links together with the files. */
  readonly entries: number;
}

/**
 * Compares the source's count of itself with what a backup, or a restored tree, holds. Mode `none`
 * compares nothing.
 */
export function compareCounts(count: ContentCount, check: SourceCheckResult): Comparison {
  const nothing = { equal: true, objectsCompared: 0, rowsCompared: 0, bytesCompared: 0, differenceCount: 0, differences: [] };
  if (check.mode === "none") return nothing;
  const rows = (name: string) => check.objects[name]?.rows ?? 0;
  const differences: Difference[] = [];
  const compare = (object: string, counted: number, held: number) => {
    if (counted !== held) differences.push({ object, problem: `the source counted ${counted}, the backup holds ${held}` });
  };
  compare("files", rows("files"), count.files);
  compare("files, directories and symbolic links", rows("files") + rows("directories") + rows("symlinks"), count.entries);
  return {
    ...nothing,
    equal: differences.length === 0,
    objectsCompared: 2,
    rowsCompared: count.entries,
    differenceCount: differences.length,
    differences,
  };
}
