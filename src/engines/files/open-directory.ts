/**
 * A directory that was opened once, and by whose descriptor everything in it is reached. The tree
 * belongs to others: between two calls by path, anybody who owns a directory in it may put a
 * symbolic link in that directory's place, and the second call would read another part of the
 * machine with this user's rights. What a descriptor names stays what it is.
 */
import { type BigIntStats, constants, existsSync, lstatSync } from "node:fs";
import type { FileOperations } from "./file-operations.ts";

export interface OpenDirectory {
  readonly stats: BigIntStats;
  /** The path for system calls on the directory itself. */
  readonly self: Buffer;
  /**
   * The path for system calls on an entry, one character a byte. Valid until the last `release`.
   */
  at(name: string): Buffer;
  /** The names in it, unsorted, one character a byte. Rejects with the system call's error. */
  names(): string[] | Promise<string[]>;
  /**
   * Whether what `at` reached a moment ago was in this directory; always true where paths go by
   * descriptor.
   */
  isInPlace(): boolean;
  /** One more user of `at`. */
  retain(): void;
  /** One user less; the last one closes it. */
  release(): Promise<void>;
}

const openFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Linux leads paths through a descriptor's entry in /proc; Node has no openat(2). */
export const descriptorPaths = process.platform === "linux" && existsSync("/proc/self/fd");

export interface OpenOptions {
  /** What stands there, as it was looked up: another directory is refused as ENOTDIR. */
  readonly expected?: BigIntStats;
  /** Permission bits that the last `release` gives the directory back. */
  readonly resetMode?: number | undefined;
  /**
   * Absent: whether this machine can. Without it paths are used, and `isInPlace` has to be asked
   * after every use.
   */
  readonly byDescriptor?: boolean;
}

/**
 * Opens the directory at `path`, which is not followed when it is a symbolic link. Rejects with the
 * system call's error.
 */
export async function openDirectory(
  operations: FileOperations,
  path: Buffer,
  { expected, resetMode, byDescriptor = descriptorPaths }: OpenOptions = {},
): Promise<OpenDirectory> {
  const fd = await operations.open(path, openFlags);
  let users = 1;
  const close = async () => {
    try {
      if (resetMode !== undefined) await operations.setModeOpen(fd, resetMode);
    } finally {
      await operations.close(fd);
    }
  };
  try {
    const stats = await operations.statOpen(fd);
    if (expected !== undefined && !isSameEntry(stats, expected)) throw replacedError(path);
    const self = byDescriptor ? Buffer.from(`/proc/self/fd/${fd}`) : path;
    const directory: OpenDirectory = {
      stats,
      self,
      at: (name) => Buffer.concat([self, Buffer.from(`/${name}`, "latin1")]),
      names: () => operations.list(self),
      isInPlace: () => byDescriptor || isAt(path, stats),
      retain: () => void users++,
      release: async () => {
        if (--users === 0) await close();
      },
    };
    return directory;
  } catch (error) {
    await close();
    throw error;
  }
}

/** Whether both are states of one file or directory. */
export function isSameEntry(a: BigIntStats, b: BigIntStats): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

function isAt(path: Buffer, stats: BigIntStats): boolean {
  try {
    return isSameEntry(lstatSync(path, { bigint: true }), stats);
  } catch {
    return false;
  }
}

function replacedError(path: Buffer): Error {
  const error: NodeJS.ErrnoException = new Error(`another directory was put at ${path.toString("latin1")}`);
  error.code = "ENOTDIR";
  return error;
}
