/**
 * The file system's calls that this engine makes, in two forms with one face. On a local disk a
 * synchronous call costs a few microseconds, a tenth of a trip through the thread pool, which
 * decides the speed on trees of many small files; on a network file system, which may take
 * milliseconds or hang, the calls run in the pool, many at a time. Callers await either.
 */
import fs from "node:fs";
import { promisify } from "node:util";

type Awaitable<T> = T | Promise<T>;

export interface FileOperations {
  /** How many entries are worth working on at a time. */
  readonly concurrency: number;
  open(path: Buffer, flags: number, mode?: number): Awaitable<number>;
  close(fd: number): Awaitable<void>;
  read(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): Awaitable<number>;
  write(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): Awaitable<number>;
  truncate(fd: number, size: number): Awaitable<void>;
  statOpen(fd: number): Awaitable<fs.BigIntStats>;
  stat(path: Buffer): Awaitable<fs.BigIntStats>;
  /** The names in a directory, unsorted, one character a byte. */
  list(path: Buffer): Awaitable<string[]>;
  readLink(path: Buffer): Awaitable<string>;
  /** Rejects when this process may not read what stands there. */
  assertReadable(path: Buffer): Awaitable<void>;
  makeDirectory(path: Buffer, mode: number): Awaitable<void>;
  makeSymlink(target: Buffer, path: Buffer): Awaitable<void>;
  makeHardLink(existing: Buffer, path: Buffer): Awaitable<void>;
  setOwner(path: Buffer, uid: number, gid: number): Awaitable<void>;
  setMode(path: Buffer, mode: number): Awaitable<void>;
  setTime(path: Buffer, time: string): Awaitable<void>;
  /** Of the link itself; setOwner never follows either. */
  setLinkTime(path: Buffer, time: string): Awaitable<void>;
  setOwnerOpen(fd: number, uid: number, gid: number): Awaitable<void>;
  setModeOpen(fd: number, mode: number): Awaitable<void>;
  setTimeOpen(fd: number, time: string): Awaitable<void>;
}

export const localOperations: FileOperations = {
  concurrency: 1,
  open: fs.openSync,
  close: fs.closeSync,
  read: (fd, buffer, offset, length, position) => fs.readSync(fd, buffer, offset, length, position),
  write: (fd, buffer, offset, length, position) => fs.writeSync(fd, buffer, offset, length, position),
  truncate: fs.ftruncateSync,
  statOpen: (fd) => fs.fstatSync(fd, { bigint: true }),
  stat: (path) => fs.lstatSync(path, { bigint: true }),
  list: (path) => fs.readdirSync(path, { encoding: "latin1" }),
  readLink: (path) => fs.readlinkSync(path, { encoding: "latin1" }),
  assertReadable: (path) => fs.accessSync(path, fs.constants.R_OK),
  makeDirectory: (path, mode) => void fs.mkdirSync(path, mode),
  makeSymlink: (target, path) => fs.symlinkSync(target, path),
  makeHardLink: fs.linkSync,
  setOwner: fs.lchownSync,
  setMode: fs.chmodSync,
  setTime: (path, time) => fs.utimesSync(path, time, time),
  setLinkTime: (path, time) => fs.lutimesSync(path, time, time),
  setOwnerOpen: fs.fchownSync,
  setModeOpen: fs.fchmodSync,
  setTimeOpen: (fd, time) => fs.futimesSync(fd, time, time),
};

const pool = {
  open: promisify(fs.open),
  close: promisify(fs.close),
  ftruncate: promisify(fs.ftruncate),
  fchown: promisify(fs.fchown),
  fchmod: promisify(fs.fchmod),
  futimes: promisify(fs.futimes),
};

export const pooledOperations: FileOperations = {
  concurrency: 16,
  open: (path, flags, mode) => pool.open(path, flags, mode ?? 0),
  close: pool.close,
  read: (fd, buffer, offset, length, position) =>
    new Promise((resolve, reject) => {
      fs.read(fd, buffer, offset, length, position, (error, count) => (error === null ? resolve(count) : reject(error)));
    }),
  write: (fd, buffer, offset, length, position) =>
    new Promise((resolve, reject) => {
      fs.write(fd, buffer, offset, length, position, (error, count) => (error === null ? resolve(count) : reject(error)));
    }),
  truncate: pool.ftruncate,
  statOpen: (fd) =>
    new Promise((resolve, reject) => {
      fs.fstat(fd, { bigint: true }, (error, stats) => (error === null ? resolve(stats) : reject(error)));
    }),
  stat: (path) => fs.promises.lstat(path, { bigint: true }),
  list: (path) => fs.promises.readdir(path, { encoding: "latin1" }),
  readLink: (path) => fs.promises.readlink(path, { encoding: "latin1" }),
  assertReadable: (path) => fs.promises.access(path, fs.constants.R_OK),
  makeDirectory: async (path, mode) => void (await fs.promises.mkdir(path, mode)),
  makeSymlink: (target, path) => fs.promises.symlink(target, path),
  makeHardLink: (existing, path) => fs.promises.link(existing, path),
  setOwner: (path, uid, gid) => fs.promises.lchown(path, uid, gid),
  setMode: (path, mode) => fs.promises.chmod(path, mode),
  setTime: (path, time) => fs.promises.utimes(path, time, time),
  setLinkTime: (path, time) => fs.promises.lutimes(path, time, time),
  setOwnerOpen: pool.fchown,
  setModeOpen: pool.fchmod,
  setTimeOpen: (fd, time) => pool.futimes(fd, time, time),
};

/**
 * statfs(2)'s f_type of file systems that stand on this machine (linux/magic.h; zfs: its own
 * headers).
 */
const localFileSystems = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0x01021994, // tmpfs
  0x794c7630, // overlayfs
  0xf2f52010, // f2fs
  0x2fc12fc1, // zfs
  0xca451a4e, // bcachefs
]);

/**
 * The operations that suit the file system that `path` stands on; the pooled ones whenever that is
 * not known.
 */
export async function chooseOperations(path: Buffer): Promise<FileOperations> {
  try {
    const { type } = await fs.promises.statfs(path);
    return localFileSystems.has(type >>> 0) ? localOperations : pooledOperations;
  } catch {
    return pooledOperations;
  }
}
