/**
 * When things happen: a schedule for every time at which the policy has something begin, and one
 * for the watch.
 */
import { awsCron, shortestGapSeconds } from "./aws-cron.ts";
import { type Deployment, logicalId } from "./deployment.ts";
import { lambdaArn } from "./functions.ts";
import { type PlannedRun, plannedRunsOf } from "./planned-runs.ts";
import { allow, arnOf, forThisAccount, ownArn, type Resource, type Resources, ref, role, sub } from "./template.ts";

/**
 * EventBridge spreads starts over so much time where the policy does not say: many policies begin
 * at the same minute.
 */
const usualWindowSeconds = 300;
/**
 * A start that could not be delivered within an hour is given up, and alarms from the queue: a day
 * later it would only come on top of the next.
 */
const maxAgeSeconds = 3_600;
const maxAttempts = 10;
/**
 * How often the watch looks: as often as the shortest objective of a tier (src/policy/defaults.ts).
 */
export const watchMinutes = 15;
/** Amazon SQS's most: how long an event waits for somebody to look. */
export const fortnightSeconds = 1_209_600;

export function scheduleResources(deployment: Deployment): Resources {
  const resources: Record<string, Resource> = {
    ScheduleGroup: { Type: "AWS::Scheduler::ScheduleGroup", Properties: { Name: deployment.prefix } },
    ScheduleQueue: {
      Type: "AWS::SQS::Queue",
      Properties: { SqsManagedSseEnabled: true, MessageRetentionPeriod: fortnightSeconds },
    },
    SchedulerRole: role(
      "scheduler.amazonaws.com",
      [
        allow(["lambda:InvokeFunction"], [lambdaArn("start"), lambdaArn("watch")]),
        allow(["sqs:SendMessage"], [arnOf("ScheduleQueue")]),
      ],
      { condition: forThisAccount },
    ),
    ScheduleWatch: watch(),
  };
  for (const run of plannedRunsOf(deployment)) {
    for (const [index, expression] of awsCron(run.cron).entries()) {
      // No source's name has an underscore: the second schedule of one cannot be another's first.
      const name = index === 0 ? run.name : `${run.name}_${index + 1}`;
      resources[logicalId("Schedule", name)] = schedule(deployment, run, name, expression);
    }
  }
  return resources;
}

function schedule({ prefix, policy }: Deployment, run: PlannedRun, name: string, expression: string): Resource {
  const { cron, machine, input } = run;
  const event = {
    schedule: run.name,
    // EventBridge puts the instant here; the same in every delivery of it.
    scheduledAt: "<aws.scheduler.scheduled-time>",
    stateMachineArn: ownArn("states", `stateMachine:${prefix}-${machine}`)["Fn::Sub"],
    input,
  };
  const gapSeconds = shortestGapSeconds(cron);
  return {
    Type: "AWS::Scheduler::Schedule",
    Properties: {
      GroupName: ref("ScheduleGroup"),
      Name: name,
      Description: `Holdfast: ${cron} in ${policy.timezone}, ${run.sources} source${run.sources === 1 ? "" : "s"}`,
      ScheduleExpression: expression,
      ScheduleExpressionTimezone: policy.timezone,
      FlexibleTimeWindow: window(run, gapSeconds),
      Target: target("start", sub(JSON.stringify(event)), gapSeconds),
    },
  };
}

/** No wider than a third of the time between two runs, so that they keep apart. */
function window({ windowSeconds = usualWindowSeconds }: PlannedRun, gapSeconds: number) {
  const minutes = Math.floor(Math.min(windowSeconds, gapSeconds / 3) / 60);
  return minutes === 0 ? { Mode: "OFF" } : { Mode: "FLEXIBLE", MaximumWindowInMinutes: minutes };
}

/**
 * The watch looks at the vault and the policy alone; what it finds does not depend on any other
 * schedule, machine or function.
 */
function watch(): Resource {
  return {
    Type: "AWS::Scheduler::Schedule",
    Properties: {
      GroupName: ref("ScheduleGroup"),
      Name: "watch",
      ScheduleExpression: `rate(${watchMinutes} minutes)`,
      FlexibleTimeWindow: { Mode: "OFF" },
      Target: target("watch", "{}", watchMinutes * 60),
    },
  };
}

function target(key: "start" | "watch", input: unknown, gapSeconds: number) {
  return {
    Arn: lambdaArn(key),
    RoleArn: arnOf("SchedulerRole"),
    Input: input,
    DeadLetterConfig: { Arn: arnOf("ScheduleQueue") },
    // No longer than until the next run.
    RetryPolicy: { MaximumEventAgeInSeconds: Math.min(maxAgeSeconds, gapSeconds), MaximumRetryAttempts: maxAttempts },
  };
}
