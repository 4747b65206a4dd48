/**
 * Writes objects of a folder vault so that a kill or a power cut at any point leaves the old
 * object, the new one, or none, never a part: the bytes go into a file beside the objects, are
 * synced, and get their name in one step, which is synced too.
 */
import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, link, lstat, open, rename, unlink } from "node:fs/promises";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { release } from "../../runtime/chunk-memory.ts";
import { partialDirectory } from "../object-key.ts";
import type { PutOptions } from "../object-store.ts";
import { abortReason, readBody } from "../read-body.ts";
import { codeOf, findOddKind, folderError, notAnObject } from "./errors.ts";
import { type FolderLockOptions, noHardLinks, withKeyLock } from "./lock.ts";
import { pathOf } from "./paths.ts";
import { openIn, smallObjectBytes } from "./read.ts";
import { nameOf, type OpenDirectory, onWay, openWay, syncWay, type Way } from "./way.ts";

export interface FolderPlace {
  readonly root: string;
  readonly url: string;
  readonly lock: Omit<FolderLockOptions, "directory">;
}

/**
 * What has been written is synced in the background in steps of this size: at the end little is
 * left that has to be waited for.
 */
const syncStepBytes = 32 * 1024 * 1024;
/** Bytes gathered before they are written: fewer, larger writes run at the disk's speed. */
const writeBytes = 1024 * 1024;
const fileMode = 0o600;
/** A parent that a concurrent deletion removed is made again this often. */
const maxAttempts = 10;

