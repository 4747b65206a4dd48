/**
 * The id of a vault whose holdfast.json is lost: every manifest's seal names it, and only a holder
 * of the key can have made one.
 */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { openManifestSeal } from "../../sealing/manifest-seal.ts";
import { maxSmallMessageBytes } from "../../sealing/small-message.ts";
import { listPlaces } from "../../vault/catalogue.ts";
import { readManifest } from "../../vault/documents/manifest.ts";
import { readSmall } from "../../vault/documents/read-small.ts";
import { type BackupPlace, keyOf } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { SealedVault } from "./authentic-manifest.ts";
import { openingKeysFor } from "./opening-keys.ts";

/**
 * The id that the newest genuine backup is sealed for; undefined where there is no backup, and any
 * id will do.
 * Errors: KeyMissing, KeyUnavailable, KeyFileInvalid (the key is needed), VaultDamaged (no backup's
 * seal can be opened), those of ObjectStore.
 */
export async function recoverVaultId(context: PipelineContext, store: ObjectStore): Promise<string | undefined> {
  const { signal } = context.run;
  const places: BackupPlace[] = [];
  for await (const { source, id } of listPlaces(store, { signal })) places.push({ source, id });
  let refusal: unknown;
  for (const place of places.sort((a, b) => (a.id < b.id ? 1 : -1))) {
    try {
      return await readVaultId(context, store, place);
    } catch (error) {
      if (!isHoldfastError(error, ...unsuitable)) throw error;
      if (!isHoldfastError(error, ...ofBackup)) refusal ??= error;
    }
  }
  if (places.length === 0) return undefined;
  throw (
    refusal ??
    new HoldfastError("VaultDamaged", `no backup in ${store.url} has a seal that opens: the vault's id cannot be found out`, {
      hint: "Bring holdfast.json back from a copy of the vault, or from the bucket's older versions.",
    })
  );
}

/** So many backups are looked at: one that somebody put there says nothing of the others. */
const maxAskedBackups = 20;

/**
 * The id that the newest backups are sealed for, where none of them is sealed for the vault's own:
 * then its holdfast.json was replaced, and what was signed before looks forged. Says nothing where
 * the seals cannot be opened here. Errors: those of ObjectStore.
 */
export async function findReplacedId(context: PipelineContext, { id: own, store }: SealedVault): Promise<string | undefined> {
  const places: BackupPlace[] = [];
  for await (const place of listPlaces(store, { signal: context.run.signal })) places.push(place);
  let other: string | undefined;
  for (const place of places.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, maxAskedBackups)) {
    try {
      const sealedFor = await readVaultId(context, store, place);
      if (sealedFor === own) return undefined;
      other ??= sealedFor;
    } catch (error) {
      if (!isHoldfastError(error, ...unsuitable)) throw error;
    }
  }
  return other;
}

/** What spoils one backup, and says nothing of the next. */
const ofBackup = ["ManifestDamaged", "BackupNotFound", "ObjectNotFound", "SealInvalid", "VaultInvalid"] as const;
const unsuitable = [...ofBackup, "KeyMissing", "KeyUnavailable", "KeyFileInvalid"] as const;

async function readVaultId(context: PipelineContext, store: ObjectStore, { source, id }: BackupPlace): Promise<string> {
  const { sha256 } = await readManifest(store, source, id);
  const { bytes } = await readSmall(store, keyOf.manifestSeal(source, id), maxSmallMessageBytes);
  const seal = await openManifestSeal(bytes, await openingKeysFor(context, source));
  if (seal.context.source === source && seal.context.backupId === id && seal.sha256 === sha256) return seal.context.vaultId;
  throw new HoldfastError("SealInvalid", `the manifest of ${id} was not made with this vault's key`);
}
