/** Reads small files ahead of whoever takes the walk's entries, in the walk's order. */
import { type EntryPath, locate } from "./entry-path.ts";
import { readSmallFile, type SmallRead, smallFileBytes } from "./read-file.ts";
import type { WalkedEntry } from "./walk-tree.ts";

export interface Reading extends WalkedEntry {
  /** A small file's content, read ahead. */
  readonly content?: Promise<SmallRead>;
}

/** The walk, with small files being read ahead: as many as are worth it on their file system. */
export async function* readAhead(root: EntryPath, walk: AsyncIterable<WalkedEntry>): AsyncGenerator<Reading> {
  const queue: Reading[] = [];
  for await (const walked of walk) {
    const { stats, operations, path } = walked;
    // A file with several names is read under the first of them only, which is not known here.
    const small = stats.isFile() && stats.nlink === 1n && stats.size <= smallFileBytes;
    queue.push(small ? { ...walked, content: readSmallFile(operations, locate(root, path), stats) } : walked);
    while (queue.length >= operations.concurrency) {
      const first = queue.shift();
      if (first !== undefined) yield first;
    }
  }
  yield* queue;
}
