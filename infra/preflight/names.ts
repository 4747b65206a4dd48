/**
 * Names that the stack gives, and that somebody has already: CloudFormation says so one at a time,
 * minutes after it began.
 */
import { DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { paginateDescribeLogGroups } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeKeyCommand } from "@aws-sdk/client-kms";
import { DescribeSecretCommand } from "@aws-sdk/client-secrets-manager";
import { paginateListStateMachines } from "@aws-sdk/client-sfn";
import { paginateListTopics } from "@aws-sdk/client-sns";
import { lookForBucket } from "../adoption/bucket-settings.ts";
import type { DeploymentFinding } from "../adoption/finding.ts";
import type { Account } from "../adoption/resolve-template.ts";
import { wantedBuckets } from "../adoption/wanted-buckets.ts";
import { bucketsOf, type Deployment, sealingKeysOf, signingKeysOf } from "../deployment.ts";
import { readKeyName } from "../key-names.ts";
import { storageAlias } from "../vault.ts";
import type { PreflightClients } from "./clients.ts";

type Finding = DeploymentFinding;
const about = "names";
const ok = (subject: string, message: string): Finding => ({ about, level: "ok", subject, message });
const taken = (subject: string, message: string, remedy: string): Finding => ({ about, level: "error", subject, message, remedy });

/** The status of the stack in CloudFormation; undefined: there is none yet. */
export async function readStackStatus({ cloudFormation }: PreflightClients, StackName: string): Promise<string | undefined> {
  try {
    return (await cloudFormation.send(new DescribeStacksCommand({ StackName }))).Stacks?.[0]?.StackStatus;
  } catch (error) {
    if (error instanceof Error && error.name === "ValidationError" && /does not exist/.test(error.message)) return undefined;
    throw error;
  }
}

/** Whether CloudFormation takes an update of the stack as it is. */
export function judgeStack(stack: string, status: string | undefined): Finding {
  if (status === undefined) return ok("stack", `${stack} does not exist yet`);
  if (status === "ROLLBACK_COMPLETE" || status === "ROLLBACK_FAILED" || status === "DELETE_FAILED") {
    const remedy = `aws cloudformation delete-stack --stack-name ${stack}, then deploy again`;
    return taken("stack", `${stack} is in ${status}, which can only be deleted`, remedy);
  }
  if (status.endsWith("_IN_PROGRESS")) return taken("stack", `${stack} is in ${status}`, "Wait until it has ended.");
  if (status === "UPDATE_ROLLBACK_FAILED") {
    return taken("stack", `${stack} is in ${status}`, `aws cloudformation continue-update-rollback --stack-name ${stack}`);
  }
  return ok("stack", `${stack} is in ${status}: it is updated`);
}

/** The vault's names, which must be free for `vault=create` in a new stack. */
export async function inspectVaultNames(deployment: Deployment, account: Account, clients: PreflightClients): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { bucket } of wantedBuckets(deployment, account, new Map())) {
    findings.push(judgeBucketName(bucket, await lookForBucket(clients.s3, bucket, account.id)));
  }
  const aliases = [
    ...new Set(bucketsOf(deployment).map(({ bucket }) => storageAlias(bucket))),
    ...sealingKeysOf(deployment).map(({ keyId }) => keyId),
    ...signingKeysOf(deployment).map(({ key }) => key),
  ].filter((keyId) => readKeyName(keyId).alias !== undefined);
  for (const alias of aliases) {
    const exists = await isThere(() => clients.kms.send(new DescribeKeyCommand({ KeyId: alias })));
    const remedy = `--param=vault=existing takes over an earlier vault with its keys; else aws kms delete-alias --alias-name ${alias}, or another alias in the policy.`;
    findings.push(exists ? taken("alias", `${alias} exists`, remedy) : ok("alias", `${alias} is free`));
  }
  return findings;
}

function judgeBucketName(bucket: string, presence: Awaited<ReturnType<typeof lookForBucket>>): Finding {
  if (presence === "missing") return ok("bucket", `${bucket} is free`);
  if (presence === "own") {
    return taken(
      "bucket",
      `${bucket} exists in this account`,
      "--param=vault=existing takes it over; or another name in the policy.",
    );
  }
  return taken(
    "bucket",
    `${bucket} belongs to somebody else, or to another region`,
    "Another name in the policy: names are unique in all of AWS.",
  );
}

/** What an earlier stack of the stage may have left, and would be in the new one's way. */
export async function inspectStageNames({ prefix }: Deployment, clients: PreflightClients): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const logGroupNamePrefix of [`/aws/lambda/${prefix}-`, `/aws/vendedlogs/states/${prefix}`, `/holdfast/${prefix}/`]) {
    for await (const page of paginateDescribeLogGroups({ client: clients.logs }, { logGroupNamePrefix })) {
      for (const { logGroupName = "" } of page.logGroups ?? []) {
        if (!isOfStage(logGroupName, logGroupNamePrefix)) continue;
        findings.push(taken("log group", `${logGroupName} exists`, `aws logs delete-log-group --log-group-name ${logGroupName}`));
      }
    }
  }
  for await (const page of paginateListStateMachines({ client: clients.sfn }, {})) {
    for (const { name = "", stateMachineArn = "" } of page.stateMachines ?? []) {
      if (!name.startsWith(`${prefix}-`)) continue;
      findings.push(
        taken("state machine", `${name} exists`, `aws stepfunctions delete-state-machine --state-machine-arn ${stateMachineArn}`),
      );
    }
  }
  for await (const page of paginateListTopics({ client: clients.sns }, {})) {
    for (const { TopicArn = "" } of page.Topics ?? []) {
      const name = TopicArn.slice(TopicArn.lastIndexOf(":") + 1);
      if (!name.startsWith(`${prefix}-`)) continue;
      findings.push(taken("topic", `${name} exists`, `aws sns delete-topic --topic-arn ${TopicArn}`));
    }
  }
  const SecretId = `${prefix}/policy`;
  if (await isThere(() => clients.secrets.send(new DescribeSecretCommand({ SecretId })))) {
    const remedy = `aws secretsmanager delete-secret --secret-id ${SecretId} --force-delete-without-recovery`;
    findings.push(taken("secret", `${SecretId} exists`, remedy));
  }
  return findings.length > 0 ? findings : [ok("stage", `nothing is called ${prefix}-… yet`)];
}

/** `/aws/vendedlogs/states/holdfast-prod` is not the group of `holdfast-prod2`. */
const isOfStage = (name: string, prefix: string): boolean => name === prefix || /[-/]$/.test(prefix);

async function isThere(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (error) {
    if (error instanceof Error && /^(NotFound|ResourceNotFound)(Exception)?$/.test(error.name)) return false;
    throw error;
  }
}
