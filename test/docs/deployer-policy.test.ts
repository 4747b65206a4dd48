/**
 * The rights that the deploy guide asks for cover what a deployment makes, and no more than IAM
 * takes.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { allowing } from "../infra/iam.ts";
import { type Statement as Read, readStatements, type Template } from "../infra/template-model.ts";
import { root } from "./pages.ts";

interface Statement {
  readonly Sid: string;
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const text = readFileSync(join(root, "infra/deployer-policy.json"), "utf8");
const policy = JSON.parse(text) as { Statement: readonly Statement[] };
const actions = policy.Statement.flatMap(({ Action }) => Action);
/** What osls and its plugins add to the resources of infra/. */
const added = ["AWS::Lambda::Function", "AWS::StepFunctions::StateMachine", "AWS::CloudFormation::Stack"];
/** Services whose name in CloudFormation is not the one in IAM. */
const prefixes: Readonly<Record<string, string>> = { StepFunctions: "states" };

/** Types of the resources that TaskMaster's policy makes. */
async function typesMade(): Promise<string[]> {
  const service = parse(readFileSync(join(root, "serverless.yml"), "utf8")) as { params: { default: Record<string, string> } };
  const image = `123456789012.dkr.ecr.eu-central-1.amazonaws.com/holdfast-tools@sha256:${"0".repeat(64)}`;
  const parameters: Readonly<Record<string, string>> = {
    ...service.params.default,
    policy: join(root, "examples/taskmaster/holdfast.yml"),
    image,
  };
  // osls reads JavaScript only, and so this module has no types.
  const generate = (await import(join(root, "infra/generate.js"))) as {
    resources(variables: unknown): Promise<{ Resources: Record<string, { Type: string }> }>;
  };
  const resolveVariable = async (name: string) => {
    const [kind, key = ""] = name.split(":");
    if (kind === "param") return parameters[key];
    return name === "sls:stage" ? "prod" : "eu-central-1";
  };
  const { Resources } = await generate.resources({ resolveVariable });
  return [...new Set([...Object.values(Resources).map(({ Type }) => Type), ...added])];
}

