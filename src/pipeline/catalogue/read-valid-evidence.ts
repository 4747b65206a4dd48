/** Reads documents where a damaged one must not stop the work: it then says nothing. */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { type Evidence, readEvidence } from "../../vault/documents/evidence.ts";
import { type ReadManifest, readManifest } from "../../vault/documents/manifest.ts";
import type { BackupPlace } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";

/**
 * The evidence under `key`, or undefined when it cannot be read, or is gone with its backup since
 * it was listed. Errors: those of ObjectStore.get.
 */
export async function readSoundEvidence(store: ObjectStore, key: string): Promise<Evidence | undefined> {
  try {
    return await readEvidence(store, key);
  } catch (error) {
    if (isHoldfastError(error, "EvidenceInvalid", "ObjectNotFound", "VaultInvalid", "StoreAccessDenied")) return undefined;
    throw error;
  }
}

/**
 * The backup's manifest, or undefined when it cannot be read, or is gone since the backup was
 * listed. Errors: those of ObjectStore.get.
 */
export async function readSoundManifest(store: ObjectStore, { source, id }: BackupPlace): Promise<ReadManifest | undefined> {
  try {
    return await readManifest(store, source, id);
  } catch (error) {
    if (isHoldfastError(error, "ManifestDamaged", "BackupNotFound", "VaultInvalid", "StoreAccessDenied")) return undefined;
    throw error;
  }
}
