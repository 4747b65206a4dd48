/** What a new account would refuse of a first deployment, where AWS's documentation says so. */
import { describe, expect, it } from "vitest";
import { functionRoles } from "../../infra/function-roles.ts";
import { serverlessFunctions } from "../../infra/functions.ts";
import { machineNames } from "../../infra/machine-names.ts";
import { machineRoles, serverlessMachine } from "../../infra/machines.ts";
import { stackOutputs } from "../../infra/outputs.ts";
import { placeRoles } from "../../infra/role-boundary.ts";
import { namesEnvironment } from "../../infra/source-resources.ts";
import { topicResources } from "../../infra/topics.ts";
import { vaultResources } from "../../infra/vault.ts";
import { deploy, foreignPolicyText } from "./deployments.ts";

describe("the memory of functions", () => {
  const memoryOf = (given = {}) =>
    Object.values(serverlessFunctions(deploy(undefined, given)) as Record<string, { memorySize: number }>).map(
      ({ memorySize }) => memorySize,
    );

  it("is what a new account allows, 3,008 MB, until another is asked for", () => {
    expect(Math.max(...memoryOf())).toBe(3_008);
    expect(Math.max(...memoryOf({ memory: "10240" }))).toBe(10_240);
  });

  it.each(["", "0", "1023", "10241", "3008.5", "3 GB", "1e4", "-3008"])("is refused as %j", (memory) => {
    expect(() => deploy(undefined, { memory })).toThrow(expect.objectContaining({ name: "UsageInvalid" }));
  });
});

it("each topic has a policy of its own, which names no other", () => {
  const resources = Object.values(topicResources(deploy()));
  const topics = resources.filter(({ Type }) => Type === "AWS::SNS::Topic").length;
  const policies = resources.filter(({ Type }) => Type === "AWS::SNS::TopicPolicy");
  expect(policies).toHaveLength(topics);
  for (const { Properties } of policies) {
    const { Topics, PolicyDocument } = Properties as {
      Topics: readonly unknown[];
      PolicyDocument: { Statement: readonly { Resource: unknown }[] };
    };
    expect(Topics).toHaveLength(1);
    for (const { Resource } of PolicyDocument.Statement) expect(Resource).toEqual(Topics);
  }
});

it("what is kept for good is taken back by a deployment that fails to make it: the next finds its name free", () => {
  const kept = Object.entries(vaultResources(deploy())).filter(([, { DeletionPolicy }]) => DeletionPolicy !== undefined);
  expect(kept.length).toBeGreaterThan(10);
  for (const [name, { DeletionPolicy, UpdateReplacePolicy }] of kept) {
    expect([DeletionPolicy, UpdateReplacePolicy], name).toEqual(["RetainExceptOnCreate", "Retain"]);
  }
});

it("no machine and no resource names AWS's own partition: a stack works in aws-cn and aws-us-gov too", () => {
  const deployment = deploy();
  const machines = machineNames.map((name) => serverlessMachine(deployment, name));
  expect(JSON.stringify(machines)).toContain("AWS::Partition");
  const made = { ...vaultResources(deployment), ...functionRoles(deployment), ...machineRoles(deployment) };
  for (const [name, part] of Object.entries({ ...made, machines })) {
    expect(JSON.stringify(part), name).not.toMatch(/arn:aws[:-]/);
  }
});

describe("the permissions boundary", () => {
  const boundary = "arn:aws:iam::123456789012:policy/holdfast-boundary";
  const roles = (given = {}) => {
    const deployment = deploy(undefined, given);
    const made = { ...functionRoles(deployment), ...machineRoles(deployment), ...vaultResources(deployment) };
    return Object.values(placeRoles(deployment, made)).filter(({ Type }) => Type === "AWS::IAM::Role");
  };

  it("is that of every role, and of none where none is given", () => {
    expect(roles({ boundary }).length).toBeGreaterThan(10);
    for (const { Properties } of roles({ boundary })) expect(Properties?.["PermissionsBoundary"]).toBe(boundary);
    for (const { Properties } of roles()) expect(Properties).not.toHaveProperty("PermissionsBoundary");
  });

  it.each(["holdfast-boundary", "arn:aws:iam::123456789012:role/x", "arn:aws:iam::1:policy/x"])("is refused as %s", (given) => {
    expect(() => deploy(undefined, { boundary: given })).toThrow(expect.objectContaining({ name: "UsageInvalid" }));
  });
});

describe("the path of roles", () => {
  const roles = (given = {}) => {
    const deployment = deploy(undefined, given);
    const made = placeRoles(deployment, { ...functionRoles(deployment), ...machineRoles(deployment) });
    const paths = Object.values(made).map(({ Properties }) => JSON.stringify(Properties?.["Path"]));
    return { paths, machines: JSON.stringify(machineRoles(deployment)), names: JSON.stringify(namesEnvironment(deployment)) };
  };

  it("goes before that of every role, and machines and `plan` know the sources' roles by it", () => {
    const { paths, machines, names } = roles({ rolePath: "/backups/eu/" });
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((path) => !path?.includes("/backups/eu/"))).toEqual([]);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: of Fn::Sub.
    const underPath = ":role/backups/eu/holdfast-dev/${AWS::Region}";
    expect([machines, names].map((text) => text.includes(underPath))).toEqual([true, true]);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: of Fn::Sub.
    expect(roles().names).toContain(":role/holdfast-dev/${AWS::Region}");
  });

  it.each(["backups/", "/backups", "", "/a b/", `/${"x".repeat(400)}/`])("is refused as %s", (rolePath) => {
    expect(() => deploy(undefined, { rolePath })).toThrow(expect.objectContaining({ name: "UsageInvalid" }));
  });

  it("is the account's own affair: who owns a vault in another account names the roles by theirs", () => {
    expect(() => deploy(foreignPolicyText, { rolePath: "/backups/", vault: "foreign", proving: "open" })).toThrow(
      "names the roles by their path",
    );
  });
});

it("the outputs name topics, vaults and the cluster, and no secret", () => {
  const outputs = stackOutputs(deploy());
  expect(Object.keys(outputs)).toEqual(expect.arrayContaining(["CriticalTopicArn", "ClusterArn"]));
  expect(outputs["VaultAcmex2dbackupsArn"]?.Value).toEqual({
    "Fn::Sub": expect.stringMatching(/^arn:.*AWS::Partition.*:s3:::acme-backups$/),
  });
  expect(JSON.stringify(outputs)).not.toMatch(/secret|password/i);
});
