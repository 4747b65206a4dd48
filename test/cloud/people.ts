/** People with AWS identities of their own, who use the command line and the stack's functions. */
import { join } from "node:path";
import { AttachRolePolicyCommand, CreateRoleCommand, DeleteRoleCommand, DetachRolePolicyCommand } from "@aws-sdk/client-iam";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import { AssumeRoleCommand } from "@aws-sdk/client-sts";
import { account, region, stackName } from "../../scripts/cloud-stack.ts";
import { bindMessage } from "../../src/pipeline/approvals/bind-message.ts";
import { proveCaller } from "../../src/runtime/caller-proof.ts";
import { type RunResult, run } from "../support/processes.ts";
import { clientsAt, type TestCloud } from "./cloud.ts";

const launcher = join(import.meta.dirname, "..", "..", "bin", "holdfast.mjs");
const waitMs = 540_000;

export interface Person {
  readonly arn: string;
  /** Runs `holdfast --stack … <args> --json`. */
  holdfast(...args: string[]): Promise<RunResult>;
  /** Asks for a restore in their own name, by the function itself. */
  ask(input: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>>;
}

/**
 * A role with one of the stack's two managed policies, for people to take on. Gives what removes it
 * again: CloudFormation deletes no policy that is attached.
 */
export async function makePeoplesRole(
  { clients: { iam }, ...cloud }: TestCloud,
  RoleName: string,
  policy: string,
): Promise<() => Promise<void>> {
  const Statement = [{ Effect: "Allow", Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: "sts:AssumeRole" }];
  const trust = JSON.stringify({ Version: "2012-10-17", Statement });
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust }));
  const PolicyArn = (await cloud.resources()).get(policy);
  if (PolicyArn === undefined) throw new Error(`the stack has no ${policy}`);
  await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
  return async () => {
    await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
    await iam.send(new DeleteRoleCommand({ RoleName }));
  };
}

/** A person's session of a role. */
export async function signIn(cloud: TestCloud, role: string, RoleSessionName: string): Promise<Person> {
  const { endpoint } = cloud.local.ministack;
  const { Credentials } = await cloud.clients.sts.send(
    new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${account}:role/${role}`, RoleSessionName }),
  );
  const own = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: Credentials?.AccessKeyId ?? "",
    AWS_SECRET_ACCESS_KEY: Credentials?.SecretAccessKey ?? "",
    AWS_SESSION_TOKEN: Credentials?.SessionToken ?? "",
  };
  return {
    arn: `arn:aws:sts::${account}:assumed-role/${role}/${RoleSessionName}`,
    holdfast: (...args) =>
      run(process.execPath, [launcher, "--stack", stackName, ...args, "--json"], {
        env: { ...process.env, ...own, NO_COLOR: "1" },
        timeoutMs: waitMs,
      }),
    async ask(input) {
      const proof = await withEnvironment(own, () => proveCaller(bindMessage(stackName, "ask", input)));
      const { lambda } = clientsAt(endpoint, {
        accessKeyId: own.AWS_ACCESS_KEY_ID,
        secretAccessKey: own.AWS_SECRET_ACCESS_KEY,
        sessionToken: own.AWS_SESSION_TOKEN,
      });
      const Payload = JSON.stringify({ input, proof });
      const { Payload: answered } = await lambda.send(new InvokeCommand({ FunctionName: `${stackName}-ask`, Payload }));
      lambda.destroy();
      return JSON.parse(Buffer.from(answered ?? []).toString()) as Readonly<Record<string, unknown>>;
    },
  };
}

async function withEnvironment<T>(own: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  const before = Object.fromEntries(Object.keys(own).map((name) => [name, process.env[name]]));
  Object.assign(process.env, own);
  try {
    return await work();
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
