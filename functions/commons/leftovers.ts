/**
 * Directories of runs that were killed. /tmp outlives a function's timeout, and the process that
 * would remember them does not: so each directory's name says whose it is.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { logger } from "./powertools.ts";

const ofRun = /^hf-(\d+)-[A-Za-z0-9]{6}$/;

/**
 * The beginning of a run's directory: this process's, which works for one run at a time, as Lambda
 * does.
 */
export function directoryPrefix(): string {
  return `hf-${process.pid}-`;
}

/**
 * Removes what earlier runs of this process, and of processes that are gone, have left in
 * `directory`; those of living ones stay, for in the local cloud functions share a /tmp. Never
 * throws: what stays costs room, and the log says so.
 */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const pid = Number(ofRun.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid) || (pid !== process.pid && isAlive(pid))) continue;
    try {
      await rm(join(directory, name), { recursive: true, force: true, maxRetries: 3 });
      logger.warn("removed what a killed run has left", { directory: name });
    } catch (error) {
      logger.warn("what a killed run has left cannot be removed", { directory: name, cause: String(error) });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
