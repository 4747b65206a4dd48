/**
 * A files index on temporary disk, compressed: less than 100 bytes an entry. A dump writes the
 * index while it writes the archive and stores it after it; a reader of a backup fetches the index
 * first and then steps through both, so that no connection idles while the archive is read.
 */

import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import type { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { createZstdCompress, createZstdDecompress } from "node:zlib";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { createByteSource } from "./byte-source.ts";
import { type Entry, parseIndexLine, type SkippedEntry } from "./entry.ts";
import { fileFailure } from "./failures.ts";

export interface IndexWriter {
  /** Takes one line; to be awaited when it returns a promise. */
  add(line: string): Promise<void> | undefined;
  /** Resolves once everything is on disk. Errors: DiskFull. */
  finish(): Promise<void>;
}

/** Lines are handed on in pieces of about this size. */
const pieceCharacters = 65_536;
/**
 * A path takes four bytes of JSON a byte at most, PATH_MAX is 4 KiB, and a line holds two; far
 * beyond is no index.
 */
const maxLineBytes = 262_144;

/** Writes a new spool at `path`. Errors, from `add` and `finish`: DiskFull, DumpFailed. */
export function createIndexWriter(path: string): IndexWriter {
  const compress = createZstdCompress();
  const done = pipeline(compress, createWriteStream(path, { flags: "wx", mode: 0o600 }));
  // Reported by `add` and `finish`; until then it must not count as unhandled.
  done.catch(() => undefined);
  let piece = "";
  async function flush(): Promise<void> {
    const full = piece;
    piece = "";
    if (compress.destroyed) await explain(done, path);
    if (!compress.write(full)) await Promise.race([once(compress, "drain"), explain(done, path)]);
  }
  return {
    add(line) {
      piece += line;
      return piece.length < pieceCharacters ? undefined : flush();
    },
    async finish() {
      await flush();
      compress.end();
      await explain(done, path);
    },
  };
}

async function explain(done: Promise<void>, path: string): Promise<void> {
  try {
    await done;
  } catch (error) {
    throw fileFailure(error, `cannot write the index to ${path}`, "DumpFailed");
  }
}

/**
 * Copies an index from a backup into a new spool at `path`. Errors: DiskFull, whatever the stream
 * gives.
 */
export async function spoolIndex(index: Readable, path: string): Promise<void> {
  let broken: unknown;
  index.once("error", (error) => {
    broken = error;
  });
  try {
    await pipeline(index, createZstdCompress(), createWriteStream(path, { flags: "wx", mode: 0o600 }));
  } catch (error) {
    if (broken !== undefined) throw broken;
    throw fileFailure(error, `cannot keep the index in ${path}`, "RestoreFailed");
  }
}

/** The spool's bytes as they were written: index.jsonl. */
export function openSpool(path: string): Readable {
  const file = createReadStream(path);
  const plain = createZstdDecompress();
  // pipeline destroys both on either's failure; the consumer sees it on `plain`.
  pipeline(file, plain).catch(() => undefined);
  return plain;
}

/** The entries of an index, in order. Errors: ContentInvalid naming the line. */
export async function* readIndex(path: string): AsyncGenerator<Entry | SkippedEntry> {
  const stream = openSpool(path);
  const source = createByteSource(stream);
  try {
    for (let number = 1; ; number++) {
      const line = await source.takeLine(maxLineBytes);
      if (line === undefined) return;
      if (line.length >= maxLineBytes)
        throw new HoldfastError("ContentInvalid", `index.jsonl, line ${number}: is longer than any entry's`);
      yield parseIndexLine(line.toString("utf8"), number);
    }
  } finally {
    stream.destroy();
    await finished(stream).catch(() => undefined);
  }
}
