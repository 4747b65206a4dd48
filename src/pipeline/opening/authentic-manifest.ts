/**
 * Manifests that were made with the vault's key. Who can write to a vault and has no key can make a
 * manifest, and no seal for it: such a manifest is damaged, and nothing is decided by it
 * (docs/vault-format.md, "The manifest's seal").
 */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { findManifestSealProblem, sealManifest } from "../../sealing/manifest-seal.ts";
import { type BackupContext, maxSmallMessageBytes } from "../../sealing/small-message.ts";
import { type ReadManifest, readManifest } from "../../vault/documents/manifest.ts";
import { readSmall } from "../../vault/documents/read-small.ts";
import type { Authenticate } from "../../vault/examine-backup.ts";
import { keyOf } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { Vault } from "../../vault/vault.ts";
import type { ArtifactTarget } from "../dump/write-artifact.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { openingKeysFor } from "./opening-keys.ts";

/** What a seal is opened for: where it is, and the id that it must name. */
export type SealedVault = Pick<Vault, "store" | "id">;

/**
 * Seals the manifest that is about to be committed. Before it: no committed manifest is without a
 * seal, wherever a run dies.
 * Errors: KeyFileInvalid, KeyUnavailable, those of ObjectStore.put.
 */
export async function writeManifestSeal(
  { store, keys, vaultId, source, backupId, retainUntil }: Omit<ArtifactTarget, "digestKey">,
  sha256: string,
  signal: AbortSignal,
): Promise<void> {
  const bytes = await sealManifest(sha256, { keys, context: { vaultId, source, backupId } });
  const lock = { retainUntil };
  await store.put(keyOf.manifestSeal(source, backupId), bytes, { ifAbsent: true, signal, ...lock });
}

/**
 * Reads a manifest, and asks whether it was made with the vault's key: one data key is opened, once
 * a run for each manifest.
 * Errors: those of readManifest; ManifestDamaged also for a manifest without its seal; KeyMissing,
 * KeyUnavailable, KeyFileInvalid.
 */
export async function readAuthenticManifest(
  context: PipelineContext,
  vault: SealedVault,
  source: string,
  id: string,
): Promise<ReadManifest> {
  const read = await readManifest(vault.store, source, id);
  await authenticate(context, vault, { source, id, sha256: read.sha256 });
  return read;
}

/** What examineBackup asks of a manifest that it has read. */
export function authenticatorOf(context: PipelineContext, vault: SealedVault): Authenticate {
  return (manifest) => authenticate(context, vault, manifest);
}

async function authenticate(
  context: PipelineContext,
  { store, id: vaultId }: SealedVault,
  { source, id, sha256 }: Parameters<Authenticate>[0],
): Promise<void> {
  const name = `${vaultId}/${source}/${id}/${sha256}`;
  if (context.authenticManifests.has(name)) return;
  const problem = await findProblem(context, store, sha256, { vaultId, source, backupId: id });
  if (problem === undefined) {
    context.authenticManifests.add(name);
    return;
  }
  // Of a backup that is being deleted, the manifest goes before the seal.
  if ((await store.head(keyOf.manifest(source, id))) === undefined) {
    throw new HoldfastError("BackupNotFound", `backup ${id} of "${source}" was deleted while it was read`);
  }
  throw new HoldfastError("ManifestDamaged", `the manifest of ${id} was not made with this vault's key: ${problem}`);
}

async function findProblem(
  context: PipelineContext,
  store: ObjectStore,
  sha256: string,
  made: BackupContext,
): Promise<string | undefined> {
  const keys = await openingKeysFor(context, made.source);
  try {
    const { bytes } = await readSmall(store, keyOf.manifestSeal(made.source, made.backupId), maxSmallMessageBytes);
    return await findManifestSealProblem(bytes, sha256, { keys, context: made });
  } catch (error) {
    if (isHoldfastError(error, "ObjectNotFound")) return "it has no seal";
    if (isHoldfastError(error, "VaultInvalid")) return error.message;
    throw error;
  }
}
