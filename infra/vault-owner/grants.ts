/**
 * What stacks of other accounts may do with the vault (ADR 0044): add and read. Nobody there
 * deletes, overwrites, shortens a lock or changes a bucket or a key. Each right names the works
 * whose roles have it; which source a role belongs to, its own policy says in its account.
 */
import type { Policy, S3Vault } from "../../src/policy/policy.ts";
import { shortestKept } from "../../src/retention/shortest-kept.ts";
import { documentLockMs } from "../../src/vault/documents/lock-documents.ts";
import type { Deployment } from "../deployment.ts";
import { arnOf, ref, sub } from "../template.ts";
import { maxPromisedDays } from "./max-promise.ts";
import { accountsOf, rolesOf, type VaultUsers } from "./users.ts";

/** Every role of a stack. */
const everyWork = ["*"];
/** Those that tell people of what they found, and open manifests' seals for it. */
const tellers = ["notify", "on-execution", "watch"];

/** A right to the vault's objects, by the functions whose roles have it. */
interface ObjectRight {
  readonly sid: string;
  readonly works: readonly string[];
  readonly actions: readonly string[];
  readonly paths: readonly string[];
  /** Also for those who read from a desk. */
  readonly readers?: boolean;
  /** Only where a vault has it. */
  readonly where?: (vault: S3Vault) => boolean;
}

const documents = ["holdfast.json", "manifests/*", "evidence/*", "holds/*", "tombstones/*"];
const ownDocuments = ["holdfast.json", "RESTORE.md"];
const backups = ["artifacts/*", "manifests/*"];
const tiered = ({ tiers }: S3Vault): boolean => tiers !== undefined;
const seeLocks = ["s3:GetObjectRetention", "s3:GetObjectLegalHold"];

const objectRights: readonly ObjectRight[] = [
  { sid: "Documents", works: everyWork, actions: ["s3:GetObject"], paths: documents, readers: true },
  { sid: "Artifacts", works: ["prove", "restore"], actions: ["s3:GetObject"], paths: ["artifacts/*"], readers: true },
  { sid: "Seals", works: tellers, actions: ["s3:GetObject"], paths: ["artifacts/*/manifest"] },
  { sid: "Add", works: ["dump"], actions: ["s3:PutObject"], paths: [...ownDocuments, ...backups] },
  { sid: "TakeBackParts", works: ["dump"], actions: ["s3:AbortMultipartUpload"], paths: backups },
  {
    sid: "Lock",
    works: ["dump"],
    actions: ["s3:GetObject", ...seeLocks, "s3:PutObjectRetention"],
    paths: [...ownDocuments, ...backups],
  },
  { sid: "Tag", works: ["dump"], actions: ["s3:PutObjectTagging"], paths: ["artifacts/*"], where: tiered },
  { sid: "Record", works: ["record"], actions: ["s3:PutObject", "s3:PutObjectRetention"], paths: ["evidence/*", "audit/*"] },
  { sid: "Trail", works: ["record"], actions: ["s3:GetObject"], paths: ["audit/*"], readers: true },
  { sid: "Erase", works: ["erase-add"], actions: ["s3:PutObject"], paths: ["erasures/*", "erasure-ids/*"] },
  { sid: "EraseIds", works: ["erase-add"], actions: ["s3:GetObject"], paths: ["erasure-ids/*"] },
  {
    sid: "EraseLocks",
    works: ["erase-add"],
    actions: [...seeLocks, "s3:PutObjectRetention"],
    paths: ["erasures/*"],
  },
  { sid: "Erasures", works: ["erase-add", "restore"], actions: ["s3:GetObject"], paths: ["erasures/*"], readers: true },
  { sid: "SeeLocks", works: ["record"], actions: seeLocks, paths: ["manifests/*", "evidence/*"] },
];

/** Settings of a bucket: whoever deploys there looks at them first (adoption/). */
const settings = [
  "s3:GetBucketLogging",
  "s3:GetBucketObjectLockConfiguration",
  "s3:GetBucketOwnershipControls",
  "s3:GetBucketPolicy",
  "s3:GetBucketPublicAccessBlock",
  "s3:GetBucketVersioning",
  "s3:GetEncryptionConfiguration",
  "s3:GetLifecycleConfiguration",
];

/** What no other account does, whatever another statement may come to allow. */
const ownersAlone = [
  "s3:DeleteBucket",
  "s3:DeleteBucketPolicy",
  "s3:DeleteObject",
  "s3:DeleteObjectVersion",
  "s3:PutBucketAcl",
  "s3:PutBucketLogging",
  "s3:PutBucketOwnershipControls",
  "s3:PutBucketPolicy",
  "s3:PutBucketPublicAccessBlock",
  "s3:PutEncryptionConfiguration",
  "s3:PutLifecycleConfiguration",
  "s3:PutObjectAcl",
  "s3:PutObjectLegalHold",
  "s3:PutReplicationConfiguration",
];

