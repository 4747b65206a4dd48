/**
 * Where backups lie: buckets that keep what was written, the keys that seal it and store it, and
 * the log of who asked. All of it outlives the stack.
 */
import { createHash } from "node:crypto";
import type { S3Vault } from "../src/policy/policy.ts";
import { closedBucket, denyBypass, denyOtherEncryption, denyOverwriting, policyOf, tlsOnly } from "./bucket.ts";
import { bucketsOf, type Deployment, logicalId, type SealingKey, sealingKeysOf, signingKeysOf } from "./deployment.ts";
import { plainAlias, readKeyName } from "./key-names.ts";
import { lifecycleOf } from "./lifecycle.ts";
import { stateResources } from "./state-buckets.ts";
import { accountsOwnPolicies, arnOf, ownArn, type Resource, type Resources, ref, retained, sub } from "./template.ts";
import { keyGrants, vaultGrants } from "./vault-owner/grants.ts";

/**
 * For keys whose rotation the policy does not write; requirements, R16, ask for 90 at most, and AWS
 * KMS takes no less.
 */
const defaultRotationDays = 90;
/** Access logs are the audit trail: seven years (requirements, R20). */
const auditDays = 2_557;

type NamedVault = S3Vault & { readonly name: string };

export function vaultResources(deployment: Deployment): Resources {
  return { ...stateResources(deployment), ...(deployment.createsVault ? createdResources(deployment) : {}) };
}

/**
 * The ARN of what encrypts a vault's bucket at rest; sealing has a key of its own, which this one's
 * users cannot use.
 */
export function storageKeyArn(deployment: Deployment, { bucket, region }: S3Vault): unknown {
  const { createsVault, vaultAccount } = deployment;
  if (vaultAccount !== undefined) return keysOf(vaultAccount, region ?? deployment.region);
  return createsVault ? arnOf(storageKeyName(bucket)) : ownArn("kms", "key/*");
}

/** Every key of an account: its own policies say which role may use which (vault-owner/). */
const keysOf = (account: string, region: string) => sub(`arn:\${AWS::Partition}:kms:${region}:${account}:key/*`);

/** Named after the bucket, so that any stage finds it again. */
export const storageAlias = (bucket: string): string => `alias/holdfast-storage-${bucket.replaceAll(".", "-")}`;

/**
 * The ARN of a key of the policy: its own, or that of the key which the stack makes for an alias.
 */
export function sealingKeyArn(deployment: Deployment, keyId: string): unknown {
  return keyArn(deployment, keyId, sealingKeyName);
}

/** The ARN of a signing key of the policy, likewise. */
export function signingKeyArn(deployment: Deployment, keyId: string): unknown {
  return keyArn(deployment, keyId, signingKeyName);
}

/** IAM takes an alias for the alias itself, and never for its key: its ARN is no resource here. */
function keyArn({ createsVault }: Deployment, keyId: string, nameOf: (keyId: string) => string): unknown {
  const { alias, account, region } = readKeyName(keyId);
  if (alias === undefined) return account === undefined ? ownArn("kms", `key/${keyId}`) : keyId;
  if (createsVault) return arnOf(nameOf(keyId));
  return account === undefined || region === undefined ? ownArn("kms", "key/*") : keysOf(account, region);
}

/**
 * With a vault that exists, keys are known by their alias alone: the condition narrows what the ARN
 * cannot. Those of another account are narrowed by their own policies.
 */
export function keyCondition(deployment: Deployment, keyId: string): Readonly<Record<string, unknown>> | undefined {
  const { alias } = readKeyName(keyId);
  if (deployment.createsVault || deployment.vaultAccount !== undefined || alias === undefined) return undefined;
  return { "ForAnyValue:StringEquals": { "kms:ResourceAliases": [alias] } };
}

const bucketResourceName = (bucket: string): string => logicalId("Vault", bucket);
const storageKeyName = (bucket: string): string => logicalId("StorageKey", bucket);
const sealingKeyName = (keyId: string): string => logicalId("SealingKey", plainAlias(keyId));
const signingKeyName = (keyId: string): string => logicalId("SigningKey", plainAlias(keyId));

function createdResources(deployment: Deployment): Resources {
  return {
    ...auditResources(deployment),
    ...Object.fromEntries(sealingKeysOf(deployment).flatMap((each) => sealingResources(deployment, each))),
    ...Object.fromEntries(signingKeysOf(deployment).flatMap(({ key }) => signingResources(deployment, key))),
    ...Object.fromEntries(
      [...Map.groupBy(bucketsOf(deployment), ({ bucket }) => bucket)].flatMap(([bucket, vaults]) =>
        vaultBucket(deployment, bucket, vaults),
      ),
    ),
  };
}

/** As often as the policy's own keys turn, at least. */
function storageRotationDays(deployment: Deployment): number {
  return Math.min(defaultRotationDays, ...sealingKeysOf(deployment).flatMap(({ rotationDays }) => rotationDays ?? []));
}

/**
 * A key of several Regions from its first day: a single-Region key cannot become one (KMS developer
 * guide, "Multi-Region keys in AWS KMS"), and a backup that is copied elsewhere opens there by a
 * replica alone. Not what encrypts a bucket at rest: S3 treats it as a key of one Region.
 */
