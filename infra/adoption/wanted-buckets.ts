/**
 * What the buckets of a vault that exists must be like: what the stack would make of them, read
 * from the very template that makes them.
 */
import { shortestKept } from "../../src/retention/shortest-kept.ts";
import { bucketsOf, type Deployment } from "../deployment.ts";
import type { Resource } from "../template.ts";
import { storageAlias, vaultResources } from "../vault.ts";
import type { CloudFormationRule, WantedBucket, WantedVault } from "./judge-bucket.ts";
import type { PolicyStatement } from "./judge-policy.ts";
import { type Account, type Physical, resolveTemplate, Unresolved } from "./resolve-template.ts";

/**
 * The buckets with a name: vaults and their state. `keyArns`: of the storage keys that are there,
 * by alias. A statement that names a key which is not there is left out: the missing key is said.
 */
export function wantedBuckets(
  deployment: Deployment,
  account: Account,
  keyArns: ReadonlyMap<string, string>,
): readonly WantedBucket[] {
  const resources = vaultResources({ ...deployment, createsVault: true });
  const physical = physicalOf(resources, account, keyArns);
  return Object.entries(resources).flatMap(([name, { Type, Properties = {} }]) => {
    const bucket = physical.get(name)?.ref;
    if (Type !== "AWS::S3::Bucket" || bucket === undefined) return [];
    const vault = vaultOf(deployment, bucket);
    const keyArn = keyArns.get(storageAlias(bucket));
    return [
      {
        bucket,
        accountId: account.id,
        statements: denialsOf(resources[`${name}Policy`], account, physical),
        keyArn: vault === undefined ? undefined : keyArn,
        lifecycle: (Properties["LifecycleConfiguration"] as { readonly Rules: readonly CloudFormationRule[] }).Rules,
        vault,
      },
    ];
  });
}

function physicalOf(
  resources: Readonly<Record<string, Resource>>,
  account: Account,
  keyArns: ReadonlyMap<string, string>,
): ReadonlyMap<string, Physical> {
  const found = new Map<string, Physical>();
  for (const [name, { Type, Properties = {} }] of Object.entries(resources)) {
    if (Type === "AWS::S3::Bucket" && Properties["BucketName"] !== undefined) {
      const ref = String(resolveTemplate(Properties["BucketName"], account, found));
      found.set(name, { ref, arn: `arn:${account.partition}:s3:::${ref}` });
    }
    if (Type === "AWS::KMS::Alias") {
      const { Ref: key } = Properties["TargetKeyId"] as { readonly Ref: string };
      found.set(key, { arn: keyArns.get(String(Properties["AliasName"])) });
    }
  }
  return found;
}

function denialsOf(policy: Resource | undefined, account: Account, physical: ReadonlyMap<string, Physical>): PolicyStatement[] {
  const document = policy?.Properties?.["PolicyDocument"] as { readonly Statement: readonly unknown[] } | undefined;
  return (document?.Statement ?? []).flatMap((statement) => {
    try {
      return [resolveTemplate(statement, account, physical) as PolicyStatement];
    } catch (error) {
      if (error instanceof Unresolved) return [];
      throw error;
    }
  });
}

function vaultOf(deployment: Deployment, bucket: string): WantedVault | undefined {
  const vaults = bucketsOf(deployment).filter((vault) => vault.bucket === bucket);
  if (vaults.length === 0) return undefined;
  const names = new Set(vaults.map(({ name }) => name));
  const sources = Object.values(deployment.policy.sources).filter(({ vault }) => names.has(vault));
  const keptSeconds = sources.flatMap(({ retention, traits }) => traits.kinds.map((kind) => shortestKept(retention, kind)));
  return {
    prefixes: vaults.map(({ prefix }) => prefix),
    modes: vaults.flatMap(({ lock }) => (lock === undefined ? [] : [lock.mode])),
    maxDefaultDays: Math.min(...keptSeconds.map((seconds) => Math.floor(seconds / 86_400))),
  };
}
