/** A dashboard of the policy: what is promised for each source, and what is measured. */
import type { SourceConfig } from "../src/policy/policy.ts";
import { alarmNames } from "./alarms.ts";
import type { Deployment } from "./deployment.ts";
import { machineNames } from "./machine-names.ts";
import { graphMetric } from "./metrics.ts";
import { ownArn, type Resource, type Resources, sub } from "./template.ts";

/** CloudWatch's grid is 24 wide. */
const width = 24;
const rowHeight = 6;
const headHeight = 2;
/** Amazon CloudWatch user guide, "Alarm widget": the most alarms in one. */
const maxAlarms = 100;

type Widget = Readonly<Record<string, unknown>>;

/**
 * Sources of one dashboard: each has four widgets, and CloudWatch takes 500 in one (Amazon
 * CloudWatch user guide, "Service quotas").
 */
const sourcesOfDashboard = 100;

/** One for every hundred sources; the first has the overview and the alarms of all. */
export function dashboardResources(deployment: Deployment): Resources {
  const sources = Object.values(deployment.policy.sources);
  const count = Math.max(Math.ceil(sources.length / sourcesOfDashboard), 1);
  return Object.fromEntries(
    Array.from({ length: count }, (_, index): [string, Resource] => {
      const own = sources.slice(index * sourcesOfDashboard, (index + 1) * sourcesOfDashboard);
      const number = index === 0 ? "" : String(index + 1);
      return [`Dashboard${number}`, dashboard(deployment, own, number, sources.length)];
    }),
  );
}

function dashboard(deployment: Deployment, sources: readonly SourceConfig[], number: string, all: number): Resource {
  const { stage, prefix, policy } = deployment;
  const first = number === "";
  const widgets = [
    text(`# Holdfast ${stage}${first ? "" : `, ${number}`}\n${all} sources, times in ${policy.timezone}`, 0),
    ...(first ? overview(deployment, headHeight) : []),
    ...sources.flatMap((source, index) => sourceRow(deployment, source, rowTop(index))),
    ...(first ? furtherAlarms(deployment, rowTop(sources.length)) : []),
  ];
  return {
    Type: "AWS::CloudWatch::Dashboard",
    Properties: {
      DashboardName: first ? prefix : `${prefix}-${number}`,
      DashboardBody: sub(JSON.stringify({ widgets })),
    },
  };
}

/** Below the heading and the overview: a row with a heading of its own for each source. */
const rowTop = (index: number): number => headHeight + rowHeight + (headHeight + rowHeight) * index;

function overview(deployment: Deployment, y: number): Widget[] {
  const arns = machineNames.map((name) => ownArn("states", `stateMachine:${deployment.prefix}-${name}`)["Fn::Sub"]);
  const executions = (metric: string) => arns.map((arn) => ["AWS/States", metric, "StateMachineArn", arn]);
  const ended = ["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"].flatMap(executions);
  const third = width / 3;
  return [
    alarmList("Alarms", alarmArns(deployment).slice(0, maxAlarms), { y, width: third }),
    graph("Executions that succeeded", executions("ExecutionsSucceeded"), { x: third, y, stat: "Sum", period: 3_600 }),
    graph("Executions that did not", ended, { x: 2 * third, y, stat: "Sum", period: 3_600 }),
  ];
}

/** What the first list of alarms has no room for. */
function furtherAlarms(deployment: Deployment, y: number): Widget[] {
  const alarms = alarmArns(deployment);
  const lists = Array.from({ length: Math.ceil(alarms.length / maxAlarms) - 1 }, (_, index) => index + 1);
  return lists.map((index) =>
    alarmList("Further alarms", alarms.slice(index * maxAlarms, (index + 1) * maxAlarms), {
      y: y + rowHeight * (index - 1),
      width,
    }),
  );
}

/** By their names: those of sources are in nested stacks. */
const alarmArns = (deployment: Deployment): string[] =>
  alarmNames(deployment).map((name) => ownArn("cloudwatch", `alarm:${name}`)["Fn::Sub"]);

function alarmList(title: string, alarms: readonly string[], place: { readonly y: number; readonly width: number }): Widget {
  return { type: "alarm", x: 0, height: rowHeight, ...place, properties: { title, alarms } };
}

/** The three promises of a source: how old, how large and how fast, how soon back. */
function sourceRow(deployment: Deployment, source: SourceConfig, y: number): Widget[] {
  const { name, tier, objectives } = source;
  const metrics = (...names: readonly string[]) => names.map((metric) => graphMetric(deployment, metric, name));
  const third = width / 3;
  const below = y + headHeight;
  const schedules = Object.entries(source.schedules).map(([kind, cron]) => `${kind} at \`${cron}\``);
  const title = `## ${name}\n${source.engine}, ${tier}; ${schedules.length === 0 ? "by hand only" : schedules.join(", ")}`;
  return [
    text(title, y),
    graph("Age of the newest verified and proven backup, s", metrics("VerifiedAgeSeconds", "ProvenAgeSeconds"), {
      x: 0,
      y: below,
      stat: "Maximum",
      period: 900,
      line: ["RPO", objectives.rpoSeconds],
    }),
    graph("Size and time of a backup, failures", metrics("BackupBytes", "BackupThroughput", "BackupDuration", "Failures"), {
      x: third,
      y: below,
      stat: "Maximum",
      period: 3_600,
    }),
    graph("Time to restore, s", metrics("RestoreSeconds"), {
      x: 2 * third,
      y: below,
      stat: "Maximum",
      period: 3_600,
      line: ["RTO", objectives.rtoSeconds],
    }),
  ];
}

interface Graph {
  readonly x: number;
  readonly y: number;
  readonly stat: string;
  /** Seconds. */
  readonly period: number;
  readonly line?: readonly [label: string, value: number];
}

function graph(title: string, metrics: readonly (readonly string[])[], { x, y, stat, period, line }: Graph): Widget {
  const annotations = line === undefined ? {} : { annotations: { horizontal: [{ label: line[0], value: line[1] }] } };
  return {
    type: "metric",
    x,
    y,
    width: width / 3,
    height: rowHeight,
    properties: { title, metrics, stat, period, view: "timeSeries", region: `\${AWS::Region}`, ...annotations },
  };
}

function text(markdown: string, y: number): Widget {
  return { type: "text", x: 0, y, width, height: headHeight, properties: { markdown } };
}
