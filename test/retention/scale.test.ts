import { describe, expect, it } from "vitest";
import { planRetention, type RetentionBackup } from "../../src/retention/plan-retention.ts";
import { backupAt, policyOf } from "./histories.ts";

/** A backup every quarter of an hour, in chains of 96, up to the end of 2029. */
function longHistory(count: number): RetentionBackup[] {
  const last = Date.parse("2029-12-31T23:45:00Z");
  const history: RetentionBackup[] = [];
  for (let index = 0; index < count; index++) {
    const kind = index % 96 === 0 ? "full" : "incremental";
    history.push(
      backupAt(last - (count - 1 - index) * 900_000, {
        kind,
        suffix: index.toString(36),
        parent: kind === "full" ? null : (history[index - 1]?.id ?? null),
      }),
    );
  }
  return history;
}

describe("planRetention on a million backups", () => {
  it("takes seconds, and keeps what the policy says", () => {
    const history = longHistory(1_000_000);
    const before = process.cpuUsage();
    const plan = planRetention(history, policyOf({ daily: 30, weekly: 8, monthly: 12, yearly: 7 }), {
      now: new Date("2030-01-01T00:00:00Z"),
      timezone: "Europe/Berlin",
    });
    // Measured: 5 s of CPU; the limit leaves room for slower ones and still catches anything
    // quadratic. Of CPU: a busy machine changes nothing.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(40);
    expect(plan.refusals).toEqual([]);
    expect(plan.decisions).toHaveLength(1_000_000);
    const representatives = plan.decisions.filter(({ reasons }) => reasons.some((reason) => reason.startsWith("newest of")));
    // 30 days, of which some are the newest of their week, month or year; before them 3 weeks, 10
    // months and 5 years.
    expect(representatives).toHaveLength(30 + 3 + 10 + 5);
  });
});
