/** What each function may do, in words of the vault: who adds, who reads, who deletes. */
import type { S3Vault, SourceConfig } from "../src/policy/policy.ts";
import { shortestKept } from "../src/retention/shortest-kept.ts";
import { documentLockMs } from "../src/vault/documents/lock-documents.ts";
import { bucketsOf, type Deployment } from "./deployment.ts";
import { checkSignatures, sealErasures, sealWith, sign, unseal, unsealOf, unsealWhere, useStorageKeys } from "./key-rights.ts";
import { stateBucketArn, stateObjects } from "./state-buckets.ts";
import { allow, allowWithoutResource, arnOf, deny, named, ref, type Statement, sub } from "./template.ts";

/** Objects under these prefixes of a vault's layout. */
export function objectsIn(vaults: readonly S3Vault[], ...paths: readonly string[]): unknown[] {
  return vaults.flatMap(({ bucket, prefix }) =>
    paths.map((path) => sub(`arn:\${AWS::Partition}:s3:::${bucket}/${prefix === "" ? "" : `${prefix}/`}${path}`)),
  );
}

/** The ARNs of the buckets, each once. */
export function bucketArns(vaults: readonly S3Vault[]) {
  return [...new Set(vaults.map(({ bucket }) => bucket))].map((bucket) => sub(`arn:\${AWS::Partition}:s3:::${bucket}`));
}

/**
 * Vaults whose objects are locked: what handles them needs the rights to look at locks, and some to
 * make or extend them.
 */
export const lockedOf = (vaults: readonly S3Vault[]): S3Vault[] => vaults.filter(({ lock }) => lock !== undefined);

/** What HEAD tells of an object's lock, it tells to those alone who may ask for it. */
export const seeLocks = ["s3:GetObjectRetention", "s3:GetObjectLegalHold"];

export function allowIn(actions: readonly string[], resources: readonly unknown[], condition?: unknown): Statement[] {
  return resources.length === 0 ? [] : [allow(actions, resources, condition)];
}

/** Sees what there is, and reads the small documents: manifests, evidence, holds. */
export function readCatalogue(deployment: Deployment): Statement[] {
  const vaults = bucketsOf(deployment);
  return [
    allow(["s3:ListBucket"], bucketArns(vaults)),
    allow(["s3:GetObject"], objectsIn(vaults, "holdfast.json", "manifests/*", "evidence/*", "holds/*", "tombstones/*")),
    ...useStorageKeys(deployment, vaults, ["kms:Decrypt"]),
    ...checkSignatures(deployment),
  ];
}

/**
 * Tells genuine manifests from others: reads their seals, and opens them, and nothing else that a
 * key has sealed (src/sealing/message.ts). It learns their data keys, and makes no seal with them:
 * those of KMS are signed.
 */
export function readManifestSeals(deployment: Deployment): Statement[] {
  return [
    allow(["s3:GetObject"], objectsIn(bucketsOf(deployment), "artifacts/*/manifest")),
    ...unsealWhere(deployment, { StringEquals: { "kms:EncryptionContext:holdfast:artifact": "manifest" } }),
  ];
}

/** Adds a backup of one source, and cannot take one away. */
export function addBackups(deployment: Deployment, source: SourceConfig): Statement[] {
  const vaults = bucketsOf(deployment).filter(({ name }) => name === source.vault);
  const own = [`artifacts/${source.name}/*`, `manifests/${source.name}/*`];
  const tiered = vaults.filter(({ tiers }) => tiers !== undefined);
  return [
    allow(["s3:ListBucket", "s3:ListBucketMultipartUploads"], bucketArns(vaults)),
    allow(["s3:GetObject"], objectsIn(vaults, "holdfast.json", `manifests/${source.name}/*`)),
    // The vault's own two documents: the first dump makes the vault. The bucket's policy lets
    // nobody write over what is there.
    allow(["s3:PutObject"], objectsIn(vaults, "holdfast.json", "RESTORE.md", ...own)),
    // After a write the lock is looked at, and made where the store ignored it. What is there
    // is sealed, and this role cannot unseal.
    ...allowIn(["s3:GetObject", ...seeLocks, "s3:PutObjectRetention"], objectsIn(lockedOf(vaults), ...own)),
    ...denyLongLocks([source], objectsIn(lockedOf(vaults), ...own)),
    ...lockDocuments(vaults),
    ...allowIn(["s3:PutObjectTagging"], objectsIn(tiered, `artifacts/${source.name}/*`)),
    // Takes back the parts of an upload that failed; what was committed cannot be touched by it.
    allow(["s3:AbortMultipartUpload"], objectsIn(vaults, ...own)),
    ...holdLeases(vaults, `${source.name}/*`),
    ...useStorageKeys(deployment, vaults, ["kms:GenerateDataKey", "kms:Decrypt"]),
    ...sealWith(deployment, source),
    ...checkSignatures(deployment),
  ];
}

