/**
 * A vault that a deployment takes over: whether it is what the stack itself would have made.
 * Changes nothing.
 */
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { bucketsOf, type Deployment, sealingKeysOf, signingKeysOf } from "../deployment.ts";
import { storageAlias } from "../vault.ts";
import { lookForBucket, readBucketSettings } from "./bucket-settings.ts";
import type { AccountClients } from "./clients.ts";
import { type DeploymentFinding, linesOf } from "./finding.ts";
import { inspectKey, type WantedKey } from "./inspect-keys.ts";
import { judgeBucket, type WantedBucket } from "./judge-bucket.ts";
import type { Account } from "./resolve-template.ts";
import { wantedBuckets } from "./wanted-buckets.ts";

/** Everything that is not as it should be. Errors: those of S3 and KMS. */
export async function inspectVault(
  deployment: Deployment,
  account: Account,
  clients: Pick<AccountClients, "s3" | "kms">,
): Promise<DeploymentFinding[]> {
  const findings: DeploymentFinding[] = [];
  const keyArns = new Map<string, string>();
  for (const wanted of keysOf(deployment)) {
    const { arn, findings: ofKey } = await inspectKey(clients.kms, wanted);
    findings.push(...ofKey);
    if (arn !== undefined) keyArns.set(wanted.keyId, arn);
  }
  for (const wanted of wantedBuckets(deployment, account, keyArns)) findings.push(...(await inspectBucket(wanted, clients)));
  return findings;
}

/** The keys that a deployment finds by their names, or is given. */
function keysOf(deployment: Deployment): WantedKey[] {
  const buckets = new Set(bucketsOf(deployment).map(({ bucket }) => bucket));
  return [
    ...[...buckets].map((bucket) => ({ keyId: storageAlias(bucket), signs: false })),
    ...sealingKeysOf(deployment).map(({ keyId }) => ({ keyId, signs: false })),
    ...signingKeysOf(deployment).map(({ key: keyId }) => ({ keyId, signs: true })),
  ];
}

async function inspectBucket(wanted: WantedBucket, { s3 }: Pick<AccountClients, "s3">): Promise<DeploymentFinding[]> {
  const { bucket, accountId } = wanted;
  const about = `bucket ${bucket}`;
  const presence = await lookForBucket(s3, bucket, accountId);
  if (presence !== "own") return [{ about, ...absent(presence, bucket) }];
  return judgeBucket(wanted, await readBucketSettings(s3, bucket, accountId)).map((finding) => ({ about, ...finding }));
}

function absent(presence: "missing" | "foreign", bucket: string): Omit<DeploymentFinding, "about"> {
  if (presence === "missing") {
    const remedy = "Correct the name in the policy, or make vault and keys anew with --param=vault=create and names that are free.";
    return { level: "error", subject: "bucket", message: "does not exist", remedy };
  }
  const remedy = `Deploy in the account and region that own it, or have s3:ListBucket on ${bucket} granted to this identity.`;
  return { level: "error", subject: "bucket", message: "belongs to another account or region, or may not be looked at", remedy };
}

/** Errors: AdoptionRefused, with a line for each thing that is missing, and its remedy. */
export function refuseWeakVault(findings: readonly DeploymentFinding[]): void {
  const errors = findings.filter(({ level }) => level === "error");
  if (errors.length === 0) return;
  const count = `${errors.length} ${errors.length === 1 ? "thing" : "things"}`;
  throw new HoldfastError(
    "AdoptionRefused",
    `the vault is not taken over: ${count} would make it weaker than one of the stack's own`,
    {
      details: linesOf(errors),
    },
  );
}
