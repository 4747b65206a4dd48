/**
 * What speaks when a machine or a container cannot: the rules on executions that ended badly and on
 * containers that stopped, and the queue of alerts that did not arrive.
 */
import type { Deployment } from "./deployment.ts";
import { lambdaArn } from "./functions.ts";
import { machineLogicalNames } from "./machines.ts";
import { fortnightSeconds } from "./schedules.ts";
import { arnOf, type Resource, type Resources, ref } from "./template.ts";
import { hasContainers } from "./tools.ts";
import { permission, topicResources } from "./topics.ts";

export function alertResources(deployment: Deployment): Resources {
  return {
    ...topicResources(deployment),
    ExecutionRule: executionRule(),
    ...(hasContainers(deployment)
      ? { TaskRule: taskRule(), TaskRulePermission: permission("on-task", "events.amazonaws.com", arnOf("TaskRule")) }
      : {}),
    ExecutionRulePermission: permission("on-execution", "events.amazonaws.com", arnOf("ExecutionRule")),
    AlertQueue: {
      Type: "AWS::SQS::Queue",
      Properties: { SqsManagedSseEnabled: true, MessageRetentionPeriod: fortnightSeconds },
    },
    QueuesPolicy: queuesPolicy(),
  };
}

/**
 * An execution that ends badly is told of, even when its own Catch could not: States.Runtime and
 * States.DataLimitExceeded cannot be caught.
 */
function executionRule(): Resource {
  return {
    Type: "AWS::Events::Rule",
    Properties: {
      Description: "Holdfast: executions that failed, timed out or were aborted",
      EventPattern: {
        source: ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        detail: {
          status: ["FAILED", "TIMED_OUT", "ABORTED"],
          stateMachineArn: Object.values(machineLogicalNames).map((name) => ref(name)),
        },
      },
      Targets: [targetOf("on-execution")],
    },
  };
}

/**
 * A container that stopped: one that never started answers nobody, and its state machine would wait
 * for a sign of life from it.
 */
function taskRule(): Resource {
  return {
    Type: "AWS::Events::Rule",
    Properties: {
      Description: "Holdfast: containers that stopped",
      EventPattern: {
        source: ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        detail: { lastStatus: ["STOPPED"], clusterArn: [arnOf("Cluster")] },
      },
      Targets: [targetOf("on-task")],
    },
  };
}

function targetOf(key: string) {
  return {
    Id: key,
    Arn: lambdaArn(key),
    DeadLetterConfig: { Arn: arnOf("AlertQueue") },
    RetryPolicy: { MaximumEventAgeInSeconds: 3_600, MaximumRetryAttempts: 20 },
  };
}

/** Functions that failed send with their own roles; a rule and a topic have none. */
function queuesPolicy(): Resource {
  return {
    Type: "AWS::SQS::QueuePolicy",
    Properties: {
      Queues: [ref("AlertQueue")],
      PolicyDocument: {
        Version: "2012-10-17",
        Statement: [
          {
            Sid: "UndeliveredAlerts",
            Effect: "Allow",
            Principal: { Service: ["events.amazonaws.com", "sns.amazonaws.com"] },
            Action: "sqs:SendMessage",
            Resource: arnOf("AlertQueue"),
            Condition: { StringEquals: { "aws:SourceAccount": ref("AWS::AccountId") } },
          },
        ],
      },
    },
  };
}
