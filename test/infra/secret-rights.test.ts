import { describe, expect, it } from "vitest";
import { functionRoles } from "../../infra/function-roles.ts";
import { policyResources } from "../../infra/policy-secret.ts";
import { topicResources } from "../../infra/topics.ts";
import { vaultResources } from "../../infra/vault.ts";
import { deploy } from "./deployments.ts";
import { namesOf, statementsOf, type Template } from "./template-model.ts";

const keys = ["0a", "0b"].map((id) => `arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890${id}`);

function rolesOf(secretsKeys: string): Template {
  const deployment = deploy(undefined, { secretsKeys });
  const more = { AlertQueue: { Type: "AWS::SQS::Queue" }, Cluster: { Type: "AWS::ECS::Cluster" } };
  const Resources = {
    ...vaultResources(deployment),
    ...topicResources(deployment),
    ...policyResources(deployment),
    ...functionRoles(deployment),
    ...more,
  };
  return { Resources } as Template;
}

/** Of each role, the conditions under which it may use one of these keys, with the actions. */
function usesOf(template: Template): [role: string, uses: unknown[]][] {
  return namesOf(template, "AWS::IAM::Role").map((role) => [
    role,
    statementsOf(template, role)
      .filter(({ Resource }) => Resource.some((arn) => keys.includes(arn)))
      .map(({ Action, Resource, Condition }) => ({ Action, Resource, Condition })),
  ]);
}

const encryptedWith = (secretsKeys: string) =>
  policyResources(deploy(undefined, { secretsKeys }))["PolicySecret"]?.Properties?.["KmsKeyId"];

describe("keys of the account's own for secrets", () => {
  it("are used by every role, by way of Secrets Manager alone, to open and for nothing else", () => {
    const uses = usesOf(rolesOf(keys.join(", ")));
    expect(uses.length).toBe(22);
    const viaSecretsManager = { StringEquals: { "kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com" } };
    for (const [role, own] of uses)
      expect(own, role).toEqual([{ Action: ["kms:Decrypt"], Resource: keys, Condition: viaSecretsManager }]);
  });

  it("encrypt the policy's secret, the first of them", () => {
    expect([encryptedWith(keys.join(",")), encryptedWith("")]).toEqual([keys[0], undefined]);
  });

  it("are given as ARNs of keys of this Region, which is what a role's rights can name", () => {
    for (const wrong of [
      "alias/secrets",
      "arn:aws:kms:eu-central-1:123456789012:alias/secrets",
      keys[0]?.replace("central", "west"),
    ])
      expect(() => deploy(undefined, { secretsKeys: `${keys[1]},${wrong}` })).toThrow(`the secrets' key "${wrong}" is not`);
  });
});
