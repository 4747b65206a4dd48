/**
 * What a file system makes of modification times that it cannot hold: ext4 keeps 1901 to 2446,
 * tmpfs more than Node can say.
 */
import { open, rm } from "node:fs/promises";
import { errorCode } from "../../runtime/error-code.ts";
import { formatTime } from "./entry.ts";
import { type FileOperations, pooledOperations } from "./file-operations.ts";

export interface KeptTimes {
  /**
   * The time that an entry has after it was given `ns`; undefined where the system refuses to set
   * it.
   */
  keptOf(ns: bigint): Promise<bigint | undefined>;
}

/** Seconds that every file system holds: 32 bits with a sign. */
const commonSeconds = 2n ** 31n;
const billion = 1_000_000_000n;
/**
 * Node takes times as floating-point seconds, and libuv cuts what is beyond its own precision: in
 * this century a time comes back to the microsecond.
 */
const roundingNs = 1_000;
/** Times remembered. A tree with more of them outside the common range is looked up again. */
const maxRemembered = 10_000;

/** Whether the time is one that every file system holds. */
export function isCommonTime(ns: bigint): boolean {
  return ns >= -commonSeconds * billion && ns < (commonSeconds - 1n) * billion;
}

/**
 * Whether two times are as near as floating-point seconds can tell: a microsecond today, 31 ms in
 * the year 4,428,626.
 */
export function isSameTime(a: bigint, b: bigint): boolean {
  const seconds = Math.max(1, Math.abs(Number(a / billion)));
  // A double has 52 bits behind its first one.
  const stepNs = 2 ** (Math.floor(Math.log2(seconds)) - 52) * 1e9;
  return Math.abs(Number(a - b)) <= roundingNs + stepNs;
}

/**
 * Asks the file system by a file of its own at `path`, which is made when it is first needed and
 * removed with its directory.
 */
export function createKeptTimes(path: string, operations: FileOperations = pooledOperations): KeptTimes {
  const remembered = new Map<bigint, Promise<bigint | undefined>>();
  let last: Promise<unknown> = Promise.resolve();
  const location = Buffer.from(path);
  async function ask(ns: bigint): Promise<bigint | undefined> {
    await (await open(path, "a", 0o600)).close();
    try {
      await operations.setTime(location, formatTime(ns));
      return (await operations.stat(location)).mtimeNs;
    } catch (error) {
      errorCode(error);
      return undefined;
    } finally {
      await rm(path, { force: true });
    }
  }
  return {
    async keptOf(ns) {
      if (isCommonTime(ns)) return ns;
      const known = remembered.get(ns);
      if (known !== undefined) return known;
      if (remembered.size >= maxRemembered) remembered.clear();
      // One after the other: they share a file.
      const asked = last.then(() => ask(ns));
      last = asked.catch(() => undefined);
      remembered.set(ns, asked);
      return asked;
    },
  };
}

/** A time for people: ISO 8601 where JavaScript's dates reach, else seconds. */
export function describeTime(ns: bigint): string {
  const date = new Date(Number(ns / 1_000_000n));
  return Number.isNaN(date.getTime()) ? `${formatTime(ns)} seconds since 1970` : date.toISOString();
}
