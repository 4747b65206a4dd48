/**
 * Every function's handler with its sample of events/, in this process, on S3, KMS, SNS, Secrets
 * Manager and Step Functions of a local cloud.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { CreateStateMachineCommand, DescribeExecutionCommand, SFNClient } from "@aws-sdk/client-sfn";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { handler as due } from "../../functions/due.ts";
import { handler as dump } from "../../functions/dump.ts";
import { handler as notify } from "../../functions/notify.ts";
import { handler as onExecution } from "../../functions/on-execution.ts";
import { handler as plan } from "../../functions/plan.ts";
import { handler as prove } from "../../functions/prove.ts";
import { handler as prune } from "../../functions/prune.ts";
import { handler as record } from "../../functions/record.ts";
import { handler as restore } from "../../functions/restore.ts";
import { handler as slack } from "../../functions/slack.ts";
import { handler as start } from "../../functions/start.ts";
import { handler as watch } from "../../functions/watch.ts";
import { createFunctionsProject, type FunctionsProject, invoke } from "../functions/invoke.ts";
import { readEvent } from "../statemachines/machines.ts";
import { type MiniStackServer, startMiniStack } from "../support/ministack.ts";
import { createQueue, type Queue } from "../support/ministack-queue.ts";
import { waitFor } from "../support/processes.ts";
import { type SlackServer, startSlack } from "../support/slack-server.ts";

vi.hoisted(() => {
  Object.assign(process.env, {
    POWERTOOLS_DEV: "true",
    POWERTOOLS_METRICS_DISABLED: "false",
    POWERTOOLS_SERVICE_NAME: "holdfast",
    POWERTOOLS_METRICS_NAMESPACE: "Holdfast",
  });
});

const region = "eu-central-1";
const stateBucket = "holdfast-test-state";

let cloud: MiniStackServer;
let project: FunctionsProject;
let webhook: SlackServer;
let topicQueue: Queue;
let before: NodeJS.ProcessEnv;
/** What went to the console: logs and metrics, one JSON document a line. */
let lines: string[] = [];
/** Everything that went there in the whole file. */
const allLines: string[] = [];

beforeAll(async () => {
  before = { ...process.env };
  cloud = await startMiniStack();
  project = await createFunctionsProject();
  webhook = await startSlack();
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_REGION: region,
    AWS_ENDPOINT_URL: cloud.endpoint,
    HOLDFAST_STATE_BUCKET: stateBucket,
  });
  await makeVault();
  await makeTopics();
  const secrets = new SecretsManagerClient();
  await secrets.send(new CreateSecretCommand({ Name: "slack-webhook", SecretString: webhook.url }));
  secrets.destroy();
});

afterAll(async () => {
  await webhook[Symbol.asyncDispose]();
  await project[Symbol.asyncDispose]();
  await cloud.stop();
  process.env = before;
});

beforeEach(() => {
  lines = [];
  for (const level of ["log", "info", "warn", "error", "debug"] as const) {
    vi.spyOn(console, level).mockImplementation((...words: unknown[]) => void lines.push(words.join(" ")));
  }
});

afterEach(() => {
  allLines.push(...lines);
  vi.restoreAllMocks();
});

