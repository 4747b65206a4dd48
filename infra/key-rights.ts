/** What each role may do with keys in KMS: seal, open, sign, check signatures. */
import type { S3Vault, SourceConfig } from "../src/policy/policy.ts";
import { type Deployment, sealingKeysOf, signingKeysOf } from "./deployment.ts";
import { allow, named, type Statement } from "./template.ts";
import { keyCondition, sealingKeyArn, signingKeyArn, storageAlias, storageKeyArn } from "./vault.ts";

export function useStorageKeys(deployment: Deployment, vaults: readonly S3Vault[], actions: readonly string[]): Statement[] {
  const buckets = [...new Set(vaults.map(({ bucket }) => bucket))];
  return buckets.map((bucket) => useKey(deployment, actions, storageAlias(bucket), storageKeyArn(deployment, bucket)));
}

/** With a vault that exists, the ARN names every key of the account, and the alias the one. */
function useKey(deployment: Deployment, actions: readonly string[], keyId: string, arn: unknown, more?: object): Statement {
  const byAlias = keyCondition(deployment, keyId);
  const condition = byAlias === undefined && more === undefined ? undefined : { ...byAlias, ...more };
  const statement = allow(actions, [arn], condition);
  return byAlias === undefined ? statement : named("KeyIsKnownByItsAlias", statement);
}

/** Data keys for this source alone: KMS compares the context that every sealed artifact carries. */
export function sealWith(deployment: Deployment, source: SourceConfig): Statement[] {
  const first = deployment.policy.keys[source.key]?.keys[0];
  if (first?.type !== "kms") return [];
  const arn = sealingKeyArn(deployment, first.keyId);
  return [
    useKey(deployment, ["kms:DescribeKey"], first.keyId, arn),
    useKey(deployment, ["kms:GenerateDataKey"], first.keyId, arn, contextOf(source)),
  ];
}

/**
 * Signs. KMS cannot be told what: who may sign one statement may sign any, of any source. So this
 * right goes with few others, and with no code of a backup (ADR 0036).
 */
export function sign(deployment: Deployment): Statement[] {
  return signingKeysOf(deployment)
    .filter(({ signs }) => signs)
    .map(({ key }) => useKey(deployment, ["kms:Sign"], key, signingKeyArn(deployment, key)));
}

/**
 * Asks KMS for the public keys that the policy does not have; with those it has, nobody is asked.
 */
export function checkSignatures(deployment: Deployment): Statement[] {
  return signingKeysOf(deployment)
    .filter(({ publicKey }) => publicKey === undefined)
    .map(({ key }) => useKey(deployment, ["kms:GetPublicKey"], key, signingKeyArn(deployment, key)));
}

/** A condition on what a message is sealed with (src/sealing/message.ts). */
function contextOf(source: SourceConfig) {
  return { StringEquals: { "kms:EncryptionContext:holdfast:source": source.name } };
}

/** Any key of the policy may have sealed a backup of the source; none opens another's. */
export const unsealOf = (deployment: Deployment, source: SourceConfig): Statement[] => unsealWhere(deployment, contextOf(source));

export function unsealWhere(deployment: Deployment, condition: object): Statement[] {
  return sealingKeysOf(deployment).flatMap(({ keyId }) => {
    const arn = sealingKeyArn(deployment, keyId);
    return [useKey(deployment, ["kms:DescribeKey"], keyId, arn), useKey(deployment, ["kms:Decrypt"], keyId, arn, condition)];
  });
}

export function unseal(deployment: Deployment): Statement[] {
  return sealingKeysOf(deployment).map(({ keyId }) =>
    useKey(deployment, ["kms:DescribeKey", "kms:Decrypt"], keyId, sealingKeyArn(deployment, keyId)),
  );
}
