import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { alarmResources } from "../../infra/alarms.ts";
import { dashboardResources } from "../../infra/dashboard.ts";
import { serverlessFunctions } from "../../infra/functions.ts";
import { deploy, withSources } from "./deployments.ts";

interface Alarm {
  readonly AlarmName: string;
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: unknown }[];
  readonly Threshold: number;
  readonly TreatMissingData: string;
  readonly AlarmActions: readonly unknown[];
}

interface Widget {
  readonly type: string;
  readonly properties: {
    readonly title?: string;
    readonly metrics?: readonly (readonly string[])[];
    readonly annotations?: unknown;
    readonly alarms?: readonly string[];
  };
}

const alarmsOf = (text?: string): Alarm[] =>
  Object.values(alarmResources(deploy(text))).map(({ Properties }) => Properties as unknown as Alarm);

function widgetsOf(text?: string): Widget[] {
  const { DashboardBody } = (dashboardResources(deploy(text))["Dashboard"]?.Properties ?? {}) as {
    DashboardBody: { "Fn::Sub": string };
  };
  return (JSON.parse(DashboardBody["Fn::Sub"]) as { widgets: Widget[] }).widgets;
}

/** What stands in the functions' sources, where metrics are made. */
const functionsText = readdirSync("functions", { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => readFileSync(join("functions", file), "utf8"))
  .join("\n");

describe("the alarms of a policy", () => {
  it("watch over each source what was promised for it", () => {
    const alarms = alarmsOf();
    const about = (source: string) =>
      alarms
        .filter(({ Dimensions }) => Dimensions.some(({ Name, Value }) => Name === "source" && Value === source))
        .map(({ MetricName, Threshold, TreatMissingData }) => [MetricName, Threshold, TreatMissingData]);
    expect(about("taskmaster")).toEqual([
      ["Failures", 0, "notBreaching"],
      ["RpoBreached", 0, "breaching"],
      ["ProvenAgeSeconds", 32 * 86_400, "notBreaching"],
    ]);
    expect(about("db-1")).toEqual([
      ["Failures", 0, "notBreaching"],
      ["RpoBreached", 0, "breaching"],
    ]);
  });

  it("take a silent watch for a failure", () => {
    const watch = alarmsOf().find(({ MetricName }) => MetricName === "WatchedSources");
    expect(watch).toMatchObject({ TreatMissingData: "breaching", ComparisonOperator: "LessThanThreshold", Threshold: 1 });
    expect(watch?.Dimensions).toEqual([{ Name: "service", Value: "holdfast-dev" }]);
  });

  it("look at dead letters, and tell of a broken topic on another one", () => {
    const alarms = alarmsOf();
    expect(alarms.filter(({ Namespace }) => Namespace === "AWS/SQS")).toHaveLength(2);
    const deliveries = alarms.filter(({ MetricName }) => MetricName === "NumberOfNotificationsFailed");
    expect(deliveries.map(({ AlarmActions }) => AlarmActions)).toEqual([
      [{ Ref: "WarningTopic" }],
      [{ Ref: "CriticalTopic" }],
      [{ Ref: "CriticalTopic" }],
    ]);
  });

  it("all tell somebody, under names of their own", () => {
    const alarms = alarmsOf(withSources(["db-2", "db2"]));
    expect(new Set(alarms.map(({ AlarmName }) => AlarmName)).size).toBe(alarms.length);
    expect(alarms.every(({ AlarmActions }) => AlarmActions.length === 1)).toBe(true);
  });
});

describe("the dashboard", () => {
  it("has the promises of every source as lines", () => {
    const text = JSON.stringify(widgetsOf());
    expect(text).toContain(JSON.stringify({ label: "RPO", value: 3_600 }));
    expect(text).toContain(JSON.stringify({ label: "RTO", value: 14_400 }));
  });

  it("grows by a row with the policy", () => {
    const [before, after] = [widgetsOf(), widgetsOf(withSources(["invoices"]))];
    expect(after.length - before.length).toBe(4);
    expect(JSON.stringify(after)).toContain('"source","invoices"');
  });
});

describe("the dashboard's alarms", () => {
  it("are all there, a hundred in a list at the most", () => {
    const text = withSources(Array.from({ length: 35 }, (_, index) => `shop-${index}`));
    const lists = widgetsOf(text).flatMap(({ properties: { alarms = [] } }) => (alarms.length === 0 ? [] : [alarms]));
    expect(lists.map(({ length }) => length)).toEqual([100, alarmsOf(text).length - 100]);
    expect(new Set(lists.flat()).size).toBe(alarmsOf(text).length);
  });
});

describe("the metrics", () => {
  it("that alarms and graphs look at are those that the functions make, under the same service", () => {
    const graphed = widgetsOf().flatMap(({ properties }) => properties.metrics ?? []);
    const own = graphed.filter(([namespace]) => namespace === "Holdfast");
    const names = new Set([
      ...own.map(([, name = ""]) => name),
      ...alarmsOf().flatMap(({ Namespace, MetricName }) => (Namespace === "Holdfast" ? [MetricName] : [])),
    ]);
    expect([...names].sort()).toEqual([
      "BackupBytes",
      "BackupDuration",
      "BackupThroughput",
      "Failures",
      "ProvenAgeSeconds",
      "RestoreSeconds",
      "RpoBreached",
      "VerifiedAgeSeconds",
      "WatchedSources",
    ]);
    for (const name of names) expect(functionsText, name).toMatch(new RegExp(`"${name}"|\\b${name}:`));
    for (const definition of Object.values(serverlessFunctions(deploy())) as { environment: Record<string, unknown> }[]) {
      expect(definition.environment).toMatchObject({
        POWERTOOLS_SERVICE_NAME: "holdfast-dev",
        POWERTOOLS_METRICS_NAMESPACE: "Holdfast",
      });
    }
  });
});
