/**
 * Walks a tree in the archive's order: depth first, names sorted bytewise, a directory before what
 * it holds. Memory grows with the largest directory (its names are sorted as a whole) and with the
 * depth, not with the tree.
 */
import type { BigIntStats } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { errorCode } from "../../runtime/error-code.ts";
import { identityOf } from "../../runtime/path-identity.ts";
import { type AvoidedDirectories, type AvoidedKind, looksLikeVault } from "./avoided.ts";
import { type EntryPath, isTooLong, joinEntry, locate, rootEntry } from "./entry-path.ts";
import { chooseOperations, type FileOperations } from "./file-operations.ts";
import { type OpenDirectory, openDirectory } from "./open-directory.ts";
import type { Selection } from "./patterns.ts";

export interface WalkedEntry {
  readonly path: EntryPath;
  readonly stats: BigIntStats;
  /** What suits the file system that it stands on. */
  readonly operations: FileOperations;
  /**
   * The path for system calls on it; of all but directories valid only while `parent` is open,
   * which the walk ends once it goes on: see read-ahead.ts.
   */
  readonly location: Buffer;
  /**
   * The directory that it is in; absent for directories, of which the walk gives all there is to
   * know.
   */
  readonly parent?: OpenDirectory;
}

/** Why the walk does not give an entry, or (`unlisted`) gives a directory without what it holds. */
export type Omission = "vanished" | "unreadable" | "unlisted" | AvoidedKind;

export interface WalkOptions {
  readonly selection: Selection;
  readonly signal: AbortSignal;
  /**
   * Told of everything that is left out for another reason than a pattern; `code` is the system
   * call's error.
   */
  omit(path: EntryPath, omission: Omission, code?: string): void;
  /**
   * Told of every entry that was looked at and not excluded, also of directories that are only
   * passed through.
   */
  observe?(stats: BigIntStats): void;
  /**
   * Told of every directory that looks like a vault and is not avoided: it is a directory like any
   * other.
   */
  noteVault?(path: EntryPath): void;
  /** Directories to leave out. */
  readonly avoid?: AvoidedDirectories;
  /**
   * The tree is the caller's own: a directory without rights for its owner gets them while it is
   * read.
   */
  readonly openUp?: boolean;
}

interface Frame extends Omit<WalkedEntry, "parent"> {
  /** Absent for a directory that cannot be listed. */
  readonly directory?: OpenDirectory;
  readonly names: readonly string[];
  readonly included: boolean;
  given: boolean;
  next: number;
  /** Of names[next - 1 …]: looked up some at a time. */
  looked: (BigIntStats | string)[];
}

/** Entries looked up at a time; on a network file system they are looked up together. */
const lookAhead = 64;
/**
 * After so many entries other work of the process gets its turn: the operations may be synchronous.
 */
const entriesATurn = 256;

/**
 * Gives the root, then every entry that belongs to the selection. `rootStats` are the root's own.
 * Rejects only when aborted, or when the root cannot be listed.
 */
export async function* walkTree(root: EntryPath, rootStats: BigIntStats, options: WalkOptions): AsyncGenerator<WalkedEntry> {
  const devices = new Map<bigint, FileOperations>();
  const open = (path: EntryPath, location: Buffer, stats: BigIntStats, included: boolean) =>
    enterDirectory({ path, location, stats }, included, options, devices);
  const frames: Frame[] = [];
  try {
    const first = await open(rootEntry, locate(root, rootEntry), rootStats, false);
    if (first === undefined) return;
    frames.push(first);
    options.observe?.(first.stats);
    yield* giveFrames(frames);
    for (let count = 1, frame = frames.at(-1); frame !== undefined; frame = frames.at(-1), count++) {
      options.signal.throwIfAborted();
      if (count % entriesATurn === 0) await setImmediate();
      const found = await nextEntry(root, frame, options);
      if (found === undefined) {
        frames.pop();
        await leaveDirectory(frame);
        continue;
      }
      const { path, location, parent, stats, verdict } = found;
      const child = stats.isDirectory() ? await open(path, location, stats, verdict.included) : undefined;
      if (stats.isDirectory() && child === undefined) continue;
      options.observe?.(child?.stats ?? stats);
      if (child !== undefined) frames.push(child);
      if (!verdict.included) continue;
      // Directories above an entry that a pattern includes come with it, from the outermost on.
      yield* giveFrames(frames);
      if (child === undefined) yield { path, location, parent, stats, operations: frame.operations };
    }
  } finally {
    for (const frame of frames.reverse()) await leaveDirectory(frame);
  }
}

