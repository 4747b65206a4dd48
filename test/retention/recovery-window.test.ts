import { describe, expect, it } from "vitest";
import type { BackupKind } from "../../src/policy/policy.ts";
import { planRetention, type RetentionBackup, type RetentionPlan } from "../../src/retention/plan-retention.ts";
import { logReachMs, reachMs } from "../../src/retention/positions.ts";
import { shortestKept } from "../../src/retention/shortest-kept.ts";
import { maxClockSkewMs } from "../../src/runtime/clock.ts";
import { backupAt, dayMs, fullAt, hourMs, keptIds, planAt, policyOf, reasonsOf } from "./histories.ts";

const now = "2026-11-20T12:00:00Z";
const instant = (epochMs: number): string => new Date(epochMs).toISOString();

/** A log that holds what came after `from` until `to`, both epoch milliseconds. */
function logOf(from: number, to: number, changes: Partial<RetentionBackup> = {}): RetentionBackup {
  const coverage = { from: { at: instant(from) }, to: { at: instant(to) } };
  return backupAt(Math.floor(to / 1000) * 1000, { kind: "log", coverage, storedAtMs: to, ...changes });
}

/** A full a day at 02:00, and a log every six hours, for so many days up to `now`. */
function dailyWithLogs(days: number): RetentionBackup[] {
  const first = Date.parse("2026-11-20T02:00:00Z") - (days - 1) * dayMs;
  const fulls = Array.from({ length: days }, (_, day) => fullAt(first + day * dayMs));
  const logs = Array.from({ length: days * 4 }, (_, index) => logOf(first + index * 6 * hourMs, first + (index + 1) * 6 * hourMs));
  return [...fulls, ...logs.filter(({ startedAtMs }) => startedAtMs <= Date.parse(now))];
}

const days = (plan: RetentionPlan, kind: BackupKind) =>
  keptIds(plan)
    .filter((id) => id.includes(`-${kind}-`))
    .map((id) => id.slice(6, 13));

