/**
 * Compares an extracted tree with the index of the backup that it came from, entry by entry, in
 * both directions.
 */
import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { lstat } from "node:fs/promises";
import type { Comparison, ContentDigest, Difference } from "../../proof/content.ts";
import { errorCode } from "../../runtime/error-code.ts";
import { createDigestBuilder } from "./digest.ts";
import { type Entry, formatTime } from "./entry.ts";
import { compareEntryPaths, displayPath, type EntryPath, locate, rootEntry } from "./entry-path.ts";
import { type Identity, restoredMode } from "./extract.ts";
import { describeCode } from "./failures.ts";
import { type FileOperations, pooledOperations } from "./file-operations.ts";
import { readIndex } from "./index-spool.ts";
import { isSameTime, type KeptTimes } from "./kept-times.ts";
import { compileSelection } from "./patterns.ts";
import { type Reading, readAhead } from "./read-ahead.ts";
import { readChunks, readFlags } from "./read-file.ts";
import { walkTree } from "./walk-tree.ts";

export interface TreeComparison {
  /**
   * The extracted tree, and this process's own: directories without rights are opened up for
   * reading, and closed again.
   */
  readonly root: EntryPath;
  /** The backup's index (index-spool.ts). */
  readonly spool: string;
  readonly digest: ContentDigest;
  readonly identity: Identity;
  /** Owners could be set, and so have to agree. */
  readonly withOwners: boolean;
  /**
   * What the file system makes of times that it cannot hold: a difference that says nothing of the
   * backup.
   */
  readonly times: KeptTimes;
  readonly signal: AbortSignal;
}

/** Differences listed by name; all are counted. */
const maxListed = 200;
interface State extends TreeComparison {
  readonly differ: (path: EntryPath, problem: string) => void;
  /**
   * Files with several names: which inode the first name led to, and how many names the archive
   * holds.
   */
  readonly linked: Map<EntryPath, { readonly inode: string; names: number; readonly nlink: bigint }>;
}

/**
 * Compares type, mode, owner, time, size, content, link targets and which names are one file;
 * whatever is missing or too much is a difference, and so is an index that is not what the digest
 * was made from. Errors: ContentInvalid (the index), those of an aborted signal.
 */
export async function compareTree(comparison: TreeComparison): Promise<Comparison> {
  const differences: Difference[] = [];
  let differenceCount = 0;
  const differ = (path: EntryPath, problem: string) => {
    differenceCount++;
    if (differences.length < maxListed) differences.push({ object: displayPath(path), problem });
  };
  const state: State = { ...comparison, differ, linked: new Map() };
  const expected = createDigestBuilder();
  const restored = createDigestBuilder();
  for await (const [entry, found] of joinWalk(comparison, differ)) {
    if (entry !== undefined) expected.add(entry);
    if (entry === undefined && found !== undefined) differ(found.path, "is in the restored tree and not in the backup");
    else if (entry !== undefined && found === undefined) differ(entry.path, "is in the backup and not in the restored tree");
    else if (entry !== undefined && found !== undefined) {
      const observed = await observe(entry, found, state);
      if (observed !== undefined) restored.add({ ...entry, ...observed });
    }
  }
  for (const [path, { names, nlink }] of state.linked) {
    if (BigInt(names) !== nlink) differ(path, `has ${nlink} names instead of ${names}`);
  }
  const wanted = expected.finish();
  if (wanted.sha256 !== comparison.digest.sha256 || wanted.algorithm !== comparison.digest.algorithm) {
    differ("index.jsonl" as EntryPath, "is not the index that the backup's digest was made from");
  }
  const { objectCount, rows, bytes, sha256 } = restored.finish();
  const equal = differenceCount === 0 && sha256 === comparison.digest.sha256;
  return { equal, objectsCompared: objectCount, rowsCompared: rows, bytesCompared: bytes, differenceCount, differences };
}

/** The index and the walk side by side: both are in the archive's order. */
async function* joinWalk(
  { root, spool, signal }: TreeComparison,
  differ: State["differ"],
): AsyncGenerator<readonly [Entry | undefined, Reading | undefined]> {
  const rootStats = await lstat(locate(root, rootEntry), { bigint: true });
  const selection = compileSelection([], []);
  const omit = (path: EntryPath, omission: string, code = "") =>
    differ(path, `cannot be looked at: ${code === "" ? omission : describeCode(code)}`);
  const walk = readAhead(walkTree(root, rootStats, { selection, signal, omit, openUp: true }));
  const index = readIndex(spool);
  try {
    let [found, line] = [await walk.next(), await index.next()];
    while (line.done !== true || found.done !== true) {
      if (line.done !== true && line.value.type === "skipped") {
        line = await index.next();
        continue;
      }
      const entry = line.done === true ? undefined : (line.value as Entry);
      const order = entry === undefined ? 1 : found.done === true ? -1 : compareEntryPaths(entry.path, found.value.path);
      yield [order <= 0 ? entry : undefined, order >= 0 && found.done !== true ? found.value : undefined];
      if (order <= 0) line = await index.next();
      if (order >= 0) found = await walk.next();
    }
  } finally {
    await Promise.all([walk.return(undefined), index.return(undefined)]);
  }
}

