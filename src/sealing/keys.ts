/**
 * The keys of a policy entry: which one seals, and which one opens what an older one sealed.
 * Nothing is loaded before it is needed.
 */
import type { KeyringNode } from "@aws-crypto/material-management-node";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { KeyConfig, KeyReference } from "../policy/policy.ts";
import { readKeyFile } from "./key-file.ts";
import type { ConnectKms } from "./kms-key.ts";
import { keyFileNamespace } from "./message.ts";

/** One key of the policy, and the library's object that wraps data keys with it. */
interface SealingKey {
  readonly keyId: string;
  /**
   * Whether it opens what `keyId` sealed: its own, and for a KMS multi-Region key its replicas'.
   */
  opens(keyId: string): boolean;
  keyring(): Promise<KeyringNode>;
}

export interface SealingKeys {
  /**
   * The id of the key that seals: `file:<16 hex>` or `kms:<arn>`. Errors: KeyFileInvalid,
   * KeyUnavailable.
   */
  sealingKeyId(): Promise<string>;
  /** What seals new artifacts. Errors: KeyFileInvalid, KeyUnavailable. */
  sealingKeyring(): Promise<KeyringNode>;
  /**
   * What opens an artifact whose record has this key id. Errors: KeyMissing, naming the key needed
   * and those there are; KeyUnavailable where one of them cannot be loaded.
   */
  openingKeyring(keyId: string): Promise<KeyringNode>;
}

export interface OpenKeysOptions {
  /** How KMS is reached; by default through the AWS SDK, with its usual credentials. */
  readonly connectKms?: ConnectKms | undefined;
}

/**
 * The keys that the policy names, each loaded at its first use (a key file is read, an alias looked
 * up in KMS) and kept for the object's life. The first seals, all of them open. A key that cannot
 * be loaded hinders only what needs it.
 */
export async function openKeys(config: KeyConfig, options: OpenKeysOptions = {}): Promise<SealingKeys> {
  const keys = config.keys.map((reference) => ({ reference, load: once(() => loadKey(reference, options)) }));
  const { load: sealing } = keys[0] as LazyKey;
  return {
    sealingKeyId: async () => (await sealing()).keyId,
    sealingKeyring: async () => (await sealing()).keyring(),
    openingKeyring: async (keyId) => (await findKey(keyId, config.name, keys)).keyring(),
  };
}

interface LazyKey {
  readonly reference: KeyReference;
  readonly load: () => Promise<SealingKey>;
}

async function findKey(keyId: string, entry: string, keys: readonly LazyKey[]): Promise<SealingKey> {
  const known: string[] = [];
  const failed: HoldfastError[] = [];
  for (const { reference, load } of keys) {
    // A KMS key cannot be what a key file is: asking KMS of it would only add a failure that is
    // none.
    if (!keyId.startsWith(`${reference.type}:`)) {
      known.push(nameOf(reference));
      continue;
    }
    try {
      const key = await load();
      if (key.opens(keyId)) return key;
      known.push(key.keyId);
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
      failed.push(error);
    }
  }
  const have = known.length === 0 ? `no key under keys.${entry} is usable` : `keys.${entry} has only ${known.join(", ")}`;
  // A key that could not be loaded may be the one: then nothing is known of the backup. With all of
  // them at hand, it is a wrong key.
  throw new HoldfastError(
    failed.length > 0 ? "KeyUnavailable" : "KeyMissing",
    `this backup is sealed with key ${keyId}, and ${have}`,
    {
      cause: failed[0],
      details: failed.map((error) => `${error.message}; ${error.hint}`),
    },
  );
}

function loadKey(reference: KeyReference, options: OpenKeysOptions): Promise<SealingKey> {
  return reference.type === "file" ? loadFileKey(reference.path) : loadKmsKey(reference, options);
}

async function loadFileKey(path: string): Promise<SealingKey> {
  const { keyId, key } = await readKeyFile(path);
  const keyring = once(async () => {
    const { RawAesKeyringNode, RawAesWrappingSuiteIdentifier } = await import("@aws-crypto/raw-aes-keyring-node");
    return new RawAesKeyringNode({
      keyNamespace: keyFileNamespace,
      keyName: keyId,
      // A copy of its own: the library zeroes what it is handed, and refuses a slice of Node's
      // pool.
      unencryptedMasterKey: new Uint8Array(key),
      wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
    });
  });
  return { keyId, opens: (id) => id === keyId, keyring };
}

async function loadKmsKey(reference: KeyReference & { type: "kms" }, options: OpenKeysOptions): Promise<SealingKey> {
  const kms = await import("./kms-key.ts");
  const connection = await (options.connectKms ?? kms.connectKms)(reference);
  const arn = await kms.resolveKeyArn(reference.keyId, connection);
  return {
    keyId: `kms:${arn}`,
    opens: (id) => kms.isSameKey(id.slice("kms:".length), arn),
    keyring: once(() => kms.kmsKeyring(arn, connection)),
  };
}

function nameOf(reference: KeyReference): string {
  return reference.type === "kms" ? `kms:${reference.keyId}` : `the key file ${reference.path}`;
}

/**
 * Runs once and shares the result; a failure is not kept, so that a key that appears later is
 * found.
 */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
}
