/**
 * Buckets without Object Lock, beside the vault: leases and read marks, the lists that Distributed
 * Maps work through, findings that wait to be recorded, and what the watch has told.
 */

import { createHash } from "node:crypto";
import { closedBucket, denyPlainHttp, policyOf, tlsOnly } from "./bucket.ts";
import { bucketsOf, type Deployment, logicalId } from "./deployment.ts";
import { abortUploadsDays } from "./lifecycle.ts";
import { type Resource, type Resources, retained, sub, type Text } from "./template.ts";
import { stateGrants } from "./vault-owner/grants.ts";

/** Lists of work and findings are of no use once their run is over; runs end within days. */
const passingDays = 14;

/** A place that functions reach by name. */
interface StatePlace {
  /** The bucket's name, as text for `Fn::Sub`. */
  readonly bucket: string;
  /** With a slash at its end. */
  readonly prefix: string;
}

/**
 * Where the stack's own state is, in a folder of this stage, for several may share a vault: with
 * the leases of the first vault that has a state bucket; else in a bucket that belongs to the first
 * vault, named after it so that any stage finds it again.
 */
function statePlace(deployment: Deployment): StatePlace {
  const folder = `${deployment.prefix}/`;
  // Nothing of this stack's own lies in another account. CloudFormation names the bucket: a stack
  // that is made anew begins with an empty one.
  if (deployment.vaultAccount !== undefined) return { bucket: `\${StateBucket}`, prefix: folder };
  const [state] = bucketsOf(deployment).flatMap((vault) => vault.state ?? []);
  if (state === undefined) {
    const [{ bucket: vault } = { bucket: "" }] = bucketsOf(deployment);
    const mark = createHash("sha256").update(vault).digest("hex").slice(0, 8);
    return { bucket: `holdfast-state-${mark}-\${AWS::AccountId}-\${AWS::Region}`, prefix: folder };
  }
  return { bucket: state.bucket, prefix: state.prefix === "" ? folder : `${state.prefix}/${folder}` };
}

/** For a function's environment. */
export function stateEnvironment(deployment: Deployment): Readonly<Record<string, unknown>> {
  const { bucket, prefix } = statePlace(deployment);
  return { HOLDFAST_STATE_BUCKET: nameOf(bucket), HOLDFAST_STATE_PREFIX: prefix };
}

/** The ARN of the stack's own state bucket. */
export function stateBucketArn(deployment: Deployment) {
  return sub(`arn:\${AWS::Partition}:s3:::${statePlace(deployment).bucket}`);
}

/** The ARNs of the objects below `path` in the stack's own state: `lists/*`. */
export function stateObjects(deployment: Deployment, path: string): unknown {
  const { bucket, prefix } = statePlace(deployment);
  return sub(`arn:\${AWS::Partition}:s3:::${bucket}/${prefix}${path}`);
}

/**
 * They outlive the stack like the vault: a lease that is held must be found again, and a bucket
 * that is not empty cannot be deleted.
 */
export function stateResources(deployment: Deployment): Resources {
  if (deployment.vaultAccount !== undefined) return ownStateResources(deployment);
  if (!deployment.createsVault) return {};
  const own = statePlace(deployment);
  // A stack that owns a vault for others runs no machines.
  const hasLists = deployment.users === undefined;
  const others = bucketsOf(deployment).flatMap(({ state }) =>
    state === undefined || state.bucket === own.bucket ? [] : [state.bucket],
  );
  const named = new Map<string, string>([
    ["StateBucket", own.bucket],
    ...others.map((bucket): [string, string] => [logicalId("State", bucket), bucket]),
  ]);
  return Object.fromEntries(
    [...named].flatMap(([name, bucket]) => {
      const statements = [...tlsOnly(deployment, name), ...stateGrants(deployment, name, leasesIn(deployment, bucket))];
      return [
        [name, stateBucket(bucket, hasLists && bucket === own.bucket ? passingRules(own.prefix) : [])],
        ...(statements.length === 0 ? [] : [[`${name}Policy`, stateBucketPolicy(name, statements)]]),
      ];
    }),
  );
}

/** The stack's own alone: leases are in the vault's account. */
function ownStateResources(deployment: Deployment): Resources {
  const { prefix } = statePlace(deployment);
  return {
    StateBucket: stateBucket(undefined, passingRules(prefix)),
    ...(deployment.local ? {} : { StateBucketPolicy: stateBucketPolicy("StateBucket", [denyPlainHttp("StateBucket")]) }),
  };
}

/** What an execution leaves there that died before it had recorded or worked through it. */
function passingRules(prefix: string): readonly unknown[] {
  const rule = { Status: "Enabled", ExpirationInDays: passingDays };
  return [
    { Id: "lists-of-work", ...rule, Prefix: `${prefix}lists/` },
    { Id: "unsigned-findings", ...rule, Prefix: `${prefix}unsigned/` },
  ];
}

const stateBucketPolicy = (name: string, statements: readonly unknown[]): Resource =>
  retained({ Type: "AWS::S3::BucketPolicy", Properties: policyOf(name, statements) });

/** Prefixes below which a bucket has leases, each once. */
const leasesIn = (deployment: Deployment, bucket: string): string[] => [
  ...new Set(bucketsOf(deployment).flatMap(({ state }) => (state?.bucket === bucket ? [state.prefix] : []))),
];

/** `bucket`: its name; undefined: CloudFormation gives it one. */
function stateBucket(bucket: string | undefined, rules: readonly unknown[]): Resource {
  return retained({
    Type: "AWS::S3::Bucket",
    Properties: {
      ...(bucket === undefined ? {} : { BucketName: nameOf(bucket) }),
      ...closedBucket({ SSEAlgorithm: "AES256" }),
      LifecycleConfiguration: {
        Rules: [
          ...rules,
          {
            Id: "aborted-uploads",
            Status: "Enabled",
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: abortUploadsDays },
          },
        ],
      },
    },
  });
}

const nameOf = (bucket: string): Text => (bucket.includes("${") ? sub(bucket) : bucket);
