/**
 * An account that is looked at before a deployment: the local cloud, with Service Quotas beside it,
 * which the emulator lacks.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import { CreateSecurityGroupCommand, CreateSubnetCommand, CreateVpcCommand } from "@aws-sdk/client-ec2";
import { CreateAliasCommand, CreateKeyCommand } from "@aws-sdk/client-kms";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findAccount } from "../../infra/adoption/clients.ts";
import type { DeploymentFinding } from "../../infra/adoption/finding.ts";
import { openPreflight, type PreflightClients } from "../../infra/preflight/clients.ts";
import { inspectAccount } from "../../infra/preflight/preflight.ts";
import { quotas } from "../../infra/preflight/quotas.ts";
import { inspectSecrets } from "../../infra/preflight/secrets.ts";
import { preflightStack, region, rootEnvironment, stackName } from "../../scripts/cloud-stack.ts";
import { deploy, samplePolicyText } from "../infra/deployments.ts";
import { type MiniStackServer, startMiniStack } from "../support/ministack.ts";
import { type QuotaServer, startQuotaServer } from "../support/quota-server.ts";

let server: MiniStackServer;
let quotaServer: QuotaServer;
let clients: PreflightClients;
const before = { ...process.env };

beforeAll(async () => {
  [server, quotaServer] = await Promise.all([startMiniStack({ corrected: true }), startQuotaServer()]);
  Object.assign(process.env, rootEnvironment(server.endpoint), { AWS_ENDPOINT_URL_SERVICE_QUOTAS: quotaServer.url });
  clients = openPreflight(region);
  for (const Name of ["taskmaster/db", "one/db", "other/db", "holdfast/slack"])
    await clients.secrets.send(new CreateSecretCommand({ Name, SecretString: "{}" }));
});

afterAll(async () => {
  clients[Symbol.dispose]();
  for (const name of [
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ENDPOINT_URL_SERVICE_QUOTAS",
  ]) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  await Promise.all([server.stop(), quotaServer[Symbol.asyncDispose]()]);
});

const resources = {
  Role: { Type: "AWS::IAM::Role" },
  Network: { Type: "AWS::EC2::VPC" },
  Key: { Type: "AWS::KMS::Key" },
};

async function inspect(given: Parameters<typeof deploy>[1] = {}, text = samplePolicyText): Promise<DeploymentFinding[]> {
  const deployment = deploy(text, { stage: "local", image: "", proving: "open", ...given });
  return inspectAccount(deployment, await findAccount(clients, region), clients, resources);
}

const bad = (findings: readonly DeploymentFinding[]): string[] =>
  findings.filter(({ level }) => level !== "ok").map(({ level, subject, message }) => `${level} ${subject}: ${message}`);

test("an account that has everything lacks nothing, and each thing that was looked at is said", async () => {
  const findings = await inspect();
  expect(bad(findings)).toEqual([]);
  expect(new Set(findings.map(({ about }) => about))).toEqual(new Set(["names", `quotas in ${region}`, "secrets"]));
  expect(quotaServer.asked).toEqual(["lambda L-B99A9384", "iam L-FE177D64", "vpc L-F678F1CE", "kms L-C2F1777E"]);
});

describe("a quota", () => {
  test.each(["concurrency", "roles", "networks", "keys"] as const)(
    "of 0 for %s is an error, with what to ask for and where",
    async (name) => {
      const { code, service, name: subject } = quotas[name];
      quotaServer.applied.set(code, 0);
      const findings = (await inspect()).filter(({ level }) => level !== "ok");
      quotaServer.applied.clear();
      expect(findings).toEqual([expect.objectContaining({ level: "error", subject })]);
      const where = name === "roles" ? "us-east-1" : region;
      expect(findings[0]?.remedy).toMatch(
        new RegExp(
          `request-service-quota-increase --region ${where} --service-code ${service} --quota-code ${code} --desired-value [1-9]`,
        ),
      );
    },
  );

  test("that was never raised is AWS's default", async () => {
    quotaServer.applied.set(quotas.concurrency.code, null);
    const findings = await inspect();
    quotaServer.applied.clear();
    expect(findings).toContainEqual(expect.objectContaining({ level: "ok", subject: quotas.concurrency.name, message: "1000000" }));
  });
});

test("names that are taken are errors, each with what frees it", async () => {
  const { KeyMetadata } = await clients.kms.send(new CreateKeyCommand({}));
  await clients.kms.send(new CreateAliasCommand({ AliasName: "alias/taken-backups", TargetKeyId: KeyMetadata?.KeyId }));
  const CreateBucketConfiguration = { LocationConstraint: region } as const;
  await clients.s3.send(new CreateBucketCommand({ Bucket: "taken-backups", CreateBucketConfiguration }));
  await clients.logs.send(new CreateLogGroupCommand({ logGroupName: "/aws/lambda/holdfast-old-plan" }));
  await clients.logs.send(new CreateLogGroupCommand({ logGroupName: "/aws/vendedlogs/states/holdfast-older" }));
  const text = samplePolicyText.replaceAll("acme-backups", "taken-backups");
  const findings = await inspect({ stage: "old", image: sampleImage }, text);
  expect(findings.filter(({ about, level }) => about === "names" && level !== "ok").map(({ message }) => message)).toEqual([
    "/aws/lambda/holdfast-old-plan exists",
    "taken-backups exists in this account",
    "alias/taken-backups exists",
  ]);
});

const sampleImage = `123456789012.dkr.ecr.${region}.amazonaws.com/holdfast@sha256:${"a1".repeat(32)}`;

test("a secret under a key of the account's own is opened by a deployment that names the key, and by no other", async () => {
  const { KeyMetadata } = await clients.kms.send(new CreateKeyCommand({}));
  const { Arn = "", KeyId = "" } = KeyMetadata ?? {};
  for (const [Name, KmsKeyId] of [
    ["by-arn/db", Arn],
    ["by-id/db", KeyId],
  ])
    await clients.secrets.send(new CreateSecretCommand({ Name, KmsKeyId, SecretString: "{}" }));
  const text = samplePolicyText.replace("secret:one/db", "secret:by-arn/db").replace("secret:other/db", "secret:by-id/db");
  const levels = async (secretsKeys: string) => {
    const found = await inspectSecrets(deploy(text, { secretsKeys }), clients);
    return Object.fromEntries(found.map(({ subject, level }) => [subject, level]));
  };
  expect(await levels("")).toMatchObject({ "by-arn/db": "error", "by-id/db": "error" });
  expect(await levels(Arn)).toMatchObject({ "by-arn/db": "ok", "by-id/db": "ok" });
  expect(await levels(Arn.replace(/.{4}$/, "0000"))).toMatchObject({ "by-arn/db": "error", "by-id/db": "error" });
});

test("a secret and an image that are not there are errors", async () => {
  const text = samplePolicyText.replace("secret:one/db", "secret:gone/db");
  const findings = bad(await inspect({ stage: "new", image: sampleImage }, text));
  expect(findings).toEqual([
    "error gone/db: is not in this account and region",
    `error image: sha256:${"a1".repeat(32)} is not in the repository`,
  ]);
});

test("subnets without a way to AWS, and groups that are not there, are errors", async () => {
  const { Vpc } = await clients.ec2.send(new CreateVpcCommand({ CidrBlock: "10.1.0.0/16" }));
  const { Subnet } = await clients.ec2.send(new CreateSubnetCommand({ VpcId: Vpc?.VpcId, CidrBlock: "10.1.0.0/24" }));
  const subnets = Subnet?.SubnetId ?? "";
  const group = { VpcId: Vpc?.VpcId, GroupName: "out", Description: "out" };
  const securityGroups = (await clients.ec2.send(new CreateSecurityGroupCommand(group))).GroupId ?? "";
  expect(bad(await inspect({ subnets, securityGroups }))).toEqual([
    `error ${subnets}: has no default route, and its VPC no endpoint of s3, kms, secretsmanager`,
  ]);
  expect(bad(await inspect({ subnets: "subnet-0123", securityGroups }))).toEqual([
    "error subnet-0123: there is no such subnet in this account and region",
  ]);
});

test("`osls preflight` ends with 1 on a quota of 0, says what to ask for, and deploys nothing", async () => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-preflight-"));
  try {
    const policy = join(directory, "holdfast.yml");
    writeFileSync(policy, samplePolicyText);
    quotaServer.applied.set(quotas.concurrency.code, 0);
    const options = { endpoint: server.endpoint, quotas: quotaServer.url, policy, directory, majors: [] };
    const said = await preflightStack(options).catch((error: Error) => error.message);
    expect(said).toMatch(/osls preflight ended with 1:/);
    expect(said).toMatch(/error {4}Lambda concurrent executions: 0: /);
    expect(said).toMatch(/fix: Ask for 6 or more: aws service-quotas request-service-quota-increase .*--quota-code L-B99A9384/);
    expect(said).toMatch(/1 errors/);
    await expect(clients.cloudFormation.send(new DescribeStacksCommand({ StackName: stackName }))).rejects.toThrow(
      /does not exist/,
    );
  } finally {
    quotaServer.applied.clear();
    rmSync(directory, { recursive: true, force: true });
  }
});
