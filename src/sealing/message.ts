/**
 * What a sealed artifact is: an AWS Encryption SDK message of one fixed shape
 * (docs/vault-format.md).
 */

/**
 * ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY: AES-256-GCM per frame, a data key per message,
 * and a commitment to that key. Unsigned: who may seal may also open here, so that the default
 * suite's ECDSA would prove nothing, for 1.5 CPU s per GiB.
 */
export const suiteId = 0x0478;

/**
 * The suite of a manifest's seal, by the id of the key. With KMS,
 * ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY_ECDSA_P384: its public key lies in the context,
 * which KMS binds to the data key. So a role that may decrypt seals, and thereby learns their data
 * keys, cannot make one. With a key file, who opens may also seal: a signature would prove nothing,
 * and the library takes 10 ms of CPU to check one.
 */
export function manifestSuiteOf(keyId: string): number {
  return keyId.startsWith("kms:") ? 0x0578 : suiteId;
}

/**
 * By this name in its context a manifest's seal is known; no artifact is called so. IAM conditions
 * ask for it.
 */
export const manifestSealName = "manifest";

/** By this name a backup's digest key is known; no artifact is called so either. */
export const digestKeyName = "digest-key";

/**
 * 1 MiB: 0.003 % of overhead, and encryption at the speed of bare AES-GCM (4 KiB frames, the
 * library's default, take five times as long).
 */
export const frameBytes = 1024 * 1024;

/**
 * A data key is wrapped for one key only; rotation adds a key to the policy, not to the message.
 */
export const encryptedDataKeyCount = 1;

/** Provider id of key files in a message's header; KMS has its own. */
export const keyFileNamespace = "holdfast";

/** What a sealed message is bound to: a message sealed for one of these opens for no other. */
export interface SealContext {
  /** The id of the vault that it was made for. */
  readonly vaultId: string;
  readonly source: string;
  readonly backupId: string;
  /** The artifact's name within its backup. */
  readonly artifact: string;
}

/**
 * The context as it stands in the message's header: authenticated, but in clear, there and in
 * CloudTrail's log of a KMS key's uses.
 */
export function encryptionContext(context: SealContext): Record<string, string> {
  return {
    "holdfast:vault": context.vaultId,
    "holdfast:source": context.source,
    "holdfast:backup": context.backupId,
    "holdfast:artifact": context.artifact,
  };
}

/**
 * Why a message with the context `found` is not the one of `expected`, to complete "… was sealed";
 * undefined where it is, exactly.
 */
export function findContextProblem(found: Readonly<Record<string, string>>, expected: SealContext): string | undefined {
  const context = readContext(found);
  if (context === undefined) return "as something else";
  const { vaultId, source, backupId, artifact } = expected;
  if (context.vaultId !== vaultId)
    return `for another vault (${context.vaultId}; this one is ${vaultId}), as ${describeArtifact(context)}`;
  const isSame = context.source === source && context.backupId === backupId && context.artifact === artifact;
  return isSame ? undefined : `as ${describeArtifact(context)}`;
}

/**
 * What a header's context says of its message, or undefined where it is not exactly that of an
 * artifact.
 */
export function readContext(found: Readonly<Record<string, string>>): SealContext | undefined {
  const {
    "holdfast:vault": vaultId,
    "holdfast:source": source,
    "holdfast:backup": backupId,
    "holdfast:artifact": artifact,
    ...others
  } = found;
  if (vaultId === undefined || source === undefined || backupId === undefined || artifact === undefined) return undefined;
  return Object.keys(others).length === 0 ? { vaultId, source, backupId, artifact } : undefined;
}

/** The artifact as messages name it. */
export function describeArtifact(context: Omit<SealContext, "vaultId">): string {
  return `${context.artifact} of ${context.source}'s backup ${context.backupId}`;
}
