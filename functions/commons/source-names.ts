/**
 * The names of what each source has of its own: functions and Fargate tasks that dump it and prove
 * its backups. Used by infra/, `plan` and `due`.
 */
import { createHash } from "node:crypto";

/**
 * What each source has a function, a task and roles of its own for: also the modules' names in
 * functions/.
 */
export const ownWorks = ["dump", "prove"] as const;
export type OwnWork = (typeof ownWorks)[number];

/** Of the 64 characters of a function's name, `holdfast-<stage>-prove-` takes up to 26. */
const longestSlug = 32;

/**
 * A source's name as part of a resource's: as it is where that is allowed, else shortened, with a
 * piece of its SHA-256.
 */
export function slugOf(source: string): string {
  const plain = source.replaceAll(/[^A-Za-z0-9-]/g, "-");
  if (plain === source && plain.length <= longestSlug) return plain;
  const digest = createHash("sha256").update(source).digest("hex").slice(0, 8);
  return `${plain.slice(0, longestSlug - 9)}-${digest}`;
}

/**
 * What dumps a source; `prefix` is `<service>-<stage>`. A function and a task's family have the
 * same name.
 */
export function dumpNames(prefix: string, source: string) {
  const name = `${prefix}-${ownKey("dump", source)}`;
  return { dumpFunction: name, dumpTask: name };
}

/** What proves a source's backups: reads them back and restores them. */
export function proveNames(prefix: string, source: string) {
  const name = `${prefix}-${ownKey("prove", source)}`;
  return { proveFunction: name, proveTask: name };
}

/** The name without the stack's prefix: `prove-taskmaster`. */
export const ownKey = (work: OwnWork, source: string): string => `${work}-${slugOf(source)}`;
