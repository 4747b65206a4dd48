/** The names of what each source has of its own: the function and the Fargate task that dump it. Used by infra/ and by `plan`. */
import { createHash } from "node:crypto";

/** Of the 64 characters of a function's name, `holdfast-<stage>-dump-` takes up to 32. */
const longestSlug = 32;

/** A source's name as part of a resource's: as it is where that is allowed, else shortened, with a piece of its SHA-256. */
export function slugOf(source: string): string {
  const plain = source.replaceAll(/[^A-Za-z0-9-]/g, "-");
  if (plain === source && plain.length <= longestSlug) return plain;
  const digest = createHash("sha256").update(source).digest("hex").slice(0, 8);
  return `${plain.slice(0, longestSlug - 9)}-${digest}`;
}

/** `prefix` is `<service>-<stage>`. */
export function dumpFunctionName(prefix: string, source: string): string {
  return `${prefix}-dump-${slugOf(source)}`;
}

export function dumpTaskFamily(prefix: string, source: string): string {
  return `${prefix}-dump-${slugOf(source)}`;
}