async function makeVault(): Promise<void> {
  const s3 = new S3Client({ forcePathStyle: true });
  const CreateBucketConfiguration = { LocationConstraint: region } as const;
  for (const Bucket of ["holdfast-test-vault", stateBucket]) {
    await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration }));
  }
  s3.destroy();
  const kms = new KMSClient();
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  await kms.send(new CreateAliasCommand({ AliasName: "alias/holdfast-test", TargetKeyId: KeyMetadata?.KeyId ?? "" }));
  const signing = await kms.send(new CreateKeyCommand({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" }));
  const TargetKeyId = signing.KeyMetadata?.KeyId ?? "";
  await kms.send(new CreateAliasCommand({ AliasName: "alias/holdfast-test-signing", TargetKeyId }));
  kms.destroy();
  const source = `{ engine: files, path: ${join(project.directory, "tree")}, tier: critical, retention: { keepLast: 5, minAge: none } }`;
  const policy = [
    "version: 1",
    "vaults: { main: s3://holdfast-test-vault }",
    "keys: { main: { type: kms, keyId: alias/holdfast-test, signing: { key: alias/holdfast-test-signing } } }",
    `sources: { taskmaster: ${source}, idle: ${source} }`,
    "alerts: { critical: [slack:secret/slack-webhook] }",
  ];
  const file = join(project.directory, "cloud.yml");
  await writeFile(file, `${policy.join("\n")}\n`);
  process.env["HOLDFAST_POLICY"] = `file:${file}`;
}

async function makeTopics(): Promise<void> {
  const sns = new SNSClient();
  topicQueue = await createQueue(cloud.endpoint, "alerts");
  for (const severity of ["critical", "warning", "info"]) {
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: `holdfast-test-${severity}` }));
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: topicQueue.arn }));
    process.env[`HOLDFAST_TOPIC_${severity.toUpperCase()}`] = TopicArn;
  }
  sns.destroy();
}

const sample = (name: string, more: Readonly<Record<string, unknown>> = {}) => ({ ...readEvent("functions", name), ...more });
const keysOf = (value: object): string[] => Object.keys(value).sort();
const documents = (): Record<string, unknown>[] => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
/** EMF documents that carry this metric, as CloudWatch reads them. */
const metricsNamed = (name: string): Record<string, unknown>[] => documents().filter((each) => "_aws" in each && name in each);

/** The next alert that the topics published, and the message that carried it. */
async function nextAlert(): Promise<{ readonly alert: Record<string, unknown>; readonly message: string }> {
  const { Message } = JSON.parse(await topicQueue.receive()) as { Message: string };
  return { alert: JSON.parse(Message) as Record<string, unknown>, message: Message };
}

describe("the chain, sealed under KMS, in a bucket", () => {
  let backupId: string;

  it("plans, dumps, verifies, proves, restores and prunes", async () => {
    const planned = await invoke(plan, sample("plan"));
    const dumped = await invoke(dump, sample("dump"));
    backupId = String(dumped["backupId"]);
    const verified = await invoke(prove, sample("prove", { backupId }));
    const recorded = await invoke(record, sample("record", { backupId }));
    const tested = await invoke(prove, sample("prove", { step: "restore-test", backupId }));
    await invoke(record, sample("record", { step: "restore-test", backupId }));
    // A stack takes a name only; of files, it is a directory here.
    const [to, home] = [join(project.directory, "restored"), process.cwd()];
    process.chdir(project.directory);
    const restored = await invoke(restore, sample("restore", { backupId, to: "restored" })).finally(() => process.chdir(home));
    const pruned = await invoke(prune, sample("prune"));
    const proofs = { prove: verified, record: recorded, "prove-restoring": tested };
    const results = { plan: planned, dump: dumped, ...proofs, restore: restored, prune: pruned };
    for (const [name, result] of Object.entries(results)) expect(keysOf(result), name).toEqual(keysOf(readEvent("results", name)));
    expect(tested["outcome"]).toBe("proven");
    expect(await readdir(to)).toContain("file");
    expect(await readFile(join(to, "file"), "utf8")).toBe("content");
  });

  it("lists what is due as an object in the state bucket, and answers with where it is", async () => {
    const answer = await invoke(due, sample("due", { olderThanHours: 0 }));
    expect(keysOf(answer)).toEqual(keysOf(readEvent("results", "due")));
    const s3 = new S3Client({ forcePathStyle: true });
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: String(answer["bucket"]), Key: String(answer["key"]) }));
    expect(JSON.parse((await Body?.transformToString()) ?? "")).toEqual([
      {
        event: { step: "verify", source: "taskmaster", backupId },
        proveFunction: "holdfast-test-prove-taskmaster",
        proveRole: "arn:aws:iam::123456789012:role/holdfast-test/eu-central-1/prove/holdfast-test-eu-central-1-prove-taskmaster",
      },
    ]);
    s3.destroy();
    expect(await invoke(due, sample("due"))).toMatchObject({ count: 0 });
  });

  it("lists a fleet, the most critical first", async () => {
    expect(await invoke(due, sample("due", { what: "backup", sources: [] }))).toMatchObject({ count: 2 });
  });
});

