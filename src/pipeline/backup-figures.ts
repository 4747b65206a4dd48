/** A backup as an engine sees it, but for the means to open it. */
import type { BackupReader } from "../engines/engine.ts";
import type { Manifest } from "../vault/manifest.ts";

export function figuresOf(manifest: Manifest): Omit<BackupReader, "open"> {
  return {
    backupId: manifest.id,
    source: manifest.source,
    kind: manifest.kind,
    facts: manifest.facts,
    sourceCheck: manifest.sourceCheck,
    artifacts: manifest.artifacts,
  };
}
