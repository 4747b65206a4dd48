/**
 * What locks are promised: never longer than retention keeps, never less than it promises at the
 * write.
 */
import { describe, expect, it } from "vitest";
import type { Retention } from "../../src/policy/policy.ts";
import { planRetention, type RetentionBackup } from "../../src/retention/plan-retention.ts";
import { promiseLocks } from "../../src/retention/promise-locks.ts";
import { shortestKept } from "../../src/retention/shortest-kept.ts";
import { backupAt, dailyBackups, dayMs, idAt, policyOf } from "./histories.ts";

function promisesAt(backups: readonly RetentionBackup[], rules: Partial<Retention>, now: string | number, timezone = "UTC") {
  const moment = { now: new Date(now), timezone };
  return promiseLocks(backups, planRetention(backups, policyOf(rules), moment), policyOf(rules), moment);
}

describe("the shortest time that a kind is kept", () => {
  it.each([
    [{ daily: 30, monthly: 12 }, 30],
    [{ weekly: 8 }, 56],
    [{ monthly: 2 }, 56],
    [{ yearly: 1 }, 365],
    [{ keepWithinSeconds: 3 * 86_400, daily: 30 }, 3],
    [{ kinds: { full: { keepWithinSeconds: 9 * 86_400 } }, keepWithinSeconds: 86_400 }, 9],
    [{ kinds: { log: { keepWithinSeconds: 9 * 86_400 } }, daily: 7 }, 7],
    [{ keepLast: 5 }, 0],
  ])("of %j is %i days", (rules, days) => {
    expect(shortestKept(policyOf(rules as Partial<Retention>), "full")).toBe(days * 86_400);
  });
});

describe("the locks that a prune promises", () => {
  it("hold the backup that stands for a week until its week is the last that the rule has room for", () => {
    const backups = dailyBackups(20, "2026-11-20");
    // 2026-11-15 is the Sunday of the week before; two weeks are kept beside it, so that the third
    // to begin after it ends its promise.
    const promises = promisesAt(backups, { weekly: 3 }, "2026-11-20T03:00:00Z");
    expect(promises.get(idAt(Date.parse("2026-11-15T02:00:00Z")))).toEqual(new Date("2026-11-30T00:00:00Z"));
  });

  it("begin and end with the calendar of the policy's time zone", () => {
    const backups = dailyBackups(40, "2026-10-31");
    const promises = promisesAt(backups, { monthly: 2 }, "2026-10-31T12:00:00Z", "Europe/Berlin");
    expect(promises.get(idAt(Date.parse("2026-09-30T02:00:00Z")))).toEqual(new Date("2026-10-31T23:00:00Z"));
  });

  it("are none for what is damaged, and for what only a hold or a lock keeps", () => {
    const backups = [
      backupAt("2026-11-01T02:00:00Z", { held: true }),
      backupAt("2026-11-02T02:00:00Z", { lockedUntilMs: Date.parse("2027-01-01T00:00:00Z") }),
      backupAt("2026-11-19T02:00:00Z", { state: "damaged" }),
      backupAt("2026-11-20T02:00:00Z"),
    ];
    const promised = [...promisesAt(backups, { daily: 1 }, "2026-11-20T03:00:00Z").keys()];
    expect(promised).toEqual([backups[3]?.id]);
  });

  it("reach from a log to the full that it builds on", () => {
    const full = backupAt("2026-11-01T02:00:00Z");
    const log = backupAt("2026-11-10T02:00:00Z", { kind: "log", parent: full.id });
    const rules = { kinds: { log: { keepWithinSeconds: 30 * 86_400 } } };
    const promises = promisesAt([full, log], rules, "2026-11-10T03:00:00Z");
    expect(promises.get(full.id)?.getTime()).toBeGreaterThanOrEqual(log.startedAtMs + 30 * dayMs);
  });
});
