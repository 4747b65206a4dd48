/**
 * What makes an archive safe to extract: every entry directly in a directory that came before it
 * and is still open, in the archive's order. Then no name occurs twice, nothing can stand beneath a
 * symbolic link, and a hard link can only lead to a file of the same archive.
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { Entry } from "./entry.ts";
import { compareEntryPaths, displayPath, type EntryPath, parentOf, rootEntry } from "./entry-path.ts";

export interface StructureGuard {
  /**
   * Takes the next entry. Gives the directories that end with it, innermost first. Errors:
   * ContentInvalid naming the entry.
   */
  admit(entry: Entry): readonly Entry[];
  /**
   * The directories still open at the end, innermost first. Errors: ContentInvalid for an archive
   * without a root.
   */
  end(): readonly Entry[];
}

/** Memory: one entry for each level of depth, one name for each file with several names. */
export function createStructureGuard(): StructureGuard {
  const open: Entry[] = [];
  const linked = new Set<EntryPath>();
  let last: EntryPath | undefined;
  return {
    admit(entry) {
      const { path } = entry;
      const fail = (what: string) => new HoldfastError("ContentInvalid", `the archive's entry ${displayPath(path)} ${what}`);
      if (last === undefined) {
        if (path !== rootEntry || entry.type !== "directory") throw fail("stands where the tree's root should");
      } else {
        const flaw = findFlaw(path);
        if (flaw !== undefined) throw fail(flaw);
        if (compareEntryPaths(last, path) >= 0) throw fail(`is out of order: it follows ${displayPath(last)}`);
      }
      const ended = last === undefined ? [] : closeUpTo(open, parentOf(path));
      if (last !== undefined && open.at(-1)?.path !== parentOf(path)) throw fail("is in no directory of the archive");
      last = path;
      if (entry.type === "directory") open.push(entry);
      if (entry.links !== undefined) linked.add(path);
      if (entry.hardLinkOf !== undefined && !linked.has(entry.hardLinkOf)) {
        throw fail(`is a hard link to ${displayPath(entry.hardLinkOf)}, which is no such file of this archive`);
      }
      if (entry.linkTarget !== undefined && (entry.linkTarget === "" || entry.linkTarget.includes("\0")))
        throw fail("has no valid target");
      return ended;
    },
    end() {
      if (last === undefined) throw new HoldfastError("ContentInvalid", "the archive is empty: it has not even the tree's root");
      return open.splice(0).reverse();
    },
  };
}

/** Closes directories until `parent` is the innermost one; all of them when it is not open. */
function closeUpTo(open: Entry[], parent: EntryPath): Entry[] {
  const ended: Entry[] = [];
  for (let top = open.at(-1); top !== undefined && top.path !== parent; top = open.at(-1)) {
    ended.push(top);
    open.pop();
  }
  return ended;
}

function findFlaw(path: EntryPath): string | undefined {
  if (path.startsWith("/")) return "has an absolute name";
  const names = path.split("/");
  if (names.includes("..")) return "leads out of the tree";
  if (names.includes("") || names.includes(".")) return "has an empty name";
  if (path.includes("\0")) return "has a NUL in its name";
  return undefined;
}
