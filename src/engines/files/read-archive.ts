/**
 * Reads files.tar and index.jsonl in step, and accepts only what agrees: each entry, each byte, the
 * order, the end of both.
 */
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { BackupReader } from "../backup-reader.ts";
import { createStructureGuard } from "./archive-structure.ts";
import { type Entry, formatContentLine, type SkippedEntry } from "./entry.ts";
import { displayPath } from "./entry-path.ts";
import { readIndex } from "./index-spool.ts";
import type { TarEntry } from "./tar-header.ts";
import { createTarReader } from "./tar-reader.ts";

/** What each artifact is that holds a part of the archive. */
export const archiveRole = "archive";
export const indexName = "index.jsonl";

export interface ArchivedEntry {
  readonly entry: Entry;
  /** Directories that ended before this entry, innermost first. */
  readonly ended: readonly Entry[];
  /**
   * A file's content, checked against its checksum at its end. What is not read is checked all the
   * same.
   */
  readonly body?: AsyncGenerator<Buffer>;
}

/**
 * The entries of a backup in order; `spool` holds its index (index-spool.ts). Returns the
 * directories that end with the archive. Memory does not grow with the archive.
 * Errors: ContentInvalid naming the entry that is wrong; whatever the backup's streams give.
 */
export async function* readArchive(
  backup: BackupReader,
  spool: string,
  signal: AbortSignal,
): AsyncGenerator<ArchivedEntry, readonly Entry[]> {
  const archive = joinParts(backup);
  const tar = createTarReader(archive);
  const index = storedEntries(readIndex(spool));
  const guard = createStructureGuard();
  try {
    for (;;) {
      signal.throwIfAborted();
      const [archived, { value: entry, done }] = [await tar.next(), await index.next()];
      if (archived === undefined && done === true) return guard.end();
      if (archived === undefined)
        throw disagree(`${displayPath(entry?.path ?? ("" as Entry["path"]))} is in the index and not in the archive`);
      if (done === true) throw disagree(`${displayPath(archived.path)} is in the archive and not in the index`);
      compareEntries(archived, entry);
      const ended = guard.admit(entry);
      if (entry.type !== "file") {
        yield { entry, ended };
        continue;
      }
      const body = checkBody(tar.body(archived), entry);
      yield { entry, ended, body };
      for await (const chunk of body) void chunk;
    }
  } finally {
    await archive.return(undefined);
    await index.return(undefined);
  }
}

/**
 * files.tar: its parts in the manifest's order. The next one is being fetched while one is read.
 */
async function* joinParts(backup: BackupReader): AsyncGenerator<Buffer> {
  const names = backup.artifacts.flatMap(({ name, role }) => (role === archiveRole ? [name] : []));
  let coming = openNext();
  try {
    while (coming !== undefined) {
      const stream = await coming;
      try {
        coming = openNext();
        for await (const chunk of stream) yield chunk as Buffer;
      } finally {
        stream.destroy();
      }
    }
  } finally {
    coming?.then((stream) => stream.destroy()).catch(() => undefined);
  }

  function openNext(): Promise<Readable> | undefined {
    const name = names.shift();
    if (name === undefined) return undefined;
    const opening = backup.open(name);
    // Its failure, and the stream's, are met when their turn comes.
    opening.then((stream) => stream.on("error", () => undefined)).catch(() => undefined);
    return opening;
  }
}

async function* storedEntries(index: AsyncIterable<Entry | SkippedEntry>): AsyncGenerator<Entry, undefined> {
  for await (const entry of index) if (entry.type !== "skipped") yield entry;
}

function disagree(what: string): HoldfastError {
  return new HoldfastError("ContentInvalid", `files.tar and index.jsonl disagree: ${what}`);
}

/** Everything that tar holds must be what the index says. */
function compareEntries(archived: TarEntry, entry: Entry): void {
  if (archived.path !== entry.path) {
    throw disagree(`where the index has ${displayPath(entry.path)} the archive has ${displayPath(archived.path)}`);
  }
  const { sha256, ...known } = entry;
  const asArchived = { ...archived, ...(sha256 === undefined ? {} : { sha256 }) };
  if (formatContentLine(asArchived) === formatContentLine(entry) && archived.user === known.user && archived.group === known.group)
    return;
  const keys = ["type", "mode", "uid", "gid", "user", "group", "mtimeNs", "size", "linkTarget", "hardLinkOf"] as const;
  const differing = keys.filter((key) => archived[key] !== entry[key]).map((key) => (key === "mtimeNs" ? "mtime" : key));
  throw disagree(`${displayPath(entry.path)} differs in ${differing.join(", ")}`);
}

async function* checkBody(body: AsyncGenerator<Buffer>, entry: Entry): AsyncGenerator<Buffer> {
  const digest = createHash("sha256");
  for await (const chunk of body) {
    digest.update(chunk);
    yield chunk;
  }
  if (digest.digest("hex") === entry.sha256) return;
  throw disagree(`the content of ${displayPath(entry.path)} is not what its checksum in the index says`);
}
