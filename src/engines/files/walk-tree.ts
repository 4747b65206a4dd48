/**
 * Walks a tree in the archive's order: depth first, names sorted bytewise, a directory before what it holds. Memory grows with the largest
 * directory (its names are sorted as a whole) and with the depth, not with the tree.
 */
import type { BigIntStats } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { isVault } from "./avoided.ts";
import { type EntryPath, joinEntry, locate, rootEntry } from "./entry-path.ts";
import { errorCode } from "./failures.ts";
import { chooseOperations, type FileOperations } from "./file-operations.ts";
import type { Selection } from "./patterns.ts";

export interface WalkedEntry {
  readonly path: EntryPath;
  readonly stats: BigIntStats;
  /** What suits the file system that it stands on. */
  readonly operations: FileOperations;
}

/** Why the walk does not give an entry, or (`unlisted`) gives a directory without what it holds. */
export type Omission = "vanished" | "unreadable" | "unlisted" | "vault" | "private";

export interface WalkOptions {
  readonly selection: Selection;
  readonly signal: AbortSignal;
  /** Told of everything that is left out for another reason than a pattern; `code` is the system call's error. */
  omit(path: EntryPath, omission: Omission, code?: string): void;
  /** Told of every entry that was looked at and not excluded, also of directories that are only passed through. */
  observe?(stats: BigIntStats): void;
  /** A directory to leave out, by device and inode. */
  readonly avoid?: { readonly dev: bigint; readonly ino: bigint };
  /** A directory with a vault's marker is a directory like any other. */
  readonly enterVaults?: boolean;
  /** The tree is the caller's own: a directory without rights for its owner gets them while it is read. */
  readonly openUp?: boolean;
}

interface Frame {
  readonly path: EntryPath;
  readonly stats: BigIntStats;
  readonly operations: FileOperations;
  readonly names: readonly string[];
  readonly included: boolean;
  given: boolean;
  next: number;
  /** Of names[next - 1 …]: looked up some at a time. */
  looked: (BigIntStats | string)[];
  readonly reset?: number;
}

/** Entries looked up at a time; on a network file system they are looked up together. */
const lookAhead = 64;
/** After so many entries other work of the process gets its turn: the operations may be synchronous. */
const entriesATurn = 256;

/** Gives the root, then every entry that belongs to the selection. `rootStats` are the root's own. Rejects only when aborted, or when the root cannot be listed. */
export async function* walkTree(root: EntryPath, rootStats: BigIntStats, options: WalkOptions): AsyncGenerator<WalkedEntry> {
  const devices = new Map<bigint, FileOperations>();
  const open = (path: EntryPath, stats: BigIntStats, included: boolean) =>
    openDirectory(root, path, stats, included, options, devices);
  const frames: Frame[] = [];
  try {
    const first = await open(rootEntry, rootStats, false);
    if (first === undefined) return;
    frames.push(first);
    options.observe?.(rootStats);
    yield* giveFrames(frames);
    for (let count = 1, frame = frames.at(-1); frame !== undefined; frame = frames.at(-1), count++) {
      options.signal.throwIfAborted();
      if (count % entriesATurn === 0) await setImmediate();
      const found = await nextEntry(root, frame, options);
      if (found === undefined) {
        frames.pop();
        await closeDirectory(root, frame);
        continue;
      }
      const { path, stats, verdict } = found;
      const child = stats.isDirectory() ? await open(path, stats, verdict.included) : undefined;
      if (stats.isDirectory() && child === undefined) continue;
      options.observe?.(stats);
      if (child !== undefined) frames.push(child);
      if (!verdict.included) continue;
      // Directories above an entry that a pattern includes come with it, from the outermost on.
      yield* giveFrames(frames);
      if (child === undefined) yield { path, stats, operations: frame.operations };
    }
  } finally {
    for (const frame of frames.reverse()) await closeDirectory(root, frame);
  }
}

function* giveFrames(frames: readonly Frame[]): Generator<WalkedEntry> {
  for (const frame of frames) {
    if (frame.given) continue;
    frame.given = true;
    yield frame;
  }
}

/** The frame's next entry that the patterns do not wholly exclude; undefined at its end. */
async function nextEntry(root: EntryPath, frame: Frame, options: WalkOptions) {
  while (frame.next < frame.names.length) {
    if (frame.looked.length === 0) {
      const names = frame.names.slice(frame.next, frame.next + lookAhead);
      frame.looked = await Promise.all(names.map((name) => lookUp(frame.operations, locate(root, joinEntry(frame.path, name)))));
    }
    const path = joinEntry(frame.path, frame.names[frame.next++] ?? "");
    const stats = frame.looked.shift() ?? "ENOENT";
    if (typeof stats === "string") {
      const { included, enter } = options.selection.judge(path, false, frame.included);
      if (included || enter) options.omit(path, stats === "ENOENT" ? "vanished" : "unreadable", stats);
      continue;
    }
    const isDirectory = stats.isDirectory();
    const verdict = options.selection.judge(path, isDirectory, frame.included);
    if (verdict.included || (verdict.enter && isDirectory)) return { path, stats, verdict };
  }
  return undefined;
}

async function lookUp(operations: FileOperations, path: Buffer): Promise<BigIntStats | string> {
  try {
    return await operations.stat(path);
  } catch (error) {
    return errorCode(error);
  }
}

/** Lists a directory; undefined when it is to be left out wholly. One that cannot be listed is given without what it holds. */
async function openDirectory(
  root: EntryPath,
  path: EntryPath,
  stats: BigIntStats,
  included: boolean,
  options: WalkOptions,
  devices: Map<bigint, FileOperations>,
): Promise<Frame | undefined> {
  const location = locate(root, path);
  const operations = devices.get(stats.dev) ?? (await chooseOperations(location));
  devices.set(stats.dev, operations);
  if (options.avoid !== undefined && stats.dev === options.avoid.dev && stats.ino === options.avoid.ino) {
    options.omit(path, "private");
    return undefined;
  }
  const frame = { path, stats, operations, included, given: false, next: 0, looked: [] };
  const reset = options.openUp === true && (stats.mode & 0o700n) !== 0o700n ? Number(stats.mode & 0o7777n) : undefined;
  try {
    if (reset !== undefined) await operations.setMode(location, reset | 0o700);
    const names = (await operations.list(location)).sort();
    if (options.enterVaults !== true && (await isVault(root, path, names))) {
      options.omit(path, "vault");
      return undefined;
    }
    return reset === undefined ? { ...frame, names } : { ...frame, names, reset };
  } catch (error) {
    const code = errorCode(error);
    if (path === rootEntry) throw error;
    if (code === "ENOENT" || code === "ENOTDIR") {
      options.omit(path, "vanished", code);
      return undefined;
    }
    options.omit(path, "unlisted", code);
    return { ...frame, names: [] };
  }
}

async function closeDirectory(root: EntryPath, frame: Frame): Promise<void> {
  if (frame.reset === undefined) return;
  try {
    await frame.operations.setMode(locate(root, frame.path), frame.reset);
  } catch (error) {
    // It went away meanwhile: there is nothing left to reset.
    errorCode(error);
  }
}
