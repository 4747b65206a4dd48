/**
 * The program of the Fargate tasks: it answers real task tokens of Step Functions, whatever becomes
 * of its step.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { openTaskAnswer } from "../../functions/commons/task-token.ts";
import { handler as onTask } from "../../functions/on-task.ts";
import { createFunctionsProject, type FunctionsProject, invoke } from "../functions/invoke.ts";
import { readEvent } from "../statemachines/machines.ts";
import { requireErrorDocument } from "../support/error-documents.ts";
import { type MiniStackServer, startMiniStack } from "../support/ministack.ts";
import { createQueue, type Queue } from "../support/ministack-queue.ts";
import { waitFor } from "../support/processes.ts";

const region = "eu-central-1";
const program = join(import.meta.dirname, "..", "..", "functions", "fargate.ts");
const planted = "pl4nted-s3cret";

vi.hoisted(() => {
  process.env["POWERTOOLS_DEV"] = "true";
});

let cloud: MiniStackServer;
let sfn: SFNClient;
let project: FunctionsProject;
let tokens: Queue;
let before: NodeJS.ProcessEnv;

beforeAll(async () => {
  before = { ...process.env };
  cloud = await startMiniStack();
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_REGION: region,
    AWS_ENDPOINT_URL: cloud.endpoint,
    POWERTOOLS_SERVICE_NAME: "holdfast",
    POWERTOOLS_METRICS_NAMESPACE: "Holdfast",
  });
  sfn = new SFNClient({ region, endpoint: cloud.endpoint });
  project = await createFunctionsProject();
  tokens = await createQueue(cloud.endpoint, "tokens");
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  sfn.destroy();
  await cloud.stop();
  process.env = before;
});

interface Waiting {
  readonly token: string;
  /** How the execution ended. */
  end(): Promise<DescribeExecutionCommandOutput>;
}

let machines = 0;

/**
 * An execution that waits for an answer; its token comes by a queue, for the emulator's containers
 * need Docker.
 */
async function startWaiting(limits: { readonly HeartbeatSeconds?: number } = {}): Promise<Waiting> {
  const wait = {
    Type: "Task",
    Resource: "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    Parameters: { QueueUrl: tokens.url, "MessageBody.$": "$$.Task.Token" },
    TimeoutSeconds: 120,
    ...limits,
    End: true,
  };
  const { stateMachineArn } = await sfn.send(
    new CreateStateMachineCommand({
      name: `waits-${++machines}`,
      roleArn: "arn:aws:iam::000000000000:role/any",
      definition: JSON.stringify({ StartAt: "Wait", States: { Wait: wait } }),
    }),
  );
  const { executionArn = "" } = await sfn.send(new StartExecutionCommand({ stateMachineArn, input: "{}" }));
  const token = await tokens.receive();
  const describeIt = () => sfn.send(new DescribeExecutionCommand({ executionArn }));
  return {
    token,
    async end() {
      await waitFor("the execution's end", async () => (await describeIt()).status !== "RUNNING");
      return describeIt();
    },
  };
}

interface Container {
  readonly child: ChildProcess;
  output(): string;
  readonly exited: Promise<number | null>;
}

function startContainer(env: Readonly<Record<string, string>>): Container {
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, POWERTOOLS_DEV: "false", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
  return { child, output: () => output, exited: new Promise((resolve) => child.once("close", resolve)) };
}

