/** What alerts say, how serious they are, and that they hold no secret. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AlertContext, finishAlert, recoveryNotice } from "../../src/alerts/alert.ts";
import { alertForFailure } from "../../src/alerts/alert-for-failure.ts";
import { alertForOutcome } from "../../src/alerts/alert-for-outcome.ts";
import { redactSecretForms } from "../../src/alerts/redact-secret-forms.ts";
import { type AlertRule, classOfFailure, failureRules, type OutcomeName, outcomeRules } from "../../src/alerts/severity.ts";
import { catalogue, type ErrorName } from "../../src/errors/catalogue.ts";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { Secret } from "../../src/runtime/secret.ts";
import { sampleAlert } from "./sample-alerts.ts";

const now = new Date("2026-11-20T02:04:05Z");
const context: AlertContext = { now, source: "shop", tier: "important", newestGood: null };
const rank = { critical: 2, warning: 1, info: 0 } as const;
const allRules: [string, AlertRule][] = [...Object.entries(failureRules), ...Object.entries(outcomeRules)];

/** The severities for critical, important and standard sources, as their first letters. */
const severities: readonly [ErrorName, string, string][] = [
  ["AlertRefused", "ccc", "alert test"],
  ["AlertUndelivered", "ccc", "alert test"],
  ["ArtifactDamaged", "ccc", "backup shop"],
  ["ArtifactMissing", "ccc", "backup shop"],
  ["BackupDamaged", "ccc", "backup shop"],
  ["BackupNotFound", "cww", "list shop"],
  ["BackupSuspicious", "cww", "show B"],
  ["BackupUnproven", "www", "show B"],
  ["ContentInvalid", "ccc", "backup shop"],
  ["DeadlineReached", "cww", "verify B"],
  ["DiskFull", "ccw", "check shop"],
  ["DumpFailed", "cww", "verify B"],
  ["EvidenceInvalid", "www", "verify B"],
  ["HoldActive", "iii", "status shop"],
  ["Internal", "ccw", "check shop"],
  ["Interrupted", "wwi", "verify B"],
  ["KeyFileInvalid", "ccw", "check shop"],
  ["KeyMissing", "ccc", "check shop"],
  ["KeyUnavailable", "ccw", "check shop"],
  ["LeaseHeld", "wii", "status shop"],
  ["LeaseLost", "cww", "verify B"],
  ["ManifestDamaged", "ccc", "backup shop"],
  ["ObjectExists", "iii", "status shop"],
  ["ObjectNotFound", "cww", "list shop"],
  ["OutputFailed", "iii", "status shop"],
  ["PolicyInvalid", "ccw", "check shop"],
  ["PolicyNotFound", "ccw", "check shop"],
  ["PruneRefused", "www", "prune shop --dry-run"],
  ["RestoreDiffers", "ccc", "show B"],
  ["RestoreFailed", "ccc", "list shop"],
  ["RestoreRefused", "iii", "status shop"],
  ["SealInvalid", "ccc", "backup shop"],
  ["SecretUnavailable", "ccw", "check shop"],
  ["SourceAccessDenied", "ccw", "check shop"],
  ["SourceNotFound", "ccw", "check shop"],
  ["SourceUnreachable", "cww", "check shop"],
  ["SourceUnsupported", "ccw", "check shop"],
  ["StoreAccessDenied", "ccw", "check shop"],
  ["StoreConflict", "cww", "verify B"],
  ["StoreUnavailable", "cww", "check shop"],
  ["TargetNotFound", "iii", "status shop"],
  ["ThrowawayFailed", "cww", "verify B"],
  ["ToolMissing", "ccw", "check shop"],
  ["UsageInvalid", "ccw", "check shop"],
  ["VaultInvalid", "ccw", "check shop"],
  ["VaultNotFound", "ccw", "check shop"],
];
const tiers = ["critical", "important", "standard"] as const;

