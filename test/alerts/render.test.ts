/** What leaves the house stays within every receiver's limits, whatever the alert says. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { finishAlert, recoveryNotice, testAlert } from "../../src/alerts/alert.ts";
import { sayAge } from "../../src/alerts/alert-words.ts";
import { parseAlert } from "../../src/alerts/parse-alert.ts";
import { renderChatbot } from "../../src/alerts/render-chatbot.ts";
import { renderSlack, type SlackMessage } from "../../src/alerts/render-slack.ts";
import { renderSubject, renderText } from "../../src/alerts/render-text.ts";
import { renderSnsMessage } from "../../src/alerts/send-sns.ts";
import { anyAlert, sampleAlert } from "./sample-alerts.ts";

/** Every text object of a message, with the limit that Slack has for it. */
function textsOf({ blocks }: SlackMessage): { text: string; limit: number }[] {
  return blocks.flatMap((block) => {
    if (block.type === "header") return [{ text: block.text.text, limit: 150 }];
    if (block.type === "context") return block.elements.map(({ text }) => ({ text, limit: 3_000 }));
    return "fields" in block ? block.fields.map(({ text }) => ({ text, limit: 2_000 })) : [{ text: block.text.text, limit: 3_000 }];
  });
}

describe("a mail", () => {
  it("reads at three in the morning: what to type, what to do, why, since when, and what is left", () => {
    expect(renderSubject(sampleAlert)).toBe("CRITICAL: backup of shop failed (SourceUnreachable)");
    expect(renderText(sampleAlert)).toBe(`CRITICAL: backup of shop failed

Type this next:   holdfast check shop
What to do:       Check that the source runs.

Why:              cannot connect to database "shop" on db.internal:5432 (SourceUnreachable)
                  connection refused
Since:            2026-11-20 02:00:05 UTC, 4 min before this was sent
Newest good backup: 20261119T020000Z-full-7k3f9a, proven, 24 h 4 min old

Procedure:        docs/alerts.md#the-source-or-the-vault-cannot-be-reached
Run:              host:4711
Sent:             2026-11-20 02:04:05 UTC, by Holdfast; cause shop/backup/SourceUnreachable
`);
  });

  it("says that there is no good backup, and says when nobody knows", () => {
    const { newestGood: _newestGood, ...unknown } = sampleAlert;
    expect(renderText({ ...sampleAlert, newestGood: null })).toContain("Newest good backup: none: nothing could be restored");
    expect(renderText(unknown)).toContain("Newest good backup: not known");
  });

  it("has a subject of fewer than 100 printable ASCII characters", () => {
    fc.assert(
      fc.property(anyAlert, (alert) => {
        expect(renderSubject(alert)).toMatch(/^[A-Z][\x20-\x7e]{0,98}$/);
      }),
    );
    expect(renderSubject({ ...sampleAlert, what: "backup of Zürich – größer" })).toContain("backup of Zurich - gro?er");
  });

  it("has a body without control characters and of bounded length", () => {
    fc.assert(
      fc.property(anyAlert, (alert) => {
        const text = renderText(alert);
        expect(text.length).toBeLessThanOrEqual(12_001);
        expect(text).not.toMatch(/[^\P{Cc}\n]/u);
        expect(text.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe("a Slack message", () => {
  it("stays within Slack's limits, and escapes every &, < and >", () => {
    fc.assert(
      fc.property(anyAlert, (alert) => {
        const message = renderSlack(alert);
        expect(message.blocks.length).toBeLessThanOrEqual(50);
        for (const { text, limit } of [...textsOf(message), { text: message.text, limit: 3_000 }]) {
          expect(text.length).toBeLessThanOrEqual(limit);
          expect(text.length).toBeGreaterThan(0);
          expect(text).not.toMatch(/[<>]|&(?!(?:amp|lt|gt);)/);
          expect(text.isWellFormed()).toBe(true);
        }
        expect(JSON.parse(JSON.stringify(message))).toEqual(message);
      }),
    );
  });

  it("keeps foreign words in code blocks, which they cannot end", () => {
    const message = renderSlack({
      ...sampleAlert,
      why: { ...sampleAlert.why, class: "X", message: "``` <!channel> *bold* ```", details: [] },
    });
    const why = textsOf(message).find(({ text }) => text.startsWith("*Why*"))?.text;
    expect(why).toBe("*Why*\n```''' &lt;!channel&gt; *bold* ''' (X)```");
  });

  it("says what to type first, and the newest good backup with its age", () => {
    const texts = textsOf(renderSlack(sampleAlert)).map(({ text }) => text);
    expect(texts[0]).toBe("CRITICAL: backup of shop failed");
    expect(texts[1]).toBe("*Type this next*\n```holdfast check shop```\nCheck that the source runs.");
    expect(texts).toContain("*Newest good backup*\n20261119T020000Z-full-7k3f9a, proven, 24 h 4 min old");
  });
});

describe("a notification for Amazon Q Developer", () => {
  it("has the schema that it shows, threads by cause, and calls nobody", () => {
    expect(renderChatbot({ ...sampleAlert, why: { ...sampleAlert.why, message: "<!channel>" } })).toMatchObject({
      version: "1.0",
      source: "custom",
      content: {
        textType: "client-markdown",
        title: "CRITICAL: backup of shop failed",
        description: expect.stringContaining("(!channel)"),
        nextSteps: ["`holdfast check shop`", "Check that the source runs.", expect.stringContaining("docs/alerts.md#")],
        keywords: ["holdfast", "critical", "shop"],
      },
      metadata: { threadId: "shop/backup/SourceUnreachable", eventType: "holdfast-problem" },
    });
  });

  it("stays within its bounds", () => {
    fc.assert(
      fc.property(anyAlert, (alert) => {
        const { content, metadata } = renderChatbot(alert);
        expect(content.title.length).toBeLessThanOrEqual(150);
        expect(content.description.length).toBeLessThanOrEqual(3_000);
        expect(metadata.threadId.length).toBeLessThanOrEqual(200);
        for (const step of content.nextSteps) expect(step.length).toBeLessThanOrEqual(500);
      }),
    );
  });
});

describe("a publication to SNS", () => {
  it("holds for each protocol a string, the alert itself for functions, and is below SNS's 256 KiB", () => {
    fc.assert(
      fc.property(anyAlert, (alert) => {
        const finished = finishAlert({ ...alert, since: sampleAlert.since, at: sampleAlert.at, runbook: sampleAlert.runbook });
        const message = renderSnsMessage(finished);
        expect(Buffer.byteLength(message)).toBeLessThan(200_000);
        const forms = JSON.parse(message) as Record<string, string>;
        expect(Object.keys(forms).sort()).toEqual(["default", "email", "https", "lambda", "sms", "sqs"]);
        for (const form of Object.values(forms)) expect(typeof form).toBe("string");
        expect(JSON.parse(forms["https"] ?? "")).toEqual(renderChatbot(finished));
      }),
    );
  });

  it("gives a function the alert back as it was", () => {
    const now = new Date("2026-11-21T00:00:00Z");
    const { newestGood: _newestGood, ...unknown } = sampleAlert;
    const alerts = [
      sampleAlert,
      unknown,
      { ...sampleAlert, newestGood: null },
      recoveryNotice(sampleAlert, { now }),
      testAlert("info", { now }),
    ];
    for (const alert of alerts) {
      expect(parseAlert((JSON.parse(renderSnsMessage(alert)) as { lambda: string }).lambda)).toEqual(alert);
    }
  });

  it.each([
    ["not JSON", "hook https://hooks.slack.com/services/T0/B0/x", "is not JSON"],
    ["another document", '{"a":1}', "kind"],
    ["a wrong field", JSON.stringify({ ...sampleAlert, severity: "dire" }), "severity"],
    ["a further field", JSON.stringify({ ...sampleAlert, more: "password=x" }), "its fields"],
  ])("is refused as %s, without being quoted", (_case, text, says) => {
    expect(() => parseAlert(text)).toThrow(
      expect.objectContaining({ name: "UsageInvalid", message: expect.stringContaining(says) }),
    );
    expect(() => parseAlert(text)).not.toThrow(/hooks\.slack|password/);
  });
});

describe("an age", () => {
  it.each([
    [-5, "0 s"],
    [59.9, "59 s"],
    [60, "1 min"],
    [3_599, "59 min"],
    [3_600, "1 h"],
    [12_000, "3 h 20 min"],
    [172_799, "47 h 59 min"],
    [172_800, "2 d"],
    [190_000, "2 d 4 h"],
  ])("of %d s is %s", (seconds, words) => {
    expect(sayAge(seconds)).toBe(words);
  });
});