describe("start", () => {
  it("starts a schedule's execution once, however often the schedule is delivered", async () => {
    const sfn = new SFNClient();
    const { stateMachineArn = "" } = await sfn.send(
      new CreateStateMachineCommand({
        name: "holdfast-test-backup",
        roleArn: "arn:aws:iam::000000000000:role/any",
        definition: JSON.stringify({ StartAt: "Done", States: { Done: { Type: "Succeed" } } }),
      }),
    );
    const event = sample("start", { stateMachineArn });
    const first = await invoke(start, event);
    expect(first).toEqual(readEvent("results", "start"));
    const executionArn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${String(first["name"])}`;
    await waitFor(
      "its end",
      async () => (await sfn.send(new DescribeExecutionCommand({ executionArn }))).status === "SUCCEEDED",
      20_000,
    );
    expect(JSON.parse((await sfn.send(new DescribeExecutionCommand({ executionArn }))).input ?? "")).toEqual(event.input);
    expect(await invoke(start, event)).toEqual({ ...first, started: false });
    expect(await invoke(start, { ...event, scheduledAt: "2026-11-22T02:00:00Z" })).toMatchObject({ started: true });
    sfn.destroy();
  });

  it("fails with a name when there is no such machine", async () => {
    await expect(invoke(start, sample("start"))).rejects.toMatchObject({ name: "UsageInvalid" });
  });
});

describe("alerts", () => {
  it("of a failure go to the topic of its severity, and from there to Slack", async () => {
    expect(await invoke(notify, sample("notify"))).toEqual(readEvent("results", "notify"));
    const { alert, message } = await nextAlert();
    expect(alert).toMatchObject({
      severity: "critical",
      source: "taskmaster",
      what: "backup of taskmaster failed",
      why: { class: "SourceUnreachable", message: 'cannot connect to database "taskmaster" on db.internal:5432' },
      newestGood: { state: "proven" },
      nextCommand: "holdfast check taskmaster",
    });
    const { Records } = readEvent("functions", "slack") as { Records: { Sns: object }[] };
    const event = { Records: [{ ...Records[0], Sns: { ...Records[0]?.Sns, Message: message } }] };
    expect(await invoke(slack, event)).toEqual(readEvent("results", "slack"));
    expect(webhook.received.splice(0)).toEqual([expect.stringContaining("CRITICAL: backup of taskmaster failed")]);
  });

  it("of a suspicious backup say which it is, and do not say that the dump failed", async () => {
    const cause = JSON.stringify({ errorType: "BackupSuspicious", errorMessage: "far smaller than those before it" });
    const backupId = "20261121T020000Z-full-7k3f9a";
    await invoke(notify, sample("notify", { error: "BackupSuspicious", cause, backupId, state: "Verify" }));
    const { alert } = await nextAlert();
    expect(alert).toMatchObject({
      what: `backup ${backupId} of taskmaster is suspicious`,
      nextCommand: `holdfast show ${backupId}`,
    });
  });

  it("of damage are noted for the watch, which then says nothing of it", async () => {
    const backupId = "20261120T020000Z-full-7k3f9a";
    await invoke(notify, sample("notify", { error: "BackupDamaged", cause: "checksum", backupId }));
    await nextAlert();
    await invoke(notify, sample("notify", { backupId: "20261121T020000Z-full-7k3f9a" }));
    await nextAlert();
    const s3 = new S3Client({ forcePathStyle: true });
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: stateBucket, Prefix: "watch/damaged/" }));
    s3.destroy();
    expect(Contents.map(({ Key }) => Key)).toEqual([`watch/damaged/taskmaster/${backupId}`]);
  });

  it("of an execution that could not speak for itself come from its status, and of one that did, do not", async () => {
    const event = readEvent("functions", "on-execution") as { detail: object };
    expect(await invoke(onExecution, event)).toEqual(readEvent("results", "on-execution"));
    expect((await nextAlert()).alert).toMatchObject({ why: { class: "States.Timeout" }, source: "taskmaster" });
    const told = { ...event, detail: { ...event.detail, status: "FAILED", error: "DumpFailed", cause: "alerted: no" } };
    expect(await invoke(onExecution, told)).toEqual({ sent: 0 });
    expect(await invoke(onExecution, { detail: "not what EventBridge sends" })).toEqual({ sent: 1 });
    expect((await nextAlert()).alert).toMatchObject({ severity: "critical", why: { class: "Unreadable" } });
  });

  it("count what a machine gave up, and not the news of one that did its work", async () => {
    const counted = () => metricsNamed("Failures").map((each) => each["source"]);
    const before = counted().length;
    await invoke(notify, sample("notify", { error: "RestoreDone", cause: "asked for by ops" }));
    await nextAlert();
    expect(counted()).toHaveLength(before);
    await invoke(notify, sample("notify"));
    await nextAlert();
    await invoke(onExecution, readEvent("functions", "on-execution"));
    await nextAlert();
    expect(counted().slice(before)).toEqual(["taskmaster", "taskmaster"]);
  });

  it("that cannot be published are an error, which Step Functions retries", async () => {
    const known = process.env["HOLDFAST_TOPIC_CRITICAL"];
    process.env["HOLDFAST_TOPIC_CRITICAL"] = `${known}-gone`;
    await expect(invoke(notify, sample("notify"))).rejects.toMatchObject({ name: "AlertRefused" });
    process.env["HOLDFAST_TOPIC_CRITICAL"] = known;
  });
});

describe("watch", () => {
  it("tells once of what is not as promised, and measures every source each time", async () => {
    const first = await invoke(watch, sample("watch"));
    expect(keysOf(first)).toEqual(keysOf(readEvent("results", "watch")));
    // And how far the restore above was: no machine has noted its end.
    expect(first).toEqual({ watched: 2, unmeasured: 0, told: 2, recovered: 0 });
    const alerts = [await nextAlert(), await nextAlert()].map(({ alert }) => alert);
    expect(alerts).toContainEqual(
      expect.objectContaining({ source: "idle", why: expect.objectContaining({ class: "objective breached" }) }),
    );
    expect(alerts).toContainEqual(
      expect.objectContaining({ source: "taskmaster", why: expect.objectContaining({ class: "restore under way" }) }),
    );
    expect(await invoke(watch, sample("watch"))).toMatchObject({ told: 0 });
    const [taskmaster] = metricsNamed("ProvenAgeSeconds");
    expect(taskmaster).toMatchObject({ service: "holdfast", source: "taskmaster", RpoBreached: 0 });
    expect(taskmaster?.["_aws"]).toMatchObject({
      CloudWatchMetrics: [{ Namespace: "Holdfast", Dimensions: [["service", "source"]] }],
    });
    expect(metricsNamed("RpoBreached").map((each) => [each["source"], each["RpoBreached"]])).toEqual([
      ["taskmaster", 0],
      ["idle", 1],
      ["taskmaster", 0],
      ["idle", 1],
    ]);
    expect(metricsNamed("WatchedSources").map((each) => [each["WatchedSources"], each["source"]])).toEqual([
      [2, undefined],
      [2, undefined],
    ]);
  });
});

it("no function has put a webhook, a credential or an event into its log", () => {
  const log = allLines.join("\n");
  expect(log).toContain("AlertRefused");
  expect(log).not.toContain(webhook.token);
  expect(log).not.toMatch(/"event":|AWS_SECRET_ACCESS_KEY/);
});
