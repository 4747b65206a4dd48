/** Where a backup's artifacts lie: its own, and those that an earlier backup stored. */
import type { ArtifactRecord, Manifest } from "./documents/manifest.ts";
import { keyOf } from "./layout.ts";

/** The object of an artifact, and the backup that its seal was made for. */
export interface ArtifactPlace {
  readonly key: string;
  readonly storedBy: string;
}

export function placeOf({ source, id }: Pick<Manifest, "source" | "id">, { name, reusedFrom }: ArtifactRecord): ArtifactPlace {
  const storedBy = reusedFrom ?? id;
  return { key: keyOf.artifact(source, storedBy, name), storedBy };
}

/** The keys of what earlier backups stored and this one names. */
export function reusedKeys(manifest: Pick<Manifest, "source" | "id" | "artifacts">): string[] {
  return manifest.artifacts.flatMap((record) => (record.reusedFrom === undefined ? [] : [placeOf(manifest, record).key]));
}
