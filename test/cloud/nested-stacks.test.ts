/**
 * A divided template under CloudFormation: a source that comes, changes and goes leaves the others
 * as they are, and an update that fails is taken back in every stack.
 */
import {
  CreateStackCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
} from "@aws-sdk/client-cloudformation";
import { GetRoleCommand } from "@aws-sdk/client-iam";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { alarmResources } from "../../infra/alarms.ts";
import { divideTemplate, type WholeTemplate } from "../../infra/divide-template.ts";
import { functionRoles } from "../../infra/function-roles.ts";
import { sourceStacks } from "../../infra/source-stacks.ts";
import type { Resources } from "../../infra/template.ts";
import { region } from "../../scripts/cloud-stack.ts";
import { deploy, withSources } from "../infra/deployments.ts";
import { type MiniStackServer, startMiniStack } from "../support/ministack.ts";
import { waitFor } from "../support/processes.ts";
import { type Clients, clientsAt } from "./cloud.ts";

const StackName = "divided";
const bucket = "nested-templates";
let server: MiniStackServer;
let clients: Clients;

beforeAll(async () => {
  server = await startMiniStack({ corrected: true });
  clients = clientsAt(server.endpoint);
  const place = { LocationConstraint: region } as const;
  await clients.s3.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: place }));
});

afterAll(async () => {
  for (const client of Object.values(clients)) client.destroy();
  await server.stop();
});

/**
 * The roles and alarms of a policy with these sources. What they refer to, which is not this test's
 * matter, is queues and topics of the same logical ids.
 */
async function upload(version: string, names: readonly string[], change: (resources: Resources) => Resources): Promise<string> {
  const deployment = deploy(withSources(names), { stage: "local", image: "", proving: "open" });
  const all = change({ ...functionRoles(deployment), ...alarmResources(deployment) });
  const whole = { Resources: { ...standIns(all), ...all } } as unknown as WholeTemplate;
  const { root, nested } = divideTemplate(whole, sourceStacks(deployment), (stack) => `${urlOf(version)}/${stack}.json`);
  for (const [stack, template] of Object.entries({ root, ...nested })) {
    const Key = `${version}/${stack}.json`;
    await clients.s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: JSON.stringify(template) }));
  }
  return `${urlOf(version)}/root.json`;
}

const urlOf = (version: string): string => `https://s3.${region}.amazonaws.com/${bucket}/${version}`;

function standIns(resources: Resources): Resources {
  const text = JSON.stringify(resources);
  const named = [...text.matchAll(/"(?:Ref|Fn::GetAtt)":\[?"([A-Za-z0-9]+)"|\$\{([A-Za-z0-9]+)(?:\.[A-Za-z]+)?\}/g)];
  const missing = new Set(named.map(([, one, other]) => one ?? other ?? "").filter((name) => !Object.hasOwn(resources, name)));
  return Object.fromEntries(
    [...missing].map((name) => [name, { Type: name.endsWith("Topic") ? "AWS::SNS::Topic" : "AWS::SQS::Queue" }]),
  );
}

/** One resource with other properties beside its own. */
const withProperties =
  (name: string, properties: Readonly<Record<string, unknown>>) =>
  (resources: Resources): Resources => {
    const { [name]: found = { Type: "AWS::IAM::Role" } } = resources;
    return { ...resources, [name]: { ...found, Properties: { ...found.Properties, ...properties } } };
  };

const same = (resources: Resources): Resources => resources;
const settled = /_(?:COMPLETE|FAILED)$/;

async function endOf(command: Promise<unknown>): Promise<string> {
  await command;
  const describe = async () => (await clients.cloudFormation.send(new DescribeStacksCommand({ StackName }))).Stacks?.[0];
  const ended = async () =>
    settled.test((await describe())?.StackStatus ?? "") && !/CLEANUP/.test((await describe())?.StackStatus ?? "");
  await waitFor(`the stack ${StackName}`, ended, 120_000);
  return (await describe())?.StackStatus ?? "";
}

const Capabilities = ["CAPABILITY_NAMED_IAM"] as const;
const create = (TemplateURL: string) =>
  endOf(clients.cloudFormation.send(new CreateStackCommand({ StackName, TemplateURL, Capabilities: [...Capabilities] })));
const update = (TemplateURL: string) =>
  endOf(clients.cloudFormation.send(new UpdateStackCommand({ StackName, TemplateURL, Capabilities: [...Capabilities] })));

/** The unique id of each role of a source, by its name; another after it was made again. */
async function rolesOfSources(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const stack of await nestedStacks()) {
    const { StackResources = [] } = await clients.cloudFormation.send(new DescribeStackResourcesCommand({ StackName: stack }));
    for (const { ResourceType, PhysicalResourceId: RoleName } of StackResources) {
      if (ResourceType !== "AWS::IAM::Role" || RoleName === undefined) continue;
      const { Role } = await clients.iam.send(new GetRoleCommand({ RoleName }));
      found.set(RoleName, `${Role?.RoleId} ${Role?.MaxSessionDuration}`);
    }
  }
  return found;
}

async function nestedStacks(): Promise<string[]> {
  const { StackResources = [] } = await clients.cloudFormation.send(new DescribeStackResourcesCommand({ StackName }));
  const nested = StackResources.filter(({ ResourceType }) => ResourceType === "AWS::CloudFormation::Stack");
  return nested.map(({ PhysicalResourceId }) => PhysicalResourceId ?? "").sort();
}

const roleOf = (work: string, source: string): string => `holdfast-local-${region}-${work}-${source}`;

test("sources come, change and go in their own stacks, and an update that fails is taken back in all of them", async () => {
  expect(await create(await upload("1", ["orders", "invoices"], same))).toBe("CREATE_COMPLETE");
  const first = await rolesOfSources();
  expect([...first.keys()]).toEqual(expect.arrayContaining([roleOf("dump", "orders"), roleOf("prove", "invoices")]));

  // One goes, one comes, one changes.
  const longer = withProperties("DumpTaskmasterRole", { MaxSessionDuration: 7_200 });
  expect(await update(await upload("2", ["invoices", "ledger"], longer))).toBe("UPDATE_COMPLETE");
  const second = await rolesOfSources();
  expect(second.get(roleOf("dump", "orders"))).toBeUndefined();
  await expect(clients.iam.send(new GetRoleCommand({ RoleName: roleOf("dump", "orders") }))).rejects.toThrow();
  expect(second.has(roleOf("dump", "ledger"))).toBe(true);
  const idOf = (roles: ReadonlyMap<string, string>, role: string) => roles.get(role)?.split(" ");
  expect(idOf(second, roleOf("dump", "taskmaster"))).toEqual([idOf(first, roleOf("dump", "taskmaster"))?.[0], "7200"]);
  for (const role of [roleOf("dump", "invoices"), roleOf("prove", "taskmaster")])
    expect(second.get(role), role).toBe(first.get(role));

  // IAM takes no NotPrincipal in a trust.
  const trust = {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", NotPrincipal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
  };
  const impossible = withProperties("DumpPayrollRole", { AssumeRolePolicyDocument: trust });
  expect(await update(await upload("3", ["invoices", "ledger", "payroll"], impossible))).toBe("UPDATE_ROLLBACK_COMPLETE");
  expect(await rolesOfSources()).toEqual(second);
});
