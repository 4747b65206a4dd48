/** What each role may do with keys in KMS: seal, open, sign, check signatures. */
import type { S3Vault, SourceConfig } from "../src/policy/policy.ts";
import { type Deployment, sealingKeysOf, signingKeysOf } from "./deployment.ts";
import { readKeyName } from "./key-names.ts";
import { allow, named, type Statement, sub } from "./template.ts";
import { keyCondition, sealingKeyArn, signingKeyArn, storageAlias, storageKeyArn } from "./vault.ts";

export function useStorageKeys(deployment: Deployment, vaults: readonly S3Vault[], actions: readonly string[]): Statement[] {
  const buckets = [...new Map(vaults.map((vault) => [vault.bucket, vault])).values()];
  if (deployment.vaultAccount !== undefined) return buckets.map((vault) => useThroughS3(deployment, vault, actions));
  return buckets.map((vault) => useKey(deployment, actions, storageAlias(vault.bucket), storageKeyArn(deployment, vault)));
}

/** A storage key of another account, whose id is not known here: by S3 alone, which names it. */
function useThroughS3(deployment: Deployment, vault: S3Vault, actions: readonly string[]): Statement {
  const service = sub(`s3.${vault.region ?? deployment.region}.\${AWS::URLSuffix}`);
  const condition = { StringEquals: { "kms:ViaService": service } };
  return named("KeysOwnPolicyDecides", allow(actions, [storageKeyArn(deployment, vault)], condition));
}

/** With a vault that exists, the ARN names every key of the account, and the alias the one. */
function useKey(deployment: Deployment, actions: readonly string[], keyId: string, arn: unknown, more?: object): Statement {
  const byAlias = keyCondition(deployment, keyId);
  const condition = byAlias === undefined && more === undefined ? undefined : { ...byAlias, ...more };
  const statement = allow(actions, [arn], condition);
  if (byAlias !== undefined) return named("KeyIsKnownByItsAlias", statement);
  const isAnyKey = deployment.vaultAccount !== undefined && readKeyName(keyId).alias !== undefined;
  return isAnyKey ? named("KeysOwnPolicyDecides", statement) : statement;
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

/** Seals with the key of any source, under a condition on what is sealed. */
export function sealWhere(deployment: Deployment, condition: object): Statement[] {
  const { sources, keys } = deployment.policy;
  const ids = Object.values(sources).flatMap(({ key }) => {
    const first = keys[key]?.keys[0];
    return first?.type === "kms" ? [first.keyId] : [];
  });
  return [...new Set(ids)].flatMap((keyId) => {
    const arn = sealingKeyArn(deployment, keyId);
    return [useKey(deployment, ["kms:GenerateDataKey"], keyId, arn, condition)];
  });
}

/**
 * Data keys for entries of erasure ledgers alone: no artifact or manifest's seal has that name
 * (src/sealing/erasure-seal.ts).
 */
export function sealErasures(deployment: Deployment): Statement[] {
  const { keys, sources } = deployment.policy;
  const firsts = [...new Set(Object.values(sources).map(({ key }) => key))].map((key) => keys[key]?.keys[0]);
  return firsts.flatMap((first) => {
    if (first?.type !== "kms") return [];
    const arn = sealingKeyArn(deployment, first.keyId);
    const condition = { StringEquals: { "kms:EncryptionContext:holdfast:artifact": "erasure" } };
    return [
      useKey(deployment, ["kms:DescribeKey"], first.keyId, arn),
      useKey(deployment, ["kms:GenerateDataKey"], first.keyId, arn, condition),
    ];
  });
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
