/**
 * What a bucket lacks to be what the stack would have made of it: one finding for each setting that
 * is missing or weaker, with its remedy. Pure.
 */
import type { LifecycleRule as S3Rule } from "@aws-sdk/client-s3";
import type { LockMode } from "../../src/policy/policy.ts";
import type { StoreFinding } from "../../src/vault/object-store.ts";
import { judgeLifecycle } from "../../src/vault/s3/judge-lifecycle.ts";
import type { BucketSettings } from "./bucket-settings.ts";
import { judgePolicy, type PolicyStatement, statementsOf } from "./judge-policy.ts";

export interface WantedBucket {
  readonly bucket: string;
  readonly accountId: string;
  /** Denials of its policy, with the account's own names in them. */
  readonly statements: readonly PolicyStatement[];
  /** The ARN of the key that encrypts it at rest; undefined: S3's own key is enough. */
  readonly keyArn: string | undefined;
  readonly lifecycle: readonly CloudFormationRule[];
  /** Of a vault, and not of the state beside it. */
  readonly vault: WantedVault | undefined;
}

export interface WantedVault {
  readonly prefixes: readonly string[];
  readonly modes: readonly LockMode[];
  /** For how long the bucket may lock everything by default, if it does. */
  readonly maxDefaultDays: number;
}

/** `AWS::S3::Bucket` `Rule`, as far as the template uses it. */
export interface CloudFormationRule {
  readonly Id?: string;
  readonly Prefix?: string;
  readonly TagFilters?: readonly { readonly Key: string; readonly Value: string }[];
  readonly ExpirationInDays?: number | undefined;
  readonly Transitions?: readonly { readonly TransitionInDays: number; readonly StorageClass: string }[];
  readonly NoncurrentVersionExpiration?: { readonly NoncurrentDays: number };
  readonly ExpiredObjectDeleteMarker?: boolean;
  readonly AbortIncompleteMultipartUpload?: { readonly DaysAfterInitiation: number };
}

/** Errors in it: the bucket must not be taken over. */
export function judgeBucket(wanted: WantedBucket, found: BucketSettings): StoreFinding[] {
  const { bucket, accountId, vault } = wanted;
  return [
    ...(vault === undefined ? judgeStateLock(bucket, found) : judgeVersions(bucket, vault, found)),
    ...judgePolicy(bucket, wanted.statements, statementsOf(found.policy), accountId),
    ...judgeEncryption(wanted, found),
    ...judgeAccess(bucket, found),
    ...judgeRules(wanted, found),
    ...(vault === undefined || found.logBucket !== undefined ? [] : [noLog(bucket)]),
  ];
}

function problem(subject: string, message: string, remedy: string): StoreFinding {
  return { level: "error", subject, message, remedy };
}

function judgeVersions(bucket: string, { modes, maxDefaultDays }: WantedVault, found: BucketSettings): StoreFinding[] {
  const findings: StoreFinding[] = [];
  if (found.versioning !== "Enabled") {
    const remedy = `aws s3api put-bucket-versioning --bucket ${bucket} --versioning-configuration Status=Enabled`;
    findings.push(problem("versioning", "not enabled: what is overwritten or deleted is gone", remedy));
  }
  if (found.lock?.ObjectLockEnabled !== "Enabled") {
    const remedy = `aws s3api put-object-lock-configuration --bucket ${bucket} --object-lock-configuration ObjectLockEnabled=Enabled (it cannot be turned off again)`;
    findings.push(problem("Object Lock", "not enabled: nothing in it can be locked", remedy));
  }
  const { Mode, Days = 0, Years = 0 } = found.lock?.Rule?.DefaultRetention ?? {};
  const days = Days + Years * 365;
  const remedy = `aws s3api put-object-lock-configuration --bucket ${bucket} --object-lock-configuration ObjectLockEnabled=Enabled (without a rule: each object is locked at its write)`;
  if (Mode !== undefined && !modes.some((mode) => mode.toUpperCase() === Mode)) {
    const policy = modes.length === 0 ? "locks nothing" : `says ${modes.join(" and ")}`;
    findings.push(
      problem("Object Lock", `locks every object by default (${Mode.toLowerCase()}), and the policy ${policy}`, remedy),
    );
  } else if (days > maxDefaultDays) {
    const message = `locks every object by default for ${days} days, and the policy keeps some backups for ${maxDefaultDays}`;
    findings.push(problem("Object Lock", message, remedy));
  }
  return findings;
}

/** A lease that is locked is held for good. */
function judgeStateLock(bucket: string, { lock }: BucketSettings): StoreFinding[] {
  if (lock?.Rule?.DefaultRetention?.Mode === undefined) return [];
  const remedy = `aws s3api put-object-lock-configuration --bucket ${bucket} --object-lock-configuration ObjectLockEnabled=Enabled (without a rule)`;
  return [problem("Object Lock", "locks every object by default, and leases must be removable", remedy)];
}

function judgeEncryption({ bucket, keyArn }: WantedBucket, { encryption }: BucketSettings): StoreFinding[] {
  const { SSEAlgorithm, KMSMasterKeyID } = encryption?.ApplyServerSideEncryptionByDefault ?? {};
  if (keyArn === undefined)
    return SSEAlgorithm === undefined ? [problem("encryption", "none by default", encrypt(bucket, "AES256"))] : [];
  const isKey = KMSMasterKeyID === keyArn || KMSMasterKeyID === keyArn.slice(keyArn.lastIndexOf("/") + 1);
  if (SSEAlgorithm === "aws:kms" && isKey) return [];
  const now =
    SSEAlgorithm === undefined ? "none" : `${SSEAlgorithm}${KMSMasterKeyID === undefined ? "" : ` with ${KMSMasterKeyID}`}`;
  return [problem("encryption", `by default ${now}, not with the storage key ${keyArn}`, encrypt(bucket, "aws:kms", keyArn))];
}

