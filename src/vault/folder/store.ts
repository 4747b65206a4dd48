/** A vault that is a folder: one file an object, on any local or mounted file system. */
import { lstat, readdir, unlink } from "node:fs/promises";
import { resolve } from "node:path";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { Clock } from "../../runtime/clock.ts";
import { assertKey, partialDirectory } from "../object-key.ts";
import type { ObjectStore } from "../object-store.ts";
import { machineProcesses, type ProcessTable } from "../process-identity.ts";
import { abortReason } from "../read-body.ts";
import { codeOf, findOddKind, folderError, notAnObject } from "./errors.ts";
import { listFolder } from "./list.ts";
import { withKeyLock } from "./lock.ts";
import { pathOf, syncHandle } from "./paths.ts";
import { openObject, streamObject } from "./read.ts";
import { nameOf, onWay, removeEmptyOnWay } from "./way.ts";
import { type FolderPlace, onPartials, putObject } from "./write.ts";

export interface FolderStoreOptions {
  readonly clock: Clock;
  /** Default: this machine's. */
  readonly processes?: ProcessTable;
}

/** The store in the directory `path` (absolute), which is made with the first object. */
export function openFolderStore(path: string, options: FolderStoreOptions): ObjectStore {
  const root = resolve(path);
  const url = `folder:${root}`;
  const place: FolderPlace = { root, url, lock: { clock: options.clock, processes: options.processes ?? machineProcesses() } };
  return {
    url,
    put: async (key, body, putOptions = {}) => putObject(place, key, body, putOptions),

    async get(key, { range, signal } = {}) {
      if (signal?.aborted) throw abortReason(signal);
      const file = pathOf(root, key);
      const opened = await openObject(root, key);
      if (opened === undefined) throw new HoldfastError("ObjectNotFound", `${url} has no ${key}`);
      const body = streamObject(opened, file, range ?? { start: 0, end: opened.object.bytes - 1 }, signal);
      return { object: opened.object, body };
    },

    async head(key) {
      assertKey(key);
      const opened = await openObject(root, key);
      await opened?.handle.close();
      return opened?.object;
    },

    list: (prefix, listOptions = {}) => listFolder(root, prefix, listOptions),
    async delete(key) {
      await deleteObject(place, key);
      return undefined;
    },
    // A folder keeps no versions.
    async *listHidden() {},
    inspect: async () => [],
    abortStaleUploads: (olderThan) => removeStale(root, olderThan),
    close: () => undefined,
  };
}

async function deleteObject(place: FolderPlace, key: string): Promise<void> {
  const shown = pathOf(place.root, key);
  await onWay(place.root, key, undefined, async (way) => {
    const path = `${way.last.path}/${nameOf(key)}`;
    try {
      const odd = findOddKind(await lstat(path));
      if (odd === "a directory") return;
      if (odd !== undefined) throw notAnObject(odd, shown);
      // Under the lock, so that a conditional replacement cannot bring back what is deleted here.
      await onPartials(place, (directory) => withKeyLock({ ...place.lock, directory }, key, () => unlink(path)));
      // The order of deletions is part of the format: each is durable before the next.
      await syncHandle(way.last.handle, way.last.shown);
    } catch (error) {
      if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return;
      throw folderError(error, "delete", shown);
    }
    await removeEmptyOnWay(way);
  });
}

/**
 * The names that this store gives: of files being written, of locks, of those who remove dead
 * locks, and of both before they have their name.
 */
const ownName = /^[0-9a-f]{32}\.(partial|(lock|remover)(\.[0-9a-f]{32})?)$/;

/**
 * Removes what writers that died left behind, and nothing else. A file that is still written has a
 * recent time.
 */
async function removeStale(root: string, olderThan: Date): Promise<number> {
  return onWay(root, `${partialDirectory}/`, 0, async ({ last }) => {
    let removed = 0;
    try {
      for (const name of await readdir(last.path)) {
        if (ownName.test(name) && (await removeIfStale(`${last.path}/${name}`, olderThan))) removed += 1;
      }
    } catch (error) {
      throw folderError(error, "remove what is left in", last.shown);
    }
    return removed;
  });
}

async function removeIfStale(path: string, olderThan: Date): Promise<boolean> {
  try {
    const found = await lstat(path);
    if (!found.isFile() || found.mtime >= olderThan) return false;
    await unlink(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}
