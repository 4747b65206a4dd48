/**
 * The rights that the deploy guide asks for cover what a deployment makes, and no more than IAM
 * takes.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
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
      // Networks have no names to restrict them by, so that each action is listed.
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
    expect(conditionsOf("kms:TagResource", "Deny")).toEqual([["aws:CalledVia"]]);
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
  return actions.some((each) => each.toLowerCase() === action);
}
