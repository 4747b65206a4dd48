/**
 * An upgrade while a restore is under way: its execution names the revision of the task definition
 * that it began with, and starts its container after the upgrade.
 */
import { DescribeStacksCommand, UpdateStackCommand } from "@aws-sdk/client-cloudformation";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fargateResources } from "../../infra/fargate.ts";
import { account } from "../../scripts/cloud-stack.ts";
import { deploy } from "../infra/deployments.ts";
import { type MiniStackServer, startMiniStack } from "../support/ministack.ts";
import { waitFor } from "../support/processes.ts";
import { clientsAt } from "./cloud.ts";
import { type Emulator, makeStack } from "./emulator.ts";

let server: MiniStackServer;
let emulator: Emulator;

beforeAll(async () => {
  server = await startMiniStack({ corrected: true });
  emulator = { endpoint: server.endpoint, clients: clientsAt(server.endpoint) };
});

afterAll(async () => {
  for (const client of Object.values(emulator.clients)) client.destroy();
  await server.stop();
});

const roleArn = `arn:aws:iam::${account}:role/any`;

/**
 * The template's own task definition of `restore`, with roles that are none of this test's matter.
 */
function resourcesWith(memory: string): object {
  const { TaskLog, RestoreTask } = fargateResources(deploy(undefined, { stage: "local", image: "", proving: "open" }));
  const Properties = { ...RestoreTask?.Properties, ExecutionRoleArn: roleArn, TaskRoleArn: roleArn, Memory: memory };
  return { TaskLog, RestoreTask: { ...RestoreTask, Properties } };
}

/** As ECS says it: `ACTIVE`, or `INACTIVE` after deregistration. */
async function statusOf(taskDefinition: string): Promise<string | undefined> {
  const headers = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition",
    authorization: "AWS4-HMAC-SHA256 Credential=test/20261128/eu-central-1/ecs/aws4_request, SignedHeaders=host, Signature=0",
  };
  const answer = await fetch(server.endpoint, { method: "POST", headers, body: JSON.stringify({ taskDefinition }) });
  const { taskDefinition: found } = (await answer.json()) as { readonly taskDefinition?: { readonly status?: string } };
  return found?.status;
}

test("the revision that a restore began with can still be started after an upgrade", async () => {
  const StackName = "upgraded";
  await makeStack(emulator, StackName, resourcesWith("16384"));
  expect(await statusOf("holdfast-local-restore:1")).toBe("ACTIVE");
  const TemplateBody = JSON.stringify({ Resources: resourcesWith("30720") });
  await emulator.clients.cloudFormation.send(new UpdateStackCommand({ StackName, TemplateBody }));
  const stack = async () => (await emulator.clients.cloudFormation.send(new DescribeStacksCommand({ StackName }))).Stacks?.[0];
  await waitFor("the upgrade", async () => (await stack())?.StackStatus === "UPDATE_COMPLETE", 60_000);
  expect(await statusOf("holdfast-local-restore:2")).toBe("ACTIVE");
  expect(await statusOf("holdfast-local-restore:1")).toBe("ACTIVE");
});