function* giveFrames(frames: readonly Frame[]): Generator<WalkedEntry> {
  for (const frame of frames) {
    if (frame.given) continue;
    frame.given = true;
    yield frame;
  }
}

/** The frame's next entry that the patterns do not entirely exclude; undefined at its end. */
async function nextEntry(root: EntryPath, frame: Frame, options: WalkOptions) {
  const { directory } = frame;
  while (directory !== undefined && frame.next < frame.names.length) {
    if (frame.looked.length === 0) {
      const names = frame.names.slice(frame.next, frame.next + lookAhead);
      frame.looked = await Promise.all(
        names.map((name) =>
          isTooLong(root, joinEntry(frame.path, name)) ? "ENAMETOOLONG" : lookUp(frame.operations, directory.at(name)),
        ),
      );
      if (!directory.isInPlace()) frame.looked.fill("ENOENT");
    }
    const name = frame.names[frame.next++] ?? "";
    const path = joinEntry(frame.path, name);
    const stats = frame.looked.shift() ?? "ENOENT";
    if (typeof stats === "string") {
      const { included, enter } = options.selection.judge(path, false, frame.included);
      if (included || enter) options.omit(path, stats === "ENOENT" ? "vanished" : "unreadable", stats);
      continue;
    }
    const isDirectory = stats.isDirectory();
    const verdict = options.selection.judge(path, isDirectory, frame.included);
    if (verdict.included || (verdict.enter && isDirectory))
      return { path, location: directory.at(name), parent: directory, stats, verdict };
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

/**
 * Opens and lists a directory; undefined when it is to be left out entirely. One that cannot be
 * listed is given without what it holds.
 */
async function enterDirectory(
  found: Pick<WalkedEntry, "path" | "location" | "stats">,
  included: boolean,
  options: WalkOptions,
  devices: Map<bigint, FileOperations>,
): Promise<Frame | undefined> {
  const { path, location, stats } = found;
  const avoided = options.avoid?.get(identityOf(stats));
  if (avoided !== undefined) {
    options.omit(path, avoided);
    return undefined;
  }
  const operations = devices.get(stats.dev) ?? (await chooseOperations(location));
  devices.set(stats.dev, operations);
  const frame = { ...found, operations, included, given: false, next: 0, looked: [] };
  const reset = options.openUp === true && (stats.mode & 0o700n) !== 0o700n ? Number(stats.mode & 0o7777n) : undefined;
  let directory: OpenDirectory | undefined;
  try {
    if (reset !== undefined) await operations.setMode(location, reset | 0o700);
    directory = await openDirectory(operations, location, {
      expected: stats,
      resetMode: reset,
    });
    const names = (await directory.names()).sort();
    if (looksLikeVault(names)) options.noteVault?.(path);
    return { ...frame, names, directory };
  } catch (error) {
    await directory?.release();
    const code = errorCode(error);
    if (path === rootEntry) throw error;
    // ELOOP: a symbolic link was put there.
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(code)) {
      options.omit(path, "vanished", code);
      return undefined;
    }
    options.omit(path, "unlisted", code);
    return { ...frame, names: [] };
  }
}

async function leaveDirectory({ directory }: Frame): Promise<void> {
  try {
    await directory?.release();
  } catch (error) {
    // Its mode could not be given back: it went away meanwhile.
    errorCode(error);
  }
}
