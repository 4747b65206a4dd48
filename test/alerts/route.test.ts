/** Who is notified. */
import { describe, expect, it } from "vitest";
import { allChannels, channelName, channelsFor } from "../../src/alerts/route.ts";
import type { AlertChannel, Policy, Severity } from "../../src/policy/policy.ts";

const mail: AlertChannel = { type: "email", address: "ops@example.com" };
const slack: AlertChannel = { type: "slack", webhook: { from: "env", name: "HOOK" } };
const other: AlertChannel = { type: "slack", webhook: { from: "secret", id: "slack/other" } };

function told(alerts: Policy["alerts"], severity: Severity, recoversFrom?: Severity): string[] {
  return channelsFor({ severity, ...(recoversFrom === undefined ? {} : { recoversFrom }) }, alerts).map(channelName);
}

describe("channelsFor", () => {
  it.each<[string, Policy["alerts"], Severity, string[]]>([
    ["its own list", { critical: [mail], warning: [slack] }, "warning", ["slack:env:HOOK"]],
    ["for a warning without a list, those of critical", { critical: [mail] }, "warning", ["email:ops@example.com"]],
    ["for a critical alert without a list, those of warning", { warning: [slack] }, "critical", ["slack:env:HOOK"]],
    ["for a critical alert, at last those of info", { info: [slack] }, "critical", ["slack:env:HOOK"]],
    ["nobody of what went well, unless asked", { critical: [mail], warning: [slack] }, "info", []],
    ["nobody, where an empty list says so", { critical: [mail], warning: [] }, "warning", []],
    ["nobody, where there are no channels", {}, "critical", []],
    ["each once", { critical: [slack, { ...slack }, mail] }, "critical", ["slack:env:HOOK", "email:ops@example.com"]],
  ])("tells %s", (_case, alerts, severity, expected) => {
    expect(told(alerts, severity)).toEqual(expected);
  });

  it("tells of a recovery whoever was told of the problem, and those who want to know what went well", () => {
    const alerts = { critical: [mail, slack], info: [other, slack] };
    expect(told(alerts, "info", "critical")).toEqual(["slack:secret:slack/other", "slack:env:HOOK", "email:ops@example.com"]);
    expect(told({ critical: [mail] }, "info", "warning")).toEqual(["email:ops@example.com"]);
  });
});

describe("allChannels", () => {
  it("names every channel once, with what it hears of", () => {
    expect(allChannels({ critical: [mail, slack], info: [slack] })).toEqual([
      { channel: mail, severities: ["critical", "warning"] },
      { channel: slack, severities: ["critical", "warning", "info"] },
    ]);
  });
});
