/** Rules beside the calendar, at their edges: what stays, and with exactly which reasons. */
import { describe, expect, it } from "vitest";
import { describeAge } from "../../src/retention/describe-age.ts";
import { backupAt, dayMs, fullAt, planAt, reasonsOf } from "./histories.ts";

const now = "2026-11-20T12:00:00Z";
const nowMs = Date.parse(now);
const ago = (seconds: number) => nowMs - seconds * 1000;
const newest = backupAt(ago(1));

describe("an age", () => {
  it.each([
    [0, "0 days"],
    [1, "1 second"],
    [59, "59 seconds"],
    [60, "1 minute"],
    [61, "61 seconds"],
    [3540, "59 minutes"],
    [3600, "1 hour"],
    [5400, "90 minutes"],
    [86_400, "1 day"],
    [90_000, "25 hours"],
    [172_800, "2 days"],
  ])("of %i seconds is %s", (seconds, words) => {
    expect(describeAge(seconds)).toBe(words);
  });
});

describe("an age rule", () => {
  it.each([
    ["minAge", { minAgeSeconds: 3600 }, 3600, "younger than 1 hour (minAge)", {}],
    ["keepWithin", { keepWithinSeconds: 3600 }, 3600, "younger than 1 hour", {}],
    ["a kind's age", { kinds: { full: { keepWithinSeconds: 3600 } } }, 3600, "full, younger than 1 hour", {}],
    ["damage", {}, 30 * 86_400, "damaged, kept 30 days for analysis", { state: "damaged" as const }],
  ])("keeps until its end, and not at it: %s", (_, rules, seconds, reason, changes) => {
    const has = (age: number) => {
      const backup = backupAt(ago(age), changes);
      return reasonsOf(planAt([backup, newest], { keepLast: 1, ...rules }, now), backup.id).includes(reason);
    };
    expect([seconds - 1, seconds, seconds + 1].map(has)).toEqual([true, false, false]);
  });

  it("of a kind keeps no other kind", () => {
    const [snapshot, full] = [backupAt(ago(60), { kind: "snapshot" }), backupAt(ago(61))];
    const plan = planAt([snapshot, full, newest], { keepLast: 1, kinds: { full: { keepWithinSeconds: 3600 } } }, now);
    expect(plan.released).toEqual([snapshot.id]);
  });
});

describe("keepLast", () => {
  it("counts trusted backups alone, and keeps what is among them", () => {
    const backups = [
      backupAt(ago(500)),
      backupAt(ago(400)),
      backupAt(ago(300), { suspicious: true }),
      backupAt(ago(200), { state: "damaged" }),
      backupAt(ago(100)),
      backupAt(ago(50), { kind: "log" }),
    ] as const;
    const plan = planAt(backups, { keepLast: 2 }, now);
    expect(reasonsOf(plan, backups[4].id)).toEqual(["newest verified backup that can be relied on", "last 1 of 2"]);
    expect(reasonsOf(plan, backups[3].id)[0]).toBe("among the last 2, damaged and not counted");
    expect(reasonsOf(plan, backups[2].id)).toEqual(["among the last 2, suspicious and not counted"]);
    expect(reasonsOf(plan, backups[1].id)).toEqual(["last 2 of 2"]);
    expect(plan.released).toEqual([backups[0].id]);
  });

  it("of 0 keeps nothing by itself", () => {
    expect(reasonsOf(planAt([newest], { keepLast: 0, daily: 1 }, now), newest.id)).toEqual([
      "newest verified backup",
      "newest of 2026-11-20 (daily 1 of 1)",
    ]);
  });
});