describe("the recovery window", () => {
  it("keeps the newest good backup before it, everything since, and no log from before", () => {
    const plan = planAt(dailyWithLogs(20), { monthly: 1, recoveryWindowSeconds: 3 * 86_400 }, now);
    expect(days(plan, "full")).toEqual(["20T0200", "19T0200", "18T0200", "17T0200"]);
    expect(days(plan, "log").at(-1)).toBe("17T0200");
    expect(days(plan, "log")).toHaveLength(14);
    expect(reasonsOf(plan, "20261117T020000Z-full-aaaaaa")).toEqual(["base of the recovery window (3 days)"]);
    expect(reasonsOf(plan, "20261117T080000Z-log-aaaaaa")).toEqual(["leads from its base to the recovery window (3 days)"]);
    expect(reasonsOf(plan, "20261118T020000Z-full-aaaaaa")).toEqual(["in the recovery window (3 days)"]);
    expect(reasonsOf(plan, "20261116T200000Z-log-aaaaaa")).toEqual(["released: older than the logs that are kept"]);
    expect(plan.refusals).toEqual([]);
  });

  it("goes further back where the backup before it is not verified, damaged, suspicious or on a broken chain", () => {
    const doubts: Partial<RetentionBackup>[] = [
      { state: "stored" },
      { state: "damaged" },
      { suspicious: true },
      { distrust: "not made with this vault's key" },
      { kind: "incremental", parent: "20261001T000000Z-full-gone00" },
    ];
    for (const doubt of doubts) {
      const history = dailyWithLogs(10).map((each) =>
        each.kind === "full" && each.startedAtMs === Date.parse("2026-11-17T02:00:00Z") ? fullAt(each.startedAtMs, doubt) : each,
      );
      const plan = planAt(history, { keepLast: 1, recoveryWindowSeconds: 3 * 86_400 }, now);
      expect(reasonsOf(plan, "20261116T020000Z-full-aaaaaa"), JSON.stringify(doubt)).toEqual([
        "base of the recovery window (3 days)",
      ]);
      expect(days(plan, "log").at(-1)).toBe("16T0200");
    }
  });

  it("keeps the way from the newest proven backup, too: a verified one never stands for a proven one", () => {
    const history = dailyWithLogs(10).map((each) =>
      each.startedAtMs === Date.parse("2026-11-15T02:00:00Z") && each.kind === "full"
        ? { ...each, state: "proven" as const }
        : each,
    );
    const plan = planAt(history, { keepLast: 1, recoveryWindowSeconds: 3 * 86_400 }, now);
    expect(days(plan, "full")).toEqual(["20T0200", "19T0200", "18T0200", "17T0200", "15T0200"]);
    expect(days(plan, "log").at(-1)).toBe("15T0200");
  });

  it("is not filled yet without a good backup from before: everything stays", () => {
    const plan = planAt(dailyWithLogs(3), { keepLast: 1, recoveryWindowSeconds: 7 * 86_400 }, now);
    expect(plan.released).toEqual([]);
  });

  it("goes by positions: a backup that began before it and ends in it is not its base, and a late log stays", () => {
    const history = dailyWithLogs(6);
    const long = fullAt("2026-11-17T11:00:00Z", { coverage: { to: { at: "2026-11-17T14:00:00.000Z" } }, suffix: "long" });
    // Began before the base, and holds what came after it: a run that went on for long.
    const late = logOf(Date.parse("2026-11-17T02:00:00Z"), Date.parse("2026-11-17T03:00:00Z"), {
      ...backupAt("2026-11-17T01:00:00Z", { kind: "log", suffix: "late" }),
      coverage: { from: { at: "2026-11-17T02:00:00.000Z" }, to: { at: "2026-11-17T03:00:00.000Z" } },
    });
    const plan = planAt([...history, long, late], { keepLast: 1, recoveryWindowSeconds: 3 * 86_400 }, now);
    expect(reasonsOf(plan, "20261117T020000Z-full-aaaaaa")).toEqual(["base of the recovery window (3 days)"]);
    expect(reasonsOf(plan, long.id)).toEqual(["in the recovery window (3 days)"]);
    expect(keptIds(plan)).toContain(late.id);
  });

  it("asks for the positions that decide, of bases and of what would go, and of nothing else that stays", () => {
    const hidden = dailyWithLogs(10).map(({ coverage: _, ...each }): RetentionBackup => each);
    const rules = { keepLast: 1, recoveryWindowSeconds: 3 * 86_400 };
    const plan = planAt(hidden, rules, now);
    expect([...plan.unread].sort()).toEqual(["20261117T020000Z-full-aaaaaa", ...plan.released].sort());
    expect(planAt(hidden.slice(-2), rules, now).unread).toEqual([]);
  });

  it("decides on logs alone: without it they stay as long as the oldest backup", () => {
    expect(planAt(dailyWithLogs(20), { daily: 20 }, now).released).toEqual([]);
    const released = planAt(dailyWithLogs(20), { daily: 20, recoveryWindowSeconds: 86_400 }, now).released;
    expect(released.every((id) => id.includes("-log-"))).toBe(true);
    expect(released.length).toBeGreaterThan(60);
  });

  it("is a rule by itself, and locks what it keeps for its time", () => {
    const rules = policyOf({ recoveryWindowSeconds: 7 * 86_400 });
    expect(planRetention(dailyWithLogs(20), rules, { now: new Date(now), timezone: "UTC" }).refusals).toEqual([]);
    expect(shortestKept(rules, "full")).toBe(7 * 86_400);
    expect(shortestKept({ ...rules, daily: 30 }, "full")).toBe(30 * 86_400);
    expect(shortestKept({ ...rules, daily: 30 }, "log")).toBe(7 * 86_400);
    expect(shortestKept({ ...rules, kinds: { log: { keepWithinSeconds: 9 * 86_400 } } }, "log")).toBe(9 * 86_400);
  });
});

