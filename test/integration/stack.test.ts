/** `holdfast --stack` as a user calls it, on a local cloud with real state machines under the deployed names. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, request as requestTo } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DescribeExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../src/cli/session.ts";
import { backupOnStack } from "../../src/cli/stack/commands.ts";
import { openStepFunctions } from "../../src/cli/stack/step-functions.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { packPolicy } from "../../src/policy/packed-policy.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { fakeStream } from "../cli/fake-stream.ts";
import { createSampleStack, type SampleStack } from "../cli/stack/sample-stack.ts";
import { type MiniStackServer, startMiniStack } from "../support/ministack.ts";
import { openPipeline } from "../support/pipeline.ts";
import { type RunResult, run, waitFor } from "../support/processes.ts";

const launcher = join(import.meta.dirname, "..", "..", "bin", "holdfast.mjs");
const arnOf = (machine: string) => `arn:aws:states:eu-central-1:000000000000:execution:holdfast-prod-${machine}:`;

let cloud: MiniStackServer;
let stack: SampleStack;
let directory: string;

beforeAll(async () => {
  cloud = await startMiniStack();
  directory = await mkdtemp(join(tmpdir(), "holdfast-stack-"));
  const policy = [
    "version: 1",
    `vaults: { main: "folder:${directory}/vault" }`,
    `keys: { main: "file:${directory}/main.key" }`,
    "sources:",
    ...["shop", "slow", "endless"].map(
      (name) => `  ${name}: { engine: postgres, connection: { secret: "${name}/db" }, retention: { daily: 7 } }`,
    ),
    // The one that is there, so that its backups can be made and listed for real.
    `  broken: { engine: files, path: "${directory}/tree", retention: { daily: 7 } }`,
  ].join("\n");
  await writeFile(join(directory, "policy-that-was-deployed.yml"), policy);
  // Longer than a secret, so that it travels compressed.
  const long = `${policy}\n${Array.from({ length: 3000 }, (_, index) => `# why source ${index} is not backed up`).join("\n")}\n`;
  stack = await createSampleStack(cloud.endpoint, "holdfast-prod", packPolicy(long));
});

afterAll(async () => {
  stack?.close();
  await cloud?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Runs the command line where there is no holdfast.yml. */
function holdfast(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
  const all = { ...process.env, NO_COLOR: "1", HOME: directory, HOLDFAST_POLICY: undefined, ...stack.env, ...env };
  return run(process.execPath, [launcher, ...args], { cwd: directory, env: all });
}

const onStack = (...args: readonly string[]) => holdfast(["--stack", "holdfast-prod", ...args]);

/** Starts it, and sees what it says while it runs. */
function start(args: readonly string[]) {
  const env = { ...process.env, NO_COLOR: "1", HOME: directory, ...stack.env };
  const child = spawn(process.execPath, [launcher, "--stack", "holdfast-prod", ...args], { cwd: directory, env });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    said.stdout += chunk;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said.stderr += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, said, ended, says: (text: string | RegExp) => waitFor(String(text), () => said.stderr.search(text) >= 0) };
}

