/**
 * Writes an archive's entries into an empty directory, and nowhere else. What makes this safe is
 * archive-structure.ts: each entry's directory was made here, moments before; and each name is
 * created new (mkdir, O_EXCL, symlink, link), so that nothing that already stands there is ever
 * opened.
 */
import { constants } from "node:fs";
import type { ErrorName } from "../../errors/catalogue.ts";
import { errorCode } from "../../runtime/error-code.ts";
import { type BoundedTasks, createBoundedTasks } from "./bounded-tasks.ts";
import { type Entry, formatTime } from "./entry.ts";
import { bytesOf, displayPath, type EntryPath, locate, rootEntry } from "./entry-path.ts";
import { fileFailure } from "./failures.ts";
import { type FileOperations, pooledOperations } from "./file-operations.ts";
import { isSameTime, type KeptTimes } from "./kept-times.ts";
import type { ArchivedEntry } from "./read-archive.ts";
import { smallFileBytes } from "./read-file.ts";

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

export interface Extraction {
  readonly entries: number;
  readonly bytes: number;
  /** Entries of other owners than this process's user, which only root can give away. */
  readonly foreignOwners: number;
  /**
   * Entries whose owner this machine refused to set although this process is root: a container
   * without that right.
   */
  readonly refusedOwners: number;
  /** Entries whose time the file system cannot hold, and the first of them. */
  readonly unheldTimes: number;
  readonly firstUnheld?: Entry | undefined;
}

export interface ExtractionPlace {
  /** An empty directory of this process's own. */
  readonly root: EntryPath;
  readonly operations: FileOperations;
  readonly identity: Identity;
  readonly times: KeptTimes;
  /** What a system call's failure is called. */
  readonly failure: ErrorName;
}

interface Target extends ExtractionPlace {
  readonly tasks: BoundedTasks;
  foreignOwners: number;
  refusedOwners: number;
  unheldTimes: number;
  firstUnheld?: Entry | undefined;
}

const writeFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Holes are made of whole blocks; four KiB is the block of all common file systems. */
const holeBytes = 4_096;
const zeroBlock = Buffer.alloc(holeBytes);

/** This process's user. */
export function ownIdentity(): Identity {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

/**
 * The permission bits that an entry is given: all of them as root or for its owner's own user; else
 * without set-user-id and set-group-id, which would lend this user's rights in place of those of
 * the former owner.
 */
export function restoredMode({ mode, uid, gid }: Entry, identity: Identity): number {
  if (identity.uid === 0) return mode;
  return mode & ~(uid === identity.uid ? 0 : 0o4000) & ~(gid === identity.gid ? 0 : 0o2000);
}

/**
 * Extracts into `place.root`, which gets the mode, owner and time of the archive's root.
 * Errors: those of reading the archive; DiskFull; `place.failure` naming the entry that could not
 * be written.
 */
export async function extractArchive(
  archive: AsyncGenerator<ArchivedEntry, readonly Entry[]>,
  place: ExtractionPlace,
): Promise<Extraction> {
  const { identity } = place;
  const tasks = createBoundedTasks(place.operations.concurrency);
  const target: Target = { ...place, tasks, foreignOwners: 0, refusedOwners: 0, unheldTimes: 0 };
  /**
   * Directories that their owner may not enter: closed last, for hard links further on may lead
   * into them.
   */
  const closedLast: Entry[] = [];
  let [entries, bytes] = [0, 0];
  const finish = async (directories: readonly Entry[]) => {
    if (directories.length > 0) await target.tasks.drain();
    for (const directory of directories) {
      if ((restoredMode(directory, identity) & 0o700) === 0o700)
        await naming(directory, target, finishDirectory(directory, target));
      else closedLast.push(directory);
    }
  };
  try {
    for (let next = await archive.next(); ; next = await archive.next()) {
      if (next.done === true) {
        await finish(next.value);
        break;
      }
      await finish(next.value.ended);
      await naming(next.value.entry, target, extractEntry(next.value, target));
      entries++;
      bytes += next.value.entry.size;
    }
    for (const directory of closedLast) await naming(directory, target, finishDirectory(directory, target));
  } finally {
    await target.tasks.drain().catch(() => undefined);
    await archive.return([]);
  }
  const { foreignOwners, refusedOwners, unheldTimes, firstUnheld } = target;
  return { entries, bytes, foreignOwners, refusedOwners, unheldTimes, firstUnheld };
}

/** A system call's failure as the catalogue's, with the entry's name. */
async function naming(entry: Entry, target: Target, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw fileFailure(error, `cannot restore ${displayPath(entry.path)}`, target.failure);
  }
}

