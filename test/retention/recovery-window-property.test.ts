/**
 * The recovery window on any history. Apart from the examples, because thousands of histories take
 * seconds.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Retention } from "../../src/policy/policy.ts";
import { inheritDoubt, noBase, type Standing } from "../../src/proof/standing.ts";
import { planRetention, type RetentionBackup, type RetentionPlan } from "../../src/retention/plan-retention.ts";
import { promiseLocks } from "../../src/retention/promise-locks.ts";
import { backupAt, dayMs, fullAt, hourMs, keptIds, policyOf, reasonsOf } from "./histories.ts";

const instant = (epochMs: number): string => new Date(epochMs).toISOString();

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