describe("the newest backups", () => {
  const old = backupAt(ago(9000));

  it("are named once each, when one is all of them", () => {
    const proven = backupAt(ago(10), { state: "proven" });
    expect(reasonsOf(planAt([old, proven], { yearly: 0, keepWithinSeconds: 5 }, now), proven.id)).toEqual([
      "newest proven backup",
      "newest verified backup",
    ]);
  });

  it("are not what is not relied on, however proven it says it is", () => {
    const forged = backupAt(ago(20), { state: "proven", distrust: "not made with this vault's key" });
    const good = backupAt(ago(100));
    const plan = planAt([old, good, forged], { keepWithinSeconds: 5 }, now);
    expect(reasonsOf(plan, forged.id)).toEqual(["not relied on: not made with this vault's key"]);
    expect(reasonsOf(plan, good.id)).toEqual(["newest verified backup"]);
    expect(plan.released).toEqual([old.id]);
  });

  it("are no logs: what a log would be replayed on is kept beside it, and what is newer than that", () => {
    const base = backupAt(ago(300));
    const stored = backupAt(ago(200), { state: "stored" });
    const log = backupAt(ago(100), { kind: "log", state: "proven" });
    const plan = planAt([old, base, stored, log], { keepWithinSeconds: 5, kinds: { log: { keepWithinSeconds: 5 } } }, now);
    expect(reasonsOf(plan, log.id)).toEqual([
      "newest proven backup",
      "newest verified backup",
      "newer than the newest verified backup",
    ]);
    expect(reasonsOf(plan, base.id)).toEqual(["newest verified backup that can be relied on"]);
    expect(reasonsOf(plan, stored.id)).toEqual(["newer than the newest verified backup"]);
    expect(plan.released).toEqual([old.id]);
  });

  it("are a proven one, a newer verified one that is doubtful, and one that is neither", () => {
    const [good, proven, doubtful] = [
      backupAt(ago(300)),
      backupAt(ago(400), { state: "proven" }),
      backupAt(ago(100), { suspicious: true }),
    ];
    const plan = planAt([old, good, proven, doubtful], { keepWithinSeconds: 5 }, now);
    expect(reasonsOf(plan, good.id)).toEqual(["newest verified backup that can be relied on"]);
    expect(reasonsOf(plan, proven.id)).toEqual(["newest proven backup"]);
    expect(reasonsOf(plan, doubtful.id)).toEqual(["newest verified backup", "newer than the newest verified backup"]);
    expect(plan.released).toEqual([old.id]);
  });

  it("are named as what they are, where only doubtful ones are verified or proven", () => {
    const doubtful = backupAt(ago(10), { state: "proven", suspicious: true });
    expect(reasonsOf(planAt([doubtful], { keepWithinSeconds: 5 }, now), doubtful.id)).toEqual([
      "newest proven backup",
      "newest verified backup",
      "no backup is verified",
    ]);
    const proven = backupAt(ago(100), { state: "proven" });
    expect(reasonsOf(planAt([proven, doubtful], { keepWithinSeconds: 5 }, now), proven.id)).toEqual([
      "newest proven backup that can be relied on",
    ]);
    const verified = { ...doubtful, state: "verified" as const };
    expect(reasonsOf(planAt([proven, verified], { keepWithinSeconds: 5 }, now), proven.id)).toEqual(["newest proven backup"]);
  });

  it("are all of them while none is verified, but not what counts for nothing", () => {
    const stored = backupAt(ago(100), { state: "stored" });
    const forged = backupAt(ago(20), { distrust: "its names disagree" });
    const future = backupAt(nowMs + dayMs);
    const plan = planAt([stored, forged, future], { keepWithinSeconds: 5 }, now);
    expect(reasonsOf(plan, stored.id)).toEqual(["no backup is verified"]);
    expect(reasonsOf(plan, forged.id)).toEqual(["not relied on: its names disagree"]);
    expect(reasonsOf(plan, future.id)).not.toContain("no backup is verified");
    expect(reasonsOf(plan, future.id)).toContain("not judged: it is dated in the future");
  });
});

describe("what nobody may release", () => {
  it("says each cause, and only those that it has", () => {
    const kept = backupAt(ago(9000), { held: true, readBy: "a restore since 11:00", lockedUntilMs: nowMs + 1 });
    expect(reasonsOf(planAt([kept, newest], { keepLast: 1, permanent: [kept.id] }, now), kept.id)).toEqual([
      "permanent",
      "held",
      "being read: a restore since 11:00",
      "locked until 2026-11-20T12:00:00.001Z",
    ]);
    expect(reasonsOf(planAt([newest], { keepLast: 1, permanent: [kept.id] }, now), newest.id)).toEqual([
      "newest verified backup",
      "last 1 of 1",
    ]);
  });

  it.each([
    [8.64e15, "+275760-09-13T00:00:00.000Z"],
    [8.64e15 + 2, "an unknown time"],
    [Number.POSITIVE_INFINITY, "an unknown time"],
  ])("is locked until %d: %s", (lockedUntilMs, words) => {
    const locked = backupAt(ago(9000), { lockedUntilMs });
    expect(reasonsOf(planAt([locked, newest], { keepLast: 1 }, now), locked.id)).toEqual([`locked until ${words}`]);
  });
});

