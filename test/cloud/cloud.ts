/**
 * The local cloud as the tests use it: its clients, its alerts on the topics and at the webhook,
 * and executions with their histories.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudFormationClient, DescribeStackResourcesCommand } from "@aws-sdk/client-cloudformation";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { IAMClient } from "@aws-sdk/client-iam";
import { KMSClient } from "@aws-sdk/client-kms";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { S3Client } from "@aws-sdk/client-s3";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SNSClient } from "@aws-sdk/client-sns";
import { SQSClient } from "@aws-sdk/client-sqs";
import { STSClient } from "@aws-sdk/client-sts";
import { createSampleDatabase } from "../../demo/sample-data.ts";
import { region, stackName } from "../../scripts/cloud-stack.ts";
import { type LocalCloud, startLocalCloud } from "../../scripts/local-cloud.ts";
import type { PostgresServer } from "../support/postgres-server.ts";
import { type SlackServer, startSlack } from "../support/slack-server.ts";
import { writePolicy } from "./policy.ts";

export interface TestCloud extends AsyncDisposable {
  readonly local: LocalCloud;
  readonly slack: SlackServer;
  readonly policyFile: string;
  readonly clients: Clients;
  /** Physical ids of the deployed stack and its nested stacks by their logical ones. */
  resources(): Promise<ReadonlyMap<string, string>>;
}

export type Clients = ReturnType<typeof clientsAt>;

/** Retries that would take minutes take seconds. */
const waitScale = 0.02;

/** Starts and deploys all of it. */
export async function startTestCloud(): Promise<TestCloud> {
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "holdfast-cloud-test-"));
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const slack = stack.use(await startSlack());
  const policyFile = writePolicy(directory, new Date());
  const local = stack.use(
    await startLocalCloud({
      policy: policyFile,
      webhook: slack.url,
      waitScale,
      fill,
      onStep: (step) => console.log(`cloud: ${step}`),
    }),
  );
  const clients = clientsAt(local.ministack.endpoint);
  stack.defer(() => {
    for (const client of Object.values(clients)) client.destroy();
  });
  const parts = stack.move();
  return {
    local,
    slack,
    policyFile,
    clients,
    resources: () => resourcesOf(clients.cloudFormation),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const root: Credentials = { accessKeyId: "test", secretAccessKey: "test" };

/**
 * Clients of every service that the tests speak to, with these credentials; default: the account's
 * root.
 */
export function clientsAt(endpoint: string, credentials: Credentials = root) {
  const settings = { endpoint, region, credentials, maxAttempts: 1 };
  return {
    cloudFormation: new CloudFormationClient(settings),
    events: new EventBridgeClient(settings),
    iam: new IAMClient(settings),
    kms: new KMSClient(settings),
    lambda: new LambdaClient(settings),
    logs: new CloudWatchLogsClient(settings),
    s3: new S3Client({ ...settings, forcePathStyle: true }),
    scheduler: new SchedulerClient(settings),
    secrets: new SecretsManagerClient(settings),
    sfn: new SFNClient(settings),
    sns: new SNSClient(settings),
    sqs: new SQSClient(settings),
    sts: new STSClient(settings),
  };
}

/** taskmaster is the demo's, 400,000 rows; the others are small. */
async function fill(server: PostgresServer, source: string): Promise<void> {
  if (source === "taskmaster") return createSampleDatabase(server, source);
  await server.sql(`create database "${source}"`);
  await server.sql(
    `create table invoices (id int primary key, customer text not null, cents bigint not null);
     insert into invoices select i, 'customer ${source} ' || i, i * 37 from generate_series(1, 5000) as i`,
    source,
  );
}

/** Of a stack and the nested stacks in it. */
async function resourcesOf(client: CloudFormationClient, stack = stackName): Promise<ReadonlyMap<string, string>> {
  const { StackResources = [] } = await client.send(new DescribeStackResourcesCommand({ StackName: stack }));
  const own = StackResources.map(
    ({ LogicalResourceId = "", PhysicalResourceId = "" }) => [LogicalResourceId, PhysicalResourceId] as const,
  );
  const nested = StackResources.filter(({ ResourceType }) => ResourceType === "AWS::CloudFormation::Stack");
  const theirs = await Promise.all(nested.map(({ PhysicalResourceId }) => resourcesOf(client, PhysicalResourceId)));
  return new Map([...own, ...theirs.flatMap((each) => [...each])]);
}
