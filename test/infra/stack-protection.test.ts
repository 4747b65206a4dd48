import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { stackPolicy } from "../../infra/stack-protection.ts";
import { vaultResources } from "../../infra/vault.ts";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { deploy, parameters } from "./deployments.ts";
import { samplePolicy } from "./package-stack.ts";

const denied = (protects: boolean) =>
  stackPolicy(protects)
    .filter(({ Effect }) => Effect === "Deny")
    .map(({ Action, Condition }) => ({ Action, Condition }));

describe("the stack's policy", () => {
  it("lets no update replace or drop a kind of resource that the stack retains", () => {
    const retained = Object.values(vaultResources(deploy())).filter(({ UpdateReplacePolicy }) => UpdateReplacePolicy === "Retain");
    const types = new Set(retained.map(({ Type }) => Type));
    expect([...types].sort()).toEqual(["AWS::KMS::Alias", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::S3::BucketPolicy"]);
    const [{ Action, Condition } = { Action: "", Condition: {} }, ...more] = denied(true);
    expect([Action, more]).toEqual([["Update:Replace", "Update:Delete"], []]);
    const { StringEquals } = Condition as { StringEquals: { ResourceType: string[] } };
    expect([...types].filter((type) => !StringEquals.ResourceType.includes(type))).toEqual([]);
  });

  it("allows all else, for without a statement that allows it CloudFormation denies every update", () => {
    for (const protects of [true, false])
      expect(stackPolicy(protects)).toContainEqual({ Effect: "Allow", Action: "Update:*", Principal: "*", Resource: "*" });
    expect(denied(false)).toEqual([]);
  });

  it("is neither on nor off by mistake, and the local cloud has none", () => {
    expect([deploy().protects, deploy(undefined, { protection: "off" }).protects]).toEqual([true, false]);
    expect(deploy(undefined, { stage: "local" }).protects).toBe(false);
    expect(() => deploy(undefined, { protection: "false" })).toThrow('the parameter protection is "false"');
  });
});

/** CloudFormation's Query API on the loopback interface; the emulator has no SetStackPolicy. */
describe("an update with protection=off", () => {
  const asked: URLSearchParams[] = [];
  let answer: [status: number, body: string];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      asked.push(new URLSearchParams(body));
      response.writeHead(answer[0], { "content-type": "text/xml" }).end(answer[1]);
    });
  });
  beforeEach(async () => {
    asked.length = 0;
    answer = [200, "<SetStackPolicyResponse><ResponseMetadata/></SetStackPolicyResponse>"];
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    vi.stubEnv("AWS_ENDPOINT_URL_CLOUDFORMATION", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function update(given: Partial<typeof parameters>): Promise<void> {
    const generated = { parameters: { ...parameters, policy: samplePolicy, ...given } };
    // osls reads JavaScript only, and so this module has no types.
    const { "module.exports": OpenStack } = (await import(join(projectDirectory, "infra/open-stack.js"))) as {
      "module.exports": new (serverless: unknown) => { hooks: Record<string, () => Promise<void>> };
    };
    await new OpenStack({ service: { custom: { generated } } }).hooks["before:aws:deploy:deploy:updateStack"]?.();
  }
  const failure = (code: string, message: string) =>
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;

  it("opens the policy first, which would otherwise judge the very update that is to change it", async () => {
    await update({ stage: "prod", protection: "off" });
    expect(asked.map((each) => [each.get("Action"), each.get("StackName")])).toEqual([["SetStackPolicy", "holdfast-prod"]]);
    expect(JSON.parse(asked[0]?.get("StackPolicyBody") ?? "")).toEqual({ Statement: stackPolicy(false) });
  });

  it("needs no stack to be there, and hides no other refusal", async () => {
    answer = [400, failure("ValidationError", "Stack with id holdfast-prod does not exist")];
    await update({ stage: "prod", protection: "off" });
    answer = [403, failure("AccessDenied", "not authorized to perform: cloudformation:SetStackPolicy")];
    await expect(update({ stage: "prod", protection: "off" })).rejects.toThrow("not authorized");
  });

  it("is the only one that touches it: osls sends the policy that protects with the update itself", async () => {
    await update({ stage: "prod" });
    await update({ stage: "local", protection: "off" });
    expect(asked).toEqual([]);
  });
});
