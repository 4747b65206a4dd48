/**
 * The kept restores of this user: a file for each, written by the process that keeps it and removed
 * with it. A file whose process is gone counts for nothing, and is removed.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { stateDirectory } from "../state-directory.ts";

const keptShape = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{6}$/),
  pid: z.int().positive(),
  /** When that process started, as the system says it: another may get the same number later. */
  processStart: z.string(),
  source: z.string(),
  backupId: z.string(),
  until: z.iso.datetime(),
  access: z.array(z.string()),
});

export type KeptEntry = z.output<typeof keptShape>;

export type Environment = Readonly<Record<string, string | undefined>>;

function directoryOf(environment: Environment): string {
  return join(stateDirectory(environment), "kept");
}

/** Writes an entry; gives what removes it. */
export async function registerKept(entry: KeptEntry, environment: Environment): Promise<() => Promise<void>> {
  const directory = directoryOf(environment);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${entry.id}.json`);
  await writeFile(`${path}.new`, JSON.stringify(entry), { mode: 0o600 });
  await rename(`${path}.new`, path);
  return () => rm(path, { force: true });
}

/** Those whose process lives, the first to end first. */
export async function listKept(environment: Environment): Promise<readonly KeptEntry[]> {
  const directory = directoryOf(environment);
  const names = await readdir(directory).catch(() => [] as string[]);
  const kept: KeptEntry[] = [];
  for (const name of names.filter((each) => each.endsWith(".json"))) {
    const entry = await readEntry(join(directory, name));
    if (entry === undefined) continue;
    if ((await processStartOf(entry.pid)) === entry.processStart) kept.push(entry);
    else await rm(join(directory, name), { force: true });
  }
  return kept.sort((a, b) => a.until.localeCompare(b.until));
}

async function readEntry(path: string): Promise<KeptEntry | undefined> {
  try {
    return keptShape.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined; // Removed meanwhile, or not ours.
  }
}

/**
 * When a process started, in the system's ticks; undefined where there is none. Where /proc is not,
 * any living process of that number counts.
 */
export async function processStartOf(pid: number): Promise<string | undefined> {
  try {
    // The program's name, in brackets, may hold anything.
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return process.platform === "linux" ? undefined : isAlive(pid);
  }
}

function isAlive(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
    return "alive";
  } catch {
    return undefined;
  }
}
