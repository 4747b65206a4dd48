/**
 * Which version of an object is to be brought back, from what the store says of its versions and
 * from which of them are genuine. Nothing here reads an object.
 */
import type { ObjectVersion } from "../object-store.ts";

/** A key with all that the store keeps under it, newest first; never empty. */
export interface VersionedObject {
  readonly key: string;
  readonly versions: readonly ObjectVersion[];
}

export type Choice =
  /** What a reader meets is genuine: nothing is put over it. */
  | { readonly choice: "current" }
  | {
      readonly choice: "older";
      readonly version: ObjectVersion;
      /** What lies over it, newest first. */
      readonly above: readonly ObjectVersion[];
    }
  /** No version is genuine. */
  | { readonly choice: "none" };

/** The versions of each key, from a listing of them. */
export async function* groupVersions(versions: AsyncIterable<ObjectVersion>): AsyncGenerator<VersionedObject, void, undefined> {
  let group: ObjectVersion[] = [];
  for await (const version of versions) {
    if (group[0] !== undefined && group[0].key !== version.key) {
      yield { key: group[0].key, versions: group };
      group = [];
    }
    group.push(version);
  }
  if (group[0] !== undefined) yield { key: group[0].key, versions: group };
}

/** Whether older content lies below what a reader of the key meets. */
export function hidesContent({ versions }: VersionedObject): boolean {
  return versions.slice(1).some(({ isMarker }) => !isMarker);
}

/**
 * Whether a reader meets what was written first, though something was written between: it was
 * copied on top to bring it back.
 */
export function showsFirst({ versions }: VersionedObject): boolean {
  const [newest] = versions;
  const first = versions.findLast(({ isMarker }) => !isMarker);
  if (newest === undefined || first === undefined || newest.isMarker || newest.etag === "") return false;
  return newest.etag === first.etag && newest.bytes === first.bytes;
}

/** How the content of an object was hidden, by its newest version. */
export function describeHiding({ versions: [newest] }: VersionedObject): {
  readonly by: "deletion" | "overwriting";
  readonly hiddenAt: Date;
} {
  return { by: newest?.isMarker === true ? "deletion" : "overwriting", hiddenAt: newest?.modifiedAt ?? new Date(0) };
}

/**
 * The choice among an object's versions, of which `genuine` has the ids of those that are what was
 * written first. The newest genuine one needs the least to be removed from over it, and all of them
 * have the same bytes.
 */
export function chooseVersion({ versions }: VersionedObject, genuine: ReadonlySet<string>): Choice {
  const index = versions.findIndex(({ isMarker, versionId }) => !isMarker && genuine.has(versionId));
  const version = versions[index];
  if (version === undefined) return { choice: "none" };
  return index === 0 ? { choice: "current" } : { choice: "older", version, above: versions.slice(0, index) };
}

/** A manifest or a seal among the versions of its key, with what it vouches for. */
export interface Vouching {
  readonly version: ObjectVersion;
  /** A manifest's own SHA-256; the one that a genuine seal names. */
  readonly sha256: string;
}

/**
 * The SHA-256 of the manifest that is a backup's: one with a genuine seal. A manifest is written
 * once, and its writer refuses to replace one: of several with seals, made by somebody who has the
 * key, it is the one that the store has had longest. Both lists are newest first.
 */
export function chooseManifest(manifests: readonly Vouching[], seals: readonly Vouching[]): string | undefined {
  const sealed = new Set(seals.map(({ sha256 }) => sha256));
  return manifests.findLast(({ sha256 }) => sealed.has(sha256))?.sha256;
}

/**
 * How far a store's servers may differ in time, and how long a deletion takes from its tombstone to
 * the manifest.
 */
const toleranceMs = 60_000;

/**
 * Whether Holdfast deleted a backup: its manifest was hidden by a deletion while a genuine
 * tombstone was there, by the store's own times. A tombstone that came later was not there to
 * announce it, and one that went before is of a deletion that was given up.
 * @param manifest the versions of the backup's manifest
 * @param tombstones those of its tombstones that are signed, with the versions that match
 */
export function wasPruned(
  manifest: VersionedObject,
  tombstones: readonly (VersionedObject & { readonly genuine: ReadonlySet<string> })[],
): boolean {
  const hidden = findHiding(manifest);
  if (hidden === undefined) return false;
  return tombstones.some(({ versions, genuine }) =>
    versions.some(({ versionId, modifiedAt }, index) => {
      if (!genuine.has(versionId)) return false;
      const goneAt = versions[index - 1]?.modifiedAt;
      const isBefore = modifiedAt.getTime() <= hidden.getTime() + toleranceMs;
      return isBefore && (goneAt === undefined || goneAt.getTime() >= hidden.getTime());
    }),
  );
}

/** When the newest content of an object was hidden by a deletion; undefined where it was not. */
function findHiding({ versions }: VersionedObject): Date | undefined {
  const index = versions.findIndex(({ isMarker }) => !isMarker);
  return index > 0 ? versions[index - 1]?.modifiedAt : undefined;
}
