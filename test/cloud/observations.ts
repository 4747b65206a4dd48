/**
 * What is seen of an emulator where it differs from AWS: one observation for each correction of
 * scripts/cloud-ministack.py, and what AWS's documentation says should be seen.
 */
import { CreateStackCommand, DescribeStacksCommand, UpdateStackCommand } from "@aws-sdk/client-cloudformation";
import { CreateAliasCommand, CreateKeyCommand, GenerateDataKeyCommand } from "@aws-sdk/client-kms";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetObjectLockConfigurationCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
} from "@aws-sdk/client-s3";
import { CreateScheduleCommand } from "@aws-sdk/client-scheduler";
import { CreateQueueCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { account, region } from "../../scripts/cloud-stack.ts";
import { waitFor } from "../support/processes.ts";
import { type Emulator, makeFunction, makeStack, nameOf, probeRole, runMachine, withRole } from "./emulator.ts";
import { foreignObservations } from "./foreign-observations.ts";

interface Observation {
  /** The function of the wrapper. */
  readonly correction: string;
  readonly aws: unknown;
  see(emulator: Emulator): Promise<unknown>;
}

/** Only root has rights to lose. */
export const isRoot = process.getuid?.() === 0;

export const observations: readonly Observation[] = [
  { correction: "keep_error_names", aws: "SourceUnreachable", see: seeErrorName },
  ...(isRoot ? [{ correction: "run_as_nobody", aws: "not root", see: seeUser }] : []),
  { correction: "evaluate_distributed_map", aws: { status: "SUCCEEDED", output: { sum: 6, first: 1 } }, see: seeDistributedMap },
  { correction: "evaluate_succeed_output", aws: { status: "SUCCEEDED", output: { twice: 42 } }, see: seeSucceedOutput },
  { correction: "evaluate_task_timeout", aws: { status: "SUCCEEDED", output: "nobody answered" }, see: seeTaskTimeout },
  { correction: "fill_scheduled_time", aws: "as scheduled", see: seeScheduledTime },
  { correction: "authorize_alias_as_key", aws: "allowed", see: (emulator) => seeKeyUse(emulator, "by-alias", {}) },
  {
    correction: "know_key_conditions",
    aws: "allowed",
    see: (emulator) =>
      seeKeyUse(emulator, "by-condition", {
        StringEquals: { "kms:EncryptionContext:source": "shop" },
        "ForAnyValue:StringEquals": { "kms:ResourceAliases": ["alias/by-condition"] },
      }),
  },
  { correction: "know_legal_holds", aws: ["allowed", "AccessDenied"], see: seeLegalHolds },
  { correction: "know_conditional_writes", aws: ["AccessDenied", "allowed"], see: seeConditionalWrites },
  { correction: "run_tasks_as_processes", aws: { status: "SUCCEEDED", output: "answered" }, see: seeTask },
  {
    correction: "apply_bucket_properties",
    aws: { encryption: "aws:kms", lifecycle: [{ ID: "old", Days: 3 }] },
    see: async (emulator) => {
      const { encryption, lifecycle } = await seeBucket(emulator, "properties");
      return { encryption, lifecycle };
    },
  },
  { correction: "keep_nested_attributes", aws: "UPDATE_COMPLETE", see: seeNestedUpdate },
  { correction: "enable_object_lock", aws: "Enabled", see: async (emulator) => (await seeBucket(emulator, "locked")).lock },
  ...foreignObservations,
];

async function seeErrorName(emulator: Emulator): Promise<unknown> {
  await makeFunction(emulator, "failing");
  const command = new InvokeCommand({ FunctionName: "failing", Payload: JSON.stringify({ fail: true }) });
  const { Payload } = await emulator.clients.lambda.send(command);
  return (JSON.parse(Buffer.from(Payload ?? []).toString()) as { errorType: string }).errorType;
}

async function seeUser(emulator: Emulator): Promise<unknown> {
  await makeFunction(emulator, "asking");
  const { Payload } = await emulator.clients.lambda.send(new InvokeCommand({ FunctionName: "asking", Payload: "{}" }));
  return JSON.parse(Buffer.from(Payload ?? []).toString()) === 0 ? "root" : "not root";
}

async function seeDistributedMap(emulator: Emulator): Promise<unknown> {
  const { s3 } = emulator.clients;
  await s3.send(new CreateBucketCommand({ Bucket: "lists", CreateBucketConfiguration: { LocationConstraint: region } }));
  await s3.send(new PutObjectCommand({ Bucket: "lists", Key: "lists/one.json", Body: "[1, 2, 3]" }));
  return runMachine(
    emulator,
    "distributed",
    { bucket: "lists" },
    {
      StartAt: "Each",
      States: {
        Each: {
          Type: "Map",
          ItemReader: {
            Resource: "arn:aws:states:::s3:getObject",
            ReaderConfig: { InputType: "JSON" },
            Arguments: { Bucket: "{% $states.input.bucket %}", Key: "lists/one.json" },
          },
          ItemProcessor: {
            ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
            StartAt: "One",
            States: { One: { Type: "Pass", Output: "{% $states.input %}", End: true } },
          },
          Assign: { sum: "{% $sum($states.result) %}" },
          Output: "{% $states.result[0] %}",
          Next: "Sum",
        },
        Sum: { Type: "Pass", Output: { sum: "{% $sum %}", first: "{% $states.input %}" }, End: true },
      },
    },
  );
}

/**
 * What plays the image of `seeTask`: it answers its task token. Nobody checks the signature of this
 * call.
 */
export const taskProgram = `
await fetch(process.env.AWS_ENDPOINT_URL, {
  method: "POST",
  headers: {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "AWSStepFunctions.SendTaskSuccess",
    authorization: "AWS4-HMAC-SHA256 Credential=test/20261121/${region}/states/aws4_request, SignedHeaders=host, Signature=0",
  },
  body: JSON.stringify({ taskToken: process.env.TOKEN, output: '"answered"' }),
});`;

async function seeTaskTimeout(emulator: Emulator): Promise<unknown> {
  await makeFunction(emulator, "waiting");
  const Resource = "arn:aws:states:::lambda:invoke.waitForTaskToken";
  const Arguments = { FunctionName: "waiting", Payload: {} };
  const Catch = [{ ErrorEquals: ["States.Timeout"], Output: "nobody answered", Next: "Done" }];
  const Wait = { Type: "Task", Resource, TimeoutSeconds: "{% 1 + 1 %}", Arguments, Catch, End: true };
  return runMachine(emulator, "waiting-for-a-person", {}, { StartAt: "Wait", States: { Wait, Done: { Type: "Succeed" } } });
}

async function seeTask(emulator: Emulator): Promise<unknown> {
  const container = { Name: "probe", Image: "no-such-image:0", EntryPoint: ["node", "/var/task/probe.mjs"], Essential: true };
  await makeStack(emulator, "tasks", {
    Cluster: { Type: "AWS::ECS::Cluster", Properties: { ClusterName: "tasks" } },
    Task: {
      Type: "AWS::ECS::TaskDefinition",
      Properties: {
        Family: "probe",
        RequiresCompatibilities: ["FARGATE"],
        NetworkMode: "awsvpc",
        Cpu: "256",
        Memory: "512",
        TaskRoleArn: probeRole,
        ContainerDefinitions: [container],
      },
    },
  });
  const Environment = [{ Name: "TOKEN", Value: "{% $states.context.Task.Token %}" }];
  const Arguments = {
    Cluster: "tasks",
    LaunchType: "FARGATE",
    TaskDefinition: "probe",
    Overrides: { ContainerOverrides: [{ Name: "probe", Environment }] },
  };
  const Resource = "arn:aws:states:::ecs:runTask.waitForTaskToken";
  const States = { Run: { Type: "Task", Resource, TimeoutSeconds: 5, Arguments, End: true } };
  return runMachine(emulator, "running-a-task", {}, { StartAt: "Run", States });
}

function seeSucceedOutput(emulator: Emulator): Promise<unknown> {
  const States = { Done: { Type: "Succeed", Output: { twice: "{% $states.input.n * 2 %}" } } };
  return runMachine(emulator, "succeeding", { n: 21 }, { StartAt: "Done", States });
}

async function seeScheduledTime({ clients: { scheduler, sqs } }: Emulator): Promise<unknown> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "fired" }));
  const at = new Date(Date.now() + 1_000).toISOString().slice(0, 19);
  await scheduler.send(
    new CreateScheduleCommand({
      Name: "probe",
      ScheduleExpression: `at(${at})`,
      FlexibleTimeWindow: { Mode: "OFF" },
      Target: {
        Arn: `arn:aws:sqs:${region}:${account}:fired`,
        RoleArn: probeRole,
        Input: JSON.stringify({ at: "<aws.scheduler.scheduled-time>" }),
      },
    }),
  );
  let body: string | undefined;
  const receive = async (): Promise<boolean> => {
    body = (await sqs.send(new ReceiveMessageCommand({ QueueUrl }))).Messages?.[0]?.Body;
    return body !== undefined;
  };
  await waitFor("the schedule", receive, 300_000);
  const { at: told } = JSON.parse(body ?? "{}") as { at: string };
  return told === `${at}Z` ? "as scheduled" : told;
}