describe("infra/deployer-policy.json", () => {
  test("has rights for every kind of resource that a deployment makes", async () => {
    const types = await typesMade();
    expect(types.length).toBeGreaterThan(20);
    const missing = types.filter((type) => {
      const [, service = "", kind = ""] = type.split("::");
      const prefix = `${prefixes[service] ?? service.toLowerCase()}:`;
      const own = actions.filter((action) => action.startsWith(prefix));
      // Networks have no names to restrict them by: what is made of them is listed.
      return service === "EC2" ? !isListed(kind, own) : own.length === 0;
    });
    expect(missing).toEqual([]);
  });

  test("fits into a managed policy", () => {
    // IAM quotas: 6,144 characters, white space not counted.
    expect(text.replaceAll(/\s/g, "").length).toBeLessThan(6_144);
  });

  test("changes and uses the keys of stacks alone, and makes no other key one of theirs", () => {
    const conditionsOf = (action: string, effect = "Allow") =>
      policy.Statement.filter(({ Action, Effect }) => Effect === effect && [Action].flat().includes(action)).map(
        ({ Condition = {} }) => Object.values(Condition).flatMap((each) => Object.keys(each)),
      );
    for (const action of ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:Decrypt", "kms:UntagResource"]) {
      expect(conditionsOf(action), action).toEqual([["aws:ResourceTag/holdfast"]]);
    }
    for (const action of ["kms:CreateAlias", "kms:EnableKeyRotation"]) {
      expect(conditionsOf(action), action).toEqual([["aws:CalledVia"]]);
    }
    expect(conditionsOf("kms:CreateKey")).toEqual([["aws:RequestTag/holdfast", "aws:CalledVia"]]);
    // Anyone who may tag a key by hand could make it one of a stack's.
    expect(conditionsOf("kms:TagResource", "Deny")).toEqual([["aws:RequestTag/holdfast", "aws:CalledVia", "aws:PrincipalArn"]]);
  });

  const account = "123456789012";
  const person = `arn:aws:iam::${account}:role/people/deploys`;
  const serviceRole = `arn:aws:iam::${account}:role/deploy-prod-holdfast-cloudformation`;
  const throughCloudFormation = { "aws:CalledVia": ["cloudformation.amazonaws.com"] };
  const ofStack = { "aws:ResourceTag/holdfast": "prod" };
  const empty = { account, Resources: {} } as unknown as Template;
  const own = readStatements(empty, policy);
  /** A key's policy lets its account's own policies decide. */
  const keyPolicy: readonly Read[] = [{ Effect: "Allow", Principal: "*", Action: ["kms:*"], Resource: ["*"] }];
  const may = (
    action: string,
    resource: string,
    context: Readonly<Record<string, string | readonly string[]>> = {},
    principal = person,
    identity: readonly Read[] = own,
  ): boolean =>
    allowing(
      { principal, action, resource, context },
      { identity, resource: action.startsWith("kms:") ? keyPolicy : [], owner: account },
    ).length > 0;
  const ec2 = (name: string): string => `arn:aws:ec2:eu-central-1:${account}:${name}/x-0a1b`;
  const resolver = (name: string): string => `arn:aws:route53resolver:eu-central-1:${account}:${name}/x-0a1b`;

  /** What changes or removes something that is there, and what each needs a right to. */
  const changes: readonly (readonly [string, string])[] = [
    ...["DeleteVpc", "ModifyVpcAttribute", "CreateSubnet", "CreateRouteTable", "CreateSecurityGroup", "CreateVpcEndpoint"].map(
      (action) => [`ec2:${action}`, ec2("vpc")] as const,
    ),
    ...["AttachInternetGateway", "DetachInternetGateway"].flatMap((action) =>
      ["vpc", "internet-gateway"].map((type) => [`ec2:${action}`, ec2(type)] as const),
    ),
    ["ec2:DeleteInternetGateway", ec2("internet-gateway")],
    ...["DeleteSubnet", "ModifySubnetAttribute", "AssociateRouteTable", "ModifyVpcEndpoint"].map(
      (action) => [`ec2:${action}`, ec2("subnet")] as const,
    ),
    ...["DeleteRouteTable", "CreateRoute", "DeleteRoute", "AssociateRouteTable", "DisassociateRouteTable"].map(
      (action) => [`ec2:${action}`, ec2("route-table")] as const,
    ),
    ...[
      "DeleteSecurityGroup",
      "AuthorizeSecurityGroupEgress",
      "RevokeSecurityGroupEgress",
      "AuthorizeSecurityGroupIngress",
      "RevokeSecurityGroupIngress",
    ].map((action) => [`ec2:${action}`, ec2("security-group")] as const),
    ...["DeleteVpcEndpoints", "ModifyVpcEndpoint"].map((action) => [`ec2:${action}`, ec2("vpc-endpoint")] as const),
    ...["vpc", "subnet", "instance"].flatMap((type) =>
      ["CreateTags", "DeleteTags"].map((action) => [`ec2:${action}`, ec2(type)] as const),
    ),
    ...["DeleteFirewallDomainList", "UpdateFirewallDomains", "ImportFirewallDomains"].map(
      (action) => [`route53resolver:${action}`, resolver("firewall-domain-list")] as const,
    ),
    ...[
      "CreateFirewallRule",
      "DeleteFirewallRule",
      "UpdateFirewallRule",
      "DeleteFirewallRuleGroup",
      "PutFirewallRuleGroupPolicy",
    ].map((action) => [`route53resolver:${action}`, resolver("firewall-rule-group")] as const),
    ...["DisassociateFirewallRuleGroup", "UpdateFirewallRuleGroupAssociation", "UntagResource"].map(
      (action) => [`route53resolver:${action}`, resolver("firewall-rule-group-association")] as const,
    ),
  ];

  test.each(changes)("%s: of networks that stacks made, and nobody else's (%s)", (action, resource) => {
    expect(may(action, resource, ofStack)).toBe(true);
    expect(may(action, resource, { "aws:ResourceTag/other": "prod" })).toBe(false);
    expect(may(action, resource, throughCloudFormation)).toBe(false);
  });

  test("new things of a network need no tag, for they have none yet; in a network of somebody else's there is none", () => {
    for (const [action, type] of [
      ["CreateVpc", "vpc"],
      ["CreateInternetGateway", "internet-gateway"],
      ["CreateSubnet", "subnet"],
      ["CreateRouteTable", "route-table"],
      ["CreateSecurityGroup", "security-group"],
      ["CreateVpcEndpoint", "vpc-endpoint"],
    ] as const)
      expect(may(`ec2:${action}`, ec2(type)), action).toBe(true);
  });

  test("nothing becomes a stack's by a tag that somebody puts there by hand", () => {
    const tagging = { "aws:RequestTag/holdfast": "prod", "aws:TagKeys": ["holdfast"] };
    for (const [action, resource] of [
      ["ec2:CreateTags", ec2("vpc")],
      ["ec2:CreateTags", ec2("security-group")],
      ["route53resolver:TagResource", resolver("firewall-rule-group")],
      ["kms:TagResource", `arn:aws:kms:eu-central-1:${account}:key/0a1b`],
    ] as const) {
      expect(may(action, resource, tagging), action).toBe(false);
      expect(may(action, resource, { ...tagging, "aws:CalledVia": ["athena.amazonaws.com"] }), action).toBe(false);
      expect(may(action, resource, { ...tagging, ...throughCloudFormation }), action).toBe(true);
    }
  });

  test("CloudFormation's own role, whose calls are nobody's behalf, makes keys and tags what it makes", () => {
    const roles = parse(readFileSync(join(root, "infra/ci/deploy-roles.yml"), "utf8")) as {
      Resources: { CloudFormationRole: { Properties: { Policies: readonly { PolicyDocument: unknown }[] } } };
    };
    const documents = roles.Resources.CloudFormationRole.Properties.Policies.map(({ PolicyDocument }) => PolicyDocument);
    const all = [...own, ...documents.flatMap((each) => readStatements(empty, each))];
    const key = `arn:aws:kms:eu-central-1:${account}:key/0a1b`;
    const tagging = { "aws:RequestTag/holdfast": "prod" };
    const makes = (principal: string, identity: readonly Read[]) =>
      [
        ["kms:CreateKey", "*", tagging],
        ["kms:TagResource", key, tagging],
        ["kms:CreateAlias", key, {}],
        ["kms:CreateAlias", `arn:aws:kms:eu-central-1:${account}:alias/holdfast`, {}],
        ["kms:EnableKeyRotation", key, {}],
        ["ec2:CreateTags", ec2("vpc"), tagging],
      ].map(([action, resource, context]) =>
        may(String(action), String(resource), context as Record<string, string>, principal, identity),
      );
    expect(makes(serviceRole, all)).toEqual([true, true, true, true, true, true]);
    // A person with the same policy has nothing of it by hand.
    expect(makes(person, own)).toEqual([false, false, false, false, false, false]);
  });

  test("reads and deletes no object of a vault", () => {
    const onAnyBucket = policy.Statement.filter(({ Resource }) =>
      [Resource].flat().some((arn) => /^(\*|arn:aws:s3:::\*)/.test(arn)),
    );
    const rights = onAnyBucket.flatMap(({ Action }) => Action).filter((action) => action.startsWith("s3:"));
    expect(rights).not.toEqual([]);
    expect(rights.filter((action) => /Object(?!Lock)|s3:\*|Delete|Bypass/.test(action))).toEqual([]);
  });
});

function isListed(kind: string, actions: readonly string[]): boolean {
  const verbs: Readonly<Record<string, string>> = {
    VPCGatewayAttachment: "AttachInternetGateway",
    SubnetRouteTableAssociation: "AssociateRouteTable",
  };
  const action = `ec2:${verbs[kind] ?? `Create${kind}`}`.toLowerCase();
  const isLike = (pattern: string) => new RegExp(`^${pattern.toLowerCase().replaceAll("*", ".*")}$`).test(action);
  return actions.some(isLike);
}
