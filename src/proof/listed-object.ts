/**
 * The objects of a backup one by one, for finding one in many backups and for comparing two: types
 * and pure functions.
 */
import { createHash } from "node:crypto";
import type { ObjectDigest } from "./content.ts";

/** One object of a backup. */
export interface ListedObject {
  /** `table public.orders`, `file etc/nginx/nginx.conf`: a word for its sort, then its name. */
  readonly object: string;
  /**
   * Its place in the listing: listings are sorted by it, code unit by code unit, and no two objects
   * of one backup share it.
   */
  readonly sortKey: string;
  readonly rows?: number | undefined;
  readonly bytes: number;
  /** Of its content, hex; absent where that cannot be had: then counts and sizes speak alone. */
  readonly sha256?: string | undefined;
  /** What belongs to it beside its content, in words: `mode 0644`, `owner 1000:1000`. */
  readonly attributes?: readonly string[] | undefined;
}

/** All objects of one backup, sorted by `sortKey`. */
export type ObjectListing = AsyncIterable<ListedObject>;

/** A digest's objects as a listing. */
export async function* listDigest(
  objects: readonly (Omit<ObjectDigest, "sha256"> & { readonly sha256?: string })[],
): AsyncGenerator<ListedObject> {
  const sorted = objects.toSorted((a, b) => (a.object < b.object ? -1 : 1));
  for (const { object, rows, bytes, sha256 } of sorted) yield { object, sortKey: object, rows, bytes, sha256 };
}

/** Several objects of one backup, taken together. */
export interface ObjectSum {
  readonly objects: number;
  /** Absent where none of them counts rows. */
  readonly rows?: number | undefined;
  readonly bytes: number;
  /**
   * Of one object, its own; of several, the SHA-256 over their names and their own; absent where
   * one of those is.
   */
  readonly sha256?: string | undefined;
}

/** Sums the objects of a listing that `matches` takes; undefined where there is none. */
export async function sumObjects(listing: ObjectListing, matches: (object: string) => boolean): Promise<ObjectSum | undefined> {
  const all = createHash("sha256");
  let [objects, bytes, hashed] = [0, 0, 0];
  let rows: number | undefined;
  let only: string | undefined;
  for await (const entry of listing) {
    if (!matches(entry.object)) continue;
    objects++;
    bytes += entry.bytes;
    if (entry.rows !== undefined) rows = (rows ?? 0) + entry.rows;
    if (entry.sha256 === undefined) continue;
    hashed++;
    only = entry.sha256;
    all.update(`${JSON.stringify([entry.object, entry.sha256])}\n`);
  }
  if (objects === 0) return undefined;
  const sha256 = objects === 1 ? only : all.digest("hex");
  return { objects, rows, bytes, sha256: hashed === objects ? sha256 : undefined };
}