/**
 * A lock cannot be undone: anyone who may lock for a hundred years can make its owner pay for
 * them. What dumps locks for the shortest time that retention keeps a kind, and a day lies between
 * the request's clock and S3's (Amazon S3 user guide, "Object Lock considerations", remaining
 * retention).
 */
export function denyLongLocks(sources: readonly SourceConfig[], resources: readonly unknown[]): Statement[] {
  if (resources.length === 0) return [];
  const promised = sources.flatMap(({ retention, traits }) => traits.kinds.map((kind) => shortestKept(retention, kind)));
  const seconds = Math.max(...promised);
  const condition = { NumericGreaterThan: { "s3:object-lock-remaining-retention-days": Math.ceil(seconds / 86_400) + 1 } };
  return [named("NoLongerThanRetention", deny(["s3:PutObjectRetention"], resources, condition))];
}

/** Keeps the vault's own two documents locked, and not for longer than Holdfast does. */
export function lockDocuments(vaults: readonly S3Vault[]): Statement[] {
  const resources = objectsIn(lockedOf(vaults), "holdfast.json", "RESTORE.md");
  if (resources.length === 0) return [];
  const condition = { NumericGreaterThan: { "s3:object-lock-remaining-retention-days": documentLockMs / 86_400_000 + 1 } };
  return [
    allow(["s3:GetObject", ...seeLocks, "s3:PutObjectRetention"], resources),
    named("NoLongerThanDocuments", deny(["s3:PutObjectRetention"], resources, condition)),
  ];
}

/**
 * Reads whole backups and unseals them, and what was erased since: also whether entries of that
 * ledger were deleted.
 */
export function readBackups(deployment: Deployment): Statement[] {
  const vaults = bucketsOf(deployment);
  return [
    ...readCatalogue(deployment),
    allow(["s3:GetObject"], objectsIn(vaults, "artifacts/*", "erasures/*")),
    allow(["s3:ListBucketVersions"], bucketArns(vaults)),
    ...unseal(deployment),
  ];
}

/**
 * Adds to erasure ledgers, and does nothing else. An entry names the digest of the one before it;
 * what it reads is sealed, and it opens nothing.
 */
export function addErasures(deployment: Deployment): Statement[] {
  const vaults = bucketsOf(deployment);
  const locked = lockedOf(vaults);
  const days = Math.ceil(deployment.policy.auditKeepSeconds / 86_400) + 1;
  const tooLong = { NumericGreaterThan: { "s3:object-lock-remaining-retention-days": days } };
  return [
    allow(["s3:ListBucket"], bucketArns(vaults)),
    allow(["s3:GetObject"], objectsIn(vaults, "holdfast.json", "erasures/*", "erasure-ids/*")),
    allow(["s3:PutObject"], objectsIn(vaults, "erasures/*", "erasure-ids/*")),
    ...allowIn([...seeLocks, "s3:PutObjectRetention"], objectsIn(locked, "erasures/*")),
    ...(locked.length === 0
      ? []
      : [named("NoLongerThanTheTrail", deny(["s3:PutObjectRetention"], objectsIn(locked, "erasures/*"), tooLong))]),
    ...useStorageKeys(deployment, vaults, ["kms:GenerateDataKey", "kms:Decrypt"]),
    ...sealErasures(deployment),
    ...sign(deployment),
    ...checkSignatures(deployment),
  ];
}

