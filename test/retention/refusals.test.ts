import { describe, expect, it } from "vitest";
import { isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { assertPrunable, planRetention, type RetentionBackup } from "../../src/retention/plan-retention.ts";
import { backupAt, dailyBackups, dayMs, hourMs, keptIds, planAt, policyOf } from "./histories.ts";

const now = "2026-11-20T12:00:00Z";
const nowMs = Date.parse(now);
const codes = (backups: readonly RetentionBackup[], rules: Parameters<typeof planAt>[1]) =>
  planAt(backups, rules, now).refusals.map(({ code }) => code);

describe("pruning is refused", () => {
  it("when the policy keeps nothing", () => {
    expect(codes(dailyBackups(5, "2026-11-20"), {})).toEqual(["policy-empty"]);
    expect(codes(dailyBackups(5, "2026-11-20"), { daily: 0, keepLast: 0, keepWithinSeconds: 0, kinds: {} })).toEqual([
      "policy-empty",
    ]);
    expect(codes([], {})).toEqual(["policy-empty"]);
  });

  it("when no rule speaks of a kind that there is", () => {
    const plan = planAt(dailyBackups(5, "2026-11-20"), { kinds: { log: { keepWithinSeconds: 86_400 } } }, now);
    expect(plan.refusal?.message).toBe("no rule of the retention policy keeps a backup of kind full");
    expect(codes(dailyBackups(5, "2026-11-20"), { kinds: { full: { keepWithinSeconds: 86_400 } } })).toEqual([]);
  });

  it("when the plan removes more than the policy's share at once, though three are always allowed", () => {
    const share = (count: number, keepLast: number, maxRemovalShare: number) =>
      planRetention(
        dailyBackups(count, "2026-11-20"),
        { keepLast, minAgeSeconds: 0, maxRemovalShare },
        { now: new Date(now), timezone: "UTC" },
      );
    expect(share(100, 71, 0.29).refusals).toEqual([]);
    expect(share(100, 70, 0.29).refusal).toMatchObject({
      code: "removes-too-much",
      message: "30 of 100 backups would be removed at once, and the policy allows 29 (29 %, at least 3)",
    });
    expect(share(4, 1, 0.1).refusals).toEqual([]);
    expect(share(5, 1, 0.1).refusals).toHaveLength(1);
    // The plan is there all the same, for a dry run to show beside the refusal.
    expect(share(100, 70, 0.29).released).toHaveLength(30);
  });

  it("when a backup is dated in the future, as after a clock was set back", () => {
    const early = planAt(dailyBackups(10, "2026-11-20"), { daily: 2 }, "2026-11-15T12:00:00Z");
    expect(early.refusal?.code).toBe("backups-implausible");
    expect(early.refusal?.message).toBe("5 backups are not what the id says: a clock is wrong, or the id was planted");
    expect(early.refusal?.details[0]).toBe("20261120T020000Z-full-aaaaaa: it is dated in the future");
    expect(planAt([...dailyBackups(3, "2026-11-20"), backupAt(nowMs + 5 * 60_000)], { daily: 2 }, now).refusals).toEqual([]);
    expect(codes([...dailyBackups(3, "2026-11-20"), backupAt(nowMs + 5 * 60_000 + 1000)], { daily: 2 })).toEqual([
      "backups-implausible",
    ]);
  });

  it("when an id is not one, or disagrees with itself; such a backup counts for nothing and is never released", () => {
    const good = dailyBackups(4, "2026-11-20");
    const impostors: RetentionBackup[] = [
      backupAt("2026-11-19T12:00:00Z", { id: "latest" }),
      backupAt("2026-11-19T12:00:00Z", { id: "20261119T120000Z-full-AAAA" }),
      backupAt("2026-11-19T12:00:00Z", { id: "20261119T120000Z-log-aaaa" }),
      backupAt("2026-11-19T12:00:00Z", { id: "20261118T120000Z-full-aaaa" }),
      backupAt("2026-03-03T12:00:00Z", { id: "20260231T120000Z-full-aaaa" }),
      backupAt("1999-12-31T12:00:00Z"),
      { ...backupAt("2026-11-19T12:00:00Z", { suffix: "nan" }), startedAtMs: Number.NaN },
      backupAt("2026-11-19T13:00:00Z", { kind: "incremental" }),
    ];
    const plan = planAt([...good, ...impostors], { daily: 3 }, now);
    expect(plan.refusals.map(({ code }) => code)).toEqual(["backups-implausible"]);
    expect(plan.refusal?.details).toHaveLength(impostors.length);
    expect(plan.released).toEqual([good[0]?.id]);
    expect(keptIds(plan)).toEqual(expect.arrayContaining(impostors.map(({ id }) => id)));
  });

  it("when more backups were made within an hour than any schedule asks for, recently", () => {
    const burst = (at: number, count: number, kind: "full" | "log" = "full") =>
      Array.from({ length: count }, (_, index) => backupAt(at + index * 1000, { kind, suffix: `b${index}` }));
    const hour = Date.parse("2026-11-20T09:00:00Z");
    expect(codes([...dailyBackups(5, "2026-11-20"), ...burst(hour, 121)], { daily: 9 })).toEqual(["backups-too-many"]);
    expect(codes([...dailyBackups(5, "2026-11-20"), ...burst(hour, 120)], { daily: 9 })).toEqual([]);
    expect(codes([...dailyBackups(5, "2026-11-20"), ...burst(hour, 3600, "log")], { daily: 9 })).toEqual([]);
    expect(codes([...dailyBackups(5, "2026-11-20"), ...burst(hour - 8 * dayMs, 200)], { daily: 9 })).toEqual([]);
  });

  it("while the newest backup is damaged or suspicious, or builds on such a one", () => {
    const older = dailyBackups(5, "2026-11-19");
    const at = "2026-11-20T02:00:00Z";
    expect(codes([...older, backupAt(at, { state: "damaged" })], { daily: 2 })).toEqual(["newest-damaged"]);
    expect(codes([...older, backupAt(at, { suspicious: true })], { daily: 2 })).toEqual(["newest-suspicious"]);
    const base = backupAt(at, { suspicious: true });
    const child = backupAt("2026-11-20T03:00:00Z", { kind: "incremental", parent: base.id });
    expect(codes([...older, base, child], { daily: 2 })).toEqual(["newest-suspicious"]);
    expect(codes([...older, { ...base, state: "damaged" }, child], { daily: 2 })).toEqual(["newest-damaged"]);
    expect(codes([...older, child], { daily: 2 })).toEqual(["newest-damaged"]);
    // A good log after a damaged full does not make that good.
    const log = backupAt("2026-11-20T04:00:00Z", { kind: "log" });
    expect(codes([...older, { ...base, state: "damaged" }, log], { daily: 2 })).toEqual(["newest-damaged"]);
    // A later good backup clears it.
    expect(codes([...older, base, backupAt("2026-11-20T05:00:00Z")], { daily: 2 })).toEqual([]);
  });

  it("while no backup is verified, and then nothing is released either", () => {
    const stored = dailyBackups(8, "2026-11-20").map((backup) => ({ ...backup, state: "stored" as const }));
    const plan = planAt(stored, { daily: 2 }, now);
    expect(plan.refusal?.code).toBe("none-verified");
    expect(plan.released).toEqual([]);
    expect(codes([...stored, backupAt(nowMs - hourMs, { kind: "log" })], { daily: 2 })).toEqual(["none-verified"]);
  });

  it("refuses while a suspicious backup has only unverified ones after it, and not once data are back", () => {
    const suspicious = backupAt(nowMs - 5 * hourMs, { suspicious: true });
    const stored = backupAt(nowMs - 3 * hourMs, { state: "stored" });
    const history = [...dailyBackups(8, "2026-11-19"), suspicious, stored];
    expect(codes(history, { daily: 2 })).toContain("newest-suspicious");
    expect(codes([...history, backupAt(nowMs - hourMs)], { daily: 2 })).not.toContain("newest-suspicious");
  });
});

describe("refusals name what is wrong", () => {
  const old = dailyBackups(12, "2026-11-20");
  const kinds = { full: { keepWithinSeconds: 86_400 } };

  it.each([
    [{ daily: 1 }, []],
    [{ weekly: 1 }, []],
    [{ monthly: 1 }, []],
    [{ yearly: 1 }, []],
    [{ keepLast: 1 }, []],
    [{ keepWithinSeconds: 1 }, []],
    [{ recoveryWindowSeconds: 1 }, []],
    [{ kinds }, []],
    [{ kinds: { full: { keepWithinSeconds: 0 } } }, ["policy-empty"]],
    [{ kinds: { incremental: { keepWithinSeconds: 1 } } }, ["policy-empty"]],
    [{}, ["policy-empty"]],
  ] as const)("a policy of %j is %j", (rules, expected) => {
    expect(codes(old, rules)).toEqual(expected);
  });

  it("an empty policy, and what would be a rule", () => {
    expect(planAt(old, {}, now).refusal).toEqual({
      code: "policy-empty",
      message: "the retention policy keeps nothing",
      details: [expect.stringMatching(/daily, weekly, monthly, yearly, keepLast, keepWithin or recoveryWindow/)],
    });
  });

  it("kinds that no rule keeps, but not logs, which follow what they are replayed on", () => {
    const [snapshot, differential] = [
      backupAt(nowMs - 5 * hourMs, { kind: "snapshot" }),
      backupAt(nowMs - 4 * hourMs, { kind: "differential", parent: null }),
    ];
    const log = backupAt(nowMs - 3 * hourMs, { kind: "log" });
    expect(codes([...old, log], { kinds })).toEqual([]);
    expect(planAt([...old, snapshot, differential, log], { kinds }, now).refusal?.message).toBe(
      "no rule of the retention policy keeps a backup of kind differential or snapshot",
    );
  });

  it("implausible backups, newest first, ten of them by name", () => {
    const odd = (count: number) => Array.from({ length: count }, (_, index) => backupAt(nowMs + (index + 1) * dayMs));
    const refusal = (count: number) => planAt([...old, ...odd(count)], { keepLast: 20 }, now).refusal;
    expect(refusal(1)).toMatchObject({
      code: "backups-implausible",
      message: "1 backup is not what the id says: a clock is wrong, or the id was planted",
      details: [`${odd(1)[0]?.id}: it is dated in the future`],
    });
    expect(refusal(10)?.details).toHaveLength(10);
    expect(refusal(10)?.details[0]).toContain(odd(10)[9]?.id);
    expect(refusal(12)?.details).toHaveLength(11);
    expect(refusal(12)?.details[10]).toBe("and 2 more");
  });

  it("hours with too many backups, of each kind by itself, up to a week back, by name", () => {
    const burst = (hour: number, count: number, kind: "full" | "log" = "full") =>
      Array.from({ length: count }, (_, index) => backupAt(hour + (index % 3600) * 1000, { kind, suffix: `b${index}` }));
    const hour = Date.parse("2026-11-20T09:00:00Z");
    const plan = planAt([...old, ...burst(hour, 121), ...burst(hour, 3, "log")], { daily: 9 }, now);
    expect(plan.refusal).toMatchObject({ code: "backups-too-many", details: ["2026-11-20T09Z full: 121 backups"] });
    expect(codes([...old, ...burst(hour, 3601, "log")], { daily: 9 })).toEqual(["backups-too-many"]);
    // Sixty in each of two hours, though they follow each other: not 120 of one.
    expect(codes([...old, ...burst(hour - 60_000, 121)], { daily: 9 })).toEqual([]);
    const week = nowMs - 7 * dayMs;
    expect(codes([...old, ...burst(week, 121)], { daily: 9 })).toEqual(["backups-too-many"]);
    expect(codes([...old, ...burst(week - 1000, 121)], { daily: 9 })).toEqual([]);
    const many = planAt(
      [...old, ...Array.from({ length: 11 }, (_, index) => burst(hour - index * hourMs, 121)).flat()],
      { daily: 9 },
      now,
    );
    expect(many.refusal?.details).toHaveLength(10);
  });

  it("the newest backup that is damaged, by id, and what it builds on", () => {
    const damaged = backupAt(nowMs - hourMs, { state: "damaged" });
    expect(planAt([...old, damaged], { daily: 2 }, now).refusal).toEqual({
      code: "newest-damaged",
      message: "the newest backup is damaged",
      details: [damaged.id, expect.stringContaining("none is deleted before this is cleared up")],
    });
    const child = backupAt(nowMs - hourMs, { kind: "incremental", parent: "20260101T000000Z-full-gone00" });
    expect(planAt([...old, child], { daily: 2 }, now).refusal).toMatchObject({
      message: "the newest backup builds on a backup that is damaged or missing",
      details: [child.id, expect.anything()],
    });
  });

  it("no damage of an older backup, nor of one that counts for nothing", () => {
    const older = backupAt(nowMs - 2 * hourMs, { state: "damaged" });
    expect(codes([...old, older, backupAt(nowMs - hourMs)], { daily: 2 })).toEqual([]);
    const forged = backupAt(nowMs - hourMs, { state: "damaged", distrust: "its names disagree" });
    expect(codes([...old, forged], { daily: 2 })).toEqual([]);
  });

  it("damage behind a newer backup that counts for nothing: it does not hide it", () => {
    const damaged = backupAt(nowMs - 2 * hourMs, { state: "damaged" });
    const forged = backupAt(nowMs - hourMs, { distrust: "its names disagree" });
    expect(codes([...old, damaged, forged], { daily: 2 })).toEqual(["newest-damaged"]);
  });

  it("the newest suspicious backup, by id, and how it is accepted", () => {
    const [first, second] = [backupAt(nowMs - 2 * hourMs, { suspicious: true }), backupAt(nowMs - hourMs, { suspicious: true })];
    expect(planAt([...old, first, second], { daily: 2 }, now).refusal).toEqual({
      code: "newest-suspicious",
      message: "the newest backup is suspicious",
      details: [second.id, expect.anything(), expect.stringContaining("holdfast verify <backup> --accept")],
    });
  });

  it("a suspicion that a verified log does not clear, and one while nothing is verified", () => {
    const suspicious = backupAt(nowMs - 3 * hourMs, { suspicious: true });
    expect(codes([...old, suspicious, backupAt(nowMs - hourMs, { kind: "log" })], { daily: 2 })).toEqual(["newest-suspicious"]);
    expect(codes([suspicious], { daily: 2 })).toEqual(["newest-suspicious", "none-verified"]);
    const forged = { ...suspicious, distrust: "its names disagree" };
    expect(codes([...old, forged], { daily: 2 })).toEqual([]);
  });

  it("how many there are, and that none is verified", () => {
    const stored = backupAt(nowMs - hourMs, { state: "stored" });
    expect(planAt([stored, backupAt(nowMs - 2 * hourMs, { state: "stored" })], { daily: 2 }, now).refusal).toMatchObject({
      code: "none-verified",
      details: ["2 backups", expect.stringContaining("holdfast verify")],
    });
  });

  it("too many removals, and what to do", () => {
    const plan = planRetention(
      old,
      { keepLast: 1, minAgeSeconds: 0, maxRemovalShare: 0.5 },
      { now: new Date(now), timezone: "UTC" },
    );
    expect(plan.refusal).toEqual({
      code: "removes-too-much",
      message: "11 of 12 backups would be removed at once, and the policy allows 6 (50 %, at least 3)",
      details: [expect.stringContaining("retention.maxRemoval")],
    });
  });
});

describe("assertPrunable", () => {
  it("lets a plan without refusals pass", () => {
    expect(() => assertPrunable(planAt(dailyBackups(5, "2026-11-20"), { daily: 2 }, now))).not.toThrow();
  });

  it("throws PruneRefused with the first refusal's words and every other one's", () => {
    const plan = planRetention(
      [...dailyBackups(9, "2026-11-19"), backupAt("2026-11-20T02:00:00Z", { state: "damaged" })],
      { ...policyOf({ daily: 1 }), maxRemovalShare: 0.2 },
      { now: new Date(now), timezone: "UTC" },
    );
    try {
      assertPrunable(plan);
      expect.unreachable();
    } catch (error) {
      if (!isHoldfastError(error, "PruneRefused")) throw error;
      expect(error.message).toBe("nothing was pruned: the newest backup is damaged");
      expect(error.details.at(-1)).toBe("and 8 of 10 backups would be removed at once, and the policy allows 3 (20 %, at least 3)");
      expect(error.exitCode).toBe(5);
    }
  });
});
