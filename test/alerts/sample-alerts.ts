/**
 * Alerts for tests: one that is typical, and arbitrary ones that nothing but the type holds back.
 */
import fc from "fast-check";
import type { Alert } from "../../src/alerts/alert.ts";

export const sampleAlert: Alert = {
  kind: "problem",
  severity: "critical",
  source: "shop",
  what: "backup of shop failed",
  why: {
    version: 1,
    class: "SourceUnreachable",
    message: 'cannot connect to database "shop" on db.internal:5432',
    hint: "Check that the source runs.",
    details: ["connection refused"],
    code: "HF110",
    exitCode: 1,
    retryable: true,
  },
  since: "2026-11-20T02:00:05.000Z",
  at: "2026-11-20T02:04:05.000Z",
  run: "host:4711",
  newestGood: { id: "20261119T020000Z-full-7k3f9a", state: "proven", ageSeconds: 86_640 },
  nextCommand: "holdfast check shop",
  dedupeKey: "shop/backup/SourceUnreachable",
  runbook: "docs/alerts.md#the-source-or-the-vault-cannot-be-reached",
};

/**
 * Any text: long, empty, with every plane of Unicode, halves of characters, markup, control
 * characters and line breaks.
 */
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 400 }),
  fc.string({
    unit: fc.constantFrom("&", "<", ">", "`", "*", "\n", "\u001b", "\ud83d", "😀", "é", '"', "\\", "@"),
    maxLength: 6_000,
  }),
  fc.integer({ min: 0, max: 20_000 }).map((length) => "x".repeat(length)),
);
const anySeverity = fc.constantFrom("critical" as const, "warning" as const, "info" as const);

function orNull<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.option(arbitrary, { nil: null });
}

/** Alerts that nobody has bounded: what a renderer must bear all the same. */
export const anyAlert: fc.Arbitrary<Alert> = fc.record({
  kind: fc.constantFrom("problem" as const, "recovery" as const, "test" as const),
  severity: anySeverity,
  source: anyText,
  what: anyText,
  why: fc.record({
    version: fc.constant(1 as const),
    class: anyText,
    message: anyText,
    hint: anyText,
    details: fc.array(anyText, { maxLength: 40 }),
  }),
  since: fc.constantFrom("2026-11-20T02:00:05.000Z", "", "yesterday"),
  at: fc.constantFrom("2026-11-20T02:04:05.000Z", "2026-01-01T00:00:00Z", ""),
  run: anyText,
  newestGood: orNull(
    fc.record({ id: anyText, state: fc.constantFrom("proven" as const, "verified" as const), ageSeconds: fc.double() }),
  ),
  nextCommand: anyText,
  dedupeKey: anyText,
  runbook: anyText,
});
