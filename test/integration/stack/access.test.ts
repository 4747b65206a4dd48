/** What stands between a person and a stack: names, credentials, rights, throttling. */
import { readFile } from "node:fs/promises";
import { createServer, request as requestTo } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSampleStack } from "../../cli/stack/sample-stack.ts";
import { type MiniStackServer, startMiniStack } from "../../support/ministack.ts";
import { openStackProject, type StackProject } from "./stack-project.ts";

let project: StackProject;
beforeAll(async () => {
  project = await openStackProject();
});
afterAll(() => project?.[Symbol.asyncDispose]());

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
      const onward = requestTo(new URL(url, project.cloud.endpoint), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const ran = await project.holdfast(["--stack", "holdfast-prod", "backup", "shop"], {
        AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      });
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
    const ran = await project.holdfast(["--stack", name, "backup", "shop", "--json"], env);
    expect(ran.stderr).toMatch(words);
    expect(ran.stderr).not.toMatch(/^\s+at /m);
    expect(JSON.parse(ran.stdout).error.exitCode).toBe(code);
    expect(ran.code).toBe(code);
  });

  it("has no machine of that kind: says so", async () => {
    const { code, stderr } = await project.onStack("restore-test");
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
    const policy = await readFile(join(project.directory, "policy-that-was-deployed.yml"), "utf8");
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
    const page = await readFile(join(import.meta.dirname, "../../../docs/command-line.md"), "utf8");
    const [, json = ""] = /```json\n(.*?)```/s.exec(page) ?? [];
    return JSON.parse(json.replaceAll("REGION", "eu-central-1").replaceAll("ACCOUNT", "000000000000"));
  }

  const grant = (document: unknown): Promise<string> =>
    askIam("PutUserPolicy", { UserName: "operator", PolicyName: "own", PolicyDocument: JSON.stringify(document) });

  it("works with the rights that the documentation lists", async () => {
    const { Version, Statement } = await documentedRights();
    // The local cloud authorizes this call without its resource, where AWS asks for the map run's
    // ARN.
    await grant({ Version, Statement: [...Statement, { Effect: "Allow", Action: "states:DescribeMapRun", Resource: "*" }] });
    const backup = await project.holdfast(["--stack", "holdfast-prod", "backup", "shop", "--json"], env);
    const verified = await project.holdfast(["--stack", "holdfast-prod", "verify", "--source", "shop", "--json"], env);
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
    const { code, stderr } = await project.holdfast(["--stack", "holdfast-prod", "backup", "shop"], env);
    expect(stderr).toContain(`error ${doing}`);
    expect(stderr).toMatch(new RegExp(`user/operator may not call ${action}.* \\(StackAccessDenied, HF124\\)`));
    expect(stderr).toMatch(new RegExp(`^hint  .*${action} granted`, "m"));
    expect(code).toBe(1);
  });

  it("is told when the credentials are not accepted", async () => {
    const { code, stderr } = await project.holdfast(["--stack", "holdfast-prod", "list"], {
      ...env,
      AWS_SECRET_ACCESS_KEY: "another",
    });
    expect(stderr).toMatch(/AWS does not accept these credentials \(.*\nhint {2}Sign in/);
    expect(code).toBe(1);
  });
});
