/**
 * When a failure to read a backup is the backup's own: the one place that decides what goes into
 * the vault as damage.
 */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { keyOf } from "../../vault/layout.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { recordSharedDamage } from "./shared-damage.ts";

/** Errors that say that the backup is not what was written; anything else says nothing about it. */
const damage = [
  "ArtifactDamaged",
  "ArtifactMissing",
  "SealInvalid",
  "ContentInvalid",
  "ManifestDamaged",
  "EvidenceInvalid",
] as const;

/**
 * The sentences of evidence for `error`, when that is damage of the backup. Everything else is
 * thrown on: what says nothing of the backup, what an interruption broke off, and what was read of
 * a backup that was deleted meanwhile (BackupNotFound).
 * What it was met in may be an object that other backups name: they get their evidence here.
 */
export async function findDamage(context: PipelineContext, found: FoundBackup, error: unknown): Promise<string[]> {
  const { entry } = found;
  const { signal } = context.run;
  if (signal.aborted) throw isHoldfastError(signal.reason) ? signal.reason : error;
  if (!isHoldfastError(error, ...damage)) throw error;
  if (!(await hasManifest(found))) {
    throw new HoldfastError("BackupNotFound", `backup ${entry.id} of "${entry.source}" was deleted while it was read`, {
      cause: error,
    });
  }
  const sharers = await recordSharedDamage(context, found, error);
  const shared = sharers.length === 0 ? [] : [`damaged by the same object: ${sharers.join(", ")}`];
  return [`${error.name}: ${error.message}`, ...error.details, ...shared];
}

/** Also when something else stands under its name: then that is the damage. */
async function hasManifest({ entry, vault }: FoundBackup): Promise<boolean> {
  try {
    return (await vault.store.head(keyOf.manifest(entry.source, entry.id))) !== undefined;
  } catch (error) {
    if (isHoldfastError(error, "VaultInvalid")) return true;
    throw error;
  }
}
