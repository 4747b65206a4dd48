/**
 * Turns the entries of a tree into the archive's bytes and the lines of index.jsonl, in one pass
 * and in memory that does not grow with the tree.
 */
import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { errorCode } from "../../runtime/error-code.ts";
import { type Entry, formatIndexLine, formatSkippedLine, type TornReason } from "./entry.ts";
import { displayPath, type EntryPath } from "./entry-path.ts";
import { describeCode } from "./failures.ts";
import { pooledOperations } from "./file-operations.ts";
import type { HoleBudget } from "./hole-budget.ts";
import type { NoticeLog } from "./notices.ts";
import type { OwnerNames } from "./owner-names.ts";
import type { Reading } from "./read-ahead.ts";
import { readFlags, readSmallFile, type SmallRead, smallFileBytes } from "./read-file.ts";
import { blockBytes, encodeHeader, paddingOf } from "./tar-header.ts";
import type { WalkedEntry } from "./walk-tree.ts";
import { writeContent } from "./write-content.ts";

/** What was put into the archive so far. */
export interface ArchiveTally {
  files: number;
  directories: number;
  symlinks: number;
  bytes: number;
  torn: number;
  /** Entries left out other than by a pattern. */
  leftOut: number;
  /** Files among them that were left out for their holes. */
  tooSparse: number;
  /**
   * Something vanished or failed under the reader, so that a later count cannot be expected to
   * agree.
   */
  unsteady: boolean;
}

export interface ArchiveOptions {
  readonly owners: OwnerNames;
  readonly notices: NoticeLog;
  readonly tally: ArchiveTally;
  /** How much of holes may still be read. */
  readonly holes: HoleBudget;
  readonly addLine: (line: string) => Promise<void> | undefined;
  /**
   * Asked with a large file's header and the bytes that it takes in the archive: the checksum of
   * those that an earlier backup stored under the same header. When the file's are the same, the
   * entry gives no bytes, and `reused` is called.
   */
  readonly findStored?: (header: Buffer, bytes: number) => StoredEntry | undefined;
}

/** A large file's entry that an earlier backup stored. */
export interface StoredEntry {
  /** Of all its bytes in the archive, hex. */
  readonly sha256: string;
  reused(): void;
}

const zeros = Buffer.alloc(blockBytes);

/** A file with several names, while names are still to come. */
interface LinkedFile {
  readonly entry: Entry;
  namesLeft: number;
}

/** Files with several names, by device and inode, while names are still to come. */
export type LinkedFiles = Map<string, LinkedFile>;

/** Whether the file's content was met under another name, and stands in the archive already. */
export function isFurtherName({ stats }: Pick<Reading, "stats">, linked: LinkedFiles): boolean {
  return stats.nlink > 1n && linked.has(inodeOf(stats));
}

function inodeOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}`;
}

/**
 * One entry's bytes in the archive: first its header, then its content, up to a whole block. None
 * where the entry is left out, which a notice says, or is stored already. Rejects with whatever
 * `addLine` rejects with; a problem with a single file becomes a notice.
 */
export async function* writeEntry(reading: Reading, linked: LinkedFiles, options: ArchiveOptions): AsyncGenerator<Buffer> {
  const { stats, path } = reading;
  if (stats.isDirectory()) {
    options.tally.directories++;
    yield* finishEntry(describeEntry(path, "directory", stats, options), options);
  } else if (stats.isSymbolicLink()) {
    yield* writeSymlink(reading, options);
  } else if (stats.isFile()) {
    yield* writeFile(reading, linked, options);
  } else {
    const kind = kindOf(stats);
    await leaveOut(path, "special-file-skipped", kind, `is a ${kind}, which holds nothing that could be backed up`, options);
  }
}

function kindOf(stats: BigIntStats): string {
  if (stats.isSocket()) return "socket";
  if (stats.isFIFO()) return "named pipe";
  return stats.isBlockDevice() ? "block device" : "character device";
}

function describeEntry(path: EntryPath, type: Entry["type"], stats: BigIntStats, { owners }: ArchiveOptions): Entry {
  const uid = Number(stats.uid);
  const gid = Number(stats.gid);
  const user = owners.user(uid);
  const group = owners.group(gid);
  return {
    path,
    type,
    mode: Number(stats.mode & 0o7777n),
    uid,
    gid,
    user,
    group,
    mtimeNs: stats.mtimeNs,
    size: 0,
  };
}

async function* finishEntry(entry: Entry, options: ArchiveOptions): AsyncGenerator<Buffer> {
  yield encodeHeader(entry);
  await options.addLine(formatIndexLine(entry));
}

async function leaveOut(path: EntryPath, code: string, reason: string, message: string, options: ArchiveOptions): Promise<void> {
  options.tally.leftOut++;
  options.notices.add(code, displayPath(path), `${displayPath(path)} ${message}; it is not in this backup`);
  await options.addLine(formatSkippedLine(path, reason));
}

async function leaveOutGone(path: EntryPath, options: ArchiveOptions): Promise<void> {
  options.tally.unsteady = true;
  await leaveOut(
    path,
    "file-vanished",
    "vanished",
    "vanished, or was replaced by something else, before it could be read",
    options,
  );
}

async function leaveOutUnreadable(path: EntryPath, code: string, options: ArchiveOptions): Promise<void> {
  // Missing rights are a lasting fact, which the source's count knows too; anything else may be
  // gone by then.
  if (code !== "EACCES" && code !== "EPERM") options.tally.unsteady = true;
  await leaveOut(path, "file-unreadable", "unreadable", `cannot be read: ${describeCode(code)}`, options);
}

async function leaveOutSparse(path: EntryPath, stats: BigIntStats, options: ArchiveOptions): Promise<void> {
  options.tally.tooSparse++;
  const message = `has ${stats.size} bytes and is nearly all holes, beyond what maxHoles in the policy lets a backup read`;
  await leaveOut(path, "file-too-sparse", "too-sparse", message, options);
}

async function* writeSymlink(
  { path, location, parent, stats, operations }: WalkedEntry,
  options: ArchiveOptions,
): AsyncGenerator<Buffer> {
  let target: string;
  try {
    target = await operations.readLink(location);
    if (parent?.isInPlace() === false) return await leaveOutGone(path, options);
  } catch (error) {
    const code = errorCode(error);
    // EINVAL: no longer a symbolic link.
    if (code === "ENOENT" || code === "EINVAL" || code === "ENOTDIR") await leaveOutGone(path, options);
    else await leaveOutUnreadable(path, code, options);
    return;
  }
  options.tally.symlinks++;
  yield* finishEntry({ ...describeEntry(path, "symlink", stats, options), linkTarget: target as EntryPath }, options);
}

async function* writeFile(reading: Reading, linked: LinkedFiles, options: ArchiveOptions): AsyncGenerator<Buffer> {
  const { path, location, parent, stats, operations } = reading;
  const key = inodeOf(stats);
  const first = stats.nlink > 1n ? linked.get(key) : undefined;
  if (first !== undefined) {
    // One inode has one owner, mode and time: what was stored under its first name.
    const { size: _size, sha256: _sha256, links: _links, sparse: _sparse, torn: _torn, ...shared } = first.entry;
    options.tally.files++;
    if (--first.namesLeft === 0) linked.delete(key);
    yield* finishEntry({ ...shared, path, type: "hardlink", size: 0, hardLinkOf: first.entry.path }, options);
    return;
  }
  if (!options.holes.take(stats)) return await leaveOutSparse(path, stats, options);
  let read = await reading.content;
  if (read === undefined && stats.size <= smallFileBytes) read = await readSmallFile(operations, location, stats);
  if (parent?.isInPlace() === false) return await leaveOutGone(path, options);
  const entry =
    read === undefined || read.kind === "large"
      ? yield* writeLargeFile(reading, options)
      : yield* writeSmallFile(path, read, options);
  if (entry?.links !== undefined) linked.set(key, { entry, namesLeft: entry.links - 1 });
}

/** What only files have. */
function describeFile(path: EntryPath, stats: BigIntStats, size: number, options: ArchiveOptions): Entry {
  return {
    ...describeEntry(path, "file", stats, options),
    size,
    ...(stats.nlink > 1n ? { links: Number(stats.nlink) } : {}),
    // st_blocks counts 512 bytes, whatever the file system's block.
    ...(stats.blocks * 512n < stats.size ? { sparse: true } : {}),
  };
}

async function* writeSmallFile(
  path: EntryPath,
  read: SmallRead,
  options: ArchiveOptions,
): AsyncGenerator<Buffer, Entry | undefined> {
  if (read.kind !== "whole") {
    if (read.kind === "unreadable") await leaveOutUnreadable(path, read.code, options);
    else await leaveOutGone(path, options);
    return undefined;
  }
  const { content, stats, sha256, torn } = read;
  const entry = { ...describeFile(path, stats, content.length, options), sha256, torn };
  yield encodeHeader(entry);
  if (content.length > 0) yield content;
  if (paddingOf(content.length) > 0) yield zeros.subarray(0, paddingOf(content.length));
  await recordFile(entry, options);
  return entry;
}

async function recordFile(entry: Entry, options: ArchiveOptions): Promise<void> {
  options.tally.files++;
  options.tally.bytes += entry.size;
  if (entry.torn !== undefined) {
    options.tally.torn++;
    const name = displayPath(entry.path);
    options.notices.add("file-torn", name, `${name} ${tornWords[entry.torn]}`);
  }
  await options.addLine(formatIndexLine(entry));
}

const tornWords: Readonly<Record<TornReason, string>> = {
  changed: "was written to while it was read; what is stored may mix old and new",
  grew: "grew while it was read; what is stored ends at its former size",
  shrank: "was cut while it was read; what is stored has zeros after its new end, or what was left of it",
  unreadable: "could not be read to its end; what is stored has zeros from there on",
};

/**
 * Reads a large file to its end: what there is to know of it when it has the content that is
 * stored; undefined when it has another.
 */
async function readIfSame(fd: number, before: BigIntStats, [header, padding]: readonly [Buffer, Buffer], sha256: string) {
  const sum = createHash("sha256").update(header);
  const content = writeContent(fd, before);
  for (let next = await content.next(); ; next = await content.next()) {
    if (next.done === true) return sum.update(padding).digest("hex") === sha256 ? next.value : undefined;
    sum.update(next.value);
  }
}

async function* writeLargeFile(
  { path, location, parent }: WalkedEntry,
  options: ArchiveOptions,
): AsyncGenerator<Buffer, Entry | undefined> {
  let fd: number;
  try {
    fd = await pooledOperations.open(location, readFlags);
  } catch (error) {
    const code = errorCode(error);
    if (["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"].includes(code)) await leaveOutGone(path, options);
    else await leaveOutUnreadable(path, code, options);
    return undefined;
  }
  try {
    const before = await pooledOperations.statOpen(fd);
    if (!before.isFile() || parent?.isInPlace() === false) {
      await leaveOutGone(path, options);
      return undefined;
    }
    const entry = describeFile(path, before, Number(before.size), options);
    const header = encodeHeader(entry);
    const padding = zeros.subarray(0, paddingOf(entry.size));
    const stored = options.findStored?.(header, header.length + entry.size + padding.length);
    const same = stored === undefined ? undefined : await readIfSame(fd, before, [header, padding], stored.sha256);
    if (same !== undefined) stored?.reused();
    else yield header;
    const { sha256, torn } = same ?? (yield* writeContent(fd, before));
    if (same === undefined && padding.length > 0) yield padding;
    const finished = { ...entry, sha256, torn };
    await recordFile(finished, options);
    return finished;
  } finally {
    await pooledOperations.close(fd);
  }
}
