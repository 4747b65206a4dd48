/**
 * The source's own count of itself: a second walk with code of its own (it shares only the patterns with walk-tree.ts), so that an entry
 * that the archive's walk lost is missed here.
 */
import type { BigIntStats } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { isVault } from "./avoided.ts";
import { type EntryPath, joinEntry, locate, rootEntry } from "./entry-path.ts";
import { errorCode } from "./failures.ts";
import { chooseOperations, type FileOperations } from "./file-operations.ts";
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
  readonly avoid?: { readonly dev: bigint; readonly ino: bigint };
}

/** Entries looked up at a time: some times the thread pool's four. */
const together = 32;

/** Counts what a backup of the tree should hold: without what cannot be read, and without sockets, pipes and devices. */
export async function countTree(root: EntryPath, options: CountOptions): Promise<TreeCount> {
  const count = { files: 0, directories: 0, symlinks: 0, newestChangeNs: 0n };
  const operations = await chooseOperations(locate(root, rootEntry));
  const note = (stats: BigIntStats) => {
    if (stats.ctimeNs > count.newestChangeNs) count.newestChangeNs = stats.ctimeNs;
  };

  /** Counts the entry; true when it is included, so that the directories above it are too. */
  async function visit(path: EntryPath, stats: BigIntStats, parentIncluded: boolean): Promise<boolean> {
    if (stats.isDirectory()) return visitDirectory(path, stats, parentIncluded);
    if (!options.selection.judge(path, false, parentIncluded).included) return false;
    note(stats);
    if (stats.isSymbolicLink()) count.symlinks++;
    else if (stats.isFile() && (await isReadable(operations, locate(root, path)))) count.files++;
    return true;
  }

  async function visitDirectory(path: EntryPath, stats: BigIntStats, parentIncluded: boolean): Promise<boolean> {
    const verdict = path === rootEntry ? { included: false, enter: true } : options.selection.judge(path, true, parentIncluded);
    if (!verdict.enter && !verdict.included) return false;
    if (options.avoid !== undefined && stats.ino === options.avoid.ino && stats.dev === options.avoid.dev) return false;
    const names = await listOrNothing(operations, locate(root, path));
    if (await isVault(root, path, names)) return false;
    note(stats);
    let included = verdict.included || path === rootEntry;
    for (let start = 0; start < names.length; start += together) {
      options.signal.throwIfAborted();
      // Other work of the process gets its turn: the operations may be synchronous.
      await setImmediate();
      const paths = names.slice(start, start + together).map((name) => joinEntry(path, name));
      const found = await Promise.all(paths.map((child) => statOrNothing(operations, locate(root, child))));
      for (const [index, child] of paths.entries()) {
        const childStats = found[index];
        if (childStats !== undefined && (await visit(child, childStats, verdict.included))) included = true;
      }
    }
    if (included) count.directories++;
    return included;
  }

  const rootStats = await operations.stat(locate(root, rootEntry));
  await visitDirectory(rootEntry, rootStats, false);
  return count;
}

async function listOrNothing(operations: FileOperations, path: Buffer): Promise<string[]> {
  try {
    return await operations.list(path);
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