describe("an execution that succeeds", () => {
  it("is followed while it runs, and its result printed", async () => {
    const { said, ended, says, child } = start(["backup", "shop"]);
    await says(/DumpSlowly +begins/);
    expect(child.exitCode).toBeNull();
    expect(said.stderr).not.toMatch(/DumpSlowly +done/);
    expect(await ended).toBe(0);
    expect(said.stderr).toMatch(/^started backup-shop-by-hand-\d{8}T\d{6}Z\n {2}arn:aws:states:/);
    expect(said.stderr).toMatch(/Plan +done in .*\n.*ChooseRunner +done in .*\n.*DumpSlowly +begins\n.*DumpSlowly +done in 2/);
    expect(said.stdout).toMatch(/^backup of shop succeeded in 2\.\d s\n.*\n {2}backupId {5}20261121T020000Z-full-7k3f9a\n/);
  });

  it("is one document with --json", async () => {
    const { code, stdout } = await onStack("backup", "shop", "--kind", "full", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      stack: "holdfast-prod",
      machine: "backup",
      arn: expect.stringContaining(`${arnOf("backup")}backup-shop-by-hand-`),
      status: "SUCCEEDED",
      input: { source: "shop", kind: "full" },
      output: { source: "shop", storedBytes: 52_428_800, outcome: "verified" },
      states: [{ name: "Plan" }, { name: "ChooseRunner" }, { name: "DumpSlowly", outcome: "done" }, { name: "Done" }],
    });
    expect(code).toBe(0);
  });

  it("gives the restore machine its input, and a restore test that missed its time exit code 1", async () => {
    const restored = await onStack("restore", "shop@latest", "--to", "shop_restored", "--json");
    expect(JSON.parse(restored.stdout).output).toEqual({
      given: { source: "shop", backup: "latest", to: "shop_restored", requestedBy: expect.stringContaining("@") },
    });
    const tested = await onStack("restore-test", "shop");
    expect(tested.stdout).toMatch(/restoreSeconds {2}1 min 30 s\n/);
    expect([restored.code, tested.code]).toEqual([0, 1]);
  });

  it("counts the children of a Distributed Map", async () => {
    const verified = await onStack("verify", "--source", "shop", "--json");
    expect(JSON.parse(verified.stdout)).toMatchObject({
      input: { sources: ["shop"], olderThanHours: 0 },
      states: [{ name: "VerifyEach", items: { total: 1, succeeded: 1, failed: 0 } }, { name: "Done" }],
    });
    const bad = await onStack("verify", "--source", "broken");
    expect(bad.stderr).toMatch(/VerifyEach +1 of 1 done, 1 failed\n/);
  });
});

describe("an execution that does not", () => {
  it("tells each attempt, the failing state, the catalogue's hint and the next command", async () => {
    const { said, ended, says } = start(["backup", "broken", "--json"]);
    const words = 'cannot connect to database "shop" on db.internal:5432';
    await stack.failNextTask("SourceUnreachable", words);
    await says(/Dump +attempt 1 failed after .*: SourceUnreachable: cannot connect/);
    await stack.failNextTask("SourceUnreachable", words);
    expect(await ended).toBe(1);
    expect(JSON.parse(said.stdout)).toMatchObject({
      status: "FAILED",
      failedState: "Dump",
      error: {
        name: "SourceUnreachable",
        code: "HF110",
        message: `backup of broken failed in the state Dump: ${words}`,
        exitCode: 1,
      },
    });
    expect(JSON.parse(said.stdout).states.find(({ name }: { name: string }) => name === "Dump")).toMatchObject({
      outcome: "caught",
      attempts: 2,
      failures: [{ error: "SourceUnreachable", message: words }, { message: words }],
    });
    expect(said.stderr).toContain("  next       holdfast --stack holdfast-prod check broken\nhint  Check that the source runs");
    expect(said.stderr).not.toMatch(/^\s+at /m);
  });

  it("ends with the exit code of the error that its machine ended with", async () => {
    const { code, stderr, stdout } = await onStack("restore", "shop@latest", "--to", "of_a_damaged_one");
    expect(stderr).toContain(
      "error restore of shop failed in the state FailedAndTold: backup x is damaged (BackupDamaged, HF405)\n",
    );
    expect([code, stdout]).toEqual([4, ""]);
  });

  it("may run out of its time", async () => {
    const { code, stderr } = await onStack("backup", "slow");
    expect(stderr).toMatch(/error backup of slow failed in the state DumpTooLong: States\.Timeout: .* \(ExecutionFailed, HF123\)/);
    expect(code).toBe(1);
  });

  it("may be stopped by somebody else meanwhile", async () => {
    const { said, ended, says } = start(["backup", "endless"]);
    await says(/DumpForever +begins/);
    const [, executionArn = ""] = /(arn:aws:states:\S+)/.exec(said.stderr) ?? [];
    await stack.client.send(new StopExecutionCommand({ executionArn, cause: "the source is moving" }));
    expect(await ended).toBe(1);
    expect(said.stderr).toContain("error backup of endless was stopped in the state DumpForever: the source is moving");
  });
});

