/** A backup as its engine sees it, but for the means to open it. */
import type { BackupInfo, Facts } from "../../engines/backup-reader.ts";
import type { Engine } from "../../engines/engine.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { countsOf } from "../../proof/recorded-digest.ts";
import type { Manifest } from "../../vault/documents/manifest.ts";

/** Errors: ContentInvalid, when the manifest's facts are not what the engine writes. */
export function figuresOf(manifest: Manifest, engine: Pick<Engine, "name" | "facts">): BackupInfo {
  return {
    backupId: manifest.id,
    source: manifest.source,
    kind: manifest.kind,
    coverage: manifest.coverage,
    facts: parseFacts(manifest, engine),
    sourceCheck: countsOf(manifest.sourceCheck),
    artifacts: manifest.artifacts,
  };
}

function parseFacts(manifest: Manifest, { name, facts }: Pick<Engine, "name" | "facts">): Facts {
  const parsed = facts.safeParse(manifest.facts);
  if (parsed.success) return parsed.data;
  const path = ["facts", ...(parsed.error.issues[0]?.path ?? [])].join(".");
  throw new HoldfastError("ContentInvalid", `the manifest of ${manifest.id} has a wrong ${path} for the ${name} engine`);
}