describe("the edges of the recovery window", () => {
  const nowMs = Date.parse(now);
  const firstMs = nowMs - dayMs;
  const rules = { keepLast: 1, recoveryWindowSeconds: 86_400 };
  const reaching = (toMs: number, changes: Partial<RetentionBackup> & { readonly suffix?: string } = {}) =>
    fullAt(Math.floor(toMs / 1000) * 1000, { coverage: { to: { at: instant(toMs) } }, ...changes });
  const last = reaching(nowMs - 1000);

  it.each([
    [-1, "base of the recovery window (1 day)"],
    [0, "base of the recovery window (1 day)"],
    [1, "in the recovery window (1 day)"],
  ])("a backup that reaches %i ms beyond its first instant: %s", (beyondMs, reason) => {
    const [old, edge] = [reaching(firstMs - 5 * dayMs), reaching(firstMs + beyondMs, { suffix: "edge" })];
    expect(reasonsOf(planAt([old, edge, last], rules, now), edge.id)).toEqual([reason]);
  });

  it.each([
    [-1000, "leads from its base to the recovery window (1 day)"],
    [0, "leads from its base to the recovery window (1 day)"],
    [1, "in the recovery window (1 day)"],
  ])("a log that ends %i ms after its first instant: %s", (afterMs, reason) => {
    const log = logOf(firstMs - 60_000, firstMs + afterMs, {
      ...backupAt(firstMs - 30_000, { kind: "log" }),
    });
    expect(reasonsOf(planAt([reaching(firstMs - 3_600_000), log, last], rules, now), log.id)).toEqual([reason]);
  });

  it("a backup that began in it is in it, wherever what it holds ends", () => {
    const base = reaching(firstMs - 3_600_000);
    const [began, along] = [firstMs + 1000, firstMs].map((startMs, index) =>
      backupAt(startMs, { suffix: `e${index}`, state: "stored", coverage: { to: { at: instant(firstMs - 7_200_000) } } }),
    );
    const plan = planAt(
      [base, last, began, along].flatMap((each) => each ?? []),
      rules,
      now,
    );
    expect(reasonsOf(plan, began?.id ?? "")).toEqual(["in the recovery window (1 day)"]);
    // Made since the base: another to fall back on, though it reaches less far.
    expect(reasonsOf(plan, along?.id ?? "")).toEqual(["leads from its base to the recovery window (1 day)"]);
  });

  it("what reaches as far as the base stays with it, and what reaches less far goes, made before it", () => {
    const base = reaching(firstMs - 3_600_000, { coverage: { to: { at: instant(firstMs - 3_600_000) } } });
    const madeBefore = (toMs: number, suffix: string) =>
      backupAt(firstMs - 7_200_000, { suffix, coverage: { to: { at: instant(toMs) } }, state: "stored" });
    const [equal, less] = [madeBefore(firstMs - 3_600_000, "equal"), madeBefore(firstMs - 3_600_001, "less")];
    const plan = planAt([equal, less, base, last], rules, now);
    expect(reasonsOf(plan, equal.id)).toEqual(["leads from its base to the recovery window (1 day)"]);
    expect(plan.released).toEqual([less.id]);
  });

  it("its base is the one that reaches furthest, not the last one made; of equal ones the newest", () => {
    const far = backupAt(firstMs - 7_200_000, { suffix: "far", coverage: { to: { at: instant(firstMs - 1000) } } });
    const near = reaching(firstMs - 3_600_000);
    const plan = planAt([far, near, last], rules, now);
    expect(reasonsOf(plan, far.id)).toEqual(["base of the recovery window (1 day)"]);
    const twin = backupAt(firstMs - 7_200_000, { suffix: "twin", coverage: { to: { at: instant(firstMs - 3_600_000) } } });
    const tie = planAt([twin, near, last], rules, now);
    expect(reasonsOf(tie, near.id)).toEqual(["base of the recovery window (1 day)"]);
    expect(reasonsOf(tie, twin.id)).toEqual(["leads from its base to the recovery window (1 day)"]);
  });

  it("a proven base is the furthest of the proven ones, and logs lead from it; a newer proven one needs no second", () => {
    const [older, proven, verified] = [3, 2, 1].map((hours) =>
      reaching(firstMs - hours * 3_600_000, { state: hours === 1 ? "verified" : "proven" }),
    );
    const log = logOf(firstMs - 2 * 3_600_000, firstMs - 90 * 60_000);
    const early = logOf(firstMs - 3 * 3_600_000, firstMs - 2 * 3_600_000 - 1000);
    const plan = planAt(
      [older, proven, verified, log, early, last].flatMap((each) => each ?? []),
      rules,
      now,
    );
    expect(reasonsOf(plan, proven?.id ?? "")).toContain("base of the recovery window (1 day)");
    expect(reasonsOf(plan, verified?.id ?? "")).toEqual(["base of the recovery window (1 day)"]);
    expect(reasonsOf(plan, log.id)).toEqual(["leads from its base to the recovery window (1 day)"]);
    expect(plan.released).toEqual([early.id, older?.id]);
  });

  it("of none keeps nothing", () => {
    for (const recoveryWindowSeconds of [0, undefined]) {
      const given = recoveryWindowSeconds === undefined ? {} : { recoveryWindowSeconds };
      const plan = planAt([reaching(firstMs - 3_600_000), last], { keepLast: 1, ...given }, now);
      expect(reasonsOf(plan, last.id)).toEqual(["newest verified backup", "last 1 of 1"]);
      expect(plan.released).toHaveLength(1);
      expect(plan.unread).toEqual([]);
    }
  });
});

describe("how far a backup reaches", () => {
  const startedAtMs = Date.parse("2026-11-01T02:00:00Z");
  const log = backupAt(startedAtMs, { kind: "log" });

  it("is what its manifest says, and else its start", () => {
    expect(reachMs(log)).toBe(startedAtMs);
    expect(reachMs({ ...log, coverage: { to: { at: "2026-11-01T03:00:00.001Z" } } })).toBe(startedAtMs + 3_600_001);
  });

  it("is for a log that nobody read the latest that it can be: its store's time, and what clocks may differ by", () => {
    expect(logReachMs(log)).toBe(startedAtMs + maxClockSkewMs);
    expect(logReachMs({ ...log, storedAtMs: startedAtMs + 1000 })).toBe(startedAtMs + 1000 + maxClockSkewMs);
    expect(logReachMs({ ...log, storedAtMs: startedAtMs - 1000 })).toBe(startedAtMs + maxClockSkewMs);
    expect(logReachMs({ ...log, storedAtMs: startedAtMs + 1000, coverage: { to: { at: "2026-11-01T01:00:00.000Z" } } })).toBe(
      startedAtMs - 3_600_000,
    );
  });
});
