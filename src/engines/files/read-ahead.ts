/** Reads small files ahead of the consumer of the walk's entries, in the walk's order. */
import { readSmallFile, type SmallRead, smallFileBytes } from "./read-file.ts";
import type { WalkedEntry } from "./walk-tree.ts";

export interface Reading extends WalkedEntry {
  /** A small file's content, read ahead. */
  readonly content?: Promise<SmallRead>;
}

/**
 * The walk, with small files being read ahead: as many as are worth it on their file system. The
 * directory of an entry stays open until the next one is asked for.
 */
export async function* readAhead(walk: AsyncIterable<WalkedEntry>): AsyncGenerator<Reading> {
  const queue: Reading[] = [];
  try {
    for await (const walked of walk) {
      walked.parent?.retain();
      queue.push(startReading(walked));
      while (queue.length >= walked.operations.concurrency) yield* giveFirst(queue);
    }
    while (queue.length > 0) yield* giveFirst(queue);
  } finally {
    for (const reading of queue) await settle(reading);
  }
}

function startReading(walked: WalkedEntry): Reading {
  const { stats, operations, location } = walked;
  // A file with several names is read under the first of them only, which is not known here.
  const small = stats.isFile() && stats.nlink === 1n && stats.size <= smallFileBytes;
  return small ? { ...walked, content: readSmallFile(operations, location, stats) } : walked;
}

async function* giveFirst(queue: Reading[]): AsyncGenerator<Reading> {
  const [first] = queue;
  if (first === undefined) return;
  try {
    yield first;
  } finally {
    queue.shift();
    await settle(first);
  }
}

/**
 * No read may still go by a descriptor that is closed, and whose number may be another directory's
 * by then.
 */
async function settle({ content, parent }: Reading): Promise<void> {
  await content;
  await parent?.release();
}
