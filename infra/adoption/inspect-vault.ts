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
import { judgeAccount, remedyThere, seeFromOutside, unseen } from "./seen-from-outside.ts";
import { wantedBuckets } from "./wanted-buckets.ts";

/** Everything that is not as it should be. Errors: those of S3 and KMS. */
export async function inspectVault(
  deployment: Deployment,
  account: Account,
  clients: Pick<AccountClients, "s3" | "kms">,
): Promise<DeploymentFinding[]> {
  const { vaultAccount } = deployment;
  const wrong = judgeAccount(deployment, account, undefined);
  if (wrong.length > 0) return wrong;
  const seen = seeFromOutside(deployment, account);
  const ask = async (about: string, subject: string, look: () => Promise<DeploymentFinding[]>): Promise<DeploymentFinding[]> => {
    if (vaultAccount === undefined) return look();
    try {
      return (await look()).map((finding) => remedyThere(finding, vaultAccount));
    } catch (error) {
      if (error instanceof Error && /^AccessDenied/.test(error.name)) return [unseen(about, subject, deployment, account)];
      throw error;
    }
  };
  const findings: DeploymentFinding[] = [];
  const keyArns = new Map<string, string>();
  for (const wanted of keysOf(deployment, seen.account)) {
    const look = async () => {
      const { arn, findings: ofKey } = await inspectKey(clients.kms, wanted);
      if (arn !== undefined) keyArns.set(wanted.alias ?? wanted.keyId, arn);
      return [...ofKey];
    };
    findings.push(...(await ask(`key ${wanted.keyId}`, "key", look)));
  }
  for (const wanted of wantedBuckets(seen.deployment, seen.account, keyArns)) {
    const about = `bucket ${wanted.bucket}`;
    const look = async () => {
      const found = await inspectBucket(wanted, clients);
      return found === "foreign" && vaultAccount !== undefined
        ? [unseen(about, "bucket", deployment, account)]
        : foreignOr(found, wanted.bucket);
    };
    findings.push(...(await ask(about, "bucket", look)));
  }
  return findings;
}

type WantedKeyOfVault = WantedKey & { /** Under which the templates know it. */ readonly alias?: string };

/** The keys that a deployment finds by their names, or is given. `owner`: whose they are. */
function keysOf(deployment: Deployment, owner: Account): WantedKeyOfVault[] {
  const buckets = new Set(bucketsOf(deployment).map(({ bucket }) => bucket));
  const { vaultAccount } = deployment;
  const named = (alias: string): string =>
    vaultAccount === undefined ? alias : `arn:${owner.partition}:kms:${owner.region}:${vaultAccount}:${alias}`;
  return [
    ...[...buckets].map((bucket) => ({ keyId: named(storageAlias(bucket)), alias: storageAlias(bucket), signs: false })),
    ...sealingKeysOf(deployment).map(({ keyId }) => ({ keyId, signs: false })),
    ...signingKeysOf(deployment).map(({ key: keyId }) => ({ keyId, signs: true })),
  ];
}

/** `foreign`: it is not that account's, or may not be looked at. */
async function inspectBucket(wanted: WantedBucket, { s3 }: Pick<AccountClients, "s3">): Promise<DeploymentFinding[] | "foreign"> {
  const { bucket, accountId } = wanted;
  const about = `bucket ${bucket}`;
  const presence = await lookForBucket(s3, bucket, accountId);
  if (presence === "foreign") return presence;
  if (presence === "missing") return [{ about, ...absent(presence, bucket) }];
  return judgeBucket(wanted, await readBucketSettings(s3, bucket, accountId)).map((finding) => ({ about, ...finding }));
}

const foreignOr = (found: DeploymentFinding[] | "foreign", bucket: string): DeploymentFinding[] =>
  found === "foreign" ? [{ about: `bucket ${bucket}`, ...absent("foreign", bucket) }] : found;

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
