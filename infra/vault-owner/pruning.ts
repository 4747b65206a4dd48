/**
 * What prunes a vault in the account that owns it: one function, called for each source once a day,
 * and who hears of it when it fails or is not called.
 */
import { slugOf } from "../../functions/commons/source-names.ts";
import { queueAlarmProperties } from "../alarms.ts";
import { logicalId } from "../deployment.ts";
import { functionRoles } from "../function-roles.ts";
import type { FunctionSpec } from "../function-spec.ts";
import { failureDestinations, lambdaArn, lambdaName, pruneSpec, serverlessFunctions } from "../functions.ts";
import { policyResources } from "../policy-secret.ts";
import { fortnightSeconds } from "../schedules.ts";
import { allow, arnOf, forThisAccount, type Resource, type Resources, ref, role } from "../template.ts";
import { alertsKey, topic, topicPolicy } from "../topics.ts";
import { trailResources } from "../trail.ts";
import { vaultResources } from "../vault.ts";
import type { Owner } from "./owner.ts";

/** Spread over an hour: sources have leases of their own, and none waits for another. */
const windowMinutes = 60;
const daySeconds = 86_400;

/** Nobody waits for its end: what fails for good lies in a queue that alarms. */
function specs(owner: Owner): FunctionSpec[] {
  return [{ ...pruneSpec(owner), unattended: true }];
}

/** The `functions` of serverless.vault.yml. */
export const ownerFunctions = (owner: Owner): Record<string, unknown> => serverlessFunctions(owner, specs(owner));

export function ownerResources(owner: Owner): Resources {
  return {
    ...vaultResources(owner),
    ...trailResources(owner),
    ...policyResources(owner),
    ...functionRoles(owner, specs(owner)),
    ...failureDestinations(owner, specs(owner)),
    ...scheduleResources(owner),
    ...alertResources(owner),
  };
}

/** What people need for the other stack's policy and deployment, and for a look. */
export function ownerOutputs(owner: Owner): Readonly<Record<string, unknown>> {
  return {
    Stacks: { Description: "Stacks that may add to the vault and read it", Value: owner.users.stacks.join(",") },
    PruneFunction: { Description: "Deletes what retention releases", Value: ref(lambdaName("prune")) },
  };
}

function scheduleResources({ prefix, policy }: Owner): Resources {
  const each = Object.keys(policy.sources).map((source): [string, Resource] => [
    logicalId("Schedule", "prune", source),
    {
      Type: "AWS::Scheduler::Schedule",
      Properties: {
        GroupName: ref("ScheduleGroup"),
        Name: `prune-${slugOf(source)}`,
        Description: `Holdfast: prunes ${source}, and makes the locks of what is kept last`,
        ScheduleExpression: "cron(0 6 * * ? *)",
        ScheduleExpressionTimezone: policy.timezone,
        FlexibleTimeWindow: { Mode: "FLEXIBLE", MaximumWindowInMinutes: windowMinutes },
        Target: {
          Arn: lambdaArn("prune"),
          RoleArn: arnOf("SchedulerRole"),
          Input: JSON.stringify({ source }),
          DeadLetterConfig: { Arn: arnOf("AlertQueue") },
          RetryPolicy: { MaximumEventAgeInSeconds: 3_600, MaximumRetryAttempts: 10 },
        },
      },
    },
  ]);
  return {
    ScheduleGroup: { Type: "AWS::Scheduler::ScheduleGroup", Properties: { Name: prefix } },
    SchedulerRole: role(
      "scheduler.amazonaws.com",
      [allow(["lambda:InvokeFunction"], [lambdaArn("prune")]), allow(["sqs:SendMessage"], [arnOf("AlertQueue")])],
      { condition: forThisAccount },
    ),
    ...Object.fromEntries(each),
  };
}

function alertResources(owner: Owner): Resources {
  const mails = owner.mail.map((Endpoint): [string, Resource] => [
    logicalId("Mail", Endpoint),
    { Type: "AWS::SNS::Subscription", Properties: { TopicArn: ref("CriticalTopic"), Protocol: "email", Endpoint } },
  ]);
  return {
    AlertsKey: alertsKey(),
    CriticalTopic: topic(owner, "critical"),
    CriticalTopicPolicy: topicPolicy(owner, "critical"),
    ...Object.fromEntries(mails),
    AlertQueue: {
      Type: "AWS::SQS::Queue",
      Properties: { SqsManagedSseEnabled: true, MessageRetentionPeriod: fortnightSeconds },
    },
    PruneFailedAlarm: alarm(
      owner,
      "prune-failed",
      "a prune of the vault failed, or could not be started. Read the message in the queue, then the log of the function prune; nothing is lost, and nothing was deleted that should stay",
      {
        ...queueAlarmProperties("AlertQueue"),
      },
    ),
    PruneSilentAlarm: alarm(
      owner,
      "prune-silent",
      "the vault was not pruned for two days: locks of what is kept are not made longer, and end",
      {
        Namespace: "AWS/Lambda",
        MetricName: "Invocations",
        Dimensions: [{ Name: "FunctionName", Value: ref(lambdaName("prune")) }],
        Statistic: "Sum",
        Period: daySeconds,
        EvaluationPeriods: 2,
        DatapointsToAlarm: 2,
        Threshold: 1,
        ComparisonOperator: "LessThanThreshold",
        TreatMissingData: "breaching",
      },
    ),
  };
}

function alarm({ prefix }: Owner, name: string, description: string, watches: object): Resource {
  return {
    Type: "AWS::CloudWatch::Alarm",
    Properties: {
      AlarmName: `${prefix}-${name}`,
      AlarmDescription: `Holdfast: ${description}`,
      ...watches,
      AlarmActions: [ref("CriticalTopic")],
    },
  };
}
