import { describe, expect, it } from "vitest";
import { planRetention, type RetentionBackup } from "../../src/retention/plan-retention.ts";
import { backupAt, dailyBackups, dayMs, hourMs, idAt, keptIds, planAt, policyOf, reasonsOf } from "./histories.ts";

const now = "2026-11-20T12:00:00Z";

describe("planRetention", () => {
  it("plans nothing for a source without backups, and refuses nothing", () => {
    expect(planAt([], { daily: 1 }, now)).toEqual({ decisions: [], released: [], refusals: [], unread: [] });
  });

  it("keeps the newest of each day and month, and says which and how many", () => {
    const backups = dailyBackups(100, "2026-11-20");
    const plan = planAt(backups, { daily: 30, monthly: 12 }, now);
    expect(reasonsOf(plan, idAt(Date.parse("2026-11-20T02:00:00Z")))).toEqual([
      "newest verified backup",
      "newest of 2026-11-20 (daily 1 of 30)",
      "newest of 2026-11 (monthly 1 of 12)",
    ]);
    expect(reasonsOf(plan, idAt(Date.parse("2026-11-18T02:00:00Z")))).toEqual(["newest of 2026-11-18 (daily 3 of 30)"]);
    expect(reasonsOf(plan, idAt(Date.parse("2026-09-30T02:00:00Z")))).toEqual(["newest of 2026-09 (monthly 3 of 12)"]);
    expect(reasonsOf(plan, idAt(Date.parse("2026-09-29T02:00:00Z")))).toEqual(["released: a newer backup is kept for its month"]);
    expect(keptIds(plan)).toHaveLength(30 + 2);
  });

  it("counts only days that have a backup, so that an outage of 60 days takes nothing away", () => {
    const plan = planAt(dailyBackups(40, "2026-09-01"), { daily: 30 }, now);
    expect(keptIds(plan)).toHaveLength(30);
    expect(plan.released[0]).toBe(idAt(Date.parse("2026-08-02T02:00:00Z")));
  });

  it("lets the newest verified backup stand for a day, not a newer one that is damaged or suspicious", () => {
    const [old, good, damaged, suspicious, newest] = [
      backupAt("2026-11-18T02:00:00Z"),
      backupAt("2026-11-19T02:00:00Z"),
      backupAt("2026-11-19T08:00:00Z", { state: "damaged" }),
      backupAt("2026-11-19T09:00:00Z", { suspicious: true }),
      backupAt("2026-11-20T02:00:00Z"),
    ];
    const plan = planAt([old, good, damaged, suspicious, newest], { daily: 2 }, now);
    expect(reasonsOf(plan, good.id)).toContain("newest of 2026-11-19 (daily 2 of 2)");
    expect(reasonsOf(plan, damaged.id)).toEqual(["damaged, kept 30 days for analysis"]);
    expect(plan.released).toEqual([suspicious.id, old.id]);
    expect(planAt([old, good, damaged, suspicious, newest], { daily: 2 }, "2026-12-19T08:00:01Z").released).toContain(damaged.id);
  });

  it("keeps the only backup of a day though it is damaged or was never verified, and does not count it", () => {
    const [first, stored, damaged, newest] = [
      backupAt("2026-09-01T02:00:00Z"),
      backupAt("2026-09-02T02:00:00Z", { state: "stored" }),
      backupAt("2026-09-03T02:00:00Z", { state: "damaged" }),
      backupAt("2026-09-04T02:00:00Z"),
    ];
    const plan = planAt([first, stored, damaged, newest], { daily: 2 }, now);
    expect(plan.released).toEqual([]);
    expect(reasonsOf(plan, stored.id)).toEqual(["newest of 2026-09-02, not verified and not counted (daily)"]);
    expect(reasonsOf(plan, damaged.id)).toEqual(["newest of 2026-09-03, damaged and not counted (daily)"]);
    expect(reasonsOf(plan, first.id)).toEqual(["newest of 2026-09-01 (daily 2 of 2)"]);
  });

  it("keeps what is newer than the newest verified backup until it is judged", () => {
    const plan = planAt(
      [backupAt("2026-11-20T02:00:00Z"), ...[3, 4, 5].map((hour) => backupAt(`2026-11-20T0${hour}:00:00Z`, { state: "stored" }))],
      { keepLast: 1 },
      now,
    );
    expect(plan.released).toEqual([]);
    expect(plan.decisions[0]?.reasons).toContain("newer than the newest verified backup");
  });

  it("never releases the newest proven backup, however old", () => {
    const proven = backupAt("2024-01-01T02:00:00Z", { state: "proven" });
    const plan = planAt(
      [proven, backupAt("2023-01-01T02:00:00Z", { state: "proven" }), ...dailyBackups(5, "2026-11-20")],
      { keepLast: 2 },
      now,
    );
    expect(reasonsOf(plan, proven.id)).toEqual(["newest proven backup"]);
    expect(plan.released).toContain(idAt(Date.parse("2023-01-01T02:00:00Z")));
  });

  it("keeps a proven backup that can be relied on beside a newer one that cannot", () => {
    const [good, bad] = [
      backupAt("2026-01-01T02:00:00Z", { state: "proven" }),
      backupAt("2026-02-01T02:00:00Z", { state: "proven", suspicious: true }),
    ];
    const plan = planAt([good, bad, ...dailyBackups(3, "2026-11-20")], { keepLast: 1 }, now);
    expect(reasonsOf(plan, bad.id)).toEqual(["newest proven backup"]);
    expect(reasonsOf(plan, good.id)).toEqual(["newest proven backup that can be relied on"]);
  });

  it("keeps a month's newest proven backup beside a newer one that is only verified, and says which is which", () => {
    const backups = dailyBackups(60, "2026-11-20").map((backup, index) =>
      index === 20 || index === 10 ? { ...backup, state: "proven" as const } : backup,
    );
    const [older, proven] = [backups[10]?.id ?? "", backups[20]?.id ?? ""];
    const october = idAt(Date.parse("2026-10-31T02:00:00Z"));
    const plan = planAt([...backups, backupAt("2026-11-20T03:00:00Z", { state: "proven" })], { monthly: 12 }, now);
    expect(reasonsOf(plan, proven)).toEqual(["newest proven of 2026-10 (monthly 2 of 12)"]);
    expect(reasonsOf(plan, october)).toEqual(["newest of 2026-10 (monthly 2 of 12)"]);
    expect(reasonsOf(plan, older)).toEqual(["released: a newer backup is kept for its month"]);
  });

  it("keeps one backup of a bucket whose newest is proven, and needs no second", () => {
    const [older, newer] = [
      backupAt("2026-10-03T02:00:00Z", { state: "proven" }),
      backupAt("2026-10-03T03:00:00Z", { state: "proven" }),
    ];
    const plan = planAt([older, newer, backupAt("2026-11-20T02:00:00Z", { state: "proven" })], { daily: 9 }, now);
    expect(plan.released).toEqual([older.id]);
  });

  it("takes a proven backup that is suspicious, or on a damaged base, for no proof", () => {
    const [suspicious, verified] = [
      backupAt("2026-10-03T02:00:00Z", { state: "proven", suspicious: true }),
      backupAt("2026-10-03T03:00:00Z"),
    ];
    const newest = backupAt("2026-11-20T02:00:00Z", { state: "proven" });
    expect(planAt([suspicious, verified, newest], { daily: 9 }, now).released).toEqual([suspicious.id]);
  });

  it("releases nothing that is younger than the minimum age, whatever the rules, and says so", () => {
    const morning = backupAt("2026-11-20T02:00:00Z");
    const panic = backupAt("2026-11-20T11:59:52Z");
    const old = backupAt("2026-11-17T02:00:00Z");
    const edge = backupAt("2026-11-18T12:00:00Z");
    const damaged = backupAt("2026-11-19T09:00:00Z", { state: "damaged" });
    const rules = { keepLast: 1, minAgeSeconds: 48 * 3600 };
    const plan = planAt([morning, panic, old, edge, damaged], rules, now);
    expect(plan.released).toEqual([old.id]);
    expect(reasonsOf(plan, edge.id)).toContain("last 1 of 1, not counting the last 2 days (minAge)");
    expect(reasonsOf(plan, morning.id)).toEqual(["younger than 2 days (minAge)"]);
    expect(reasonsOf(plan, damaged.id)).toContain("younger than 2 days (minAge)");
    expect(planAt([morning, panic], rules, "2026-11-22T03:00:00Z").released).toEqual([]);
    expect(planAt([morning, panic], rules, "2026-11-22T12:00:00Z").released).toEqual([morning.id]);
  });

  it("lets a backup go only for what was in the vault, and was checked, before the minimum age", () => {
    const rules = { daily: 1, minAgeSeconds: 48 * 3600 };
    const lastWeek = backupAt("2026-11-13T02:00:00Z");
    const storedAtMs = Date.parse(now) - 3_600_000;
    const released = (...others: RetentionBackup[]) => planAt([lastWeek, ...others], rules, now).released;
    const day = "2026-11-13T03:00:00Z";
    expect(released(backupAt(day))).toEqual([lastWeek.id]);
    expect(released(backupAt(day, { storedAtMs }))).toEqual([]);
    expect(released(backupAt(day, { settled: { state: "stored", suspicious: false } }))).toEqual([]);
    expect(released(backupAt(day, { settled: { state: "verified", suspicious: true } }))).toEqual([]);
    // A week between two backups: the one before an accident stays two days after it, not some
    // minutes.
    expect(released(backupAt("2026-11-20T02:00:00Z"))).toEqual([]);
    const touched = { ...lastWeek, storedAtMs };
    const plan = planAt([touched, backupAt(day)], rules, now);
    expect(plan.released).toEqual([]);
    expect(reasonsOf(plan, touched.id)).toEqual(["in the vault for less than 2 days (minAge)"]);
    // A finding of today says nothing against what it was two days ago.
    const disproven = { state: "damaged" as const, settled: { state: "proven" as const, suspicious: false } };
    expect(planAt([backupAt("2026-10-01T02:00:00Z", disproven), backupAt("2026-11-20T02:00:00Z")], rules, now).released).toEqual(
      [],
    );
  });

  it("says of a newer backup that a more trusted one stands for its day", () => {
    const good = backupAt("2026-10-03T02:00:00Z");
    const suspicious = backupAt("2026-10-03T03:00:00Z", { suspicious: true });
    const plan = planAt([good, suspicious, backupAt("2026-11-20T02:00:00Z")], { daily: 9 }, now);
    expect(reasonsOf(plan, suspicious.id)).toEqual(["released: a more trusted backup is kept for its day"]);
  });

  it("says of what was not in the vault before the minimum age why it lets nothing go", () => {
    const rules = { keepLast: 1, minAgeSeconds: 48 * 3600 };
    const settledMs = Date.parse(now) - 48 * hourMs;
    const [late, other, newest] = [
      backupAt("2026-11-13T02:00:00Z"),
      backupAt("2026-11-13T03:00:00Z"),
      backupAt("2026-11-14T02:00:00Z"),
    ];
    const stored = (backup: RetentionBackup, storedAtMs: number) => ({ ...backup, storedAtMs });
    const plan = (storedAtMs: number) => planAt([stored(late, storedAtMs), other, newest], rules, now);
    expect(plan(settledMs).released).toEqual([other.id, late.id]);
    expect(plan(settledMs + 1).released).toEqual([other.id]);
    expect(reasonsOf(plan(settledMs + 1), late.id)).toEqual(["in the vault for less than 2 days (minAge)"]);
    // What stays anyway says no more.
    expect(reasonsOf(plan(settledMs), newest.id)).toEqual(["newest verified backup", "last 1 of 1"]);
    const fresh = planAt([other, stored(newest, settledMs + 1)], rules, now);
    expect(reasonsOf(fresh, newest.id)).toEqual(["newest verified backup", "last 1 of 1"]);
    expect(reasonsOf(fresh, other.id)).toEqual([
      "newest verified backup, not counting the last 2 days (minAge)",
      "last 1 of 1, not counting the last 2 days (minAge)",
    ]);
  });

  it("counts nothing apart where there is no minimum age", () => {
    const [old, newest] = [backupAt("2026-11-13T02:00:00Z"), backupAt("2026-11-14T02:00:00Z")];
    const later = { ...newest, storedAtMs: Date.parse(now) + 1 };
    expect(planAt([old, later], { keepLast: 1, minAgeSeconds: 0 }, now).released).toEqual([old.id]);
    expect(planAt([old, later], { keepLast: 1, minAgeSeconds: 1 }, now).released).toEqual([]);
  });

  it("keeps by number, by age and by the age of a kind", () => {
    const backups = dailyBackups(20, "2026-11-20");
    expect(keptIds(planAt(backups, { keepLast: 4 }, now))).toHaveLength(4);
    expect(reasonsOf(planAt(backups, { keepLast: 4 }, now), idAt(Date.parse("2026-11-19T02:00:00Z")))).toEqual(["last 2 of 4"]);
    expect(keptIds(planAt(backups, { keepWithinSeconds: 5 * 86_400 }, now))).toHaveLength(5);
    // Exactly five days old is not younger than five days.
    expect(keptIds(planAt(backups, { keepWithinSeconds: 5 * 86_400 }, "2026-11-20T02:00:00Z"))).toHaveLength(5);
    const byKind = planAt(backups, { kinds: { full: { keepWithinSeconds: 36 * 3600 } } }, now);
    expect(keptIds(byKind)).toHaveLength(2);
    expect(reasonsOf(byKind, idAt(Date.parse("2026-11-19T02:00:00Z")))).toEqual(["full, younger than 36 hours"]);
  });

  it("keeps holds, permanent ids and running locks, and forgets a lock that has ended", () => {
    const at = (day: string) => `2026-0${day}T02:00:00Z`;
    const [held, permanent, locked, unlocked, odd] = [
      backupAt(at("1-01"), { held: true }),
      backupAt(at("1-02")),
      backupAt(at("1-03"), { lockedUntilMs: Date.parse(now) + 1 }),
      backupAt(at("1-04"), { lockedUntilMs: Date.parse(now) }),
      backupAt(at("1-05"), { lockedUntilMs: Number.NaN }),
    ];
    const plan = planAt(
      [held, permanent, locked, unlocked, odd, ...dailyBackups(2, "2026-11-20")],
      { keepLast: 2, permanent: [permanent.id] },
      now,
    );
    expect(plan.released).toEqual([unlocked.id]);
    expect(reasonsOf(plan, held.id)).toEqual(["held"]);
    expect(reasonsOf(plan, permanent.id)).toEqual(["permanent"]);
    expect(reasonsOf(plan, locked.id)).toEqual(["locked until 2026-11-20T12:00:00.001Z"]);
    expect(reasonsOf(plan, odd.id)).toEqual(["locked until an unknown time"]);
  });
});

