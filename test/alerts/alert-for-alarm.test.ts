import { describe, expect, it } from "vitest";
import { alertForAlarm } from "../../src/alerts/alert-for-alarm.ts";
import { parseAlert } from "../../src/alerts/parse-alert.ts";
import { renderSlack } from "../../src/alerts/render-slack.ts";

const now = new Date("2026-11-21T03:00:05.000Z");
const message = {
  AlarmName: "holdfast-prod-age-taskmaster",
  AlarmDescription: "Holdfast: the newest verified backup of taskmaster is older than its objective of 3600 s",
  AWSAccountId: "123456789012",
  NewStateValue: "ALARM",
  NewStateReason: "Threshold Crossed: 4 datapoints were greater than the threshold (3600.0).",
  StateChangeTime: "2026-11-21T03:00:00.000+0000",
  OldStateValue: "OK",
  Trigger: {
    MetricName: "VerifiedAgeSeconds",
    Dimensions: [
      { value: "holdfast-prod", name: "service" },
      { value: "taskmaster", name: "source" },
    ],
  },
};

const alarm = (changes: object = {}) => alertForAlarm(JSON.stringify({ ...message, ...changes }), "critical", { now });

describe("an alarm of CloudWatch", () => {
  it("becomes a problem of its topic's severity and its source, in the description's words", () => {
    expect(alarm()).toMatchObject({
      kind: "problem",
      severity: "critical",
      source: "taskmaster",
      what: "alarm holdfast-prod-age-taskmaster",
      why: { message: message.AlarmDescription, details: [message.NewStateReason] },
      since: "2026-11-21T03:00:00.000Z",
      nextCommand: "holdfast status taskmaster",
    });
  });

  it("becomes a recovery, told to whoever was told of the problem, when it is over", () => {
    expect(alarm({ NewStateValue: "OK" })).toMatchObject({
      kind: "recovery",
      severity: "info",
      recoversFrom: "critical",
      dedupeKey: alarm()?.dedupeKey,
    });
  });

  it("is read without a description, without dimensions, and with a time that nobody can read", () => {
    const bare = alarm({ AlarmDescription: null, Trigger: {}, StateChangeTime: "yesterday" });
    expect(bare).toMatchObject({
      why: { message: message.NewStateReason },
      since: now.toISOString(),
      nextCommand: "holdfast status",
    });
    expect(bare?.source).toBeUndefined();
  });

  it("is an alert like any other: it travels as JSON, and Slack gets it", () => {
    const made = alarm();
    if (made === undefined) throw new Error("it is an alarm");
    expect(parseAlert(JSON.stringify(made))).toEqual(made);
    expect(JSON.stringify(renderSlack(made))).toContain("older than its objective");
  });

  it.each(["not JSON", "{}", JSON.stringify({ kind: "problem", severity: "critical" })])("is not seen in %s", (text) => {
    expect(alertForAlarm(text, "critical", { now })).toBeUndefined();
  });
});