describe("the table of severities", () => {
  it.each(severities)("judges %s as %s, and then says `%s`", (name, letters, command) => {
    const alerts = tiers.map((tier) =>
      alertForFailure({ operation: "verify", backupId: "B", error: new HoldfastError(name, "it is so") }, { ...context, tier }),
    );
    expect(alerts.map(({ severity }) => severity[0]).join("")).toBe(letters);
    expect(alerts[0]?.nextCommand).toBe(`holdfast ${command}`);
    expect(alerts[0]).toMatchObject({
      why: { class: name, message: "it is so", hint: catalogue[name].hint, code: catalogue[name].code },
      dedupeKey: `shop/verify/${name}`,
    });
  });

  it("judges every error of the catalogue, also one that was added since, by its kind", () => {
    for (const [name, { exitCode }] of Object.entries(catalogue)) {
      const { severity } = failureRules[classOfFailure(name)];
      // Damaged evidence leaves the backup as it was, and a key that is out of reach may come back.
      if (exitCode === 4 && !["EvidenceInvalid", "KeyUnavailable"].includes(name)) expect(severity.standard, name).toBe("critical");
    }
  });

  it.each([
    ["States.TaskFailed", "blocked"],
    ["Lambda.Unknown", "blocked"],
    ["constructor", "blocked"],
    ["States.Timeout", "passing"],
    ["Sandbox.Timedout", "passing"],
  ])("judges %s, which is not of the catalogue, as %s", (name, expected) => {
    expect(classOfFailure(name)).toBe(expected);
  });

  it.each(allRules)("never takes %s more lightly for a more important source, and says why", (_name, { severity, reason }) => {
    expect(rank[severity.critical]).toBeGreaterThanOrEqual(rank[severity.important]);
    expect(rank[severity.important]).toBeGreaterThanOrEqual(rank[severity.standard]);
    expect(reason).toMatch(/^[a-z].{20,}[^.]$/);
  });

  it("has a procedure in docs/alerts.md for each of its rules, and the reason there", async () => {
    const page = await readFile(join(import.meta.dirname, "../../docs/alerts.md"), "utf8");
    const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title]) => (title ?? "").toLowerCase().replaceAll(" ", "-"));
    for (const [name, { runbook, reason, severity }] of allRules) {
      expect(anchors, name).toContain(runbook);
      expect(page, name).toContain(`| ${severity.critical} | ${severity.important} | ${severity.standard} | ${reason} |`);
    }
    expect(anchors).toContain("drill");
  });

  it("takes what is known of no source for critical", () => {
    const error = new HoldfastError("SourceUnreachable", "gone");
    expect(alertForFailure({ operation: "backup", error }, { now })).toMatchObject({
      severity: "critical",
      what: "backup failed",
      nextCommand: "holdfast check",
      dedupeKey: "*/backup/SourceUnreachable",
      since: now.toISOString(),
    });
  });
});

describe("an alert of an outcome", () => {
  it.each<[OutcomeName, string, string, string]>([
    ["damaged", "ccc", "backup B of shop is damaged", "backup shop"],
    ["disproven", "ccc", "backup B of shop does not restore to what was backed up", "show B"],
    ["unproven", "www", "backup B of shop could not be proven", "show B"],
    ["suspicious", "cww", "backup B of shop is suspicious", "show B"],
    ["prune refused", "www", "backup B of shop was not pruned", "prune shop --dry-run"],
    ["RTO missed", "cww", "backup B of shop takes longer to restore than promised", "show B"],
    ["restore done", "www", "backup B of shop was restored", "status shop"],
    ["objective breached", "ccw", "backup B of shop misses its objectives", "status shop"],
  ])("%s is judged as %s", (name, letters, what, command) => {
    const alerts = tiers.map((tier) =>
      alertForOutcome({ name, backupIds: ["B"], findings: ["first", "second"] }, { ...context, tier, invocation: "hf" }),
    );
    expect(alerts.map(({ severity }) => severity[0]).join("")).toBe(letters);
    expect(alerts[0]).toMatchObject({
      what,
      nextCommand: `hf ${command}`,
      why: { class: name, message: "first", details: ["second"] },
    });
  });

  it("tells of many backups at once, under a cause that does not change with their number", () => {
    const one = alertForOutcome({ name: "damaged", backupIds: ["A", "B", "C"], findings: ["A: x", "B: y", "C: z"] }, context);
    expect(one).toMatchObject({ what: "each of 3 backups of shop is damaged", dedupeKey: "shop/damaged" });
    const breach = alertForOutcome({ name: "objective breached", backupIds: [], findings: ["RPO of 15m: 3 h"] }, context);
    expect(breach).toMatchObject({ what: "shop misses its objectives", why: { message: "RPO of 15m: 3 h" } });
  });
});

describe("a recovery", () => {
  it("is told under the cause of what it ends, and remembers its severity", () => {
    const newestGood = { id: "new", state: "verified", ageSeconds: 60 } as const;
    const notice = recoveryNotice(sampleAlert, { now: new Date("2026-11-20T03:00:00Z"), newestGood });
    expect(notice).toMatchObject({
      kind: "recovery",
      severity: "info",
      recoversFrom: "critical",
      what: "well again: backup of shop failed",
      dedupeKey: sampleAlert.dedupeKey,
      since: sampleAlert.since,
      newestGood,
      nextCommand: "holdfast status shop",
    });
    expect(notice.run).toBeUndefined();
  });
});

