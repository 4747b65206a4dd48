/** A backup's figures, summed up from its manifest: the one place that does. */
import type { Manifest } from "./manifest.ts";

export interface ManifestTotals {
  /** As the source held it, compressed or not by the engine's own tool. */
  readonly plainBytes: number;
  /** Of all that it names. */
  readonly storedBytes: number;
  /** Of that, what earlier backups stored. */
  readonly reusedBytes: number;
  /** As the source counted them itself; 0 where it was not asked. */
  readonly rows: number;
  readonly durationSeconds: number;
}

export function totalsOf({ artifacts, sourceCheck, startedAt, finishedAt }: Manifest): ManifestTotals {
  return {
    plainBytes: artifacts.reduce((sum, artifact) => sum + artifact.plainBytes, 0),
    storedBytes: artifacts.reduce((sum, artifact) => sum + artifact.storedBytes, 0),
    reusedBytes: artifacts.reduce((sum, { storedBytes, reusedFrom }) => sum + (reusedFrom === undefined ? 0 : storedBytes), 0),
    rows: Object.values(sourceCheck.objects).reduce((sum, object) => sum + object.rows, 0),
    durationSeconds: (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000,
  };
}
