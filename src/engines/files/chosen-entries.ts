/** The entries of an archive that an index of chosen ones names; all others are read and left. */
import type { Entry, SkippedEntry } from "./entry.ts";
import type { EntryPath } from "./entry-path.ts";
import type { ArchivedEntry } from "./read-archive.ts";

/**
 * `chosen` is in the archive's order, and each of its entries comes after the directory that it
 * stands in. What is left is checked all the same. Errors: those of both.
 */
export async function* onlyChosen(
  archive: AsyncGenerator<ArchivedEntry, readonly Entry[]>,
  chosen: AsyncGenerator<Entry | SkippedEntry>,
): AsyncGenerator<ArchivedEntry, readonly Entry[]> {
  const open = new Set<EntryPath>();
  const takeOpen = (directories: readonly Entry[]): Entry[] => directories.filter(({ path }) => open.delete(path));
  let ended: Entry[] = [];
  try {
    let wanted = await chosen.next();
    for (let next = await archive.next(); ; next = await archive.next()) {
      if (next.done === true) return [...ended, ...takeOpen(next.value)];
      ended.push(...takeOpen(next.value.ended));
      const { entry } = next.value;
      if (wanted.done === true || wanted.value.path !== entry.path) continue;
      if (entry.type === "directory") open.add(entry.path);
      yield { ...next.value, ended };
      ended = [];
      wanted = await chosen.next();
    }
  } finally {
    await Promise.all([archive.return([]), chosen.return(undefined)]);
  }
}