function encrypt(bucket: string, SSEAlgorithm: string, KMSMasterKeyID?: string): string {
  const rule = {
    ApplyServerSideEncryptionByDefault: { SSEAlgorithm, KMSMasterKeyID },
    BucketKeyEnabled: KMSMasterKeyID === undefined ? undefined : true,
  };
  const configuration = JSON.stringify({ Rules: [rule] });
  return `aws s3api put-bucket-encryption --bucket ${bucket} --server-side-encryption-configuration '${configuration}'`;
}

function judgeAccess(bucket: string, { publicAccess, ownership }: BucketSettings): StoreFinding[] {
  const flags = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"] as const;
  const off = flags.filter((flag) => publicAccess?.[flag] !== true);
  const findings: StoreFinding[] = [];
  if (off.length > 0) {
    const all = flags.map((flag) => `${flag}=true`).join(",");
    const remedy = `aws s3api put-public-access-block --bucket ${bucket} --public-access-block-configuration ${all}`;
    findings.push(problem("public access", `not blocked: ${off.join(", ")} ${off.length === 1 ? "is" : "are"} off`, remedy));
  }
  if (ownership !== "BucketOwnerEnforced") {
    const remedy = `aws s3api put-bucket-ownership-controls --bucket ${bucket} --ownership-controls 'Rules=[{ObjectOwnership=BucketOwnerEnforced}]'`;
    findings.push(problem("ownership", "access lists can let others in, and give objects another owner", remedy));
  }
  return findings;
}

function judgeRules({ bucket, lifecycle, vault }: WantedBucket, { rules }: BucketSettings): StoreFinding[] {
  const enabled = rules.filter(({ Status }) => Status === "Enabled");
  const missing = lifecycle.filter((rule) => !enabled.some((each) => sameRule(each, rule)));
  const harm = (vault?.prefixes ?? []).flatMap((prefix) =>
    judgeLifecycle(rules, { prefix }).filter(({ level }) => level === "error"),
  );
  return [
    ...missing.map((rule) =>
      problem(
        "lifecycle",
        `the rule ${rule.Id ?? ""} is missing`,
        `Add it to the rules: aws s3api get-bucket-lifecycle-configuration and put-bucket-lifecycle-configuration --bucket ${bucket}: ${JSON.stringify(asS3(rule))}`,
      ),
    ),
    ...harm,
  ];
}

/** In the words of S3's API. */
function asS3(rule: CloudFormationRule): S3Rule {
  const { Prefix = "", TagFilters = [], ExpirationInDays: days, Transitions, ExpiredObjectDeleteMarker: markers } = rule;
  const [Tag] = TagFilters;
  const expiration = {
    ...(days === undefined ? {} : { Days: days }),
    ...(markers === undefined ? {} : { ExpiredObjectDeleteMarker: markers }),
  };
  return {
    ...(rule.Id === undefined ? {} : { ID: rule.Id }),
    Status: "Enabled",
    Filter: Tag === undefined ? { Prefix } : { And: { Prefix, Tags: [{ ...Tag }] } },
    ...(Object.keys(expiration).length === 0 ? {} : { Expiration: expiration }),
    ...(Transitions === undefined
      ? {}
      : {
          Transitions: Transitions.map(({ TransitionInDays, StorageClass }) => ({
            Days: TransitionInDays,
            StorageClass: StorageClass as "DEEP_ARCHIVE" | "GLACIER_IR" | "STANDARD_IA",
          })),
        }),
    ...(rule.NoncurrentVersionExpiration === undefined ? {} : { NoncurrentVersionExpiration: rule.NoncurrentVersionExpiration }),
    ...(rule.AbortIncompleteMultipartUpload === undefined
      ? {}
      : { AbortIncompleteMultipartUpload: rule.AbortIncompleteMultipartUpload }),
  };
}

/** The same work on the same objects, whatever the rule is called. */
function sameRule(one: S3Rule, wanted: CloudFormationRule): boolean {
  const other = asS3(wanted);
  return JSON.stringify(workOf(one)) === JSON.stringify(workOf(other));
}

function workOf({ Prefix, Filter, Expiration, Transitions, ...rule }: S3Rule): unknown[] {
  const tags = [...(Filter?.And?.Tags ?? []), ...(Filter?.Tag === undefined ? [] : [Filter.Tag])];
  return [
    Filter?.And?.Prefix ?? Filter?.Prefix ?? Prefix ?? "",
    tags.map(({ Key, Value }) => `${Key}=${Value}`).toSorted(),
    Expiration?.Days ?? null,
    Expiration?.ExpiredObjectDeleteMarker ?? false,
    (Transitions ?? []).map(({ Days, StorageClass }) => `${Days} ${StorageClass}`).toSorted(),
    rule.NoncurrentVersionExpiration?.NoncurrentDays ?? null,
    rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation ?? null,
  ];
}

function noLog(bucket: string): StoreFinding {
  return {
    level: "warning",
    subject: "access log",
    message: "off: nobody can look up who read or deleted what",
    remedy: `aws s3api put-bucket-logging --bucket ${bucket} --bucket-logging-status '{"LoggingEnabled":{"TargetBucket":"BUCKET","TargetPrefix":""}}'`,
  };
}