describe("planRetention with chains", () => {
  const full = backupAt("2026-11-01T02:00:00Z", { kind: "full" });
  const first = backupAt("2026-11-02T02:00:00Z", { kind: "incremental", parent: full.id });
  const second = backupAt("2026-11-03T02:00:00Z", { kind: "incremental", parent: first.id });
  const next = backupAt("2026-11-04T02:00:00Z", { kind: "full" });

  it("keeps all that a kept backup builds on, and says for whom", () => {
    const plan = planAt([full, first, second, next], { keepLast: 2 }, now);
    expect(plan.released).toEqual([]);
    expect(reasonsOf(plan, first.id)).toEqual([`needed by ${second.id}`]);
    expect(reasonsOf(plan, full.id)).toEqual([`needed by ${first.id}`]);
  });

  it("releases a whole chain from its end", () => {
    expect(planAt([full, first, second, next], { keepLast: 1 }, now).released).toEqual([second.id, first.id, full.id]);
  });

  it("does not rely on a backup whose base is damaged, gone, not verified or suspicious", () => {
    for (const [broken, doubt] of [
      [[{ ...full, state: "damaged" as const }, first, second, next], "on a damaged or missing base"],
      [[first, second, next], "on a damaged or missing base"],
      [[{ ...full, state: "stored" as const }, first, second, next], "on a base that is not verified"],
      [[{ ...full, suspicious: true }, first, second, next], "on a suspicious base"],
    ] as const) {
      const plan = planAt(broken, { daily: 3 }, now);
      expect(reasonsOf(plan, second.id)).toContain(`newest of 2026-11-03, ${doubt} and not counted (daily)`);
    }
  });

  it("does not go round in circles where backups claim to build on each other", () => {
    const [a, b] = [backupAt("2026-11-01T02:00:00Z"), backupAt("2026-11-02T02:00:00Z")];
    const ring = [
      { ...a, parent: b.id },
      { ...b, parent: a.id },
    ];
    const plan = planAt([...ring, next], { keepLast: 1 }, "2026-12-20T00:00:00Z");
    expect(plan.released).toHaveLength(2);
    expect(keptIds(planAt([...ring, next], { keepLast: 1, permanent: [a.id] }, "2026-12-20T00:00:00Z"))).toHaveLength(3);
  });

  it("deletes bases that claim to be younger after what builds on them", () => {
    const [child, base, root] = [
      backupAt("2026-11-01T02:00:00Z"),
      backupAt("2026-11-02T02:00:00Z"),
      backupAt("2026-11-03T02:00:00Z"),
    ];
    const chain = [{ ...child, parent: base.id }, { ...base, parent: root.id }, root, next];
    expect(planAt(chain, { keepLast: 1 }, now).released).toEqual([child.id, base.id, root.id]);
  });
});

