/**
 * Alarms: the second line behind the functions that alert. They look at figures alone, and speak
 * when those are bad, when they stay away, and when something lies in a queue that should be empty.
 */
import { outcomeRules } from "../src/alerts/severity.ts";
import type { Severity, SourceConfig } from "../src/policy/policy.ts";
import { longestGapSeconds } from "./aws-cron.ts";
import { type Deployment, logicalId } from "./deployment.ts";
import { ownMetric } from "./metrics.ts";
import { watchMinutes } from "./schedules.ts";
import { type Resource, type Resources, ref } from "./template.ts";
import { severities, topicNames } from "./topics.ts";

/**
 * As long as the watch may be silent, or say the same, before an alarm doubts that its own alerts
 * arrive.
 */
const looks = 4;
const daySeconds = 86_400;

interface AlarmSpec {
  readonly name: string;
  /** What is wrong and what to do, in sentences: people read it in a mail. */
  readonly description: string;
  /** Metric, threshold and the rest, as CloudFormation has them. */
  readonly watches: Readonly<Record<string, unknown>>;
  readonly severity?: Severity;
  /** Tells also that it is well again. */
  readonly recovers?: boolean;
}

export function alarmResources(deployment: Deployment): Resources {
  const { prefix, policy } = deployment;
  const specs = [
    ...Object.values(policy.sources).flatMap((source) => sourceAlarms(deployment, source)),
    watchAlarm(deployment),
    queueAlarm("ScheduleQueue", "a schedule could not start its state machine"),
    queueAlarm("AlertQueue", "an alert could not be delivered, or a function that alerts has failed"),
    ...severities.map((severity) => deliveryAlarm(deployment, severity)),
  ];
  return Object.fromEntries(specs.map((spec) => [alarmId(spec), alarm(prefix, spec)]));
}

const alarmId = ({ name }: AlarmSpec): string => logicalId(...name.split("/"), "Alarm");

/** The logical ids of a source's alarms. */
export function sourceAlarmIds(deployment: Deployment, source: SourceConfig): string[] {
  return sourceAlarms(deployment, source).map(alarmId);
}

/** The names of the alarms in CloudWatch, for the dashboard. */
export function alarmNames(deployment: Deployment): readonly string[] {
  return Object.values(alarmResources(deployment)).map(({ Properties }) => String(Properties?.["AlarmName"]));
}

function alarm(prefix: string, { name, description, watches, severity = "critical", recovers = false }: AlarmSpec): Resource {
  const actions = [ref(topicNames[severity])];
  return {
    Type: "AWS::CloudWatch::Alarm",
    Properties: {
      AlarmName: `${prefix}-${name.replaceAll("/", "-")}`,
      AlarmDescription: `Holdfast: ${description}`,
      ...watches,
      AlarmActions: actions,
      ...(recovers ? { OKActions: actions } : {}),
    },
  };
}

function sourceAlarms(deployment: Deployment, source: SourceConfig): AlarmSpec[] {
  const { name, tier } = source;
  const { rpoSeconds } = source.objectives;
  const metric = (metricName: string, statistic: string) => ownMetric(deployment, metricName, statistic, name);
  const specs: AlarmSpec[] = [
    {
      name: `failures/${name}`,
      description: `a run of ${name} has failed for good. Look at it with: holdfast --stack ${deployment.prefix} status ${name}`,
      severity: outcomeRules.overdue.severity[tier],
      watches: { ...metric("Failures", "Sum"), ...threshold(1, 0, watchMinutes * 60), TreatMissingData: "notBreaching" },
    },
  ];
  if (Object.keys(source.schedules).length > 0) {
    specs.push({
      name: `age/${name}`,
      description: `the newest verified backup of ${name} is older than its objective of ${rpoSeconds} s, or none is known. Make one with: holdfast --stack ${deployment.prefix} backup ${name}`,
      severity: outcomeRules["objective breached"].severity[tier],
      recovers: true,
      // The watch's own judgement: while a scheduled run is at work, the age is no breach.
      watches: { ...metric("RpoBreached", "Minimum"), ...threshold(looks, 0), TreatMissingData: "breaching" },
    });
  }
  const { schedule } = source.restoreTest;
  if (schedule === undefined) return specs;
  const provenSeconds = longestGapSeconds(schedule) + daySeconds;
  return [
    ...specs,
    {
      name: `proof/${name}`,
      description: `no backup of ${name} has been proven by a restore for ${Math.round(provenSeconds / daySeconds)} days. Test one with: holdfast --stack ${deployment.prefix} restore-test ${name}`,
      severity: outcomeRules.overdue.severity[tier],
      recovers: true,
      // Before the first test there is no figure; that a test is overdue is for the watch to say.
      watches: { ...metric("ProvenAgeSeconds", "Maximum"), ...threshold(looks, provenSeconds), TreatMissingData: "notBreaching" },
    },
  ];
}

function threshold(periods: number, value: number, seconds = watchMinutes * 60) {
  return {
    Period: seconds,
    EvaluationPeriods: periods,
    DatapointsToAlarm: periods,
    Threshold: value,
    ComparisonOperator: "GreaterThanThreshold",
  };
}

/** Silence is an alarm: the watch counts what it has looked at whenever it is done. */
function watchAlarm(deployment: Deployment): AlarmSpec {
  return {
    name: "watch",
    description: `the watch has not looked at the backups for ${looks * watchMinutes} minutes: nobody will tell of a backup that does not happen. Read the log of ${deployment.prefix}-watch`,
    recovers: true,
    watches: {
      ...ownMetric(deployment, "WatchedSources", "SampleCount"),
      ...threshold(looks, 1),
      ComparisonOperator: "LessThanThreshold",
      TreatMissingData: "breaching",
    },
  };
}

/**
 * A message in a dead-letter queue is a schedule that did not start or an alert that did not
 * arrive.
 */
function queueAlarm(queue: "ScheduleQueue" | "AlertQueue", what: string): AlarmSpec {
  return {
    name: queue,
    description: `${what}. The message in the queue says which and why`,
    watches: queueAlarmProperties(queue),
  };
}

/** Something lies in a queue. */
export function queueAlarmProperties(queue: string) {
  return {
    Namespace: "AWS/SQS",
    MetricName: "ApproximateNumberOfMessagesVisible",
    Dimensions: [{ Name: "QueueName", Value: { "Fn::GetAtt": [queue, "QueueName"] } }],
    Statistic: "Maximum",
    ...threshold(1, 0, 60),
    TreatMissingData: "notBreaching",
  };
}

/**
 * Those who should hear of the next failure will not: told on another topic than the one that is
 * broken.
 */
function deliveryAlarm({ prefix }: Deployment, severity: Severity): AlarmSpec {
  return {
    name: `delivery/${severity}`,
    description: `the topic ${prefix}-${severity} could not reach a subscriber. Look at its subscriptions: an address that bounces, or a function that fails`,
    severity: severity === "critical" ? "warning" : "critical",
    watches: {
      Namespace: "AWS/SNS",
      MetricName: "NumberOfNotificationsFailed",
      Dimensions: [{ Name: "TopicName", Value: { "Fn::GetAtt": [topicNames[severity], "TopicName"] } }],
      Statistic: "Sum",
      ...threshold(1, 0, 300),
      TreatMissingData: "notBreaching",
    },
  };
}
