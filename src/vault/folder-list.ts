/** Lists a folder vault in the order of its keys, without looking at more than is asked for. */
import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { codeOf, folderError } from "./folder-errors.ts";
import { assertNoLinks, linkInVault } from "./folder-paths.ts";
import { compareKeys, partialDirectory, sortKeys } from "./object-key.ts";
import type { ObjectStat } from "./object-store.ts";
import { abortReason } from "./read-body.ts";

interface Walk {
  readonly root: string;
  readonly prefix: string;
  readonly startAfter: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Objects looked at before other work gets its turn. The synchronous calls are five times as fast as the others, and a page takes about a
 * millisecond.
 */
const pageSize = 256;

/** As ObjectStore.list. Memory grows with the names in one directory, not with the number of directories or objects. */
export async function* listFolder(
  root: string,
  prefix: string,
  options: { readonly startAfter?: string; readonly signal?: AbortSignal },
): AsyncGenerator<ObjectStat, void, undefined> {
  const walk: Walk = { root, prefix, startAfter: options.startAfter ?? "", signal: options.signal };
  // Everything with this prefix lies below the directory of its last slash.
  const directory = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  if (walk.signal?.aborted) throw abortReason(walk.signal);
  await assertNoLinks(root, join(root, directory));
  let seen = 0;
  for (const object of walkDirectory(walk, directory)) {
    seen += 1;
    if (seen % pageSize === 0) {
      await yieldToOthers();
      if (walk.signal?.aborted) throw abortReason(walk.signal);
    }
    yield object;
  }
}

/** `directory` is a key with a slash at its end, or empty for the root. */
function* walkDirectory(walk: Walk, directory: string): Generator<ObjectStat, void, undefined> {
  for (const name of sortedNames(walk, directory)) {
    const key = `${directory}${name}`;
    if (key.endsWith("/")) {
      if (mayHold(walk, key)) yield* walkDirectory(walk, key);
    } else if (key.startsWith(walk.prefix) && (walk.startAfter === "" || compareKeys(key, walk.startAfter) > 0)) {
      const object = statOf(walk.root, key);
      if (object !== undefined) yield object;
    }
  }
}

/** Whether anything below the directory can be asked for: on the way to the prefix or below it, and not all before `startAfter`. */
function mayHold({ prefix, startAfter }: Walk, key: string): boolean {
  if (!key.startsWith(prefix) && !prefix.startsWith(key)) return false;
  return startAfter === "" || startAfter.startsWith(key) || compareKeys(key, startAfter) > 0;
}

/** The names in a directory as they sort within keys: a directory's with the slash that follows it. */
function sortedNames({ root }: Walk, directory: string): string[] {
  const path = join(root, directory);
  let entries: Dirent[];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch (error) {
    // Nothing was ever written there, or it was the last object's directory and has just gone.
    if (codeOf(error) === "ENOENT") return [];
    throw folderError(error, "list", path);
  }
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.isSymbolicLink()) throw linkInVault(join(path, entry.name));
    if (entry.isDirectory() && !(directory === "" && entry.name === partialDirectory)) names.push(`${entry.name}/`);
    else if (entry.isFile()) names.push(entry.name);
  }
  return sortKeys(names);
}

function statOf(root: string, key: string): ObjectStat | undefined {
  const path = join(root, key);
  try {
    const { size, mtime } = lstatSync(path);
    return { key, bytes: size, modifiedAt: mtime };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined; // Deleted while it was listed.
    throw folderError(error, "look at", path);
  }
}
