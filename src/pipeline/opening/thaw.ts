/**
 * What must be brought back from an archive before a backup can be read, and how long that takes.
 */
import { formatBytes } from "../../report/format.ts";
import type { Manifest } from "../../vault/documents/manifest.ts";
import { keyOf } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";

export interface Thaw {
  readonly objects: number;
  readonly bytes: number;
  readonly tiers: readonly string[];
  /** Until all of it can be read, once it was asked for. */
  readonly hours: number;
  /** All of it was asked for already. */
  readonly underWay: boolean;
}

/**
 * The thaw that reading a backup waits for; undefined where it can be read at once. One look an
 * artifact. Errors: those of ObjectStore.head.
 */
export async function findThaw(store: ObjectStore, { source, id, artifacts }: Manifest): Promise<Thaw | undefined> {
  const heads = await Promise.all(artifacts.map(({ name }) => store.head(keyOf.artifact(source, id, name))));
  const archived = heads.flatMap((head) => (head?.archive === undefined ? [] : [{ bytes: head.bytes, ...head.archive }]));
  if (archived.length === 0) return undefined;
  return {
    objects: archived.length,
    bytes: archived.reduce((sum, { bytes }) => sum + bytes, 0),
    tiers: [...new Set(archived.map(({ tier }) => tier))],
    hours: Math.max(...archived.map(({ thawHours }) => thawHours)),
    underWay: archived.every(({ thawing }) => thawing),
  };
}

/** As a step of a plan. */
export function describeThaw({ objects, bytes, tiers, hours, underWay }: Thaw): string {
  const what = `${objects === 1 ? "1 object" : `${objects} objects`} (${formatBytes(bytes)}) come back from ${tiers.join(" and ")}`;
  if (underWay) return `wait until ${what}, which was asked for: up to ${hours} hours in all`;
  return `wait until ${what}: up to ${hours} hours after \`aws s3api restore-object\` for each (docs/immutability.md, "Cheaper storage")`;
}