describe("planRetention with logs", () => {
  const fulls = [backupAt("2026-11-01T00:00:00Z"), backupAt("2026-11-10T00:00:00Z")];
  const logs = Array.from({ length: 40 }, (_, index) =>
    backupAt(Date.parse("2026-10-20T06:00:00Z") + index * 0.5 * dayMs, { kind: "log", suffix: `l${index}` }),
  );

  it("keeps logs as long as the oldest backup that they can be replayed on", () => {
    const plan = planAt([...fulls, ...logs], { daily: 2 }, now);
    expect(plan.released).toHaveLength(24);
    expect(plan.released.every((id) => id < "20261101")).toBe(true);
    expect(plan.decisions.find(({ kept }) => !kept)?.reasons).toEqual(["released: older than the logs that are kept"]);
  });

  it("keeps a log that ends where the oldest kept backup does, and none that ends before", () => {
    const logs = ["2026-10-31T23:59:59.999Z", "2026-11-01T00:00:00.000Z"];
    const [before, along] = logs.map((at) => backupAt(at.replace(/\.\d+/, ""), { kind: "log", coverage: { to: { at } } }));
    const plan = planAt([...fulls, ...[before, along].flatMap((log) => log ?? [])], { daily: 2 }, now);
    expect(plan.released).toEqual([before?.id]);
  });

  it("keeps logs by their own age where the policy says one", () => {
    const plan = planAt([...fulls, ...logs], { daily: 2, kinds: { log: { keepWithinSeconds: 13 * 86_400 } } }, now);
    expect(keptIds(plan).filter((id) => id.includes("-log-"))).toHaveLength(3);
  });

  it("never lets a log stand for a day", () => {
    const plan = planAt([...fulls, ...logs], { daily: 1 }, now);
    expect(reasonsOf(plan, fulls[1]?.id ?? "")).toContain("newest of 2026-11-10 (daily 1 of 1)");
  });
});

describe("planRetention on DST days", () => {
  it("puts both of the repeated hours into their one day", () => {
    const hours = Array.from({ length: 25 }, (_, index) => backupAt(Date.parse("2026-10-24T22:00:00Z") + index * hourMs));
    const plan = planRetention(hours, policyOf({ daily: 5 }), { now: new Date("2026-10-26T12:00:00Z"), timezone: "Europe/Berlin" });
    expect(keptIds(plan)).toEqual([idAt(Date.parse("2026-10-25T22:00:00Z"))]);
  });
});
