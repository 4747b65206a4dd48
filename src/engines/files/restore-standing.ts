/**
 * What stands at a restore's target, for the person who has to approve that it is replaced: how
 * much, and how new; and what it is, so that nothing else is replaced by their word.
 */
import { lstat, opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Standing } from "../restore-request.ts";

/** Entries that are looked at: a restore does not wait for the count of a large tree. */
const maxCounted = 10_000;

interface Count {
  files: number;
  entries: number;
  bytes: number;
  newestMs: number;
}

/** What cannot be read is left out of the count. Errors: the system's, for the directory itself. */
export async function readStanding(path: string): Promise<Standing> {
  const own = await stat(path, { bigint: true });
  const count: Count = { files: 0, entries: 0, bytes: 0, newestMs: Number(own.mtimeMs) };
  await countEntries(path, count);
  const more = count.entries >= maxCounted ? "more than " : "";
  const [files, megabytes] = [count.files, Math.ceil(count.bytes / 1e6)].map((figure) => figure.toLocaleString("en-US"));
  return {
    // A number of a directory that was removed may be given to another; its birth may not.
    identity: `directory ${own.dev}:${own.ino} of ${own.birthtimeNs}`,
    facts: [
      `it has ${more}${files} ${count.files === 1 ? "file" : "files"} of ${more}${megabytes} MB`,
      `the newest change that was found there is of ${new Date(count.newestMs).toISOString()}`,
    ],
  };
}

async function countEntries(path: string, count: Count): Promise<void> {
  const directory = await opendir(path).catch(() => undefined);
  if (directory === undefined) return;
  const below: string[] = [];
  try {
    for await (const entry of directory) {
      if (count.entries >= maxCounted) break;
      count.entries += 1;
      const found = join(path, entry.name);
      const about = await lstat(found).catch(() => undefined);
      if (about === undefined) continue;
      count.newestMs = Math.max(count.newestMs, about.mtimeMs);
      if (about.isFile()) [count.files, count.bytes] = [count.files + 1, count.bytes + about.size];
      if (about.isDirectory()) below.push(found);
    }
  } catch {
    // It went away meanwhile, or is not readable any further.
  }
  for (const next of below) if (count.entries < maxCounted) await countEntries(next, count);
}
