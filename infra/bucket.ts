/** What every bucket has in common, and the denials that its policy is made of. */
import type { Deployment } from "./deployment.ts";
import { arnOf, ref, type Statement, sub } from "./template.ts";

/** Closed to the public, ACLs off, encrypted. */
export function closedBucket(encryption: Readonly<Record<string, unknown>>) {
  return {
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [
        { ServerSideEncryptionByDefault: encryption, BucketKeyEnabled: encryption["SSEAlgorithm"] === "aws:kms" },
      ],
    },
  };
}

/** The properties of a bucket's policy. */
export function policyOf(bucketName: string, statements: readonly unknown[]) {
  return { Bucket: ref(bucketName), PolicyDocument: { Version: "2012-10-17", Statement: statements } };
}

export interface Denial extends Omit<Statement, "Effect"> {
  readonly Effect: "Deny";
  readonly Principal: "*";
}

const objects = (bucketName: string, path = "*") => sub(`\${${bucketName}.Arn}/${path}`);
const everything = (bucketName: string) => [arnOf(bucketName), objects(bucketName)];

function deny(Sid: string, Action: readonly string[], Resource: readonly unknown[], Condition?: unknown): Denial {
  return { Sid, Effect: "Deny", Principal: "*", Action, Resource, Condition };
}

export function denyPlainHttp(bucketName: string): Denial {
  return deny("PlainHttp", ["s3:*"], everything(bucketName), { Bool: { "aws:SecureTransport": "false" } });
}

/**
 * The local cloud speaks plain HTTP, on the loopback interface alone; everywhere else nobody does.
 */
export function tlsOnly({ local }: Deployment, bucketName: string): Denial[] {
  return local ? [] : [denyPlainHttp(bucketName)];
}

/**
 * Without a header the bucket's default applies, which is the storage key; a header may ask for
 * nothing else, nor bring a key of its own.
 */
export function denyOtherEncryption(bucketName: string, keyArn: unknown): Denial[] {
  const named = (key: string) => ({ Null: { [key]: "false" } });
  const put = (sid: string, condition: unknown) => deny(sid, ["s3:PutObject"], [objects(bucketName)], condition);
  return [
    put("OtherEncryption", {
      StringNotEquals: { "s3:x-amz-server-side-encryption": "aws:kms" },
      ...named("s3:x-amz-server-side-encryption"),
    }),
    put("OtherKey", {
      StringNotEquals: { "s3:x-amz-server-side-encryption-aws-kms-key-id": keyArn },
      ...named("s3:x-amz-server-side-encryption-aws-kms-key-id"),
    }),
    put("KeyOfTheCaller", named("s3:x-amz-server-side-encryption-customer-algorithm")),
  ];
}

/**
 * What is under the vault's append-only prefixes is never overwritten, by anyone (S3 user guide,
 * "Enforce conditional writes"). `prefixes`: those of the bucket's vaults, empty or with a slash at
 * their end.
 */
export function denyOverwriting(bucketName: string, prefixes: readonly string[]): Denial {
  const rooms = [
    "manifests/*",
    "artifacts/*",
    "evidence/*",
    "audit/*",
    "erasures/*",
    "erasure-ids/*",
    "holdfast.json",
    "RESTORE.md",
  ];
  const places = prefixes.flatMap((prefix) => rooms.map((room) => objects(bucketName, `${prefix}${room}`)));
  return deny("Overwriting", ["s3:PutObject"], places, {
    Null: { "s3:if-none-match": "true" },
    Bool: { "s3:ObjectCreationOperation": "true" },
  });
}

/**
 * Locks hold: nobody bypasses or weakens them, and nobody locks for good where the policy says that
 * an administrator may still unlock.
 */
export function denyBypass(bucketName: string, mode: "governance" | "compliance" | undefined): Denial[] {
  const holds = deny("LocksHold", ["s3:BypassGovernanceRetention"], everything(bucketName));
  // Not CloudFormation, which writes them again when the stack's bucket changes in anything: it
  // reaches S3 as the person who deploys, with or without a role of its own (CloudFormation user
  // guide, "Forward access sessions (FAS) requests and permission evaluation").
  const settings = deny("LockSettings", ["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"], [arnOf(bucketName)], {
    "ForAllValues:StringNotEquals": { "aws:CalledVia": ["cloudformation.amazonaws.com"] },
  });
  const forGood = deny("NotForGood", ["s3:PutObject", "s3:PutObjectRetention"], [objects(bucketName)], {
    StringEquals: { "s3:object-lock-mode": "COMPLIANCE" },
  });
  return mode === "governance" ? [holds, settings, forGood] : [holds, settings];
}
