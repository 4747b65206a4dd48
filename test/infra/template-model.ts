/**
 * A template as CloudFormation would read it: references replaced by the names and ARNs that they
 * stand for, and who may do what.
 */
import type { Statement as Written } from "../../infra/template.ts";

export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

export interface Template {
  /** Where it is deployed; default: account 123456789012, eu-central-1. */
  readonly account?: string;
  readonly region?: string;
  readonly Resources: Readonly<Record<string, TemplateResource>>;
  readonly Parameters?: Readonly<Record<string, unknown>>;
}

/** As infra writes them, read back. */
export interface Statement extends Omit<Written, "Resource" | "Condition"> {
  readonly Resource: readonly string[];
  readonly Principal?: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const pseudo: Readonly<Record<string, string>> = {
  "AWS::Partition": "aws",
  "AWS::URLSuffix": "amazonaws.com",
  "AWS::StackName": "holdfast",
};
/** Account and Region of a template. */
const whereOf = ({ account = "123456789012", region = "eu-central-1" }: Template) => ({ account, region });

/** How the ARN of a kind of resource is made of its own name. */
const arns: Readonly<Record<string, (name: string, at: ReturnType<typeof whereOf>) => string>> = {
  "AWS::S3::Bucket": (name) => `arn:aws:s3:::${name}`,
  "AWS::SNS::Topic": (name, { account, region }) => `arn:aws:sns:${region}:${account}:${name}`,
  "AWS::SQS::Queue": (name, { account, region }) => `arn:aws:sqs:${region}:${account}:${name}`,
  "AWS::KMS::Key": (name, { account, region }) => `arn:aws:kms:${region}:${account}:key/${name}`,
  "AWS::Lambda::Function": (name, { account, region }) => `arn:aws:lambda:${region}:${account}:function:${name}`,
  "AWS::StepFunctions::StateMachine": (name, { account, region }) => `arn:aws:states:${region}:${account}:stateMachine:${name}`,
  "AWS::IAM::Role": (name, { account }) => `arn:aws:iam::${account}:role/${name}`,
  "AWS::IAM::ManagedPolicy": (name, { account }) => `arn:aws:iam::${account}:policy/${name}`,
  "AWS::ECS::Cluster": (name, { account, region }) => `arn:aws:ecs:${region}:${account}:cluster/${name}`,
  "AWS::Logs::LogGroup": (name, { account, region }) => `arn:aws:logs:${region}:${account}:log-group:${name}:*`,
  "AWS::Events::Rule": (name, { account, region }) => `arn:aws:events:${region}:${account}:rule/${name}`,
  "AWS::CloudWatch::Alarm": (name, { account, region }) => `arn:aws:cloudwatch:${region}:${account}:alarm:${name}`,
};
const nameKeys = [
  "BucketName",
  "TopicName",
  "FunctionName",
  "StateMachineName",
  "ClusterName",
  "LogGroupName",
  "AlarmName",
  "ManagedPolicyName",
  "RoleName",
];

/**
 * `value` with its references replaced. Throws for a reference to what the template does not have.
 */
export function resolve(template: Template, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => resolve(template, each));
  if (typeof value !== "object" || value === null) return value;
  const [[key, argument] = ["", undefined], ...more] = Object.entries(value);
  if (more.length === 0 && key === "Ref") return refer(template, String(argument));
  if (more.length === 0 && key === "Fn::GetAtt") return attribute(template, argument as [string, string]);
  if (more.length === 0 && key === "Fn::Sub") return substitute(template, argument);
  if (more.length === 0 && key === "Fn::Join") {
    const [by, parts] = resolve(template, argument) as [string, string[]];
    return parts.join(by);
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, resolve(template, each)]));
}

function substitute(template: Template, argument: unknown): string {
  const [text, given] = Array.isArray(argument) ? (argument as [string, Record<string, unknown>]) : [String(argument), {}];
  return text.replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => {
    if (name in given) return String(resolve(template, given[name]));
    const [resource = "", ...path] = name.split(".");
    return path.length === 0 ? refer(template, name) : attribute(template, [resource, path.join(".")]);
  });
}

function refer(template: Template, name: string): string {
  const { account, region } = whereOf(template);
  const known = { ...pseudo, "AWS::Region": region, "AWS::AccountId": account }[name];
  if (known !== undefined) return known;
  const { Type } = find(template, name);
  // The reference to these is their ARN; to all others, their name.
  const byArn = ["AWS::SNS::Topic", "AWS::StepFunctions::StateMachine", "AWS::IAM::ManagedPolicy"];
  return byArn.includes(Type) ? arnOf(template, name) : nameOf(template, name);
}

function attribute(template: Template, [name, key]: [string, string]): string {
  return key === "Arn" ? arnOf(template, name) : nameOf(template, name);
}

function find(template: Template, name: string): TemplateResource {
  const resource = template.Resources[name];
  if (resource === undefined) throw new Error(`the template refers to ${name}, which it does not have`);
  return resource;
}

function nameOf(template: Template, name: string): string {
  const { Properties = {} } = find(template, name);
  const given = nameKeys.map((key) => Properties[key]).find((each) => each !== undefined);
  return given === undefined ? name : String(resolve(template, given));
}

function arnOf(template: Template, name: string): string {
  const { Type, Properties = {} } = find(template, name);
  const path = Type === "AWS::IAM::Role" ? String(resolve(template, Properties["Path"] ?? "/")).slice(1) : "";
  const own = `${path}${nameOf(template, name)}`;
  return arns[Type]?.(own, whereOf(template)) ?? `arn:aws:other:::${own}`;
}

/** The statements of a role's own policies, and of those beside it. */
export function statementsOf(template: Template, roleName: string): readonly Statement[] {
  const { Policies = [] } = (find(template, roleName).Properties ?? {}) as { Policies?: readonly { PolicyDocument: unknown }[] };
  const managed = namesOf(template, "AWS::IAM::ManagedPolicy")
    .map((name) => find(template, name).Properties as { Roles?: readonly { Ref: string }[]; PolicyDocument: unknown })
    .filter(({ Roles = [] }) => Roles.some(({ Ref }) => Ref === roleName));
  return [...Policies, ...managed].flatMap(({ PolicyDocument }) => readStatements(template, PolicyDocument));
}

/** Statements with actions and resources as lists. */
export function readStatements(template: Template, document: unknown): readonly Statement[] {
  const { Statement } = resolve(template, document) as { Statement: readonly Record<string, unknown>[] };
  return Statement.map((statement) => ({
    ...(statement as unknown as Statement),
    Action: [statement["Action"]].flat() as string[],
    Resource: [statement["Resource"]].flat() as string[],
  }));
}

/**
 * Whether a role's policies allow an action on a resource, whatever conditions they set: what is
 * refused here is refused always.
 */
export function mayEver(statements: readonly Statement[], action: string, resource: string): boolean {
  return statements.some(
    ({ Effect, Action, Resource }) =>
      Effect === "Allow" &&
      Action.some((pattern) => isLike(pattern, action)) &&
      Resource.some((pattern) => isLike(pattern, resource)),
  );
}

/** IAM's own wildcards. */
function isLike(pattern: string, text: string): boolean {
  const escaped = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${escaped}$`, "s").test(text);
}

/** The names of all resources of a type. */
export function namesOf({ Resources }: Template, type: string): string[] {
  return Object.keys(Resources).filter((name) => Resources[name]?.Type === type);
}

export function propertiesOf(template: Template, name: string): Readonly<Record<string, unknown>> {
  return resolve(template, find(template, name).Properties ?? {}) as Record<string, unknown>;
}
