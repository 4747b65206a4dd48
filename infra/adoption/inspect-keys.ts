/** Whether the keys that a policy names by their aliases are there and usable. Changes nothing. */
import { DescribeKeyCommand, GetKeyRotationStatusCommand, type KeyMetadata, type KMSClient } from "@aws-sdk/client-kms";
import type { DeploymentFinding } from "./finding.ts";

export interface WantedKey {
  /** `alias/…`, an id or an ARN. */
  readonly keyId: string;
  readonly signs: boolean;
}

export interface FoundKey {
  readonly arn: string | undefined;
  readonly findings: readonly DeploymentFinding[];
}

/** What is wrong with the key, and its ARN if there is one. Errors: those of KMS, but NotFound. */
export async function inspectKey(client: KMSClient, { keyId, signs }: WantedKey): Promise<FoundKey> {
  const about = `key ${keyId}`;
  const key = await describeKey(client, keyId);
  if (key === undefined) {
    const remedy = `Point the alias at the key that it was for: aws kms list-keys, then aws kms create-alias --alias-name ${keyId} --target-key-id KEY.`;
    return { arn: undefined, findings: [{ about, level: "error", subject: "key", message: "there is none", remedy }] };
  }
  const problems = judgeKey(key, keyId, signs).map((finding) => ({ about, ...finding }));
  const turns = signs || problems.length > 0 || (await rotates(client, key.KeyId ?? keyId));
  return { arn: key.Arn, findings: turns ? problems : [...problems, { about, ...notTurned(key.KeyId ?? keyId) }] };
}

async function describeKey(client: KMSClient, KeyId: string): Promise<KeyMetadata | undefined> {
  try {
    return (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
  } catch (error) {
    if (error instanceof Error && error.name === "NotFoundException") return undefined;
    throw error;
  }
}

type Judged = Omit<DeploymentFinding, "about">;

function judgeKey(key: KeyMetadata, keyId: string, signs: boolean): Judged[] {
  const { KeyId = keyId, KeyState, KeyUsage, KeySpec } = key;
  const problem = (message: string, remedy: string): Judged => ({ level: "error", subject: "key", message, remedy });
  if (KeyState === "PendingDeletion") {
    return [problem("is to be deleted", `aws kms cancel-key-deletion --key-id ${KeyId} && aws kms enable-key --key-id ${KeyId}`)];
  }
  if (KeyState !== "Enabled") return [problem(`is ${KeyState ?? "in no known state"}`, `aws kms enable-key --key-id ${KeyId}`)];
  const wanted = signs ? "SIGN_VERIFY" : "ENCRYPT_DECRYPT";
  if (KeyUsage === wanted && (!signs || KeySpec === "ECC_NIST_P256")) return [];
  const what = signs ? "signing (ECC_NIST_P256, SIGN_VERIFY)" : "encryption (SYMMETRIC_DEFAULT)";
  return [problem(`is a key of ${KeySpec} for ${KeyUsage}`, `Name a key for ${what} in the policy, or point the alias at one.`)];
}

/** A key that may not be asked about is not said to stand still. */
async function rotates(client: KMSClient, KeyId: string): Promise<boolean> {
  try {
    return (await client.send(new GetKeyRotationStatusCommand({ KeyId }))).KeyRotationEnabled !== false;
  } catch {
    return true;
  }
}

function notTurned(KeyId: string): Judged {
  const remedy = `aws kms enable-key-rotation --key-id ${KeyId} --rotation-period-in-days 90`;
  return { level: "warning", subject: "rotation", message: "off", remedy };
}
