/**
 * Turns a tree into files.tar and the lines of index.jsonl, in one pass and in memory that does not
 * grow with the tree.
 */
import type { BigIntStats } from "node:fs";
import { errorCode } from "../../runtime/error-code.ts";
import { type Entry, formatIndexLine, formatSkippedLine, type TornReason } from "./entry.ts";
import { displayPath, type EntryPath } from "./entry-path.ts";
import { describeCode } from "./failures.ts";
import { pooledOperations } from "./file-operations.ts";
import type { HoleBudget } from "./hole-budget.ts";
import type { NoticeLog } from "./notices.ts";
import type { OwnerNames } from "./owner-names.ts";
import { type Reading, readAhead } from "./read-ahead.ts";
import { readFlags, readSmallFile, type SmallRead, smallFileBytes } from "./read-file.ts";
import { archiveEnd, encodeHeader, paddingOf } from "./tar-header.ts";
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
  readonly walk: AsyncIterable<WalkedEntry>;
  readonly owners: OwnerNames;
  readonly notices: NoticeLog;
  readonly tally: ArchiveTally;
  /** How much of holes may still be read. */
  readonly holes: HoleBudget;
  readonly addLine: (line: string) => Promise<void> | undefined;
}

/**
 * Headers and small files are gathered into chunks of this size: what comes after costs by the
 * chunk.
 */
const chunkBytes = 262_144;
const zeros = Buffer.alloc(chunkBytes);

/** A file with several names, while names are still to come. */
interface LinkedFile {
  readonly entry: Entry;
  namesLeft: number;
}

/**
 * The archive's bytes. Rejects with whatever the walk or `addLine` rejects with; a problem with
 * single files becomes a notice.
 */
export async function* writeArchive(options: ArchiveOptions): AsyncGenerator<Buffer> {
  const linked = new Map<string, LinkedFile>();
  let parts: Buffer[] = [];
  let gathered = 0;
  for await (const reading of readAhead(options.walk)) {
    for await (const part of writeEntry(reading, linked, options)) {
      parts.push(part);
      gathered += part.length;
      if (gathered < chunkBytes) continue;
      yield parts.length === 1 ? part : Buffer.concat(parts, gathered);
      parts = [];
      gathered = 0;
    }
  }
  yield Buffer.concat([...parts, archiveEnd]);
}

async function* writeEntry(reading: Reading, linked: Map<string, LinkedFile>, options: ArchiveOptions): AsyncGenerator<Buffer> {
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

async function* writeFile(reading: Reading, linked: Map<string, LinkedFile>, options: ArchiveOptions): AsyncGenerator<Buffer> {
  const { path, location, parent, stats, operations } = reading;
  const key = `${stats.dev}:${stats.ino}`;
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
    yield encodeHeader(entry);
    const { sha256, torn } = yield* writeContent(fd, before);
    yield zeros.subarray(0, paddingOf(entry.size));
    const finished = { ...entry, sha256, torn };
    await recordFile(finished, options);
    return finished;
  } finally {
    await pooledOperations.close(fd);
  }
}