describe("Ctrl-C", () => {
  it("ends the following, never the execution, which can be followed again and stopped with the commands it names", async () => {
    const { child, said, ended, says } = start(["backup", "endless", "--json"]);
    await says(/DumpForever +begins/);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    const { arn, status, error } = JSON.parse(said.stdout);
    expect([status, error.name]).toEqual(["RUNNING", "Interrupted"]);
    expect(said.stderr).toContain("SIGINT: stopping; an execution that was started goes on");
    expect(error.details).toEqual([
      `follow it again  holdfast follow ${arn}`,
      `stop it          aws stepfunctions stop-execution --execution-arn ${arn}`,
    ]);
    expect((await stack.client.send(new DescribeExecutionCommand({ executionArn: arn }))).status).toBe("RUNNING");

    const again = holdfast(["follow", arn, "--json"]);
    await stack.client.send(new StopExecutionCommand({ executionArn: arn }));
    const { code, stdout } = await again;
    expect(JSON.parse(stdout)).toMatchObject({ arn, status: "ABORTED", error: { name: "ExecutionFailed" } });
    expect(code).toBe(1);
  });

  it("leaves an execution that is over to be looked at", async () => {
    const started = JSON.parse((await onStack("restore-test", "shop", "--json")).stdout);
    const followed = await holdfast(["follow", started.arn, "--json"]);
    expect(JSON.parse(followed.stdout)).toEqual(started);
    const unknown = await holdfast(["follow", `${arnOf("backup")}never`]);
    expect(unknown.stderr).toMatch(/^error cannot look at the execution: .*never.* \(ExecutionNotFound, HF306\)\n/);
    const other = await holdfast(["--stack", "holdfast-dev", "follow", started.arn]);
    expect([followed.code, unknown.code, other.code]).toEqual([1, 3, 2]);
  });
});

describe("a second start in the same second", () => {
  it("is refused, with the way to follow the first", async () => {
    const now = new Date("2026-11-21T06:13:00Z");
    const context = await openPipeline({
      policyFile: join(directory, "policy-that-was-deployed.yml"),
      env: {},
      clock: { ...systemClock, now: () => now },
    });
    const terminal = createTerminal({ json: false, stdout: fakeStream().stream, stderr: fakeStream().stream });
    const session: Session = { context, terminal, stack: "holdfast-prod" };
    const saved = { ...process.env };
    Object.assign(process.env, stack.env);
    try {
      const options = { kind: "full", verify: true, prune: true } as const;
      const first = backupOnStack(session, "shop", options);
      const name = "backup-shop-by-hand-20261121T061300Z";
      const api = await openStepFunctions({ signal: context.run.signal });
      await waitFor("the first start", () =>
        api.describe(`${arnOf("backup")}${name}`).then(
          () => true,
          () => false,
        ),
      );
      api.close();
      await expect(backupOnStack(session, "shop", options)).rejects.toMatchObject({
        name: "ExecutionExists",
        exitCode: 5,
        message: `an execution ${name} is there already`,
        details: [`follow it  holdfast follow ${arnOf("backup")}${name}`],
      });
      expect(await first).toMatchObject({ exitCode: 0 });
    } finally {
      for (const key of Object.keys(stack.env)) {
        if (saved[key] === undefined) delete process.env[key];
        else process.env[key] = saved[key];
      }
      context.close();
    }
  });
});

describe("the stack's policy", () => {
  it("serves every other command, where there is no holdfast.yml", async () => {
    await holdfast(["init", "--key-only", "--key", join(directory, "main.key")]);
    await mkdir(join(directory, "tree"));
    await writeFile(join(directory, "tree", "a"), "content");
    const made = await holdfast(["--policy", "policy-that-was-deployed.yml", "backup", "broken", "--json"]);
    const { backupId } = JSON.parse(made.stdout);
    const list = await onStack("list", "--json");
    expect(JSON.parse(list.stdout).backups).toMatchObject([{ source: "broken", id: backupId, state: "verified" }]);
    expect((await onStack("show", "broken@latest", "--json")).stdout).toContain(backupId);
    expect((await onStack("hold", "add", backupId, "--reason", "case 7")).code).toBe(0);
    expect((await onStack("hold", "list")).stdout).toContain("case 7");
    expect(JSON.parse((await onStack("status", "broken", "--json")).stdout).sources[0].source).toBe("broken");
    expect((await onStack("report", "--out", "report.html")).code).toBe(0);
    expect(await readFile(join(directory, "report.html"), "utf8")).toContain(backupId);
    const verified = await onStack("verify", "broken@latest", "--json");
    expect(JSON.parse(verified.stdout).verified).toMatchObject([{ backupId, outcome: "verified" }]);
    expect(verified.stderr).toContain("this one backup is read back by this machine");
  });

  it("is not mixed with another", async () => {
    const both = await holdfast(["--policy", "policy-that-was-deployed.yml", "--stack", "holdfast-prod", "list"]);
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining("--policy and --stack exclude each other")]);
    const variable = await holdfast(["--stack", "holdfast-prod", "list"], { HOLDFAST_POLICY: "nowhere.yml" });
    expect(variable.code).toBe(0);
    expect((await onStack("init")).code).toBe(2);
  });

  it("checks names before anything is started", async () => {
    const { code, stderr } = await onStack("backup", "shpo");
    expect([code, stderr]).toEqual([3, expect.stringContaining('error the policy has no source "shpo" (SourceNotFound, HF303)')]);
    expect(stderr).not.toContain("started");
  });
});

