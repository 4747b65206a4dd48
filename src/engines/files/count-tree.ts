/**
 * The source's own count of itself: a second walk with code of its own (it shares only the
 * patterns, and how a directory is opened, with walk-tree.ts): an entry that the archive's walk
 * lost is missed here.
 */
import type { BigIntStats } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { errorCode } from "../../runtime/error-code.ts";
import { identityOf } from "../../runtime/path-identity.ts";
import type { AvoidedDirectories } from "./avoided.ts";
import { type EntryPath, isTooLong, joinEntry, locate, rootEntry } from "./entry-path.ts";
import { chooseOperations, type FileOperations } from "./file-operations.ts";
import { type OpenDirectory, openDirectory } from "./open-directory.ts";
import type { Selection } from "./patterns.ts";

export interface TreeCount {
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  /** The newest ctime met: it moves whenever anything in the tree changes. */
  readonly newestChangeNs: bigint;
}

export interface CountOptions {
  readonly selection: Selection;
  readonly signal: AbortSignal;
  readonly avoid?: AvoidedDirectories;
}

/** Entries looked up at a time: some times the thread pool's four. */
const together = 32;

/**
 * Counts what a backup of the tree should hold: without what cannot be read, and without sockets,
 * pipes and devices.
 */
export async function countTree(root: EntryPath, options: CountOptions): Promise<TreeCount> {
  const count = { files: 0, directories: 0, symlinks: 0, newestChangeNs: 0n };
  const operations = await chooseOperations(locate(root, rootEntry));
  const note = (stats: BigIntStats) => {
    if (stats.ctimeNs > count.newestChangeNs) count.newestChangeNs = stats.ctimeNs;
  };

  /** Counts the entry; true when it is included, so that the directories above it are too. */
  async function visit(path: EntryPath, location: Buffer, stats: BigIntStats, parentIncluded: boolean): Promise<boolean> {
    if (stats.isDirectory()) return visitDirectory(path, location, stats, parentIncluded);
    if (!options.selection.judge(path, false, parentIncluded).included) return false;
    note(stats);
    if (stats.isSymbolicLink()) count.symlinks++;
    else if (stats.isFile() && (await isReadable(operations, location))) count.files++;
    return true;
  }

  async function visitDirectory(path: EntryPath, location: Buffer, stats: BigIntStats, parentIncluded: boolean): Promise<boolean> {
    const verdict = path === rootEntry ? { included: false, enter: true } : options.selection.judge(path, true, parentIncluded);
    if (!verdict.enter && !verdict.included) return false;
    if (options.avoid?.has(identityOf(stats)) === true) return false;
    note(stats);
    let included = verdict.included || path === rootEntry;
    const directory = await openOrNothing(operations, location, stats);
    try {
      const names = directory === undefined ? [] : await listOrNothing(directory);
      for (let start = 0; start < names.length; start += together) {
        options.signal.throwIfAborted();
        // Other work of the process gets its turn: the operations may be synchronous.
        await setImmediate();
        const children = names
          .slice(start, start + together)
          .map((name) => ({ path: joinEntry(path, name), location: directory?.at(name) ?? Buffer.alloc(0) }))
          .filter((child) => !isTooLong(root, child.path));
        const found = await Promise.all(children.map((child) => statOrNothing(operations, child.location)));
        for (const [index, child] of children.entries()) {
          const childStats = found[index];
          if (childStats !== undefined && (await visit(child.path, child.location, childStats, verdict.included))) included = true;
        }
      }
    } finally {
      await directory?.release();
    }
    if (included) count.directories++;
    return included;
  }

  const location = locate(root, rootEntry);
  await visitDirectory(rootEntry, location, await operations.stat(location), false);
  return count;
}

async function openOrNothing(operations: FileOperations, path: Buffer, expected: BigIntStats): Promise<OpenDirectory | undefined> {
  try {
    return await openDirectory(operations, path, { expected });
  } catch (error) {
    errorCode(error);
    return undefined;
  }
}

async function listOrNothing(directory: OpenDirectory): Promise<string[]> {
  try {
    return await directory.names();
  } catch (error) {
    errorCode(error);
    return [];
  }
}

async function statOrNothing(operations: FileOperations, path: Buffer): Promise<BigIntStats | undefined> {
  try {
    return await operations.stat(path);
  } catch (error) {
    errorCode(error);
    return undefined;
  }
}

async function isReadable(operations: FileOperations, path: Buffer): Promise<boolean> {
  try {
    await operations.assertReadable(path);
    return true;
  } catch (error) {
    errorCode(error);
    return false;
  }
}