/**
 * What the restored tree has in place of `entry`, with every difference told; what could not be
 * restored here counts as the entry's own. Undefined when something of another type stands there.
 */
async function observe(entry: Entry, found: Reading, state: State): Promise<Partial<Entry> | undefined> {
  const { stats, path } = found;
  const type = typeOf(stats);
  if (type !== (entry.type === "hardlink" ? "file" : entry.type)) {
    state.differ(path, `is a ${type} instead of a ${entry.type}`);
    return undefined;
  }
  const metadata = { ...observeMetadata(entry, stats, state), ...(await observeTime(entry, stats, state)) };
  if (entry.type === "file") return { ...metadata, ...(await observeFile(entry, found, state)) };
  if (entry.type === "hardlink") return { ...metadata, ...observeHardLink(entry, stats, state) };
  if (entry.linkTarget !== undefined) {
    const target = (await found.operations.readLink(found.location)) as EntryPath;
    if (target !== entry.linkTarget)
      state.differ(path, `leads to ${displayPath(target)} instead of ${displayPath(entry.linkTarget)}`);
    return { ...metadata, linkTarget: target };
  }
  return metadata;
}

function typeOf(stats: BigIntStats): string {
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "symlink";
  return stats.isFile() ? "file" : "special file";
}

function observeMetadata(entry: Entry, stats: BigIntStats, state: State): Partial<Entry> {
  const { differ, identity } = state;
  const observed: { mode?: number; uid?: number; gid?: number } = {};
  const mode = Number(stats.mode & 0o7777n);
  const wanted = restoredMode(entry, identity);
  // The mode of a symbolic link has no meaning, and on Linux cannot be set.
  if (entry.type !== "symlink" && mode !== wanted) {
    observed.mode = mode;
    differ(entry.path, `has the mode ${mode.toString(8).padStart(4, "0")} instead of ${wanted.toString(8).padStart(4, "0")}`);
  }
  const [uid, gid] = [Number(stats.uid), Number(stats.gid)];
  if (state.withOwners && (uid !== entry.uid || gid !== entry.gid)) {
    Object.assign(observed, { uid, gid });
    differ(entry.path, `belongs to ${uid}:${gid} instead of ${entry.uid}:${entry.gid}`);
  }
  return observed;
}

async function observeTime(entry: Entry, { mtimeNs }: BigIntStats, state: State): Promise<Partial<Entry>> {
  const kept = await state.times.keptOf(entry.mtimeNs);
  if (kept === undefined || isSameTime(kept, mtimeNs)) return {};
  state.differ(entry.path, `has the time ${formatTime(mtimeNs)} instead of ${formatTime(entry.mtimeNs)}`);
  return { mtimeNs };
}

async function observeFile(entry: Entry, found: Reading, state: State): Promise<Partial<Entry>> {
  const { stats, path } = found;
  if (entry.links !== undefined) state.linked.set(path, { inode: `${stats.dev}:${stats.ino}`, names: 1, nlink: stats.nlink });
  else if (stats.nlink !== 1n) state.differ(path, `has ${stats.nlink} names instead of one`);
  const size = Number(stats.size);
  if (size !== entry.size) {
    state.differ(path, `has ${size} bytes instead of ${entry.size}`);
    return { size };
  }
  const sha256 = await hashFile(found);
  if (sha256 === entry.sha256) return {};
  state.differ(path, sha256 === undefined ? "cannot be read back" : "has another content than the backup");
  return sha256 === undefined ? { size: 0 } : { sha256 };
}

function observeHardLink(entry: Entry, stats: BigIntStats, state: State): Partial<Entry> {
  const first = entry.hardLinkOf === undefined ? undefined : state.linked.get(entry.hardLinkOf);
  if (first !== undefined) first.names++;
  if (first?.inode === `${stats.dev}:${stats.ino}`) return {};
  state.differ(entry.path, `is a file of its own instead of another name of ${displayPath(entry.hardLinkOf ?? rootEntry)}`);
  return { type: "file" };
}

/** The checksum of what stands there; undefined when it cannot be read. */
async function hashFile(found: Reading): Promise<string | undefined> {
  const read = await found.content;
  if (read?.kind === "whole") return read.sha256;
  const path = found.location;
  try {
    return await hashLargeFile(path, Number(found.stats.size));
  } catch (error) {
    const code = errorCode(error);
    // The backup's own mode may deny its owner to read; the tree is ours, so that the owner may
    // lift that for a moment.
    if (code !== "EACCES") return undefined;
    return liftMode(found.operations, path, found.stats, () => hashLargeFile(path, Number(found.stats.size)));
  }
}

async function liftMode<T>(operations: FileOperations, path: Buffer, stats: BigIntStats, work: () => Promise<T>): Promise<T> {
  const mode = Number(stats.mode & 0o7777n);
  await operations.setMode(path, mode | 0o400);
  try {
    return await work();
  } finally {
    await operations.setMode(path, mode);
  }
}

async function hashLargeFile(path: Buffer, size: number): Promise<string> {
  const digest = createHash("sha256");
  const fd = await pooledOperations.open(path, readFlags);
  try {
    for await (const chunk of readChunks(fd, size)) digest.update(chunk);
    return digest.digest("hex");
  } finally {
    await pooledOperations.close(fd);
  }
}
