/** A vault that is a folder: one file an object, on any local or mounted file system. */
import { lstat, readdir, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { Clock } from "../runtime/clock.ts";
import { codeOf, folderError } from "./folder-errors.ts";
import { listFolder } from "./folder-list.ts";
import { withKeyLock } from "./folder-lock.ts";
import { assertNoLinks, makeDurableDirectory, pathOf, removeEmptyParents, syncDirectory } from "./folder-paths.ts";
import { openObject, streamObject } from "./folder-read.ts";
import { type FolderPlace, putObject, refuseLock } from "./folder-write.ts";
import { partialDirectory } from "./object-key.ts";
import type { ObjectStore } from "./object-store.ts";
import { machineProcesses, type ProcessTable } from "./process-identity.ts";
import { abortReason } from "./read-body.ts";

export interface FolderStoreOptions {
  readonly clock: Clock;
  /** Default: this machine's. */
  readonly processes?: ProcessTable;
}

/** The store in the directory `path` (absolute), which is made with the first object. */
export function openFolderStore(path: string, options: FolderStoreOptions): ObjectStore {
  const root = resolve(path);
  const url = `folder:${root}`;
  const lock = {
    directory: join(root, partialDirectory),
    clock: options.clock,
    processes: options.processes ?? machineProcesses(),
  };
  const place: FolderPlace = { root, url, lock };
  return {
    url,
    locks: false,
    put: async (key, body, putOptions = {}) => putObject(place, key, pathOf(root, key), body, putOptions),

    async get(key, { range, signal } = {}) {
      if (signal?.aborted) throw abortReason(signal);
      const file = pathOf(root, key);
      const opened = await openObject(root, file, key);
      if (opened === undefined) throw new HoldfastError("ObjectNotFound", `${url} has no ${key}`);
      const body = streamObject(opened, file, range ?? { start: 0, end: opened.object.bytes - 1 }, signal);
      return { object: opened.object, body };
    },

    async head(key) {
      const opened = await openObject(root, pathOf(root, key), key);
      await opened?.handle.close();
      return opened?.object;
    },

    list: (prefix, listOptions = {}) => listFolder(root, prefix, listOptions),
    async delete(key) {
      await deleteObject(place, key, pathOf(root, key));
      return undefined;
    },
    extendRetention: async () => refuseLock(url),
    legalHold: async () => refuseLock(url),
    // A folder keeps no versions.
    async *listHidden() {},
    inspect: async () => [],
    abortStaleUploads: (olderThan) => removeStale(lock.directory, olderThan),
    close: () => undefined,
  };
}

async function deleteObject(place: FolderPlace, key: string, path: string): Promise<void> {
  await assertNoLinks(place.root, path);
  try {
    if ((await lstat(path)).isDirectory()) return;
    await makeDurableDirectory(place.lock.directory);
    // Under the lock, so that a conditional replacement cannot bring back what is deleted here.
    await withKeyLock(place.lock, key, () => unlink(path));
    // The order of deletions is part of the format: each is durable before the next.
    await syncDirectory(dirname(path));
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return;
    throw folderError(error, "delete", path);
  }
  await removeEmptyParents(place.root, path);
}

/** Removes what writers that died left behind. A file that is still written has a recent time. */
async function removeStale(directory: string, olderThan: Date): Promise<number> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return 0;
    throw folderError(error, "list", directory);
  }
  let removed = 0;
  for (const name of names) {
    const path = join(directory, name);
    try {
      const found = await lstat(path);
      if (found.isDirectory() || found.mtime >= olderThan) continue;
      await unlink(path);
      removed += 1;
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw folderError(error, "remove", path);
    }
  }
  return removed;
}
