/**
 * Keys in AWS KMS: finding them, wrapping data keys with them, and saying in the catalogue's words
 * why KMS refuses.
 */
import { AwsKmsMrkAwareSymmetricKeyringNode } from "@aws-crypto/kms-keyring-node";
import {
  type EncryptedDataKey,
  KeyringNode,
  type NodeDecryptionMaterial,
  type NodeEncryptionMaterial,
} from "@aws-crypto/material-management-node";
import type {
  DecryptCommandInput,
  DecryptCommandOutput,
  DescribeKeyCommandInput,
  DescribeKeyCommandOutput,
  EncryptCommandInput,
  EncryptCommandOutput,
  GenerateDataKeyCommandInput,
  GenerateDataKeyCommandOutput,
} from "@aws-sdk/client-kms";
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { KeyReference } from "../policy/policy.ts";

/** The four calls that are made; the SDK's client has them all. */
export interface KmsConnection {
  generateDataKey(input: GenerateDataKeyCommandInput): Promise<GenerateDataKeyCommandOutput>;
  encrypt(input: EncryptCommandInput): Promise<EncryptCommandOutput>;
  decrypt(input: DecryptCommandInput): Promise<DecryptCommandOutput>;
  describeKey(input: DescribeKeyCommandInput): Promise<DescribeKeyCommandOutput>;
}

export type ConnectKms = (reference: KeyReference & { type: "kms" }) => Promise<KmsConnection>;

/**
 * One call per artifact, so that a slow answer costs little, and a hanging one must not hold a
 * backup up.
 */
const timeouts = { connectionTimeout: 5_000, requestTimeout: 15_000 };
const attempts = 4;

const keyArn = /^arn:([^:]+):kms:([^:]+):(\d{12}):key\/(.+)$/;
const anyArn = /^arn:[^:]+:kms:([^:]+):/;

/** The AWS SDK's client, in the key's own region. */
export const connectKms: ConnectKms = ({ keyId, region, endpoint }) => openKms(region ?? arnRegion(keyId), endpoint);

/** The region that an ARN names; undefined for an alias or an id. */
export const arnRegion = (keyId: string): string | undefined => anyArn.exec(keyId)?.[1];