interface Grant {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal: unknown;
  readonly Action: readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/**
 * To roles by their ARNs' patterns; the principal is their account, for roles that do not exist
 * yet.
 */
function grant(Sid: string, who: readonly string[], Action: readonly string[], Resource: unknown, condition: object = {}): Grant {
  const Condition = { ...condition, ArnLike: { "aws:PrincipalArn": who } };
  return { Sid, Effect: "Allow", Principal: { AWS: accountsOf(who) }, Action, Resource, Condition };
}

/** To everybody of these accounts whom their own policies let. */
function grantAccounts(Sid: string, { stacks, readers }: VaultUsers, Action: readonly string[], Resource: unknown): Grant {
  return { Sid, Effect: "Allow", Principal: { AWS: accountsOf([...stacks, ...readers]) }, Action, Resource };
}

const otherAccounts = { StringNotEquals: { "aws:PrincipalAccount": ref("AWS::AccountId") } };

/** Statements of a vault bucket's policy; none where the vault is this account's alone. */
export function vaultGrants({ users, policy }: Deployment, bucketName: string, vaults: readonly S3Vault[]): Grant[] {
  if (users === undefined) return [];
  const at = (vault: S3Vault, paths: readonly string[]) => paths.map((path) => objectsAt(bucketName, vault.prefix, path));
  const rights = objectRights.flatMap(({ sid, works, actions, paths, readers = false, where = () => true }) => {
    const resources = vaults.filter(where).flatMap((vault) => at(vault, paths));
    const who = [...rolesOf(users, works), ...(readers ? users.readers : [])];
    return resources.length === 0 ? [] : [grant(sid, who, actions, resources)];
  });
  return [
    grantAccounts("Look", users, ["s3:ListBucket", ...settings], [arnOf(bucketName)]),
    grant("Versions", [...rolesOf(users, ["restore"]), ...users.readers], ["s3:ListBucketVersions"], [arnOf(bucketName)]),
    grant("Uploads", rolesOf(users, ["dump"]), ["s3:ListBucketMultipartUploads"], [arnOf(bucketName)]),
    ...rights,
    ...limitLocks(policy, (paths) => vaults.flatMap((vault) => at(vault, paths)), otherAccounts),
    {
      Sid: "OwnersAlone",
      Effect: "Deny",
      Principal: "*",
      Action: ownersAlone,
      Resource: [arnOf(bucketName), objectsAt(bucketName, "", "*")],
      Condition: otherAccounts,
    },
  ];
}

/**
 * A lock is paid for until it ends. What dumps locks no longer than retention promises every
 * backup, and a day; evidence is locked as long as its backup, which prunes may have promised more.
 */
function limitLocks(
  { sources, auditKeepSeconds }: Policy,
  at: (paths: readonly string[]) => unknown[],
  otherAccounts: object,
): Grant[] {
  const all = Object.values(sources);
  const atFirst = all.flatMap(({ retention, traits }) => traits.kinds.map((kind) => shortestKept(retention, kind) / 86_400));
  const days = Math.ceil(Math.max(documentLockMs / 86_400_000, ...atFirst)) + 1;
  const limit = (Sid: string, paths: readonly string[], maxDays: number): Grant => ({
    Sid,
    Effect: "Deny",
    Principal: "*",
    Action: ["s3:PutObjectRetention"],
    Resource: at(paths),
    Condition: { ...otherAccounts, NumericGreaterThan: { "s3:object-lock-remaining-retention-days": maxDays } },
  });
  return [
    limit("NoLongerThanRetention", [...ownDocuments, ...backups], days),
    limit("NoLongerThanPromised", ["evidence/*"], Math.max(...all.map(({ retention }) => maxPromisedDays(retention)))),
    limit("NoLongerThanTheTrail", ["audit/*", "erasures/*"], Math.ceil(auditKeepSeconds / 86_400) + 1),
  ];
}

/** Statements of the policy of a bucket that has leases and read marks below `prefixes`. */
export function stateGrants({ users }: Deployment, bucketName: string, prefixes: readonly string[]): Grant[] {
  if (users === undefined) return [];
  const at = (path: string) => prefixes.map((prefix) => objectsAt(bucketName, prefix, path));
  return [
    grantAccounts("Look", users, ["s3:ListBucket", ...settings], [arnOf(bucketName)]),
    grant("Leases", rolesOf(users, ["dump"]), ["s3:GetObject", "s3:PutObject"], at("leases/writing/*")),
    grant(
      "ReadMarks",
      [...rolesOf(users, ["prove", "restore", "record"]), ...users.readers],
      ["s3:PutObject", "s3:DeleteObject"],
      at("leases/reading/*"),
    ),
  ];
}

const objectsAt = (bucketName: string, prefix: string, path: string) =>
  sub(`\${${bucketName}.Arn}/${prefix === "" ? "" : `${prefix}/`}${path}`);

export type KeyUse = "sealing" | "signing" | "storage";

/** Statements of a key's policy, beside the account's own. */
export function keyGrants({ users, region }: Deployment, use: KeyUse): Grant[] {
  if (users === undefined) return [];
  const look = grantAccounts("Look", users, ["kms:DescribeKey"], "*");
  const to = (sid: string, works: readonly string[], action: string, condition?: object, readers: readonly string[] = []) =>
    grant(sid, [...rolesOf(users, works), ...readers], [action], "*", condition);
  const { readers } = users;
  if (use === "signing")
    return [look, to("Check", everyWork, "kms:GetPublicKey", {}, readers), to("Sign", ["record", "erase-add"], "kms:Sign")];
  if (use === "storage") {
    const throughS3 = { StringEquals: { "kms:ViaService": sub(`s3.${region}.\${AWS::URLSuffix}`) } };
    return [
      look,
      to("Read", everyWork, "kms:Decrypt", throughS3, readers),
      to("Add", ["dump", "record", "erase-add"], "kms:GenerateDataKey", throughS3),
    ];
  }
  const ofManifests = { StringEquals: { "kms:EncryptionContext:holdfast:artifact": "manifest" } };
  const ofErasures = { StringEquals: { "kms:EncryptionContext:holdfast:artifact": "erasure" } };
  return [
    look,
    to("Seal", ["dump"], "kms:GenerateDataKey"),
    to("SealErasures", ["erase-add"], "kms:GenerateDataKey", ofErasures),
    to("Open", ["prove", "restore"], "kms:Decrypt", {}, readers),
    to("OpenManifestsSeals", tellers, "kms:Decrypt", ofManifests),
  ];
}