async function extractEntry({ entry, body }: ArchivedEntry, target: Target): Promise<void> {
  const { operations, root, tasks } = target;
  const path = locate(root, entry.path);
  if (entry.type === "directory") {
    // Open to this process alone until everything in it stands there.
    if (entry.path !== rootEntry) await operations.makeDirectory(path, 0o700);
  } else if (entry.linkTarget !== undefined) {
    await operations.makeSymlink(bytesOf(entry.linkTarget), path);
    await setOwner(entry, target, (uid, gid) => operations.setOwner(path, uid, gid));
    await setTime(entry, target, (time) => operations.setLinkTime(path, time));
  } else if (entry.hardLinkOf !== undefined) {
    await tasks.drain();
    await operations.makeHardLink(locate(root, entry.hardLinkOf), path);
  } else if (body !== undefined && entry.size <= smallFileBytes) {
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk);
    await tasks.run(() => naming(entry, target, writeFile(entry, path, chunks, operations, target)));
  } else if (body !== undefined) {
    await writeFile(entry, path, body, pooledOperations, target);
  }
}

async function writeFile(
  entry: Entry,
  path: Buffer,
  content: Iterable<Buffer> | AsyncIterable<Buffer>,
  operations: FileOperations,
  target: Target,
): Promise<void> {
  const fd = await operations.open(path, writeFlags, 0o600);
  try {
    let position = 0;
    for await (const chunk of content) {
      if (entry.sparse === true) await writeAroundHoles(fd, chunk, position, operations);
      else await writeFully(fd, chunk, position, operations);
      position += chunk.length;
    }
    // A hole at the end has no bytes that would give the file its length.
    if (entry.sparse === true) await operations.truncate(fd, entry.size);
    // The owner first: changing it takes the set-user-id bit away. The time last: everything else
    // sets it.
    await setOwner(entry, target, (uid, gid) => operations.setOwnerOpen(fd, uid, gid));
    await operations.setModeOpen(fd, restoredMode(entry, target.identity));
    await setTime(entry, target, (time) => operations.setTimeOpen(fd, time));
  } finally {
    await operations.close(fd);
  }
}

async function writeFully(fd: number, bytes: Buffer, position: number, operations: FileOperations): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += await operations.write(fd, bytes, written, bytes.length - written, position + written);
  }
}

/** Writes only what is not zero, block by block of the file, neighbouring blocks together. */
async function writeAroundHoles(fd: number, bytes: Buffer, position: number, operations: FileOperations): Promise<void> {
  let pending = 0;
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + holeBytes - ((position + at) % holeBytes));
    if (zeroBlock.subarray(0, end - at).equals(bytes.subarray(at, end))) {
      await writeFully(fd, bytes.subarray(pending, at), position + pending, operations);
      pending = end;
    }
    at = end;
  }
  await writeFully(fd, bytes.subarray(pending), position + pending, operations);
}

async function finishDirectory(entry: Entry, target: Target): Promise<void> {
  const path = locate(target.root, entry.path);
  await setOwner(entry, target, (uid, gid) => target.operations.setOwner(path, uid, gid));
  await target.operations.setMode(path, restoredMode(entry, target.identity));
  await setTime(entry, target, (time) => target.operations.setTime(path, time));
}

async function setOwner(
  { uid, gid }: Entry,
  target: Target,
  set: (uid: number, gid: number) => void | Promise<void>,
): Promise<void> {
  if (target.identity.uid !== 0) {
    if (uid !== target.identity.uid || gid !== target.identity.gid) target.foreignOwners++;
    return;
  }
  try {
    await set(uid, gid);
  } catch (error) {
    // EPERM: without the capability; EINVAL: a number that this user namespace does not map.
    const code = errorCode(error);
    if (code !== "EPERM" && code !== "EINVAL") throw error;
    target.refusedOwners++;
  }
}

async function setTime(entry: Entry, target: Target, set: (time: string) => void | Promise<void>): Promise<void> {
  const { mtimeNs } = entry;
  const kept = await target.times.keptOf(mtimeNs);
  if (kept === undefined || !isSameTime(kept, mtimeNs)) {
    target.unheldTimes++;
    target.firstUnheld ??= entry;
  }
  if (kept !== undefined) await set(formatTime(mtimeNs));
}
