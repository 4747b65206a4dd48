/**
 * A template as a reviewer reads it: a line for each resource with what matters most, and a line
 * for each right of each role.
 */
import { namesOf, propertiesOf, statementsOf, type Template, type TemplateResource } from "./template-model.ts";

type Properties = Readonly<Record<string, unknown>>;

/** What is said of each kind of resource; the others have their type and name alone. */
const facts: Readonly<Record<string, (properties: Properties) => readonly unknown[]>> = {
  "AWS::CloudWatch::Alarm": (of) => [
    `${of["Namespace"]}/${of["MetricName"]} ${of["Statistic"]}`,
    `${of["ComparisonOperator"] === "LessThanThreshold" ? "<" : ">"} ${of["Threshold"]} for ${of["EvaluationPeriods"]} x ${of["Period"]} s`,
    `missing is ${of["TreatMissingData"]}`,
  ],
  "AWS::ECS::TaskDefinition": (of) => [of["Family"], `${of["Cpu"]} CPU units`, `${of["Memory"]} MB`],
  "AWS::EC2::VPCEndpoint": (of) => [
    `${of["VpcEndpointType"]} ${of["ServiceName"]}`,
    ...(of["PolicyDocument"] === undefined ? ["OPEN"] : []),
  ],
  "AWS::Events::Rule": (of) => [of["Description"]],
  "AWS::IAM::Role": (of) => [trusted(of)],
  "AWS::KMS::Alias": (of) => [of["AliasName"]],
  "AWS::KMS::Key": (of) => [
    of["Description"],
    ...(of["MultiRegion"] === true ? ["multi-Region"] : []),
    ...(of["EnableKeyRotation"] === true ? [`rotates every ${of["RotationPeriodInDays"] ?? 365} days`] : []),
  ],
  "AWS::Lambda::Function": (of) => [
    of["PackageType"] === "Image" ? "image" : `zip ${of["Handler"]}`,
    `${of["MemorySize"]} MB`,
    `${of["Timeout"]} s`,
    ...networkOf(of),
  ],
  "AWS::Lambda::Permission": (of) => [`${of["Principal"]} calls ${last(of["FunctionName"])} for ${last(of["SourceArn"])}`],
  "AWS::Logs::LogGroup": (of) => [of["LogGroupName"], `${of["RetentionInDays"]} days`],
  "AWS::S3::Bucket": (of) => [
    of["BucketName"] ?? "a name of CloudFormation's",
    ...(of["ObjectLockEnabled"] === true ? ["Object Lock"] : []),
    ...(of["VersioningConfiguration"] === undefined ? [] : ["versions"]),
    ...(of["LoggingConfiguration"] === undefined ? [] : ["logs accesses"]),
  ],
  "AWS::S3::BucketPolicy": (of) => sids(of["PolicyDocument"]),
  "AWS::Scheduler::Schedule": (of) => [
    of["ScheduleExpression"],
    of["ScheduleExpressionTimezone"] ?? "",
    `-> ${last((of["Target"] as Properties)["Arn"])} ${String((of["Target"] as Properties)["Input"]).replace(/.*stateMachine:([\w-]+)".*/, "$1")}`,
  ],
  "AWS::SecretsManager::Secret": (of) => [of["Name"]],
  "AWS::SNS::Subscription": (of) => [`${of["Protocol"]} ${last(of["Endpoint"])}`, `of ${last(of["TopicArn"])}`],
  "AWS::SNS::Topic": (of) => [of["TopicName"], of["KmsMasterKeyId"] === undefined ? "NOT ENCRYPTED" : "encrypted"],
  "AWS::SSM::Parameter": (of) => [of["Name"]],
  "AWS::SQS::Queue": (of) => [of["SqsManagedSseEnabled"] === true ? "encrypted" : "NOT ENCRYPTED"],
  "AWS::StepFunctions::StateMachine": (of) => [of["StateMachineName"], `as ${last(of["RoleArn"])}`],
};

function networkOf(of: Properties): string[] {
  const { SecurityGroupIds } = (of["VpcConfig"] ?? {}) as { SecurityGroupIds?: readonly string[] };
  if (SecurityGroupIds === undefined) return [];
  return [SecurityGroupIds.includes("ProvingGroup") ? "in the network without a way out" : "in the sources' network"];
}

const last = (arn: unknown): string => String(arn).split(/[:/]/).at(-1) ?? "";

function trusted(of: Properties): string {
  const { Statement } = of["AssumeRolePolicyDocument"] as { Statement: readonly { Principal: { Service: string } }[] };
  return Statement.map(({ Principal }) => Principal.Service).join(", ");
}

function sids(document: unknown): string[] {
  return (document as { Statement: readonly { Sid?: string }[] }).Statement.map(({ Sid = "?" }) => Sid);
}

/** `Type LogicalId: facts`, in the order of types. */
export function describeResources(template: Template): string {
  const lines = Object.entries(template.Resources).map(([name, resource]) => describe(template, name, resource));
  return `${lines.sort().join("\n")}\n`;
}

function describe(template: Template, name: string, { Type, DeletionPolicy }: TemplateResource): string {
  const told = [
    ...(facts[Type]?.(propertiesOf(template, name)) ?? []),
    ...(DeletionPolicy === "RetainExceptOnCreate" ? ["outlives the stack"] : []),
  ];
  return `${Type} ${name}${told.length === 0 ? "" : `: ${told.filter((fact) => fact !== "").join(", ")}`}`;
}

/** Every role with its statements: actions, resources, and the conditions' keys. */
export function describeRights(template: Template): string {
  const parts = namesOf(template, "AWS::IAM::Role")
    .sort()
    .map((name) => {
      const lines = statementsOf(template, name).map(({ Sid, Effect, Action, Resource, Condition }) => {
        const when = Condition === undefined ? "" : `\n      when ${JSON.stringify(Condition)}`;
        const why = Sid === undefined ? "" : `\n      because ${Sid}`;
        return `  ${Effect.toLowerCase()} ${Action.join(", ")}\n    on ${Resource.join("\n       ")}${when}${why}`;
      });
      return `${name} (${trusted(propertiesOf(template, name))})\n${lines.join("\n")}\n`;
    });
  return parts.join("\n");
}
