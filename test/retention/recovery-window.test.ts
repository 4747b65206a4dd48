import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BackupKind, Retention } from "../../src/policy/policy.ts";
import { inheritDoubt, noBase, type Standing } from "../../src/proof/standing.ts";
import { planRetention, type RetentionBackup, type RetentionPlan } from "../../src/retention/plan-retention.ts";
import { promiseLocks } from "../../src/retention/promise-locks.ts";
import { shortestKept } from "../../src/retention/shortest-kept.ts";
import { backupAt, dayMs, hourMs, keptIds, planAt, policyOf, reasonsOf } from "./histories.ts";

const now = "2026-11-20T12:00:00Z";
const instant = (epochMs: number): string => new Date(epochMs).toISOString();

/** A log that holds what came after `from` until `to`, both epoch milliseconds. */
function logOf(from: number, to: number, changes: Partial<RetentionBackup> = {}): RetentionBackup {
  const coverage = { from: { at: instant(from) }, to: { at: instant(to) } };
  return backupAt(Math.floor(to / 1000) * 1000, { kind: "log", coverage, storedAtMs: to, ...changes });
}

function fullAt(at: string | number, changes: Partial<RetentionBackup> & { readonly suffix?: string } = {}): RetentionBackup {
  const full = backupAt(at, changes);
  return { coverage: { to: { at: instant(full.startedAtMs) } }, ...full };
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

interface Course {
  readonly backups: readonly RetentionBackup[];
  readonly rules: Partial<Retention>;
  readonly nowMs: number;
  /** Whether manifests are read only when a plan asks for it. */
  readonly unread: boolean;
}

/** Fulls and logs of some weeks, with gaps, damage, lag, chains and logs that came late. */
const arbitraryCourse: fc.Arbitrary<Course> = fc
  .record({
    steps: fc.array(
      fc.record({
        hours: fc.integer({ min: 1, max: 20 }),
        what: fc.oneof(
          { weight: 3, arbitrary: fc.constant("log" as const) },
          { weight: 1, arbitrary: fc.constantFrom("full" as const, "snapshot" as const, "incremental" as const) },
        ),
        state: fc.oneof(
          { weight: 6, arbitrary: fc.constantFrom("verified" as const, "proven" as const) },
          { weight: 2, arbitrary: fc.constantFrom("stored" as const, "damaged" as const) },
        ),
        suspicious: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
        held: fc.integer({ min: 0, max: 19 }).map((dice) => dice === 0),
        gap: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
        /** How far what it holds lies behind its start; a long backup's lies after it. */
        lagMinutes: fc.oneof(fc.constant(0), fc.integer({ min: -90, max: 180 })),
      }),
      { minLength: 20, maxLength: 90 },
    ),
    windowHours: fc.constantFrom(24, 48, 96, 7 * 24),
    rules: fc.record({
      keepLast: fc.nat(2),
      daily: fc.nat(3),
      monthly: fc.nat(2),
      minAgeSeconds: fc.constantFrom(0, 2 * 86_400),
    }),
    restHours: fc.nat(60),
    unread: fc.boolean(),
  })
  .map(({ steps, windowHours, rules, restHours, unread }) => {
    const backups: RetentionBackup[] = [];
    let clockMs = Date.UTC(2026, 9, 1);
    let loggedMs = clockMs;
    steps.forEach(({ hours, what, state, suspicious, held, gap, lagMinutes }, index) => {
      clockMs += hours * hourMs;
      const toMs = clockMs - lagMinutes * 60_000;
      const common = {
        state,
        suspicious: suspicious && what !== "log",
        held,
        suffix: `s${index}`,
        storedAtMs: clockMs + 2 * hourMs,
      };
      if (what !== "log") {
        const parent =
          what === "incremental" ? (backups.findLast(({ kind }) => kind !== "log")?.id ?? "20260101T000000Z-full-gone") : null;
        backups.push(backupAt(clockMs, { ...common, kind: what, parent, coverage: { to: { at: instant(toMs) } } }));
      } else if (toMs > loggedMs) {
        const from = { at: instant(gap ? loggedMs + 1 : loggedMs) };
        backups.push(backupAt(clockMs, { ...common, kind: "log", coverage: { from, to: { at: instant(toMs) } } }));
        loggedMs = toMs;
      }
    });
    return {
      backups,
      unread,
      nowMs: clockMs + restHours * hourMs,
      rules: { ...rules, recoveryWindowSeconds: windowHours * 3600 },
    };
  });

const toMs = ({ coverage }: RetentionBackup): number => Date.parse(coverage?.to.at ?? "");

/** The plan as a prune makes it: again and again, until all positions that it asks for are read. */
function planOf({ backups, rules, nowMs, unread }: Course): RetentionPlan {
  const read = new Set<string>(unread ? [] : backups.map(({ id }) => id));
  for (;;) {
    const seen = backups.map(({ coverage, ...each }): RetentionBackup => (read.has(each.id) ? { ...each, coverage } : each));
    const plan = planRetention(seen, policyOf(rules), { now: new Date(nowMs), timezone: "UTC" });
    if (plan.unread.length === 0) return plan;
    for (const id of plan.unread) read.add(id);
  }
}

/** How far a backup can be relied on, with all that it builds on. */
function standingOf(backup: RetentionBackup | undefined, byId: ReadonlyMap<string, RetentionBackup>): Standing {
  if (backup === undefined) return noBase;
  return typeof backup.parent === "string" ? inheritDoubt(backup, standingOf(byId.get(backup.parent), byId)) : backup;
}

function isGood(backup: RetentionBackup, byId: ReadonlyMap<string, RetentionBackup>): boolean {
  const { state, suspicious } = standingOf(backup, byId);
  return !suspicious && (state === "verified" || state === "proven");
}

/** The instants (of those asked) that good backups and sound logs without a gap lead to. */
function recoverable(backups: readonly RetentionBackup[], instants: readonly number[]): number[] {
  const byId = new Map(backups.map((backup) => [backup.id, backup]));
  const logs = backups.filter(({ kind, state }) => kind === "log" && state !== "damaged").sort((a, b) => toMs(a) - toMs(b));
  const spans = backups.flatMap((base): (readonly [number, number])[] => {
    if (base.kind === "log" || !isGood(base, byId)) return [];
    let reach = toMs(base);
    for (const log of logs) {
      if (Date.parse(log.coverage?.from?.at ?? "") <= reach) reach = Math.max(reach, toMs(log));
    }
    return [[toMs(base), reach]];
  });
  return instants.filter((each) => spans.some(([first, last]) => first <= each && each <= last));
}

function instantsOf({ backups, rules, nowMs }: Course): number[] {
  const firstMs = nowMs - (rules.recoveryWindowSeconds ?? 0) * 1000;
  const edges = backups.flatMap((each) => [toMs(each) - 1, toMs(each), toMs(each) + 1]);
  return [firstMs, ...edges].filter((each) => each >= firstMs && each <= nowMs);
}

describe("whatever happened to a source", () => {
  const always = (check: (course: Course) => void, numRuns = 2000) => fc.assert(fc.property(arbitraryCourse, check), { numRuns });

  it("every instant of the window that was recoverable before a prune is recoverable after it, wherever it is cut off", () => {
    let counted = 0;
    always((course) => {
      const instants = instantsOf(course);
      const before = recoverable(course.backups, instants);
      const { released } = planOf(course);
      if (released.length > 0) counted += before.length;
      for (const count of [released.length, Math.floor(released.length / 2)]) {
        const gone = new Set(released.slice(0, count));
        expect(
          recoverable(
            course.backups.filter(({ id }) => !gone.has(id)),
            instants,
          ),
        ).toEqual(before);
      }
    });
    // The histories are such that prunes release something, and windows are recoverable.
    expect(counted).toBeGreaterThan(1000);
  });

  it("a prune of what was kept releases nothing, and the same as one that read every position", () => {
    always((course) => {
      const plan = planOf(course);
      const kept = new Set(keptIds(plan));
      expect(planOf({ ...course, backups: course.backups.filter(({ id }) => kept.has(id)) }).released).toEqual([]);
      const informed = planOf({ ...course, unread: false });
      expect(plan.released.filter((id) => !informed.released.includes(id))).toEqual([]);
    });
  });

  it("no log stays for the window that is older than it and ends before every kept backup", () => {
    always((course) => {
      const plan = planOf({ ...course, unread: false });
      const kept = new Set(keptIds(plan));
      const remaining = course.backups.filter(({ id }) => kept.has(id));
      const firstMs = Math.min(...remaining.filter(({ kind }) => kind !== "log").map(toMs));
      const windowMs = course.nowMs - (course.rules.recoveryWindowSeconds ?? 0) * 1000;
      // Without a good backup before the window everything stays.
      const byId = new Map(course.backups.map((backup) => [backup.id, backup]));
      if (!course.backups.some((each) => each.kind !== "log" && isGood(each, byId) && toMs(each) <= windowMs)) return;
      const needless = remaining.filter(
        (each) =>
          each.kind === "log" &&
          toMs(each) < firstMs &&
          each.startedAtMs <= windowMs &&
          reasonsOf(plan, each.id).every((reason) => reason.includes("recovery window") && !reason.includes("not counting")),
      );
      expect(needless.map(({ id }) => id)).toEqual([]);
    });
  });

  it("no prune to come releases what a prune promised to lock for longer", () => {
    always((course) => {
      const { backups, rules, nowMs } = course;
      const retention = policyOf(rules);
      const moment = { now: new Date(nowMs), timezone: "UTC" };
      const plan = planRetention(backups, retention, moment);
      const promises = promiseLocks(backups, plan, retention, moment);
      // What is the newest, or newer, or one of them builds on, is promised about a week, whatever
      // comes after it.
      const isNewest = (id: string) => reasonsOf(plan, id).some((reason) => /^newest |verified|^needed by/.test(reason));
      for (const laterDays of [1, 3, 8, 15]) {
        const later = nowMs + laterDays * dayMs;
        const more = Array.from({ length: laterDays }, (_, day) =>
          fullAt(nowMs + (day + 1) * dayMs - 60_000, { suffix: `m${day}` }),
        );
        const whole = more.map((each) => ({ ...each, startedAtMs: Math.floor(each.startedAtMs / 1000) * 1000 }));
        const { released } = planRetention([...backups, ...whole], retention, { ...moment, now: new Date(later) });
        const broken = released.filter((id) => {
          const until = promises.get(id);
          return (
            until !== undefined &&
            !isNewest(id) &&
            rules.daily === 0 &&
            rules.monthly === 0 &&
            rules.keepLast === 0 &&
            until.getTime() > later
          );
        });
        expect(broken.map((id) => [id, promises.get(id), new Date(nowMs), laterDays, reasonsOf(plan, id)])).toEqual([]);
      }
    }, 500);
  });
});