describe("AWS that throttles", () => {
  it("is asked again, so that nobody notices", async () => {
    const calls = new Map<string, number>();
    const server = createServer((request, response) => {
      const target = String(request.headers["x-amz-target"]);
      const count = (calls.get(target) ?? 0) + 1;
      calls.set(target, count);
      if (count <= 2) {
        response.writeHead(400, { "content-type": "application/x-amz-json-1.0" });
        response.end(JSON.stringify({ __type: "ThrottlingException", message: "Rate exceeded" }));
        return;
      }
      const { method, headers, url = "/" } = request;
      const onward = requestTo(new URL(url, cloud.endpoint), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const ran = await holdfast(["--stack", "holdfast-prod", "backup", "shop"], { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` });
      expect([ran.code, ran.stderr]).toEqual([0, expect.not.stringContaining("Throttling")]);
      expect([...calls.keys()].sort()).toEqual([
        "AWSStepFunctions.DescribeExecution",
        "AWSStepFunctions.GetExecutionHistory",
        "AWSStepFunctions.ListStateMachines",
        "AWSStepFunctions.StartExecution",
        "secretsmanager.GetSecretValue",
      ]);
      expect(Math.min(...calls.values())).toBeGreaterThanOrEqual(3);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe("a stack that cannot be reached", () => {
  const failures: readonly [string, readonly string[], NodeJS.ProcessEnv, number, RegExp][] = [
    [
      "is not there",
      ["holdfast-prd"],
      {},
      3,
      /no stack "holdfast-prd" in eu-central-1; did you mean "holdfast-prod"\? .*\nhint {2}Name one of: holdfast-prod\./,
    ],
    [
      "is called by its stage",
      ["prod"],
      {},
      3,
      /no stack "prod" in eu-central-1 \(StackNotFound, HF307\)\nhint {2}Name one of: holdfast-prod\./,
    ],
    ["is called what no stack is", ["Holdfast/prod"], {}, 2, /--stack takes a stack's name/],
    [
      "has no region",
      ["holdfast-prod"],
      { AWS_REGION: undefined },
      2,
      /no AWS region is set \(UsageInvalid, HF201\)\nhint {2}Set AWS_REGION/,
    ],
    [
      "has no credentials",
      ["holdfast-prod"],
      { AWS_ACCESS_KEY_ID: undefined, AWS_EC2_METADATA_DISABLED: "true" },
      1,
      /no AWS credentials: .*\nhint {2}Sign in/,
    ],
    [
      "does not answer",
      ["holdfast-prod"],
      { AWS_ENDPOINT_URL: "http://127.0.0.1:1" },
      1,
      /ECONNREFUSED.* \(StackUnavailable, HF125\)/,
    ],
  ];

  it.each(failures)("%s: says so, without a stack trace", async (_, [name = ""], env, code, words) => {
    const ran = await holdfast(["--stack", name, "backup", "shop", "--json"], env);
    expect(ran.stderr).toMatch(words);
    expect(ran.stderr).not.toMatch(/^\s+at /m);
    expect(JSON.parse(ran.stdout).error.exitCode).toBe(code);
    expect(ran.code).toBe(code);
  });

  it("has no machine of that kind: says so", async () => {
    const { code, stderr } = await onStack("restore-test");
    expect([code, stderr]).toEqual([
      3,
      expect.stringContaining("the stack holdfast-prod has no state machine holdfast-prod-fleet"),
    ]);
  });
});

describe("an operator with rights of their own, where IAM is enforced", () => {
  let enforced: MiniStackServer;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    enforced = await startMiniStack({ enforceIam: true });
    const service = { Effect: "Allow", Principal: { Service: "states.amazonaws.com" }, Action: "sts:AssumeRole" };
    await askIam("CreateRole", {
      RoleName: "machine",
      AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [service] }),
    });
    const policy = await readFile(join(directory, "policy-that-was-deployed.yml"), "utf8");
    (await createSampleStack(enforced.endpoint, "holdfast-prod", policy)).close();
    await askIam("CreateUser", { UserName: "operator" });
    const key = await askIam("CreateAccessKey", { UserName: "operator" });
    env = {
      AWS_ENDPOINT_URL: enforced.endpoint,
      AWS_ACCESS_KEY_ID: /<AccessKeyId>(.*?)</.exec(key)?.[1],
      AWS_SECRET_ACCESS_KEY: /<SecretAccessKey>(.*?)</.exec(key)?.[1],
    };
  });

  afterAll(() => enforced?.stop());

  /** IAM as the account's root: the project has no use for its SDK. */
  async function askIam(action: string, parameters: Readonly<Record<string, string>>): Promise<string> {
    const response = await fetch(enforced.endpoint, {
      method: "POST",
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        authorization: "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=none",
      },
      body: new URLSearchParams({ Version: "2010-05-08", Action: action, ...parameters }),
    });
    if (!response.ok) throw new Error(`IAM ${action}: ${response.status} ${await response.text()}`);
    return response.text();
  }

  /** The statements that docs/command-line.md gives operators. */
  async function documentedRights(): Promise<{
    readonly Version: string;
    readonly Statement: readonly { readonly Action: unknown }[];
  }> {
    const page = await readFile(join(import.meta.dirname, "../../docs/command-line.md"), "utf8");
    const [, json = ""] = /```json\n(.*?)```/s.exec(page) ?? [];
    return JSON.parse(json.replaceAll("REGION", "eu-central-1").replaceAll("ACCOUNT", "000000000000"));
  }

  const grant = (document: unknown): Promise<string> =>
    askIam("PutUserPolicy", { UserName: "operator", PolicyName: "own", PolicyDocument: JSON.stringify(document) });

  it("works with the rights that the documentation lists", async () => {
    const { Version, Statement } = await documentedRights();
    // The local cloud authorizes this call without its resource, where AWS asks for the map run's ARN.
    await grant({ Version, Statement: [...Statement, { Effect: "Allow", Action: "states:DescribeMapRun", Resource: "*" }] });
    const backup = await holdfast(["--stack", "holdfast-prod", "backup", "shop", "--json"], env);
    const verified = await holdfast(["--stack", "holdfast-prod", "verify", "--source", "shop", "--json"], env);
    expect(JSON.parse(verified.stdout).states[0].items).toEqual({ total: 1, succeeded: 1, failed: 0 });
    expect([backup.code, verified.code, verified.stderr]).toEqual([0, 0, expect.not.stringContaining("warning")]);
  });

  it.each([
    ["secretsmanager:GetSecretValue", "cannot read the policy of holdfast-prod"],
    ["states:ListStateMachines", "cannot look for the stack"],
    ["states:StartExecution", "cannot start backup-shop-by-hand-"],
    ["states:GetExecutionHistory", "cannot read the execution's history"],
  ])("is told when %s is missing", async (action, doing) => {
    const rights = await documentedRights();
    const Statement = rights.Statement.map((statement) => ({
      ...statement,
      Action: [statement.Action].flat().filter((each) => each !== action),
    })).filter((statement) => statement.Action.length > 0);
    await grant({ ...rights, Statement });
    const { code, stderr } = await holdfast(["--stack", "holdfast-prod", "backup", "shop"], env);
    expect(stderr).toContain(`error ${doing}`);
    expect(stderr).toMatch(new RegExp(`user/operator may not call ${action}.* \\(StackAccessDenied, HF124\\)`));
    expect(stderr).toMatch(new RegExp(`^hint  .*${action} granted`, "m"));
    expect(code).toBe(1);
  });

  it("is told when the credentials are not accepted", async () => {
    const { code, stderr } = await holdfast(["--stack", "holdfast-prod", "list"], { ...env, AWS_SECRET_ACCESS_KEY: "another" });
    expect(stderr).toMatch(/AWS does not accept these credentials \(.*\nhint {2}Sign in/);
    expect(code).toBe(1);
  });
});