/**
 * Reads and unseals the backups of one source, wherever the policy's vaults have them, and hands
 * over what it found. What comes with a backup runs under this role, so it sees the names of other
 * sources' objects, and opens none of them; and it records nothing by itself.
 */
export function proveBackups(deployment: Deployment, source: SourceConfig): Statement[] {
  const vaults = bucketsOf(deployment);
  const own = ["manifests", "artifacts", "evidence", "holds"].map((room) => `${room}/${source.name}/*`);
  return [
    allow(["s3:ListBucket"], bucketArns(vaults)),
    allow(["s3:GetObject"], objectsIn(vaults, "holdfast.json", ...own)),
    ...useStorageKeys(deployment, vaults, ["kms:Decrypt"]),
    ...unsealOf(deployment, source),
    ...checkSignatures(deployment),
    ...markReading(deployment, `${source.name}/`),
    ...handFindingsOver(deployment, `${source.name}/`),
  ];
}

/** Marks backups as being read. `below`: of one source alone. */
export function markReading(deployment: Deployment, below = ""): Statement[] {
  const vaults = bucketsOf(deployment);
  const states = statesOf(vaults);
  const inVaults = vaults.filter(({ state }) => state === undefined);
  return [
    allow(["s3:ListBucket"], bucketArns(states)),
    // A read mark is this reader's own and is removed when it has read: no backup lies under
    // this prefix.
    allow(["s3:PutObject", "s3:DeleteObject"], objectsIn(states, `leases/reading/${below}*`)),
    ...useStorageKeys(deployment, inVaults, ["kms:GenerateDataKey"]),
  ];
}

/** Hands what it found over to `record`, and can neither read nor remove it there. */
export function handFindingsOver(deployment: Deployment, below = ""): Statement[] {
  return [allow(["s3:PutObject"], [stateObjects(deployment, `unsigned/${below}*`)])];
}

/** Notes how far a restore is: three figures, which the watch tells; it can publish nothing. */
export function noteProgress(deployment: Deployment): Statement[] {
  return [allow(["s3:PutObject"], [stateObjects(deployment, "progress/*")])];
}

/**
 * Records what others found: takes it from the state bucket and writes it into the vault, locked
 * for as long as its backup is; and restores, in the audit trail. Nobody else in the stack writes
 * either.
 */
export function recordEvidence(deployment: Deployment): Statement[] {
  const vaults = bucketsOf(deployment);
  const locked = lockedOf(vaults);
  return [
    ...readCatalogue(deployment),
    allow(["s3:PutObject"], objectsIn(vaults, "evidence/*", "audit/*")),
    // An entry of the audit trail names the digest of the one before it.
    allow(["s3:GetObject"], objectsIn(vaults, "audit/*")),
    ...allowIn(["s3:PutObjectRetention"], objectsIn(locked, "evidence/*", "audit/*")),
    ...allowIn(seeLocks, objectsIn(locked, "manifests/*", "evidence/*")),
    ...markReading(deployment),
    allow(["s3:ListBucket"], [stateBucketArn(deployment)]),
    allow(["s3:GetObject", "s3:DeleteObject"], [stateObjects(deployment, "unsigned/*")]),
    // A restore that is over is under way no longer.
    allow(["s3:DeleteObject"], [stateObjects(deployment, "progress/*")]),
    ...useStorageKeys(deployment, vaults, ["kms:GenerateDataKey"]),
    ...sign(deployment),
  ];
}

/**
 * Deletes what retention releases: the one role that may. Locks bind it as they bind everyone; it
 * can make them longer.
 */
