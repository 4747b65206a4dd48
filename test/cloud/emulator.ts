/**
 * An emulator as the observations use it: functions, machines, stacks and roles that are as small
 * as they can be.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateStackCommand, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { CreateRoleCommand, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { CreateFunctionCommand } from "@aws-sdk/client-lambda";
import { CreateStateMachineCommand, DescribeExecutionCommand, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { AssumeRoleCommand } from "@aws-sdk/client-sts";
import { account } from "../../scripts/cloud-stack.ts";
import { ensureMiniStack } from "../../scripts/ministack.ts";
import { waitFor } from "../support/processes.ts";
import { type Clients, clientsAt } from "./cloud.ts";

export interface Emulator {
  readonly endpoint: string;
  readonly clients: Clients;
}

export const probeRole = `arn:aws:iam::${account}:role/probe`;

const probe = `
class SourceUnreachable extends Error { constructor(message) { super(message); this.name = "SourceUnreachable"; } }
export const handler = async ({ fail }) => {
  if (fail) throw new SourceUnreachable("nobody there");
  return process.getuid();
};`;

/** A function that returns its user, or throws an error with a name. */
export async function makeFunction({ clients: { lambda } }: Emulator, FunctionName: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-probe-"));
  try {
    writeFileSync(join(directory, "index.mjs"), probe);
    execFileSync(ensureMiniStack().python, ["-m", "zipfile", "-c", "code.zip", "index.mjs"], { cwd: directory });
    await lambda.send(
      new CreateFunctionCommand({
        FunctionName,
        Runtime: "nodejs24.x",
        Handler: "index.handler",
        Role: probeRole,
        Code: { ZipFile: readFileSync(join(directory, "code.zip")) },
      }),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function runMachine(
  { clients: { sfn } }: Emulator,
  name: string,
  input: unknown,
  definition: object,
): Promise<unknown> {
  const { stateMachineArn } = await sfn.send(
    new CreateStateMachineCommand({
      name,
      roleArn: probeRole,
      definition: JSON.stringify({ QueryLanguage: "JSONata", ...definition }),
    }),
  );
  const { executionArn } = await sfn.send(new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) }));
  const describe = () => sfn.send(new DescribeExecutionCommand({ executionArn }));
  await waitFor(`the end of ${name}`, async () => (await describe()).status !== "RUNNING", 300_000);
  const { status, output } = await describe();
  return { status, output: output === undefined ? undefined : JSON.parse(output) };
}

export const nameOf = (error: Error): string => error.name;

/**
 * Makes the role that functions and machines run under here; nothing in the observations asks what
 * it may.
 */
export async function makeProbeRole({ clients: { iam } }: Emulator): Promise<void> {
  const Principal = { Service: ["lambda.amazonaws.com", "states.amazonaws.com", "scheduler.amazonaws.com"] };
  const trust = allowing({ Principal, Action: "sts:AssumeRole" });
  await iam.send(new CreateRoleCommand({ RoleName: "probe", AssumeRolePolicyDocument: trust }));
  const all = allowing({ Action: "*", Resource: "*" });
  await iam.send(new PutRolePolicyCommand({ RoleName: "probe", PolicyName: "own", PolicyDocument: all }));
}

/** A policy of one statement. */
export const allowing = (statement: object): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", ...statement }] });

/** Does `work` with the credentials of a new role that has this right alone, below `Path`. */
export async function withRole<T>(
  { endpoint, clients: { iam, sts } }: Emulator,
  RoleName: string,
  right: object,
  work: (own: Clients) => Promise<T>,
  Path = "/",
): Promise<T> {
  const trust = allowing({ Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: "sts:AssumeRole" });
  await iam.send(new CreateRoleCommand({ RoleName, Path, AssumeRolePolicyDocument: trust }));
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "own", PolicyDocument: allowing(right) }));
  const { Credentials } = await sts.send(
    new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${account}:role${Path}${RoleName}`, RoleSessionName: RoleName }),
  );
  const own = clientsAt(endpoint, {
    accessKeyId: Credentials?.AccessKeyId ?? "",
    secretAccessKey: Credentials?.SecretAccessKey ?? "",
    sessionToken: Credentials?.SessionToken ?? "",
  });
  try {
    return await work(own);
  } finally {
    for (const client of Object.values(own)) client.destroy();
  }
}

export async function makeStack({ clients: { cloudFormation } }: Emulator, StackName: string, Resources: object): Promise<void> {
  await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody: JSON.stringify({ Resources }) }));
  const status = async () => (await cloudFormation.send(new DescribeStacksCommand({ StackName }))).Stacks?.[0]?.StackStatus;
  await waitFor(`the stack ${StackName}`, async () => (await status()) === "CREATE_COMPLETE", 300_000);
}
