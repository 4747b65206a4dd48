/**
 * A small stack in a local cloud: real state machines under the names of the deployed ones, whose
 * states wait, fail or call back as their input says.
 */
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { CreateStateMachineCommand, SendTaskFailureCommand, SFNClient } from "@aws-sdk/client-sfn";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const region = "eu-central-1";
const credentials = { accessKeyId: "test", secretAccessKey: "test" };

export interface SampleStack {
  readonly client: SFNClient;
  readonly env: Readonly<Record<string, string>>;
  /** Fails the Task that waits for an answer next, as a container of the stack does. */
  failNextTask(error: string, message: string): Promise<void>;
  close(): void;
}

/**
 * The deployed machine's shape: a step that may fail, an alert, and a Fail state with the step's
 * own error.
 */
function backupMachine(queueUrl: string) {
  const ask = (timeoutSeconds: number) => ({
    Type: "Task",
    Resource: "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    TimeoutSeconds: timeoutSeconds,
    Arguments: { QueueUrl: queueUrl, MessageBody: { token: "{% $states.context.Task.Token %}" } },
    Retry: [{ ErrorEquals: ["SourceUnreachable"], IntervalSeconds: 1, MaxAttempts: 1 }],
    Catch: [{ ErrorEquals: ["States.ALL"], Assign: { failure: "{% $states.errorOutput %}" }, Next: "Alert" }],
    Next: "Done",
  });
  const when = (source: string, Next: string) => ({ Condition: `{% $states.input.source = '${source}' %}`, Next });
  return {
    QueryLanguage: "JSONata",
    StartAt: "Plan",
    States: {
      Plan: { Type: "Pass", Next: "ChooseRunner" },
      ChooseRunner: {
        Type: "Choice",
        Choices: [when("broken", "Dump"), when("slow", "DumpTooLong"), when("endless", "DumpForever")],
        Default: "DumpSlowly",
      },
      Dump: ask(30),
      DumpTooLong: ask(1),
      DumpForever: { Type: "Wait", Seconds: 300, Next: "Done" },
      DumpSlowly: { Type: "Wait", Seconds: 2, Next: "Done" },
      Done: {
        Type: "Pass",
        Output: {
          source: "shop",
          backupId: "20261121T020000Z-full-7k3f9a",
          storedBytes: 52_428_800,
          outcome: "verified",
          deleted: 1,
        },
        End: true,
      },
      Alert: { Type: "Pass", Next: "FailedAndTold" },
      FailedAndTold: { Type: "Fail", Error: "{% $failure.Error %}", Cause: "{% 'alerted: ' & $failure.Cause %}" },
    },
  };
}

const restoreMachine = {
  QueryLanguage: "JSONata",
  StartAt: "Restore",
  States: {
    Restore: {
      Type: "Choice",
      Choices: [{ Condition: "{% $states.input.to = 'of_a_damaged_one' %}", Next: "FailedAndTold" }],
      Default: "Done",
    },
    FailedAndTold: {
      Type: "Fail",
      Error: "BackupDamaged",
      Cause: 'alerted: {"errorType":"BackupDamaged","errorMessage":"backup x is damaged","trace":["    at restore"]}',
    },
    Done: { Type: "Pass", Output: "{% {'given': $states.input} %}", End: true },
  },
};

const restoreTestMachine = {
  QueryLanguage: "JSONata",
  StartAt: "Done",
  States: {
    Done: {
      Type: "Pass",
      Output: { source: "shop", outcome: "proven", restoreSeconds: 90, rtoSeconds: 60, rtoMet: false },
      End: true,
    },
  },
};

const verifyMachine = {
  StartAt: "VerifyEach",
  States: {
    VerifyEach: {
      Type: "Map",
      ItemsPath: "$.sources",
      ToleratedFailurePercentage: 100,
      ItemProcessor: {
        ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
        StartAt: "Choose",
        States: {
          Choose: { Type: "Choice", Choices: [{ Variable: "$", StringEquals: "broken", Next: "Bad" }], Default: "Verify" },
          Bad: { Type: "Fail", Error: "BackupDamaged", Cause: "it is" },
          Verify: { Type: "Wait", Seconds: 1, End: true },
        },
      },
      ResultPath: "$.results",
      Next: "Done",
    },
    Done: { Type: "Succeed" },
  },
};

/** Makes the machines of `stack`, and its policy's secret. */
export async function createSampleStack(endpoint: string, stack: string, policySecret: string): Promise<SampleStack> {
  const client = new SFNClient({ endpoint, region, credentials });
  const queues = new SQSClient({ endpoint, region, credentials });
  const { QueueUrl: queueUrl = "" } = await queues.send(new CreateQueueCommand({ QueueName: `${stack}-tokens` }));
  const machines = {
    backup: backupMachine(queueUrl),
    restore: restoreMachine,
    "restore-test": restoreTestMachine,
    verify: verifyMachine,
  };
  for (const [name, definition] of Object.entries(machines)) {
    await client.send(
      new CreateStateMachineCommand({
        name: `${stack}-${name}`,
        roleArn: "arn:aws:iam::000000000000:role/machine",
        definition: JSON.stringify(definition),
      }),
    );
  }
  const secrets = new SecretsManagerClient({ endpoint, region, credentials });
  await secrets.send(new CreateSecretCommand({ Name: `${stack}/policy`, SecretString: policySecret }));
  secrets.destroy();
  return {
    client,
    env: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    failNextTask: async (error, message) => {
      const taskToken = await nextToken(queues, queueUrl);
      const cause = JSON.stringify({ errorType: error, errorMessage: message, trace: ["    at dump (dump.ts:1:1)"] });
      await client.send(new SendTaskFailureCommand({ taskToken, error, cause }));
    },
    close: () => {
      client.destroy();
      queues.destroy();
    },
  };
}

async function nextToken(queues: SQSClient, queueUrl: string): Promise<string> {
  const deadline = performance.now() + 120_000;
  while (performance.now() < deadline) {
    const { Messages = [] } = await queues.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 1 }));
    const [message] = Messages;
    if (message?.Body === undefined) continue;
    await queues.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }));
    return JSON.parse(message.Body).token;
  }
  throw new Error("no Task has asked for an answer");
}
