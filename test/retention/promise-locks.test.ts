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
    [{ daily: 0, weekly: 8 }, 0],
    [{ daily: 1, minAgeSeconds: 2 * 86_400 }, 2],
    [{ keepWithinSeconds: 86_400, kinds: { full: { keepWithinSeconds: 3600 } } }, 1],
    [{ keepWithinSeconds: 86_400, recoveryWindowSeconds: 5 * 86_400 }, 5],
    [{ daily: 9, recoveryWindowSeconds: 5 * 86_400 }, 9],
    [{ daily: 3, recoveryWindowSeconds: 5 * 86_400 }, 5],
  ])("of %j is %i days", (rules, days) => {
    expect(shortestKept(policyOf(rules as Partial<Retention>), "full")).toBe(days * 86_400);
  });
});

it("the shortest time of logs is their window's, and without one that of what they are replayed on", () => {
  expect(shortestKept(policyOf({ daily: 30 }), "log")).toBe(30 * 86_400);
  expect(shortestKept(policyOf({ daily: 30, recoveryWindowSeconds: 3600 }), "log")).toBe(3600);
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

  const at = "2026-11-20T12:00:00Z";
  const atMs = Date.parse(at);
  const last = backupAt(atMs - 1000);
  /** Until when a backup of this age is locked under the rules, in seconds from now. */
  const lockedFor = (ageSeconds: number, rules: Partial<Retention>, changes: Partial<RetentionBackup> = {}) => {
    const backup = backupAt(atMs - ageSeconds * 1000, changes);
    const until = promisesAt([backup, last], rules, at).get(backup.id);
    return until === undefined ? undefined : (until.getTime() - atMs) / 1000;
  };

  it.each([
    ["keepWithin", { keepWithinSeconds: 3600 }],
    ["minAge", { minAgeSeconds: 3600 }],
    ["its kind's age", { kinds: { full: { keepWithinSeconds: 3600 } } }],
    ["the longest of them", { minAgeSeconds: 60, keepWithinSeconds: 3600, kinds: { full: { keepWithinSeconds: 70 } } }],
  ])("last until its age is over, and no longer: %s", (_, rules) => {
    expect([1000, 3599, 3600, 3601].map((age) => lockedFor(age, { keepLast: 1, ...rules }))).toEqual([
      2600,
      1,
      undefined,
      undefined,
    ]);
  });

  it("are none for what another kind's age keeps, nor for what counts for nothing", () => {
    expect(lockedFor(1000, { keepLast: 1, kinds: { log: { keepWithinSeconds: 3600 } } })).toBeUndefined();
    expect(lockedFor(1000, { keepLast: 1, keepWithinSeconds: 3600 }, { distrust: "its names disagree" })).toBeUndefined();
    expect(lockedFor(1000, { keepLast: 1, keepWithinSeconds: 3600 }, { state: "damaged" })).toBeUndefined();
    expect(lockedFor(1000, { keepLast: 1, keepWithinSeconds: 3600 }, { suspicious: true })).toBe(2600);
  });

  it("are none for what the plan releases", () => {
    const old = backupAt(atMs - 1000_000);
    const rules = policyOf({ keepLast: 1, permanent: [old.id], minAgeSeconds: 3600 });
    const moment = { now: new Date(at), timezone: "UTC" };
    const promised = (kept: boolean) =>
      promiseLocks([old, last], { decisions: [{ id: old.id, kept, reasons: [] }] }, rules, moment);
    expect([...promised(true).keys()]).toEqual([old.id]);
    expect([...promised(false).keys()]).toEqual([]);
  });

  describe.each([
    ["daily", "2026-11-19", "2026-11-22"],
    ["weekly", "2026-11-13", "2026-11-30"],
    ["monthly", "2026-10-31", "2027-01-01"],
    ["yearly", "2025-12-31", "2028-01-01"],
  ] as const)("of a %s rule", (rule, day, end) => {
    const past = backupAt(`${day}T02:00:00Z`);
    const until = (count: number, ...others: RetentionBackup[]) =>
      promisesAt([past, ...others], { [rule]: count }, at)
        .get(past.id)
        ?.toISOString()
        .slice(0, 10);

    it("end when so many further periods have begun as there is room for", () => {
      expect(until(3, last)).toBe(end);
    });

    it("are for the proven one of the period, too, and for what stands for a day that is over", () => {
      const proven = backupAt(`${day}T01:00:00Z`, { state: "proven" });
      const newest = backupAt(atMs - 500, { state: "proven" });
      const promises = promisesAt([proven, past, newest], { [rule]: 3 }, at);
      expect(promises.get(proven.id)).toEqual(promises.get(past.id));
      expect(promises.get(past.id)?.toISOString().slice(0, 10)).toBe(end);
    });

    it("are none for what is not trusted", () => {
      const doubtful = { ...past, suspicious: true };
      expect(promisesAt([doubtful, last], { [rule]: 3 }, at).get(past.id)).toBeUndefined();
    });
  });

  it("count periods from now on, after an outage: none of those that brought nothing", () => {
    const past = backupAt("2026-08-15T02:00:00Z");
    const until = promisesAt([past], { monthly: 2 }, at).get(past.id);
    expect(until).toEqual(new Date("2026-12-01T00:00:00Z"));
  });

  it("wait for the end of the period under way, whose backup may be replaced", () => {
    const [morning, noon] = [backupAt("2026-11-20T02:00:00Z"), backupAt("2026-11-20T11:00:00Z")];
    expect(promisesAt([morning, noon], { monthly: 12 }, at).get(morning.id)).toBeUndefined();
  });

  it.each([
    ["a day", { daily: 1 }, 86_400],
    ["a week, of what is kept for longer", { yearly: 1 }, 7 * 86_400],
    ["its shortest time", { minAgeSeconds: 7200 }, 7200],
  ])("of the newest last four to five steps, a quarter of %s each", (_, rules, seconds) => {
    const step = (seconds * 1000) / 4;
    for (const offsetMs of [0, 1, step / 2, step - 1]) {
      const moment = Math.ceil(atMs / step) * step + offsetMs;
      const newest = backupAt(Math.floor(moment / 1000) * 1000 - 90_000_000);
      const until =
        promisesAt([newest], { keepLast: 1, ...rules }, moment)
          .get(newest.id)
          ?.getTime() ?? 0;
      expect(until % step).toBe(0);
      expect(until - moment).toBe(4 * step + (offsetMs === 0 ? 0 : step - offsetMs));
    }
  });

  it("are for permanent backups as for the newest, and none where nothing has a time", () => {
    const old = backupAt(atMs - 1000_000_000);
    const rules = { daily: 1, permanent: [old.id] };
    const promises = promisesAt([old, last], rules, at);
    expect(promises.get(old.id)).toEqual(promises.get(last.id));
    expect(promisesAt([old, last], { keepLast: 2 }, at).size).toBe(0);
  });

  it("reach down a chain to its full, and not to a base that says it is younger", () => {
    const full = backupAt(atMs - 900_000);
    const middle = backupAt(atMs - 800_000, { kind: "incremental", parent: full.id });
    const top = backupAt(atMs - 700_000, { kind: "incremental", parent: middle.id });
    const rules = { keepLast: 1, kinds: { incremental: { keepWithinSeconds: 1000 } } };
    const promises = promisesAt([full, middle, top, last], rules, at);
    expect([full, middle, top].map(({ id }) => promises.get(id)?.getTime())).toEqual([
      atMs + 300_000,
      atMs + 300_000,
      atMs + 300_000,
    ]);
    const odd = { ...full, id: idAt(atMs - 700_000, "full", "odd"), startedAtMs: atMs - 700_000 };
    const child = backupAt(atMs - 800_000, { kind: "incremental", parent: odd.id });
    const kinds = { kinds: { incremental: { keepWithinSeconds: 1000 } } };
    expect(promisesAt([child, odd, last], { keepLast: 1, ...kinds }, at).get(odd.id)).toBeUndefined();
  });
});