export function deleteBackups(deployment: Deployment): Statement[] {
  const vaults = bucketsOf(deployment);
  const locked = lockedOf(vaults);
  const rooms = ["manifests/*", "artifacts/*", "evidence/*", "holds/*", "tombstones/*"];
  const kept = ["manifests/*", "artifacts/*", "evidence/*"];
  return [
    allow(["s3:ListBucketVersions", "s3:ListBucketMultipartUploads", "s3:GetBucketVersioning"], bucketArns(vaults)),
    allow(["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"], objectsIn(vaults, ...rooms)),
    // A tombstone is written before a deletion; a manifest is put back when a reader was found
    // after it had been removed.
    allow(["s3:PutObject"], objectsIn(vaults, "manifests/*", "tombstones/*")),
    ...allowIn(["s3:GetObject", "s3:GetObjectVersion", ...seeLocks, "s3:PutObjectRetention"], objectsIn(locked, ...kept)),
    // Puts what is held under the legal hold of S3, and cannot lift one.
    ...allowIn(seeLocks, objectsIn(locked, "holds/*")),
    ...lockDocuments(vaults),
    ...allowIn(["s3:PutObjectLegalHold"], objectsIn(locked, ...kept, "holds/*"), {
      StringEquals: { "s3:object-lock-legal-hold": "ON" },
    }),
    ...holdLeases(vaults, "*"),
    // Says who reads a backup, and takes back the marks of readers that died.
    allow(["s3:GetObject", "s3:DeleteObject"], objectsIn(statesOf(vaults), "leases/reading/*")),
    // Tombstones are signed. It writes no evidence that it could sign.
    ...sign(deployment),
    ...useStorageKeys(deployment, vaults, ["kms:GenerateDataKey"]),
  ];
}

/** Where leases and read marks of these vaults are: in their state buckets, or in themselves. */
export function statesOf(vaults: readonly S3Vault[]): S3Vault[] {
  return vaults.map(({ state, ...vault }) => (state === undefined ? vault : { ...vault, ...state }));
}

/** Without the right to list, S3 answers 403 for a lease that is not there. */
export function holdLeases(vaults: readonly S3Vault[], names: string): Statement[] {
  const states = statesOf(vaults);
  return [
    allow(["s3:ListBucket"], bucketArns(states)),
    allow(["s3:GetObject", "s3:PutObject"], objectsIn(states, `leases/writing/${names}`)),
  ];
}

/** Writes the lists that Distributed Maps work through. */
export function writeLists(deployment: Deployment): Statement[] {
  return [allow(["s3:PutObject"], [stateObjects(deployment, "lists/*")])];
}

/** Remembers what the watch has told. */
export function rememberWatch(deployment: Deployment): Statement[] {
  return [
    allow(["s3:ListBucket"], [stateBucketArn(deployment)]),
    allow(["s3:GetObject", "s3:PutObject"], [stateObjects(deployment, "watch/*")]),
    allow(["s3:DeleteObject"], [stateObjects(deployment, "watch/damaged/*")]),
    // Tells how far restores are, and removes what it told.
    allow(["s3:GetObject", "s3:DeleteObject"], [stateObjects(deployment, "progress/*")]),
  ];
}

/** Notes which damaged backups were alerted: the watch does not say it again. */
export function noteDamage(deployment: Deployment): Statement[] {
  return [allow(["s3:PutObject"], [stateObjects(deployment, "watch/damaged/*")])];
}

/** Says why a container did not answer. Step Functions takes the token for the resource. */
export const failTasks: Statement = allowWithoutResource("TaskTokenTakesNoResource", ["states:SendTaskFailure"]);

/** Lets a machine that waits for a person go on: the token says which. */
export const answerTasks: Statement = allowWithoutResource("TaskTokenTakesNoResource", ["states:SendTaskSuccess"]);

/** Publishes alerts; the topics are encrypted, and a publisher uses their key. */
export function publishAlerts(): Statement[] {
  return [
    allow(["sns:Publish"], [ref("CriticalTopic"), ref("WarningTopic"), ref("InfoTopic")]),
    allow(["kms:GenerateDataKey", "kms:Decrypt"], [arnOf("AlertsKey")]),
  ];
}
