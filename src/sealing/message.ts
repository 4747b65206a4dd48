/** What a sealed artifact is: an AWS Encryption SDK message of one fixed shape (docs/vault-format.md). */

/**
 * ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY: AES-256-GCM per frame, a data key per message, and a commitment to that key.
 * Unsigned: whoever may seal may also open here, so that the default suite's ECDSA would prove nothing, for 1.5 CPU s per GiB.
 */
export const suiteId = 0x0478;

/** 1 MiB: 0.003 % of overhead, and encryption at the speed of bare AES-GCM (4 KiB frames, the library's default, take five times as long). */
export const frameBytes = 1024 * 1024;

/** A data key is wrapped for one key only; rotation adds a key to the policy, not to the message. */
export const encryptedDataKeyCount = 1;

/** Provider id of key files in a message's header; KMS has its own. */
export const keyFileNamespace = "holdfast";

/** What an artifact is bound to: a message sealed for one of these opens for no other. */
export interface SealContext {
  readonly source: string;
  readonly backupId: string;
  /** The artifact's name within its backup. */
  readonly artifact: string;
}

/** The context as it stands in the message's header: authenticated, but in clear, there and in CloudTrail's log of a KMS key's uses. */
export function encryptionContext(context: SealContext): Record<string, string> {
  return {
    "holdfast:source": context.source,
    "holdfast:backup": context.backupId,
    "holdfast:artifact": context.artifact,
  };
}

/** The artifact as messages name it. */
export function describeArtifact(context: SealContext): string {
  return `${context.artifact} of ${context.source}'s backup ${context.backupId}`;
}
