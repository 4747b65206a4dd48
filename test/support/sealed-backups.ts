/**
 * Backups as a dump commits them, the manifest's seal before the manifest; and keys that need no
 * file.
 */
import { RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from "@aws-crypto/raw-aes-keyring-node";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { authenticatorOf, writeManifestSeal } from "../../src/pipeline/opening/authentic-manifest.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { keyIdOf } from "../../src/sealing/key-file.ts";
import type { SealingKeys } from "../../src/sealing/keys.ts";
import { commitManifest, encodeManifest, type Manifest } from "../../src/vault/documents/manifest.ts";
import type { Authenticate } from "../../src/vault/examine-backup.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";

/** A key of its own for each `byte`; it opens what it sealed, and nothing else. */
export function memoryKeys(byte = 1): SealingKeys {
  const key = new Uint8Array(32).fill(byte);
  const keyId = keyIdOf(key);
  const ring = new RawAesKeyringNode({
    keyNamespace: "holdfast",
    keyName: keyId,
    unencryptedMasterKey: new Uint8Array(key),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  });
  const keyring = async () => ring;
  return {
    sealingKeyId: async () => keyId,
    sealingKeyring: keyring,
    async openingKeyring(id) {
      if (id === keyId) return keyring();
      throw new HoldfastError("KeyMissing", `this backup is sealed with key ${id}, and there is only ${keyId}`);
    },
  };
}

export interface TestSealing {
  readonly keys: SealingKeys;
  readonly vaultId: string;
}

/** Commits a backup of no artifacts: whether they are there, its reader finds out. */
export async function commitSealed(
  store: ObjectStore,
  manifest: Manifest,
  { keys, vaultId }: TestSealing,
): Promise<{ sha256: string }> {
  const { sha256 } = encodeManifest(manifest);
  const target = { store, keys, vaultId, source: manifest.source, backupId: manifest.id };
  await writeManifestSeal(target, sha256, new AbortController().signal);
  return commitManifest(store, manifest);
}

/** The pipeline's own judgement of manifests, where a test has no policy. */
export function authenticatorFor(store: ObjectStore, { keys, vaultId }: TestSealing): Authenticate {
  const policy = { sources: {}, keys: { main: {} } };
  const context = { policy, keysOf: async () => keys, authenticManifests: new Set() };
  return authenticatorOf(context as unknown as PipelineContext, { store, id: vaultId });
}