const multiRegion = { MultiRegion: true };

/** Keys that the policy names by an alias are made; others exist. */
function sealingResources(deployment: Deployment, { keyId, rotationDays = defaultRotationDays }: SealingKey): [string, Resource][] {
  const { alias: aliasName } = readKeyName(keyId);
  if (aliasName === undefined) return [];
  const name = sealingKeyName(keyId);
  const properties = { ...multiRegion, ...turning(rotationDays) };
  return [
    [name, key("Holdfast: seals backups; without it, none can be read", properties, keyGrants(deployment, "sealing"))],
    [`${name}Alias`, alias(aliasName, name)],
  ];
}

/**
 * AWS KMS turns no asymmetric key: a new one gets a new alias in the policy, before the old one.
 */
function signingResources(deployment: Deployment, keyId: string): [string, Resource][] {
  const { alias: aliasName } = readKeyName(keyId);
  if (aliasName === undefined) return [];
  const name = signingKeyName(keyId);
  return [
    [
      name,
      key(
        "Holdfast: signs evidence and deletions; without it, what it signed still counts",
        {
          ...multiRegion,
          KeySpec: "ECC_NIST_P256",
          KeyUsage: "SIGN_VERIFY",
        },
        keyGrants(deployment, "signing"),
      ),
    ],
    [`${name}Alias`, alias(aliasName, name)],
  ];
}

function alias(AliasName: string, keyName: string): Resource {
  return retained({ Type: "AWS::KMS::Alias", Properties: { AliasName, TargetKeyId: ref(keyName) } });
}

function auditResources(deployment: Deployment): Resources {
  return {
    AuditBucket: retained({
      Type: "AWS::S3::Bucket",
      Properties: {
        ...closedBucket({ SSEAlgorithm: "AES256" }),
        LifecycleConfiguration: { Rules: [{ Id: "seven-years", Status: "Enabled", ExpirationInDays: auditDays }] },
      },
    }),
    AuditBucketPolicy: retained({
      Type: "AWS::S3::BucketPolicy",
      Properties: policyOf("AuditBucket", [...tlsOnly(deployment, "AuditBucket"), letS3Log()]),
    }),
  };
}

function vaultBucket(deployment: Deployment, bucket: string, vaults: readonly NamedVault[]): [string, Resource][] {
  const name = bucketResourceName(bucket);
  const prefixes = vaults.map(({ prefix }) => (prefix === "" ? "" : `${prefix}/`));
  const modes = vaults.map(({ lock }) => lock?.mode);
  const keyName = storageKeyName(bucket);
  return [
    [
      keyName,
      key(
        `Holdfast: encrypts ${bucket} at rest; sealing has a key of its own`,
        turning(storageRotationDays(deployment)),
        keyGrants(deployment, "storage"),
      ),
    ],
    [`${keyName}Alias`, alias(storageAlias(bucket), keyName)],
    [
      name,
      retained({
        Type: "AWS::S3::Bucket",
        // S3 checks that it may write its log when it is told to.
        DependsOn: ["AuditBucketPolicy"],
        Properties: {
          BucketName: bucket,
          ...closedBucket({ SSEAlgorithm: "aws:kms", KMSMasterKeyID: arnOf(keyName) }),
          // Locks need both. No retention by default: each object is locked at its write, for as
          // long as its own kind is kept.
          VersioningConfiguration: { Status: "Enabled" },
          ObjectLockEnabled: true,
          LoggingConfiguration: {
            DestinationBucketName: ref("AuditBucket"),
            LogFilePrefix: `${createHash("sha256").update(bucket).digest("hex").slice(0, 8)}/`,
          },
          LifecycleConfiguration: { Rules: lifecycleOf(vaults) },
        },
      }),
    ],
    [
      `${name}Policy`,
      retained({
        Type: "AWS::S3::BucketPolicy",
        Properties: policyOf(name, [
          ...tlsOnly(deployment, name),
          ...denyOtherEncryption(name, arnOf(keyName)),
          denyOverwriting(name, prefixes),
          ...denyBypass(name, modes.includes("compliance") ? "compliance" : modes.find((mode) => mode !== undefined)),
          ...vaultGrants(deployment, name, vaults),
        ]),
      }),
    ],
  ];
}

const turning = (rotationDays: number) => ({ EnableKeyRotation: true, RotationPeriodInDays: rotationDays });

/**
 * A key of the account's: who of it may use the key is written in the roles, and nowhere else.
 * `grants`: to stacks of other accounts.
 */
function key(description: string, properties: Readonly<Record<string, unknown>>, grants: readonly unknown[]): Resource {
  return retained({
    Type: "AWS::KMS::Key",
    Properties: {
      Description: description,
      ...properties,
      PendingWindowInDays: 30,
      KeyPolicy: {
        Version: "2012-10-17",
        Statement: [accountsOwnPolicies, ...grants],
      },
    },
  });
}

function letS3Log() {
  return {
    Sid: "AccessLogs",
    Effect: "Allow",
    Principal: { Service: "logging.s3.amazonaws.com" },
    Action: ["s3:PutObject"],
    Resource: [sub(`\${AuditBucket.Arn}/*`)],
    Condition: { StringEquals: { "aws:SourceAccount": ref("AWS::AccountId") } },
  };
}
