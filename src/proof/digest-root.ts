/** The one hash that stands for a content: over the canonical listing of its objects. */
import { createHash } from "node:crypto";
import type { ContentDigest, ObjectDigest } from "./content.ts";

/** By the bytes of the names, so that no locale takes part. */
function compareNames(first: ObjectDigest, second: ObjectDigest): number {
  return Buffer.compare(Buffer.from(first.object), Buffer.from(second.object));
}

/**
 * The content digest of a list of objects, whose names are unique. The listing has one line an
 * object, in the order of the names' bytes: the name as a JSON string, rows (`-` for what has
 * none), bytes and SHA-256, separated by single spaces.
 */
export function digestOfObjects(algorithm: string, objects: readonly ObjectDigest[]): ContentDigest {
  const sorted = [...objects].sort(compareNames);
  const hash = createHash("sha256");
  let rows = 0;
  let bytes = 0;
  for (const entry of sorted) {
    hash.update(`${JSON.stringify(entry.object)} ${entry.rows ?? "-"} ${entry.bytes} ${entry.sha256}\n`);
    rows += entry.rows ?? 0;
    bytes += entry.bytes;
  }
  return { algorithm, objectCount: sorted.length, rows, bytes, sha256: hash.digest("hex"), objects: sorted };
}
