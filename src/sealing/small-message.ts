/**
 * Small messages: what is sealed whole and in memory, beside a backup's artifacts (a manifest's
 * SHA-256, a backup's digest key). They open with the key that they name themselves: no record
 * names it.
 */
import {
  type EncryptedDataKey,
  KeyringNode,
  type NodeDecryptionMaterial,
  type NodeEncryptionMaterial,
} from "@aws-crypto/material-management-node";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { SealingKeys } from "./keys.ts";
import { encryptedDataKeyCount, encryptionContext, keyFileNamespace, type SealContext } from "./message.ts";

/** Which backup it belongs to; its own name says what it is. */
export type BackupContext = Omit<SealContext, "artifact">;

/** Such a message has some 600 bytes, of KMS 900; what is much larger is none. */
export const maxSmallMessageBytes = 16 * 1024;

/** The library's own member of a signed message's context: the key that verifies its signature. */
const publicKeyName = "aws-crypto-public-key";

/** What a message holds, and what was sealed with it. All of it was made by a holder of a key. */
export interface OpenedMessage {
  readonly plaintext: Buffer;
  readonly suiteId: number;
  /** The id of the key that wrapped its data key. */
  readonly keyId: string;
  readonly context: Readonly<Record<string, string>>;
}

/** Seals `plaintext` with a data key of its own. Errors: KeyFileInvalid, KeyUnavailable. */
export async function sealSmallMessage(
  plaintext: Uint8Array,
  options: { readonly keys: SealingKeys; readonly context: SealContext; suiteOf(keyId: string): number },
): Promise<Uint8Array> {
  const [{ buildEncrypt }, keyId] = await Promise.all([import("@aws-crypto/encrypt-node"), options.keys.sealingKeyId()]);
  const { encrypt } = buildEncrypt({ maxEncryptedDataKeys: encryptedDataKeyCount });
  const sealed = await encrypt(new PolicyKeyring(options.keys), Buffer.from(plaintext), {
    suiteId: options.suiteOf(keyId),
    encryptionContext: encryptionContext(options.context),
  });
  return sealed.result;
}

/**
 * Opens a message, whatever it is. Errors: SealInvalid (none, or changed), KeyMissing,
 * KeyUnavailable, KeyFileInvalid.
 */
export async function openSmallMessage(bytes: Uint8Array, keys: SealingKeys): Promise<OpenedMessage> {
  const { plaintext, messageHeader } = await decrypt(bytes, keys);
  // Where a public key belongs and where it does not, the library checks.
  const { [publicKeyName]: _publicKey, ...context } = messageHeader.encryptionContext;
  // It opened, so that it has one.
  const [dataKey] = messageHeader.encryptedDataKeys as [EncryptedDataKey];
  return { plaintext, suiteId: messageHeader.suiteId, keyId: readKeyId(dataKey), context };
}

async function decrypt(bytes: Uint8Array, keys: SealingKeys) {
  const { buildDecrypt } = await import("@aws-crypto/decrypt-node");
  // Refuses suites without key commitment (the default policy), and more keys than sealing writes.
  const library = buildDecrypt({ maxEncryptedDataKeys: encryptedDataKeyCount });
  try {
    return await library.decrypt(new PolicyKeyring(keys), bytes);
  } catch (error) {
    if (isHoldfastError(error)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    // The library puts stacks of keyrings behind its own words.
    throw new HoldfastError("SealInvalid", message.replace(/\n.*/s, ""), { cause: error });
  }
}

/**
 * Seals with the key that seals, and opens with the one that the message itself names: a small
 * message has no record that does.
 */
class PolicyKeyring extends KeyringNode {
  readonly #keys: SealingKeys;

  constructor(keys: SealingKeys) {
    super();
    this.#keys = keys;
  }

  override async _onEncrypt(material: NodeEncryptionMaterial): Promise<NodeEncryptionMaterial> {
    const keyring = await this.#keys.sealingKeyring();
    return keyring.onEncrypt(material);
  }

  override async _onDecrypt(material: NodeDecryptionMaterial, dataKeys: EncryptedDataKey[]): Promise<NodeDecryptionMaterial> {
    for (const dataKey of dataKeys) {
      const keyring = await this.#keys.openingKeyring(readKeyId(dataKey));
      await keyring.onDecrypt(material, [dataKey]);
    }
    return material;
  }
}

/** The id of the key that wrapped a data key. Its maker chose what it says. */
function readKeyId({ providerId, providerInfo }: EncryptedDataKey): string {
  // The library writes lengths and a nonce behind a key file's name.
  if (providerId === keyFileNamespace) {
    const [keyId] = /^file:[0-9a-f]{16}/.exec(providerInfo) ?? [];
    if (keyId !== undefined) return keyId;
  }
  if (providerId === "aws-kms" && /^arn:[\x21-\x7e]{1,500}$/.test(providerInfo)) return `kms:${providerInfo}`;
  throw new HoldfastError("SealInvalid", "it names no key");
}