describe("the locks of a recovery window", () => {
  const at = "2026-11-20T12:00:00Z";
  const atMs = Date.parse(at);
  const windowMs = 86_400_000;
  const made = (hoursAgo: number, changes: Partial<RetentionBackup> = {}) => backupAt(atMs - hoursAgo * 3_600_000, changes);
  const until = (backups: readonly RetentionBackup[], id: string) =>
    promisesAt(backups, { keepLast: 1, recoveryWindowSeconds: windowMs / 1000 }, at)
      .get(id)
      ?.getTime();

  it("of its base last until the next that reaches further may be the base", () => {
    const [base, next, last] = [made(50), made(20), made(1)] as const;
    expect(until([base, next, last], base.id)).toBe(next.startedAtMs + windowMs);
    expect(until([base, next, last], next.id)).toBe(last.startedAtMs + windowMs);
  });

  it("are not ended by a log, nor by one that reaches no further", () => {
    const [base, log, last] = [made(50), made(20, { kind: "log" }), made(1)] as const;
    expect(until([base, log, last], base.id)).toBe(last.startedAtMs + windowMs);
    const same = made(20, { coverage: { to: { at: new Date(base.startedAtMs).toISOString() } } });
    expect(until([base, same, last], base.id)).toBe(last.startedAtMs + windowMs);
    expect(until([base, same, last], same.id)).toBe(last.startedAtMs + windowMs);
  });

  it("go by what is reached, not by what was begun", () => {
    const reaching = (hoursAgo: number) => ({ coverage: { to: { at: new Date(atMs - hoursAgo * 3_600_000).toISOString() } } });
    const [long, short, last] = [made(5, reaching(2)), made(4, reaching(3)), made(1)] as const;
    expect(until([long, short, last], short.id)).toBe(atMs - 2 * 3_600_000 + windowMs);
    expect(until([long, short, last], long.id)).toBe(atMs - 3_600_000 + windowMs);
  });

  it("begin with what ends first, its start or what it reaches", () => {
    const reaching = (hoursAgo: number) => ({ coverage: { to: { at: new Date(atMs - hoursAgo * 3_600_000).toISOString() } } });
    const [late, last] = [made(3, reaching(0.5)), made(1)];
    expect(until([late, last], late.id)).toBe(late.startedAtMs + windowMs);
    const [early, newest] = [made(2, reaching(3)), made(1, reaching(4))];
    expect(until([early, newest], early.id)).toBe(atMs - 3 * 3_600_000 + windowMs);
  });
});