/**
 * A role that may use one key, under a condition, asks for a data key; by the key's alias where
 * that is its name.
 */
async function seeKeyUse(emulator: Emulator, name: string, Condition: object): Promise<unknown> {
  const { kms } = emulator.clients;
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  await kms.send(new CreateAliasCommand({ AliasName: `alias/${name}`, TargetKeyId: KeyMetadata?.KeyId }));
  const right = { Action: "kms:GenerateDataKey", Resource: KeyMetadata?.Arn, Condition };
  return withRole(emulator, name, right, async (own) => {
    const KeyId = name === "by-alias" ? `alias/${name}` : KeyMetadata?.KeyId;
    return own.kms
      .send(new GenerateDataKeyCommand({ KeyId, KeySpec: "AES_256", EncryptionContext: { source: "shop" } }))
      .then(() => "allowed", nameOf);
  });
}

/**
 * What a bucket's policy that asks for conditional writes makes of a plain write, and of a
 * conditional one.
 */
async function seeLegalHolds(emulator: Emulator): Promise<unknown> {
  const { s3 } = emulator.clients;
  const Bucket = "held";
  const CreateBucketConfiguration = { LocationConstraint: region } as const;
  await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration, ObjectLockEnabledForBucket: true }));
  await s3.send(new PutObjectCommand({ Bucket, Key: "one", Body: "x" }));
  const Condition = { StringEquals: { "s3:object-lock-legal-hold": "ON" } };
  const right = { Action: "s3:PutObjectLegalHold", Resource: `arn:aws:s3:::${Bucket}/*`, Condition };
  return withRole(emulator, "holder", right, async (own) => {
    const hold = (Status: "ON" | "OFF"): Promise<string> =>
      own.s3.send(new PutObjectLegalHoldCommand({ Bucket, Key: "one", LegalHold: { Status } })).then(() => "allowed", nameOf);
    return [await hold("ON"), await hold("OFF")];
  });
}