/** As ObjectStore.put. */
export async function putObject(
  place: FolderPlace,
  key: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<{ etag: string; bytes: number }> {
  if (options.retainUntil !== undefined) refuseLock(place.url);
  const shown = pathOf(place.root, key);
  // A link on the way is found before anything is written.
  await onWay(place.root, key, undefined, async () => undefined);
  const signal = options.signal ?? new AbortController().signal;
  return onPartials(place, async (partials) => {
    const temporary = `${partials.path}/${randomBytes(16).toString("hex")}.partial`;
    try {
      const { digest, bytes } = await writeTemporary(temporary, shown, body, signal);
      if (signal.aborted) throw abortReason(signal);
      const etag = await putInPlace({ place, key, shown, temporary, partials, options });
      return { bytes, etag: bytes <= smallObjectBytes ? digest : etag };
    } finally {
      // Renamed already, or not needed: a link to it has the name. What a kill leaves here,
      // abortStaleUploads removes.
      await unlink(temporary).catch(() => undefined);
    }
  });
}

/**
 * Runs `work` with the directory for files that are no objects, which is made when it is missing.
 */
export async function onPartials<T>({ root }: FolderPlace, work: (partials: OpenDirectory) => Promise<T>): Promise<T> {
  const way = (await openWay(root, `${partialDirectory}/`, true)) as Way;
  try {
    return await work(way.last);
  } finally {
    await way.close();
  }
}

/** Anyone who can write to a folder can delete from it: a lock there would protect nothing. */
export function refuseLock(url: string): never {
  throw new HoldfastError("VaultInvalid", `${url} is a folder, which cannot lock what it holds`, {
    hint: "Keep a copy in a bucket with Object Lock; docs/immutability.md says how.",
  });
}

/** Writes and syncs the whole body. `path` is where it is going, for messages. */
async function writeTemporary(
  temporary: string,
  path: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<{ digest: string; bytes: number }> {
  const writer = await openWriter(temporary, path);
  try {
    for await (const chunk of readBody(body, signal)) {
      await writer.write(chunk);
      release(chunk);
    }
    return await writer.finish();
  } finally {
    await writer.close();
  }
}

async function openWriter(temporary: string, path: string) {
  const guard = async <T>(operation: () => Promise<T>): Promise<T> => {
    try {
      return await operation();
    } catch (error) {
      throw folderError(error, "write", path);
    }
  };
  const handle: FileHandle = await guard(() => open(temporary, "wx", fileMode));
  const buffer = Buffer.allocUnsafe(writeBytes);
  const hash = createHash("sha256");
  let buffered = 0;
  let bytes = 0;
  let unsynced = 0;
  let syncing: Promise<void> | undefined;
  let syncFailure: unknown;
  // A head start for the sync at the end. The kernel tells of a lost write once: the first sync
  // after it fails, and no later one.
  const startSync = async (): Promise<void> => {
    unsynced = 0;
    try {
      await handle.datasync();
    } catch (error) {
      syncFailure ??= error;
    }
    syncing = undefined;
  };
  const flush = async (data: Uint8Array): Promise<void> => {
    await guard(() => writeAll(handle, data));
    unsynced += data.length;
    if (unsynced >= syncStepBytes && syncing === undefined) syncing = startSync();
  };
  return {
    async write(chunk: Uint8Array): Promise<void> {
      // Only a small object's etag is its hash.
      if (bytes <= smallObjectBytes) hash.update(chunk);
      bytes += chunk.length;
      if (buffered + chunk.length > writeBytes) {
        await flush(buffer.subarray(0, buffered));
        buffered = 0;
      }
      if (chunk.length >= writeBytes) return flush(chunk);
      buffer.set(chunk, buffered);
      buffered += chunk.length;
    },
    async finish() {
      await flush(buffer.subarray(0, buffered));
      await syncing;
      await guard(async () => {
        if (syncFailure !== undefined) throw syncFailure;
        await handle.sync();
      });
      return { digest: hash.digest("hex"), bytes };
    },
    async close() {
      await syncing;
      await guard(() => handle.close());
    },
  };
}

async function writeAll(handle: FileHandle, data: Uint8Array): Promise<void> {
  for (let offset = 0; offset < data.length; ) {
    offset += (await handle.write(data, offset, data.length - offset)).bytesWritten;
  }
}

interface Naming {
  readonly place: FolderPlace;
  readonly key: string;
  /** The key's path, for messages. */
  readonly shown: string;
  /** The written file. */
  readonly temporary: string;
  readonly partials: OpenDirectory;
  readonly options: PutOptions;
}

/** Gives the written file its name; resolves with its etag. */
async function putInPlace(naming: Naming): Promise<string> {
  const { place, key, shown } = naming;
  for (let attempt = 1; ; attempt += 1) {
    let way: Way | undefined;
    try {
      way = (await openWay(place.root, key, true)) as Way;
      await nameObject(naming, way.last);
      await syncWay(way);
      return await etagOf(way.last, key);
    } catch (error) {
      // Another process removed the directory with its last object; the bytes are still in the
      // temporary file.
      if (isMissing(error) && attempt < maxAttempts) continue;
      throw folderError(error, "write", shown);
    } finally {
      await way?.close();
    }
  }
}

/** Also said of a directory by openWay, in the catalogue's words. */
function isMissing(error: unknown): boolean {
  return codeOf(error instanceof HoldfastError ? error.cause : error) === "ENOENT";
}

async function nameObject({ place, key, shown, temporary, partials, options }: Naming, directory: OpenDirectory): Promise<void> {
  const path = `${directory.path}/${nameOf(key)}`;
  const found = await lstat(path).catch(() => undefined);
  const odd = found === undefined ? undefined : findOddKind(found);
  // A directory of this name would otherwise be reported as an object that exists.
  if (odd === "a directory") throw new HoldfastError("VaultInvalid", `${shown} is a directory: an object cannot be stored there`);
  if (odd !== undefined) throw notAnObject(odd, shown);
  const lock = { ...place.lock, directory: partials };
  if (options.ifAbsent === true) return createObject(place, lock, key, temporary, path);
  await withKeyLock(lock, key, async (assertStillHeld) => {
    if (options.ifMatch !== undefined && (await etagOf(directory, key)) !== options.ifMatch) {
      throw new HoldfastError("StoreConflict", `${key} in ${place.url} was changed by another writer`);
    }
    await assertStillHeld();
    await rename(temporary, path);
  });
}

async function createObject(
  place: FolderPlace,
  lock: FolderLockOptions,
  key: string,
  temporary: string,
  path: string,
): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw exists(place, key);
    if (!noHardLinks(error)) throw error;
    await withKeyLock(lock, key, async (assertStillHeld) => {
      if ((await lstat(path).catch(() => undefined)) !== undefined) throw exists(place, key);
      await assertStillHeld();
      await rename(temporary, path);
    });
  }
}

function exists(place: FolderPlace, key: string): HoldfastError {
  return new HoldfastError("ObjectExists", `${key} is in ${place.url} already`);
}

async function etagOf(directory: OpenDirectory, key: string): Promise<string> {
  const opened = await openIn(directory, key);
  await opened?.handle.close();
  return opened?.object.etag ?? "";
}