describe("what kept backups build on", () => {
  const full = backupAt(ago(9000));
  const on = (seconds: number, parent: string, changes = {}) => backupAt(ago(seconds), { kind: "incremental", parent, ...changes });

  it("stays for the newest that needs it, named once", () => {
    const children = [on(8000, full.id, { held: true }), on(7000, full.id, { held: true })] as const;
    const plan = planAt([full, ...children, newest], { keepLast: 1 }, now);
    expect(reasonsOf(plan, full.id)).toEqual([`needed by ${children[1].id}`]);
  });

  it("stays down to the full, through what only they need", () => {
    const first = on(8000, full.id);
    const second = on(7000, first.id, { held: true });
    const plan = planAt([full, first, second, newest], { keepLast: 1 }, now);
    expect(plan.released).toEqual([]);
    expect(reasonsOf(plan, first.id)).toEqual([`needed by ${second.id}`]);
    expect(reasonsOf(plan, full.id)).toEqual([`needed by ${first.id}`]);
  });

  it("stays with its own reasons first", () => {
    const held = backupAt(ago(9000), { held: true });
    const child = on(8000, held.id, { held: true });
    expect(reasonsOf(planAt([held, child, newest], { keepLast: 1 }, now), held.id)).toEqual(["held", `needed by ${child.id}`]);
  });
});

describe("logs without a rule of their own", () => {
  const log = (seconds: number) => fullAt(ago(seconds), { kind: "log" });
  const [old, base] = [fullAt(ago(9000)), fullAt(ago(5000))];
  const logs = [log(8000), log(5000), log(4000)] as const;

  it("stay from the oldest backup that stays, and not from one that goes", () => {
    const plan = planAt([old, base, ...logs, fullAt(ago(1))], { keepLast: 2 }, now);
    expect(plan.released).toEqual([logs[0].id, old.id]);
    expect(reasonsOf(plan, logs[2].id)).toEqual(["log since the oldest backup that is kept"]);
    expect(reasonsOf(plan, logs[1].id)).toEqual(["log since the oldest backup that is kept"]);
  });

  it("are decided by their own age alone, where they have one, and by the recovery window", () => {
    const own = planAt([base, ...logs, fullAt(ago(1))], { keepLast: 2, kinds: { log: { keepWithinSeconds: 4500 } } }, now);
    expect(own.released).toEqual([logs[1].id, logs[0].id]);
    const window = planAt([old, base, ...logs, fullAt(ago(1))], { keepLast: 3, recoveryWindowSeconds: 100 }, now);
    expect(window.released).toEqual([logs[0].id]);
    expect(reasonsOf(window, logs[1].id)).toEqual(["leads from its base to the recovery window (100 seconds)"]);
  });

  it("go on from backups, not from a log that stays by its age", () => {
    const young = log(3000);
    const plan = planAt([young, fullAt(ago(600))], { keepLast: 1, keepWithinSeconds: 3600 }, now);
    expect(reasonsOf(plan, young.id)).toEqual(["younger than 1 hour"]);
  });

  it("all stay where no other backup does", () => {
    expect(planAt([log(9000), log(8000)], { keepLast: 1 }, now).released).toEqual([]);
  });
});

describe("positions that nobody read", () => {
  const blind = (seconds: number, kind: "full" | "log" = "full") => backupAt(ago(seconds), { kind });

  it("are asked for where a log goes: its own, and of what the others go on from", () => {
    const [old, base, last] = [blind(90_000), blind(50_000), blind(1)];
    const [gone, stays] = [blind(80_000, "log"), blind(40_000, "log")];
    const plan = planAt([old, base, last, gone, stays], { keepLast: 2 }, now);
    expect(plan.released).toEqual([gone.id, old.id]);
    expect(plan.unread).toEqual([base.id, gone.id]);
    const read = { coverage: { to: { at: new Date(ago(50_000)).toISOString() } } };
    expect(planAt([old, { ...base, ...read }, last, gone, stays], { keepLast: 2 }, now).unread).toEqual([gone.id]);
  });

  it("are not asked for without logs, nor where nothing goes", () => {
    expect(planAt([blind(90_000), blind(1)], { keepLast: 1 }, now)).toMatchObject({ released: [blind(90_000).id], unread: [] });
    expect(planAt([blind(90_000), blind(50_000, "log"), blind(1)], { keepLast: 2 }, now).unread).toEqual([]);
  });

  it("are asked for of all that goes, where there is a recovery window", () => {
    const backups = [blind(90_000), blind(50_000), blind(1)] as const;
    const plan = planAt(backups, { keepLast: 1, recoveryWindowSeconds: 60 }, now);
    expect(plan.released).toEqual([backups[0].id]);
    expect(plan.unread).toEqual([backups[1].id, backups[0].id]);
  });
});
