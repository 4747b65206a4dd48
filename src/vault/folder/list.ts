/** Lists a folder vault in the order of its keys, without looking at more than is asked for. */
import { closeSync, type Dirent, lstatSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { compareKeys, maxKeyBytes, partialDirectory, sortKeys } from "../object-key.ts";
import type { ListedObject, ListOptions, ObjectStat } from "../object-store.ts";
import { abortReason } from "../read-body.ts";
import { codeOf, findOddKind, folderError, notAnObject } from "./errors.ts";
import { storedAtOf } from "./read.ts";
import { directoryFlags, pathThrough, rootFlags } from "./way.ts";

interface Walk {
  readonly root: string;
  readonly prefix: string;
  readonly startAfter: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Objects looked at before other work gets its turn. The synchronous calls are five times as fast
 * as the others, and a page takes about a millisecond.
 */
const pageSize = 256;

/**
 * As ObjectStore.list. Memory grows with the names in one directory, not with the number of
 * directories or objects.
 */
export async function* listFolder(
  root: string,
  prefix: string,
  options: ListOptions,
): AsyncGenerator<ListedObject, void, undefined> {
  const walk: Walk = { root, prefix, startAfter: options.startAfter ?? "", signal: options.signal };
  // Everything with this prefix lies below the directory of its last slash.
  const directory = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  if (walk.signal?.aborted) throw abortReason(walk.signal);
  let seen = 0;
  let firstOdd: ListedObject | undefined;
  for (const object of walkFrom(walk, directory)) {
    seen += 1;
    if (seen % pageSize === 0) {
      await yieldToOthers();
      if (walk.signal?.aborted) throw abortReason(walk.signal);
    }
    if (object.odd === undefined || options.includeOdd === true) yield object;
    else firstOdd ??= object;
  }
  if (firstOdd?.odd !== undefined) throw notAnObject(firstOdd.odd, join(root, firstOdd.key));
}

/** Opens the directories down to where the listing begins, then walks on from there. */
function* walkFrom(walk: Walk, directory: string): Generator<ListedObject, void, undefined> {
  const opened: number[] = [];
  try {
    let shown = walk.root;
    let path = openDirectory(walk.root, shown, rootFlags, opened);
    for (const name of directory.split("/").slice(0, -1)) {
      if (path === undefined) return;
      shown = join(shown, name);
      path = openDirectory(`${path}/${name}`, shown, directoryFlags, opened);
    }
    if (path !== undefined) yield* walkDirectory(walk, directory, path);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** `directory` is a key with a slash at its end, or empty for the root; `path` reaches it. */
function* walkDirectory(walk: Walk, directory: string, path: string): Generator<ListedObject, void, undefined> {
  for (const { name, odd } of sortedNames(walk, directory, path)) {
    const key = `${directory}${name}`;
    if (key.endsWith("/")) {
      if (mayHold(walk, key)) yield* walkBelow(walk, key, `${path}/${name.slice(0, -1)}`);
    } else if (key.startsWith(walk.prefix) && (walk.startAfter === "" || compareKeys(key, walk.startAfter) > 0)) {
      const object =
        odd === undefined ? statOf(walk.root, key, `${path}/${name}`) : { key, odd, bytes: 0, modifiedAt: new Date(0) };
      if (object !== undefined) yield object;
    }
  }
}

function* walkBelow(walk: Walk, key: string, path: string): Generator<ListedObject, void, undefined> {
  const opened: number[] = [];
  try {
    const below = openDirectory(path, join(walk.root, key), directoryFlags, opened);
    if (below !== undefined) yield* walkDirectory(walk, key, below);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/**
 * What to put before `/<name>` for names in the directory; undefined when there is none. Its
 * descriptor is added to `opened`.
 */
function openDirectory(path: string, shown: string, flags: number, opened: number[]): string | undefined {
  try {
    const fd = openSync(path, flags);
    opened.push(fd);
    return pathThrough(fd, shown);
  } catch (error) {
    // Nothing was ever written there, or it was the last object's directory and has just gone.
    if (codeOf(error) === "ENOENT") return undefined;
    if ((codeOf(error) === "ENOTDIR" || codeOf(error) === "ELOOP") && lstatSync(path).isSymbolicLink()) {
      throw notAnObject("a symbolic link", shown);
    }
    throw folderError(error, "read", shown);
  }
}

/**
 * Whether anything below the directory can be asked for: on the way to the prefix or below it, and
 * not all before `startAfter`.
 */
function mayHold({ prefix, startAfter }: Walk, key: string): boolean {
  // No key is longer; and directories nested without end must not nest this generator so.
  if (key.length > maxKeyBytes) return false;
  if (!key.startsWith(prefix) && !prefix.startsWith(key)) return false;
  return startAfter === "" || startAfter.startsWith(key) || compareKeys(key, startAfter) > 0;
}

interface Name {
  readonly name: string;
  readonly odd?: string;
}

/**
 * The names in a directory as they sort within keys: a directory's with the slash that follows it.
 */
function sortedNames({ root }: Walk, directory: string, path: string): Iterable<Name> {
  let entries: Dirent[];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw folderError(error, "list", join(root, directory));
  }
  const names: string[] = [];
  const odd = new Map<string, string>();
  for (const entry of entries) {
    const { name } = entry;
    if (directory === "" && name === partialDirectory) continue;
    if (entry.isDirectory()) names.push(`${name}/`);
    else names.push(name);
    // A document that is a directory keeps its name taken, and nothing can be read of it.
    const kind = entry.isDirectory() && !name.endsWith(".json") ? undefined : findOddKind(entry);
    if (kind !== undefined) odd.set(name, kind);
    if (kind === "a directory") names.push(name);
  }
  return sortKeys(names).map((name): Name => {
    const kind = odd.get(name);
    return kind === undefined ? { name } : { name, odd: kind };
  });
}

function statOf(root: string, key: string, path: string): ObjectStat | undefined {
  try {
    const { size, mtime, ctime } = lstatSync(path);
    return { key, bytes: size, modifiedAt: storedAtOf(mtime.getTime(), ctime.getTime()) };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined; // Deleted while it was listed.
    throw folderError(error, "look at", join(root, key));
  }
}