/** A policy whose database takes connections and never says a word. */
async function pointAtSilence(): Promise<AsyncDisposable & { readonly arrived: () => number }> {
  let arrived = 0;
  const server = createServer((socket) => {
    arrived += 1;
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  process.env["DB_URL"] =
    `postgres://holdfast:${planted}@127.0.0.1:${(server.address() as AddressInfo).port}/shop?connect_timeout=4`;
  const policy = [
    "version: 1",
    `vaults: { main: "folder:${join(project.directory, "vault")}" }`,
    `keys: { main: "file:${join(project.directory, "main.key")}" }`,
    "sources: { shop: { engine: postgres, connection: env:DB_URL, retention: { keepLast: 1 } } }",
  ];
  const file = join(project.directory, "silent.yml");
  await writeFile(file, `${policy.join("\n")}\n`);
  const known = process.env["HOLDFAST_POLICY"];
  process.env["HOLDFAST_POLICY"] = `file:${file}`;
  return {
    arrived: () => arrived,
    async [Symbol.asyncDispose]() {
      process.env["HOLDFAST_POLICY"] = known;
      delete process.env["DB_URL"];
      server.close();
    },
  };
}

describe("the container", () => {
  it("runs its step, answers with the result, and leaves metrics, but no token, in its log", async () => {
    const waiting = await startWaiting();
    const event = JSON.stringify({ source: "tree", kind: "full" });
    const container = startContainer({ HOLDFAST_STEP: "dump", HOLDFAST_EVENT: event, HOLDFAST_TASK_TOKEN: waiting.token });
    expect({ code: await container.exited, output: container.output() }).toMatchObject({ code: 0 });
    const { status, output } = await waiting.end();
    expect(status).toBe("SUCCEEDED");
    const result = JSON.parse(output ?? "") as Record<string, unknown>;
    expect(Object.keys(result).sort()).toEqual(Object.keys(readEvent("results", "dump")).sort());
    const documents = container
      .output()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(documents).toContainEqual(
      expect.objectContaining({ service: "holdfast", source: "tree", BackupBytes: result["storedBytes"], _aws: expect.anything() }),
    );
    expect(container.output()).not.toContain(waiting.token);
    expect(await project.leftovers()).toEqual([]);
  });

  it.each([
    ["dump", JSON.stringify({ source: "gone", kind: "full" }), "SourceNotFound", /"gone"/],
    [
      "prove",
      JSON.stringify({ step: "verify", source: "tree", backupId: "20260101T000000Z-full-abcdef", execution: "arn:aws:states:run" }),
      "BackupNotFound",
      /20260101/,
    ],
    ["dump", JSON.stringify({ source: "tree", kind: "full", also: 1 }), "UsageInvalid", /also/],
    ["dump", "{", "UsageInvalid", /HOLDFAST_EVENT/],
    ["prune", "{}", "UsageInvalid", /"prune"/],
  ])("answers with the catalogue's name when %s of %s fails", async (HOLDFAST_STEP, HOLDFAST_EVENT, name, cause) => {
    const waiting = await startWaiting();
    const container = startContainer({ HOLDFAST_STEP, HOLDFAST_EVENT, HOLDFAST_TASK_TOKEN: waiting.token });
    expect(await container.exited).toBe(1);
    const ended = await waiting.end();
    expect({ status: ended.status, error: ended.error }).toEqual({ status: "FAILED", error: name });
    const answer = requireErrorDocument(JSON.parse(ended.cause ?? ""));
    expect(answer).toMatchObject({ class: name, message: expect.stringMatching(cause) });
  });

  it("ends cleanly when Fargate stops it, answers Interrupted, and shows no secret", async () => {
    await using silence = await pointAtSilence();
    const waiting = await startWaiting();
    const event = JSON.stringify({ source: "shop", kind: "full" });
    const container = startContainer({ HOLDFAST_STEP: "dump", HOLDFAST_EVENT: event, HOLDFAST_TASK_TOKEN: waiting.token });
    await waitFor("the connection", async () => silence.arrived() > 0);
    container.child.kill("SIGTERM");
    expect(await container.exited).toBe(1);
    const { status, error, cause } = await waiting.end();
    expect({ status, error }).toEqual({ status: "FAILED", error: "Interrupted" });
    expect(requireErrorDocument(JSON.parse(cause ?? ""))).toMatchObject({
      class: "Interrupted",
      message: "the container was stopped by SIGTERM",
    });
    expect(container.output()).not.toContain(planted);
    expect(await project.leftovers()).toEqual([]);
    const lease = await readFile(join(project.directory, "vault", "leases", "writing", "shop", "backup.json"), "utf8");
    expect(JSON.parse(lease)).toMatchObject({ released: true });
  });

  it("says where it got no token from, and answers nobody", async () => {
    const container = startContainer({ HOLDFAST_STEP: "dump", HOLDFAST_EVENT: "{}" });
    expect(await container.exited).toBe(1);
    expect(container.output()).toContain("HOLDFAST_TASK_TOKEN is not set");
  });
});

describe("a container that never started", () => {
  const stopped = (token: string) => {
    const event = readEvent("functions", "on-task") as { detail: object };
    const environment = [{ name: "HOLDFAST_TASK_TOKEN", value: token }];
    return { ...event, detail: { ...event.detail, overrides: { containerOverrides: [{ name: "holdfast", environment }] } } };
  };

  it("is answered for by on-task, with the reason of Amazon ECS, once, and its token is not logged", async () => {
    const lines: string[] = [];
    for (const level of ["log", "info", "warn", "error"] as const) {
      vi.spyOn(console, level).mockImplementation((...words: unknown[]) => void lines.push(words.join(" ")));
    }
    onTestFinished(() => void vi.restoreAllMocks());
    const waiting = await startWaiting();
    expect(await invoke(onTask, stopped(waiting.token))).toEqual({ answered: true });
    const { status, error, cause } = await waiting.end();
    expect({ status, error }).toEqual({ status: "FAILED", error: "ContainerStopped" });
    expect(requireErrorDocument(JSON.parse(cause ?? ""))).toMatchObject({
      message: expect.stringContaining("CannotPullContainerError"),
    });
    expect(await invoke(onTask, stopped(waiting.token))).toEqual({ answered: false });
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join("\n")).not.toContain(waiting.token);
  });

  it("is not answered for where it has answered by itself", async () => {
    const waiting = await startWaiting();
    using answer = openTaskAnswer(waiting.token);
    await answer.succeed({ done: true });
    expect(await invoke(onTask, stopped(waiting.token))).toEqual({ answered: false });
    expect((await waiting.end()).status).toBe("SUCCEEDED");
  });
});

describe("an open answer", () => {
  it("keeps an execution waiting that would give up after two seconds of silence", async () => {
    const waiting = await startWaiting({ HeartbeatSeconds: 2 });
    using answer = openTaskAnswer(waiting.token, 300);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(answer.abandoned.aborted).toBe(false);
    await answer.succeed({ done: true });
    const { status, output } = await waiting.end();
    expect({ status, output: JSON.parse(output ?? "") }).toEqual({ status: "SUCCEEDED", output: { done: true } });
  });

  it("is abandoned when nobody waits for it any more", async () => {
    const waiting = await startWaiting();
    using answer = openTaskAnswer(waiting.token, 300);
    using other = openTaskAnswer(waiting.token);
    await other.fail(new Error("somebody was faster"));
    await waitFor("the news", async () => answer.abandoned.aborted);
    expect(answer.abandoned.reason).toMatchObject({ name: "Interrupted" });
    await expect(answer.succeed({})).rejects.toThrow();
  });
});