describe("secrets", () => {
  const leaks: readonly [string, string][] = [
    ["postgresql://shop:p%40ss/w0rd@db:5432/shop", "p%40ss/w0rd"],
    ["connection: postgres://shop:p@ss@db/shop failed", "p@ss"],
    ["https://hooks.slack.com/services/T00/B00/abcdef", "abcdef"],
    ["https://discord.com/api/webhooks/123/tok-en", "tok-en"],
    ["host=db password=hunter2 dbname=x", "hunter2"],
    ["host=db password='hunter 2' dbname=x", "hunter 2"],
    ['{"password": "hunter2"}', "hunter2"],
    ["PGPASSWORD=hunter2 pg_dump", "hunter2"],
    ["AWS_SECRET_ACCESS_KEY=abc/def+ghi", "abc/def+ghi"],
    ["key AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"],
    ["token xoxb-1234567890-abc", "xoxb-1234567890-abc"],
    ["Authorization: Bearer eyJhbGciOi.x.y", "eyJhbGciOi"],
    ["?X-Amz-Signature=deadbeef&x=1", "deadbeef"],
    ["-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----", "MIIabc"],
    ["AGE-SECRET-KEY-1QQQQ", "1QQQQ"],
  ];

  it.each(leaks)("are taken out of %s", (text, secret) => {
    expect(redactSecretForms(text)).toContain("[redacted]");
    expect(redactSecretForms(text)).not.toContain(secret);
    const details = ["harmless", ...text.split("\n")];
    const error = { name: "DumpFailed", message: `failed: ${text}`, hint: text, details };
    expect(JSON.stringify(alertForFailure({ operation: "backup", error }, { ...context, run: text }))).not.toContain(secret);
  });

  it("that are known are taken out of every field", () => {
    const secret = "vErY s3cret";
    const leaky = (text: string): string => `${text} ${secret} ${encodeURIComponent(secret)}`;
    const alert = finishAlert(
      {
        ...sampleAlert,
        what: leaky("a"),
        why: { version: 1, class: leaky("b"), message: leaky("c"), details: [leaky("d")], hint: leaky("g") },
        run: leaky("e"),
        nextCommand: leaky("f"),
        dedupeKey: leaky("h"),
      },
      { secrets: [new Secret(secret)] },
    );
    expect(JSON.stringify(alert)).not.toMatch(/s3cret/);
  });

  it.each(["postgres", "shop", "a", "backup", "holdfast"])(
    "that are a word like %s do not take the name of the source or the command with them",
    (password) => {
      const error = { name: "SourceUnreachable", message: `cannot connect: password=${password} refused`, hint: "Check it." };
      const alert = alertForFailure(
        { operation: "backup", error },
        { now: new Date(0), source: "shop", secrets: [new Secret(password)], publicNames: ["shop", "postgres"] },
      );
      expect(alert).toMatchObject({ source: "shop", what: "backup of shop failed", nextCommand: "holdfast check shop" });
      expect(alert.why.message).toBe("cannot connect: password=[redacted] refused");
    },
  );

  it("are looked for in a time that does not grow with the text", () => {
    for (const text of [
      "x".repeat(1_000_000),
      "a://".repeat(100_000),
      "https://hooks/".repeat(50_000),
      "password ".repeat(100_000),
    ]) {
      expect(redactSecretForms(text).length).toBeLessThanOrEqual(10_100);
    }
    expect(redactSecretForms(`${"x ".repeat(4_990)}postgres://shop:${"p".repeat(500)}@db`)).not.toContain("ppp");
  });

  it("are not seen in ordinary words", () => {
    for (const text of [
      "cannot read secret taskmaster/db: AccessDenied",
      "sha256 of the manifest changed",
      "pg_dump: error: ssl off",
      "a@b.example",
    ]) {
      expect(redactSecretForms(text)).toBe(text);
    }
  });
});

describe("bounds", () => {
  it("hold for every text, and a tool's colours and line breaks are gone", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 5_000 }),
        fc.array(fc.string({ unit: "binary" }), { maxLength: 40 }),
        (text, details) => {
          const alert = alertForFailure(
            { operation: "backup", error: { name: "DumpFailed", message: text, hint: text, details } },
            context,
          );
          expect(alert.why.message.length).toBeLessThanOrEqual(1_500);
          expect(alert.why.details.length).toBeLessThanOrEqual(13);
          expect(JSON.stringify(alert)).not.toMatch(/\\u00[01]|\\n/);
        },
      ),
    );
    const coloured = finishAlert({
      ...sampleAlert,
      why: { ...sampleAlert.why, message: "\u001b[31mred\u001b[0m\r\nnext", details: [] },
    });
    expect(coloured.why.message).toBe("red next");
  });

  it("say how many lines are missing", () => {
    const details = Array.from({ length: 20 }, (_, index) => `line ${index}`);
    expect(finishAlert({ ...sampleAlert, why: { ...sampleAlert.why, details } }).why.details.at(-1)).toBe("and 8 more");
  });
});
