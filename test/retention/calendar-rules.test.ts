/** What stands for days, weeks, months and years, and which of them count. */
import { describe, expect, it } from "vitest";
import { planRetention } from "../../src/retention/plan-retention.ts";
import { backupAt, dailyBackups, planAt, policyOf, reasonsOf } from "./histories.ts";

const now = "2026-11-20T12:00:00Z";

describe("a calendar rule", () => {
  // Two backups of each of three periods, the older ones first.
  it.each([
    ["daily", ["2026-11-18", "2026-11-19", "2026-11-20"], ["2026-11-18", "2026-11-19", "2026-11-20"], "day"],
    ["weekly", ["2026-11-03", "2026-11-12", "2026-11-19"], ["2026-W45", "2026-W46", "2026-W47"], "week"],
    ["monthly", ["2026-01-31", "2026-10-01", "2026-11-02"], ["2026-01", "2026-10", "2026-11"], "month"],
    ["yearly", ["2020-12-31", "2025-01-01", "2026-05-05"], ["2020", "2025", "2026"], "year"],
  ] as const)("keeps the newest of each of its newest periods: %s", (rule, days, periods, name) => {
    const pairs = days.map((day) => [backupAt(`${day}T02:00:00Z`), backupAt(`${day}T03:00:00Z`)] as const);
    const [oldest, middle, latest] = pairs as unknown as [(typeof pairs)[0], (typeof pairs)[0], (typeof pairs)[0]];
    const plan = planAt(pairs.flat(), { [rule]: 2 }, now);
    expect(reasonsOf(plan, latest[1].id)).toEqual(["newest verified backup", `newest of ${periods[2]} (${rule} 1 of 2)`]);
    expect(reasonsOf(plan, middle[1].id)).toEqual([`newest of ${periods[1]} (${rule} 2 of 2)`]);
    for (const [older] of [latest, middle])
      expect(reasonsOf(plan, older.id)).toEqual([`released: a newer backup is kept for its ${name}`]);
    for (const { id } of oldest) expect(reasonsOf(plan, id)).toEqual(["released: older than every rule"]);
    const doubtful = planAt(
      pairs.flatMap(([first, second]) => [first, { ...second, suspicious: true }]).concat(backupAt("2026-11-20T11:00:00Z")),
      { [rule]: 9 },
      now,
    );
    for (const [, newer] of [oldest, middle])
      expect(reasonsOf(doubtful, newer.id)).toEqual([`released: a more trusted backup is kept for its ${name}`]);
  });

  it("says for which of its rules a backup goes: the finest that keeps another for it", () => {
    const backups = dailyBackups(60, "2026-11-20");
    const plan = planAt([...backups, backupAt("2026-11-19T01:00:00Z")], { daily: 2, monthly: 2 }, now);
    expect(reasonsOf(plan, "20261119T010000Z-full-aaaaaa")).toEqual(["released: a newer backup is kept for its day"]);
    expect(reasonsOf(plan, "20261110T020000Z-full-aaaaaa")).toEqual(["released: a newer backup is kept for its month"]);
    expect(reasonsOf(plan, "20260925T020000Z-full-aaaaaa")).toEqual(["released: older than every rule"]);
  });

  it("says of a damaged backup that it is damaged, and of a log that it is one, whatever stands for its day", () => {
    const [damaged, log] = [
      backupAt("2026-09-01T02:00:00Z", { state: "damaged" }),
      backupAt("2026-09-01T03:00:00Z", { kind: "log" }),
    ];
    const plan = planAt(
      [damaged, log, backupAt("2026-09-01T04:00:00Z"), backupAt("2026-11-20T02:00:00Z")],
      { daily: 2, kinds: { log: { keepWithinSeconds: 60 } } },
      now,
    );
    expect(reasonsOf(plan, damaged.id)).toEqual(["released: damaged, and a newer backup is verified"]);
    expect(reasonsOf(plan, log.id)).toEqual(["released: older than the logs that are kept"]);
  });

  it("keeps the newest proven of a period beside its newest, and no third", () => {
    const at = (hour: number, state: "verified" | "proven") => backupAt(`2026-09-01T0${hour}:00:00Z`, { state });
    const backups = [at(1, "proven"), at(2, "proven"), at(3, "verified"), at(4, "verified")] as const;
    const plan = planAt([...backups, backupAt("2026-11-20T02:00:00Z", { state: "proven" })], { daily: 2 }, now);
    expect(reasonsOf(plan, backups[3].id)).toEqual(["newest of 2026-09-01 (daily 2 of 2)"]);
    expect(reasonsOf(plan, backups[1].id)).toEqual(["newest proven of 2026-09-01 (daily 2 of 2)"]);
    expect(plan.released).toEqual([backups[2].id, backups[0].id]);
  });

  it("takes the newest of those that are equally doubtful, and a better one that is older", () => {
    const at = (hour: number, changes: object) => backupAt(`2026-09-01T0${hour}:00:00Z`, changes);
    const newest = backupAt("2026-11-20T02:00:00Z");
    const stored = [at(1, { state: "stored" }), at(2, { state: "stored" }), at(3, { state: "damaged" })] as const;
    const plan = planAt([...stored, newest], { daily: 2 }, now);
    expect(reasonsOf(plan, stored[1].id)).toEqual(["newest of 2026-09-01, not verified and not counted (daily)"]);
    expect(plan.released).toEqual([stored[2].id, stored[0].id]);
  });

  it("takes what counts for nothing for no backup of its day", () => {
    const [forged, newest] = [
      backupAt("2026-09-01T02:00:00Z", { distrust: "its names disagree" }),
      backupAt("2026-11-20T02:00:00Z"),
    ];
    for (const rules of [{ daily: 2 }, { keepLast: 2 }])
      expect(reasonsOf(planAt([forged, newest], rules, now), forged.id)).toEqual(["not relied on: its names disagree"]);
  });

  it("counts days by their date, where clocks went back over midnight", () => {
    // St. John's left summer time at 00:01 on 7 November 2010, and it was 23:01 of the 6th again.
    const [sixth, seventh, sixthAgain] = [
      backupAt("2010-11-06T12:00:00Z"),
      backupAt("2010-11-07T02:30:30Z"),
      backupAt("2010-11-07T02:40:00Z"),
    ];
    const moment = { now: new Date("2010-11-08T12:00:00Z"), timezone: "America/St_Johns" };
    const plan = planRetention([sixth, seventh, sixthAgain], policyOf({ daily: 1 }), moment);
    expect(reasonsOf(plan, seventh.id)).toEqual(["newest of 2010-11-07 (daily 1 of 1)"]);
    expect(reasonsOf(plan, sixthAgain.id)).toEqual(["newest verified backup"]);
    expect(plan.released).toEqual([sixth.id]);
  });
});
