/** What the functions of a restore that replaces something may do: ask, answer, back up first. */
import { bucketsOf, type Deployment } from "./deployment.ts";
import { checkSignatures, sealWhere, unsealWhere, useStorageKeys } from "./key-rights.ts";
import * as rights from "./rights.ts";
import { stateBucketArn, stateObjects } from "./state-buckets.ts";
import { allow, named, type Statement } from "./template.ts";

/** The names that safety backups are stored under (src/policy/safety-series.ts). */
const series = "*.pre-restore";
const ofSeries = { StringLike: { "kms:EncryptionContext:holdfast:source": series } };

/**
 * Adds safety backups and reads them back, and touches no source's own. One source each would
 * outgrow what IAM takes of a role.
 */
export function addSafetyBackups(deployment: Deployment): Statement[] {
  const vaults = bucketsOf(deployment);
  const locked = rights.lockedOf(vaults);
  const own = [`artifacts/${series}/*`, `manifests/${series}/*`];
  return [
    ...rights.readCatalogue(deployment),
    allow(["s3:ListBucketMultipartUploads"], rights.bucketArns(vaults)),
    named(
      "SafetyBackupsAlone",
      allow(["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], rights.objectsIn(vaults, ...own)),
    ),
    ...rights.allowIn([...rights.seeLocks, "s3:PutObjectRetention"], rights.objectsIn(locked, ...own)),
    ...rights.denyLongLocks(Object.values(deployment.policy.sources), rights.objectsIn(locked, ...own)),
    ...rights.lockDocuments(vaults),
    ...rights.holdLeases(vaults, `${series}/*`),
    ...useStorageKeys(deployment, vaults, ["kms:GenerateDataKey"]),
    ...sealWhere(deployment, ofSeries),
    ...unsealWhere(deployment, ofSeries),
  ];
}

/**
 * Reads the audit trail, and checks it, with what others deleted of it or wrote over: a restore
 * replaces nothing without an approval there.
 */
export function readTrail(deployment: Deployment): Statement[] {
  const vaults = bucketsOf(deployment);
  return [
    allow(["s3:ListBucketVersions"], rights.bucketArns(vaults)),
    allow(["s3:GetObject"], rights.objectsIn(vaults, "audit/*")),
    ...checkSignatures(deployment),
  ];
}

/** What a restore looks up before it replaces something; nothing, where it never does. */
export function checkApprovals(deployment: Deployment): Statement[] {
  return deployment.vaultAccount === undefined ? readTrail(deployment) : [];
}

/** Keeps who asked, as AWS has named them. */
export function keepAsked(deployment: Deployment): Statement[] {
  return [allow(["s3:PutObject"], [stateObjects(deployment, "approvals/asked/*")])];
}

/** Keeps task tokens, and cannot read them again. */
export function keepTokens(deployment: Deployment): Statement[] {
  return [allow(["s3:PutObject"], [stateObjects(deployment, "approvals/waiting/*")])];
}

/** Reads task tokens, the only one that does, and keeps each answer once. */
export function answerRequests(deployment: Deployment): Statement[] {
  return [
    allow(["s3:ListBucket"], [stateBucketArn(deployment)]),
    allow(["s3:GetObject"], [stateObjects(deployment, "approvals/waiting/*")]),
    allow(["s3:GetObject", "s3:PutObject"], [stateObjects(deployment, "approvals/answers/*")]),
  ];
}

/**
 * Reads who asked and who answered, for the audit trail; and puts safety backups on hold, under the
 * legal hold of S3 where the vault locks: on, never off.
 */
export function recordApprovals(deployment: Deployment): Statement[] {
  if (deployment.vaultAccount !== undefined) return [];
  const vaults = bucketsOf(deployment);
  const locked = rights.lockedOf(vaults);
  const own = ["manifests", "artifacts", "evidence", "holds"].map((room) => `${room}/${series}/*`);
  return [
    allow(["s3:ListBucketVersions"], rights.bucketArns(vaults)),
    allow(["s3:GetObject"], [stateObjects(deployment, "approvals/asked/*"), stateObjects(deployment, "approvals/answers/*")]),
    named("SafetyBackupsAlone", allow(["s3:PutObject"], rights.objectsIn(vaults, `holds/${series}/*`))),
    // Looks at each object before it is held. What is there is sealed, and this role unseals
    // nothing.
    ...rights.allowIn(["s3:GetObject", ...rights.seeLocks], rights.objectsIn(locked, `artifacts/${series}/*`, `holds/${series}/*`)),
    ...rights.allowIn(["s3:PutObjectLegalHold"], rights.objectsIn(locked, ...own), {
      StringEquals: { "s3:object-lock-legal-hold": "ON" },
    }),
  ];
}
