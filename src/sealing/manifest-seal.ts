/**
 * The manifest's seal: a small message beside the artifacts that only a holder of the sealing key
 * can make, with the manifest's SHA-256 in it. Without one, anyone who can write to a vault could
 * make a manifest (docs/vault-format.md, "The manifest's seal").
 */
import {
  type EncryptedDataKey,
  KeyringNode,
  type NodeDecryptionMaterial,
  type NodeEncryptionMaterial,
} from "@aws-crypto/material-management-node";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { SealingKeys } from "./keys.ts";
import {
  encryptedDataKeyCount,
  encryptionContext,
  findContextProblem,
  keyFileNamespace,
  manifestSealName,
  manifestSuiteOf,
  readContext,
  type SealContext,
} from "./message.ts";

/** Which backup's manifest. */
export type ManifestContext = Omit<SealContext, "artifact">;

/** A seal has some 600 bytes, of KMS 900; what is much larger is none. */
export const maxManifestSealBytes = 16 * 1024;

/** The library's own member of a signed message's context: the key that verifies its signature. */
const publicKeyName = "aws-crypto-public-key";

/**
 * Seals a manifest's SHA-256 (hex). One data key of the sealing key. Errors: KeyFileInvalid,
 * KeyUnavailable.
 */
export async function sealManifest(
  sha256: string,
  options: { readonly keys: SealingKeys; readonly context: ManifestContext },
): Promise<Uint8Array> {
  const [{ buildEncrypt }, keyId, keyring] = await Promise.all([
    import("@aws-crypto/encrypt-node"),
    options.keys.sealingKeyId(),
    options.keys.sealingKeyring(),
  ]);
  const { encrypt } = buildEncrypt({ maxEncryptedDataKeys: encryptedDataKeyCount });
  const sealed = await encrypt(keyring, Buffer.from(sha256, "ascii"), {
    suiteId: manifestSuiteOf(keyId),
    encryptionContext: encryptionContext({ ...options.context, artifact: manifestSealName }),
  });
  return sealed.result;
}

/**
 * Opens a seal, whatever backup it is of: the SHA-256 of the manifest, and which manifest it was
 * made for. All of it was made by a holder of one of the keys.
 * Errors: SealInvalid (no seal, changed, or not a manifest's), KeyMissing, KeyUnavailable,
 * KeyFileInvalid.
 */
export async function openManifestSeal(
  bytes: Uint8Array,
  keys: SealingKeys,
): Promise<{ readonly sha256: string; readonly context: ManifestContext }> {
  const { plaintext, messageHeader } = await decrypt(bytes, keys);
  // Where a public key belongs and where it does not, the library checks.
  const { [publicKeyName]: _publicKey, ...found } = messageHeader.encryptionContext;
  const [dataKey] = messageHeader.encryptedDataKeys;
  const suite = dataKey === undefined ? undefined : manifestSuiteOf(readKeyId(dataKey));
  const context = readContext(found);
  const isManifests = context !== undefined && findContextProblem(found, { ...context, artifact: manifestSealName }) === undefined;
  if (!isManifests || messageHeader.suiteId !== suite) {
    throw new HoldfastError("SealInvalid", "it was sealed as something else");
  }
  const { artifact: _artifact, ...rest } = context;
  return { sha256: plaintext.toString("latin1"), context: rest };
}

/**
 * Says why the seal `bytes` does not vouch for the manifest of `context` with this SHA-256;
 * undefined where it does.
 * Errors: KeyMissing, KeyUnavailable, KeyFileInvalid.
 */
export async function findManifestSealProblem(
  bytes: Uint8Array,
  sha256: string,
  options: { readonly keys: SealingKeys; readonly context: ManifestContext },
): Promise<string | undefined> {
  try {
    const opened = await openManifestSeal(bytes, options.keys);
    const artifact = manifestSealName;
    const problem = findContextProblem(encryptionContext({ ...opened.context, artifact }), { ...options.context, artifact });
    if (problem !== undefined) return `its seal was made ${problem}`;
    return opened.sha256 === sha256
      ? undefined
      : `its seal is of a manifest with SHA-256 ${opened.sha256}, this one's is ${sha256}`;
  } catch (error) {
    if (isHoldfastError(error, "SealInvalid")) return `its seal does not open: ${error.message}`;
    throw error;
  }
}

async function decrypt(bytes: Uint8Array, keys: SealingKeys) {
  const { buildDecrypt } = await import("@aws-crypto/decrypt-node");
  // Refuses suites without key commitment (the default policy), and more keys than sealing writes.
  const library = buildDecrypt({ maxEncryptedDataKeys: encryptedDataKeyCount });
  try {
    return await library.decrypt(new OpeningKeyring(keys), bytes);
  } catch (error) {
    if (isHoldfastError(error)) throw error;
    const [fact = ""] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
    throw new HoldfastError("SealInvalid", fact, { cause: error });
  }
}

/** Opens with the key that the message itself names: a seal has no record that does. */
class OpeningKeyring extends KeyringNode {
  readonly #keys: SealingKeys;

  constructor(keys: SealingKeys) {
    super();
    this.#keys = keys;
  }

  override async _onEncrypt(): Promise<NodeEncryptionMaterial> {
    throw new HoldfastError("Internal", "a keyring that opens was asked to seal");
  }

  override async _onDecrypt(material: NodeDecryptionMaterial, dataKeys: EncryptedDataKey[]): Promise<NodeDecryptionMaterial> {
    for (const dataKey of dataKeys) {
      const keyring = await this.#keys.openingKeyring(readKeyId(dataKey));
      await keyring.onDecrypt(material, [dataKey]);
      if (material.hasValidKey()) return material;
    }
    return material;
  }
}

/** The id of the key that wrapped a data key. The message's maker chose what it says. */
function readKeyId({ providerId, providerInfo }: EncryptedDataKey): string {
  // The library writes lengths and a nonce behind a key file's name.
  if (providerId === keyFileNamespace) {
    const [keyId] = /^file:[0-9a-f]{16}/.exec(providerInfo) ?? [];
    if (keyId !== undefined) return keyId;
  }
  if (providerId === "aws-kms" && /^arn:[\x21-\x7e]{1,500}$/.test(providerInfo)) return `kms:${providerInfo}`;
  throw new HoldfastError("SealInvalid", "it names no key");
}