/** A client of KMS. Without `region` or `endpoint`: as the machine's own configuration says. */
export async function openKms(region: string | undefined, endpoint: string | undefined) {
  const { KMS } = await import("@aws-sdk/client-kms");
  return new KMS({
    maxAttempts: attempts,
    requestHandler: timeouts,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
}

/**
 * The key's own ARN: manifests name this one, because an alias may point elsewhere tomorrow.
 * An alias or a bare id is looked up, which needs kms:DescribeKey. Errors: KeyUnavailable.
 */
export async function resolveKeyArn(keyId: string, connection: KmsConnection): Promise<string> {
  if (keyArn.test(keyId)) return keyId;
  const described = await refusable(keyId, "kms:DescribeKey", () => connection.describeKey({ KeyId: keyId }));
  const arn = described.KeyMetadata?.Arn;
  if (arn === undefined) throw new HoldfastError("KeyUnavailable", `KMS describes key ${keyId} without an ARN`);
  return arn;
}

/**
 * Whether two ARNs are one key: the same, or replicas of one multi-Region key (same partition,
 * account and `mrk-` id).
 */
export function isSameKey(first: string, second: string): boolean {
  if (first === second) return true;
  const [a, b] = [keyArn.exec(first), keyArn.exec(second)];
  if (a === null || b === null) return false;
  return a[1] === b[1] && a[3] === b[3] && a[4] === b[4] && (a[4] ?? "").startsWith("mrk-");
}

type LibraryClient = ConstructorParameters<typeof AwsKmsMrkAwareSymmetricKeyringNode>[0]["client"];

/** What wraps and unwraps data keys with this key, and no other. */
export async function kmsKeyring(arn: string, connection: KmsConnection): Promise<KeyringNode> {
  return new RefusalKeyring(arn, connection);
}

/**
 * The library's keyring for one KMS key. The library makes one text of every refusal on decryption;
 * this keeps the error itself, so that "disabled" and "denied" are told from "damaged".
 */
class RefusalKeyring extends KeyringNode {
  readonly #arn: string;
  readonly #connection: KmsConnection;

  constructor(arn: string, connection: KmsConnection) {
    super();
    this.#arn = arn;
    this.#connection = connection;
  }

  override async _onEncrypt(material: NodeEncryptionMaterial): Promise<NodeEncryptionMaterial> {
    const { keyring } = this.#inner();
    await keyring.onEncrypt(material);
    return material;
  }

  override async _onDecrypt(material: NodeDecryptionMaterial, keys: EncryptedDataKey[]): Promise<NodeDecryptionMaterial> {
    const { keyring, refusal } = this.#inner();
    try {
      await keyring.onDecrypt(material, keys);
    } catch (error) {
      throw refusal() ?? error;
    }
    return material;
  }

  /** One for each message: two may be opened at once, and each must report its own refusal. */
  #inner(): { keyring: KeyringNode; refusal: () => unknown } {
    const arn = this.#arn;
    const connection = this.#connection;
    let refusal: unknown;
    const remember = async <T>(action: string, call: () => Promise<T>): Promise<T> => {
      try {
        return await refusable(arn, action, call);
      } catch (error) {
        refusal = error;
        throw error;
      }
    };
    const client = {
      generateDataKey: (input: GenerateDataKeyCommandInput) =>
        remember("kms:GenerateDataKey", () => connection.generateDataKey(input)),
      encrypt: (input: EncryptCommandInput) => remember("kms:Encrypt", () => connection.encrypt(input)),
      decrypt: (input: DecryptCommandInput) => remember("kms:Decrypt", () => connection.decrypt(input)),
    };
    // The SDK types absent members as undefined, the library as absent; it checks each answer
    // itself.
    return {
      keyring: new AwsKmsMrkAwareSymmetricKeyringNode({ client: client as LibraryClient, keyId: arn }),
      refusal: () => refusal,
    };
  }
}

/**
 * What KMS answers when the wrapped data key or its context is not what this key wrapped: a fact
 * about the artifact, not about the key.
 */
const artifactFaults = new Set(["InvalidCiphertextException", "IncorrectKeyException"]);

const keyFaults: Readonly<Record<string, { fact: string; hint: (action: string) => string }>> = {
  AccessDeniedException: { fact: "denies this identity", hint: (action) => `Grant this identity ${action} on the key.` },
  DisabledException: { fact: "has disabled it", hint: () => "Enable the key in KMS; its backups cannot be read before." },
  KMSInvalidStateException: {
    fact: "has it in a state that forbids use (pending deletion, or unavailable)",
    hint: () => "Cancel the key's deletion in KMS at once: when it is gone, no backup that it sealed can be read.",
  },
  NotFoundException: { fact: "does not know it", hint: () => "Check the key's ARN or alias, its region and its account." },
  InvalidKeyUsageException: { fact: "does not let it encrypt", hint: () => "Name a symmetric key with usage ENCRYPT_DECRYPT." },
};

/**
 * Makes a call to KMS, whose refusals become KeyUnavailable, which says why and what to do.
 * `others`: refusals that mean something else for this call. Errors: KeyUnavailable, what is a fact
 * about an artifact as it came.
 */
export async function refusable<T>(
  key: string,
  action: string,
  call: () => Promise<T>,
  others: Readonly<Record<string, { readonly fact: string; readonly hint: string }>> = {},
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    if (artifactFaults.has(name)) throw error;
    const other = others[name];
    const known = other === undefined ? keyFaults[name] : { fact: other.fact, hint: () => other.hint };
    const words = error instanceof Error ? error.message : String(error);
    throw new HoldfastError("KeyUnavailable", `key ${key} cannot be used: KMS ${known?.fact ?? "could not be asked"} (${action})`, {
      cause: error,
      hint: known?.hint(action) ?? "Check that KMS can be reached and that this machine has AWS credentials, then run it again.",
      details: [`KMS: ${name}: ${words}`],
    });
  }
}
