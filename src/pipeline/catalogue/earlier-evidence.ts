/** Compares a manifest with what earlier checks of its backup read. */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { BackupEntry } from "../../vault/catalogue.ts";
import { type Evidence, readEvidence } from "../../vault/documents/evidence.ts";
import { keepGenuine } from "../../vault/judge-checks.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { SignedVault } from "../../vault/vault.ts";

/**
 * A manifest that was edited still parses; but what earlier checks read had another checksum.
 * Evidence is written once, so what cannot be read was damaged or planted, and may have said so: it
 * is damage of the backup. Errors: ManifestDamaged, EvidenceInvalid, those of ObjectStore.get.
 */
export async function compareWithEarlierEvidence(vault: SignedVault, entry: BackupEntry, manifestSha256: string): Promise<void> {
  for (const { key, check } of [...keepGenuine(vault, entry.earlierChecks), ...entry.checks]) {
    if (check === "damaged" || check === "disproven") continue; // It may have read the damaged manifest.
    const evidence = await readUnlessDeleted(vault.store, key);
    if (evidence === undefined || evidence.manifestSha256 === manifestSha256) continue;
    throw new HoldfastError(
      "ManifestDamaged",
      `the manifest of ${entry.id} was changed after ${evidence.at}: its SHA-256 is ${manifestSha256}, and was ${evidence.manifestSha256}`,
    );
  }
}

async function readUnlessDeleted(store: ObjectStore, key: string): Promise<Evidence | undefined> {
  try {
    return await readEvidence(store, key);
  } catch (error) {
    if (isHoldfastError(error, "ObjectNotFound")) return undefined;
    throw error;
  }
}
