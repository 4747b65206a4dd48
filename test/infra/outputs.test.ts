import { describe, expect, it } from "vitest";
import { functionRoles } from "../../infra/function-roles.ts";
import { arnParameters, stackOutputs } from "../../infra/outputs.ts";
import { peoplePolicies } from "../../infra/people.ts";
import { topicResources } from "../../infra/topics.ts";
import { vaultResources } from "../../infra/vault.ts";
import { deploy, foreignPolicyText, samplePolicyText } from "./deployments.ts";
import { propertiesOf, resolve, type Template } from "./template-model.ts";

type Deployed = ReturnType<typeof deploy>;
const machine = { Type: "AWS::StepFunctions::StateMachine" };

/** What the ARNs refer to, and the parameters that tell them. */
function templateOf(deployment: Deployed): Template {
  const machines = ["Backup", "RestoreTest", "Restore", "Verify", "Fleet"].map((name) => [`${name}Machine`, machine]);
  return {
    Resources: {
      ...vaultResources(deployment),
      ...functionRoles(deployment),
      ...topicResources(deployment),
      ...Object.fromEntries(machines),
      AlertQueue: { Type: "AWS::SQS::Queue" },
      Cluster: { Type: "AWS::ECS::Cluster" },
      SourcesLog: { Type: "AWS::Logs::LogGroup" },
      ...peoplePolicies(deployment),
      ...arnParameters(deployment),
    },
  } as Template;
}

function told(deployment: Deployed): Record<string, string> {
  const template = templateOf(deployment);
  return Object.fromEntries(
    Object.keys(arnParameters(deployment)).map((name) => {
      const { Name, Value } = propertiesOf(template, name);
      return [String(Name), String(Value)];
    }),
  );
}

describe("the parameters of a stack in Systems Manager", () => {
  it("tell an ARN each, under the name of the stage", () => {
    const parameters = told(deploy(undefined, { stage: "prod" }));
    expect(Object.keys(parameters).filter((name) => !name.startsWith("/holdfast/prod/"))).toEqual([]);
    expect(Object.entries(parameters).filter(([, arn]) => !arn.startsWith("arn:aws:"))).toEqual([]);
    // Systems Manager's characters, and its deepest hierarchy.
    expect(Object.keys(parameters).filter((name) => !/^(\/[a-zA-Z0-9_.-]+){1,15}$/.test(name))).toEqual([]);
  });

  it("tell machines, topics, buckets, keys and roles", () => {
    const arn = (service: string, rest: string) => `arn:aws:${service}:eu-central-1:123456789012:${rest}`;
    expect(told(deploy())).toMatchObject({
      "/holdfast/dev/machines/restore-test": arn("states", "stateMachine:RestoreTestMachine"),
      "/holdfast/dev/topics/critical": arn("sns", "holdfast-dev-critical"),
      "/holdfast/dev/buckets/acme-backups": "arn:aws:s3:::acme-backups",
      "/holdfast/dev/state-bucket": "arn:aws:s3:::acme-backups-state",
      "/holdfast/dev/sealing-keys/acme-backups": arn("kms", "key/SealingKeyAcmex2dbackups"),
      "/holdfast/dev/signing-keys/acme-signing": arn("kms", "key/SigningKeyAcmex2dsigning"),
      "/holdfast/dev/storage-keys/acme-backups": arn("kms", "key/StorageKeyAcmex2dbackups"),
      "/holdfast/dev/alerts-key": arn("kms", "key/AlertsKey"),
      "/holdfast/dev/roles/sources": "arn:aws:iam::123456789012:role/holdfast-dev/eu-central-1/",
    });
  });

  it("tell a key that the stack did not make by the ARN of its alias, and never a pattern", () => {
    const existing = told(deploy(undefined, { vault: "existing" }));
    expect(existing["/holdfast/dev/sealing-keys/acme-backups"]).toBe("arn:aws:kms:eu-central-1:123456789012:alias/acme-backups");
    const foreign = told(deploy(foreignPolicyText, { vault: "foreign", proving: "open" }));
    expect(foreign["/holdfast/dev/signing-keys/acme-signing"]).toBe("arn:aws:kms:eu-west-1:222222222222:alias/acme-signing");
    const id = "1234abcd-12ab-34cd-56ef-1234567890ab";
    const given = told(deploy(samplePolicyText.replace("alias/acme-backups", `arn:aws:kms:eu-central-1:111111111111:key/${id}`)));
    expect(given[`/holdfast/dev/sealing-keys/${id}`]).toBe(`arn:aws:kms:eu-central-1:111111111111:key/${id}`);
    for (const parameters of [existing, foreign, given])
      expect(Object.entries(parameters).filter(([, arn]) => arn.includes("*"))).toEqual([]);
  });

  it("are the stack's outputs as well, but for the machines', which a plugin makes", () => {
    const deployment = deploy();
    const outputs = Object.values(stackOutputs(deployment)).map(({ Value }) => resolve(templateOf(deployment), Value));
    const parameters = Object.entries(told(deployment)).filter(([name]) => !name.includes("/machines/"));
    expect(outputs.sort()).toEqual(parameters.map(([, arn]) => arn).sort());
  });
});
