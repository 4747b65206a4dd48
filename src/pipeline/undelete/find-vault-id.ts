/** The vault's id where its holdfast.json may be hidden or replaced. */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { openManifestSeal } from "../../sealing/manifest-seal.ts";
import { maxSmallMessageBytes } from "../../sealing/small-message.ts";
import { readSmall } from "../../vault/documents/read-small.ts";
import { openVault } from "../../vault/documents/vault.ts";
import { manifestSealName, parseArtifactKey, vaultKey } from "../../vault/layout.ts";
import type { VersionedObject } from "../../vault/undelete/choose-version.ts";
import { viewVersion } from "../../vault/undelete/version-view.ts";
import { openingKeysFor } from "../opening/opening-keys.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { VersionedStore } from "./hidden-objects.ts";
import { contentOf } from "./judge-backup.ts";

/** Seals that are tried: those that nobody here can open say nothing. */
const maxTriedSeals = 50;

/**
 * The vault's id, and the versions of holdfast.json that say it. Where its versions say several,
 * the seals decide: only a holder of the key can have made one.
 * Errors: VaultNotFound (there never was a holdfast.json), VaultDamaged (nothing tells which of
 * several is right), those of ObjectVersions.
 */
export async function findVaultId(
  context: PipelineContext,
  versioned: VersionedStore,
  document: VersionedObject,
): Promise<{ readonly vaultId: string; readonly genuine: ReadonlySet<string> }> {
  const { store, versions } = versioned;
  const said = new Map<string, string>();
  for (const version of contentOf(document)) {
    try {
      said.set(version.versionId, (await openVault(viewVersion(store, versions, version))).vaultId);
    } catch (error) {
      if (!isHoldfastError(error, "VaultInvalid", "VaultNotFound", "VaultDamaged")) throw error;
    }
  }
  const ids = new Set(said.values());
  if (ids.size === 0) {
    throw new HoldfastError("VaultNotFound", `${store.url} holds no ${vaultKey}, and no older version of one`, {
      hint: "Check the address in the policy. If this was a vault, run `holdfast check --repair`, which finds its id out, and then this again.",
    });
  }
  const [only] = ids;
  const vaultId = ids.size === 1 && only !== undefined ? only : await findSealedId(context, versioned, ids);
  return { vaultId, genuine: new Set([...said].filter(([, id]) => id === vaultId).map(([versionId]) => versionId)) };
}

async function findSealedId(
  context: PipelineContext,
  { store, versions }: VersionedStore,
  ids: ReadonlySet<string>,
): Promise<string> {
  let tried = 0;
  for await (const version of versions.list("artifacts/")) {
    const place = parseArtifactKey(version.key);
    if (version.isMarker || place?.name !== manifestSealName) continue;
    if (++tried > maxTriedSeals) break;
    try {
      const { bytes } = await readSmall(viewVersion(store, versions, version), version.key, maxSmallMessageBytes);
      const { vaultId } = (await openManifestSeal(bytes, await openingKeysFor(context, place.source))).context;
      if (ids.has(vaultId)) return vaultId;
    } catch (error) {
      const isNothing = isHoldfastError(error, "SealInvalid", "VaultInvalid", "ObjectNotFound");
      if (!isNothing && !isHoldfastError(error, "KeyMissing", "KeyUnavailable", "KeyFileInvalid")) throw error;
    }
  }
  throw new HoldfastError(
    "VaultDamaged",
    `the versions of ${vaultKey} in ${store.url} have ${ids.size} different ids, and no seal that opens here names one`,
    {
      hint: "Run this with a policy that has the vault's key: the seals of its backups name the right id.",
    },
  );
}