async function seeConditionalWrites(emulator: Emulator): Promise<unknown> {
  const { s3 } = emulator.clients;
  const Bucket = "append-only";
  await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: region } }));
  const Resource = `arn:aws:s3:::${Bucket}/*`;
  const Condition = { Null: { "s3:if-none-match": "true" }, Bool: { "s3:ObjectCreationOperation": "true" } };
  const Statement = [{ Effect: "Deny", Principal: "*", Action: "s3:PutObject", Resource, Condition }];
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: "2012-10-17", Statement }) }));
  return withRole(emulator, "writer", { Action: "s3:PutObject", Resource }, async (own) => {
    const write = (more: object): Promise<string> =>
      own.s3.send(new PutObjectCommand({ Bucket, Key: "one", Body: "x", ...more })).then(() => "allowed", nameOf);
    return [await write({}), await write({ IfNoneMatch: "*" })];
  });
}

/** In a nested stack, one resource changes that refers to another, which does not. */
async function seeNestedUpdate({ clients: { cloudFormation, s3 } }: Emulator): Promise<unknown> {
  const Bucket = "nested-updates";
  await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: region } }));
  const put = async (text: string): Promise<string> => {
    const Value = { "Fn::Join": ["", [text, { "Fn::GetAtt": ["Queue", "Arn"] }]] };
    const Parameter = { Type: "AWS::SSM::Parameter", Properties: { Name: "of-nested", Type: "String", Value } };
    const Body = JSON.stringify({ Resources: { Queue: { Type: "AWS::SQS::Queue" }, Parameter } });
    await s3.send(new PutObjectCommand({ Bucket, Key: `${text}.json`, Body }));
    const TemplateURL = `https://s3.${region}.amazonaws.com/${Bucket}/${text}.json`;
    return JSON.stringify({ Resources: { Nested: { Type: "AWS::CloudFormation::Stack", Properties: { TemplateURL } } } });
  };
  const StackName = "with-nested";
  const status = async () => (await cloudFormation.send(new DescribeStacksCommand({ StackName }))).Stacks?.[0]?.StackStatus ?? "";
  await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody: await put("first") }));
  await waitFor("the stack with a nested one", async () => (await status()) === "CREATE_COMPLETE", 300_000);
  await cloudFormation.send(new UpdateStackCommand({ StackName, TemplateBody: await put("second") }));
  await waitFor("its update", async () => /^UPDATE_.*(?:COMPLETE|FAILED)$/.test(await status()), 300_000);
  return status();
}

async function seeBucket(emulator: Emulator, Bucket: string) {
  const { s3 } = emulator.clients;
  const Properties = {
    BucketName: Bucket,
    VersioningConfiguration: { Status: "Enabled" },
    ObjectLockEnabled: true,
    BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms" } }] },
    LifecycleConfiguration: { Rules: [{ Id: "old", Status: "Enabled", Prefix: "old/", ExpirationInDays: 3 }] },
  };
  await makeStack(emulator, Bucket, { Bucket: { Type: "AWS::S3::Bucket", Properties } });
  return {
    encryption: await s3
      .send(new GetBucketEncryptionCommand({ Bucket }))
      .then(
        ({ ServerSideEncryptionConfiguration: found }) => found?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm,
        nameOf,
      ),
    lifecycle: await s3
      .send(new GetBucketLifecycleConfigurationCommand({ Bucket }))
      .then(({ Rules }) => Rules?.map(({ ID, Expiration }) => ({ ID, Days: Expiration?.Days })), nameOf),
    lock: await s3
      .send(new GetObjectLockConfigurationCommand({ Bucket }))
      .then(({ ObjectLockConfiguration }) => ObjectLockConfiguration?.ObjectLockEnabled, nameOf),
  };
}
