import { describe, expect, it } from "vitest";
import { displayWidth } from "../../src/report/display-width.ts";
import { renderStatus } from "../../src/report/render-status.ts";
import { assessStatus } from "../../src/report/status.ts";
import type { SourceStatus, StatusBackup, StatusSource } from "../../src/report/status-model.ts";

const now = new Date("2026-11-20T12:00:00Z");

const shop: StatusSource = {
  name: "shop",
  engine: "postgres",
  tier: "standard",
  objectives: { rpoSeconds: 86_400, rtoSeconds: 3600 },
  schedules: { full: "0 2 * * *" },
  verify: {},
  restoreTest: { schedule: "0 4 1 * *" },
};

function backup(at: string, changes: Partial<StatusBackup> = {}): StatusBackup {
  const startedAt = new Date(at);
  const id = `${at.replaceAll(/[-:]/g, "")}-full-aaaaaa`;
  const checks = [{ check: "verified", at: new Date(startedAt.getTime() + 300_000) }];
  return { source: "shop", id, kind: "full", startedAt, state: "verified", suspicious: false, held: false, checks, ...changes };
}

const tested = (
  outcome = "proven",
  at = "2026-11-01T04:10:00Z",
  figures: StatusBackup["figures"] = { restoreSeconds: 600, contentBytes: 1000 },
): StatusBackup =>
  backup("2026-11-01T02:00:00Z", {
    state: outcome === "proven" ? "proven" : outcome === "disproven" ? "damaged" : "verified",
    checks: [
      { check: "verified", at: "2026-11-01T02:05:00Z" },
      { check: outcome, at },
    ],
    ...(figures === undefined ? {} : { figures }),
  });

function assess(backups: readonly StatusBackup[], changes: Partial<StatusSource> = {}, at: Date = now): SourceStatus {
  const [status] = assessStatus({ now: at, timezone: "UTC", sources: [{ ...shop, ...changes }], backups }).sources;
  if (status === undefined) throw new Error("no status");
  return status;
}

const messages = (status: SourceStatus) => status.findings.map(({ level, message }) => `${level}: ${message}`);
const fresh = backup("2026-11-20T02:00:00Z", { figures: { contentBytes: 1000, storedBytes: 400, durationSeconds: 60 } });

describe("assessStatus", () => {
  it("is ok when the newest verified backup is young enough, a restore was measured, and everything ran", () => {
    const status = assess([tested(), fresh]);
    expect(status.findings).toEqual([]);
    expect(status.verdict).toBe("ok");
    expect(status.newestVerified).toEqual({ id: fresh.id, at: "2026-11-20T02:00:00.000Z", ageSeconds: 36_000, state: "verified" });
    expect(status.newestProven?.id).toBe(tested().id);
    expect(status.rpo).toEqual({ objectiveSeconds: 86_400, measuredSeconds: 36_000, met: true });
    expect(status.rto).toEqual({
      objectiveSeconds: 3600,
      measuredSeconds: 600,
      measuredAt: "2026-11-01T04:10:00.000Z",
      forecastSeconds: null,
      met: true,
    });
    expect(status.restoreTest).toEqual({
      outcome: "proven",
      backupId: tested().id,
      at: "2026-11-01T04:10:00.000Z",
      dueAt: "2026-11-01T04:00:00.000Z",
      overdue: false,
    });
    expect(status.notes).toEqual([`${tested().id} was restored and compared equal 19 d ago`, "a restore took 10 min"]);
  });

  it("says what the newest proof left out, and nothing of an older one's", () => {
    const status = assessStatus({ now, timezone: "UTC", sources: [shop], backups: [{ ...tested(), leftOut: 3 }, fresh] });
    expect(renderStatus(status, { width: 200, now }).join("\n")).toContain("proven but for 3 objects 19 d ago");
    expect(assess([{ ...tested(), leftOut: 3 }, fresh]).restoreTest).toMatchObject({ outcome: "proven", leftOut: 3 });
    expect(assess([{ ...tested("disproven"), leftOut: 3 }, fresh]).restoreTest).not.toHaveProperty("leftOut");
    expect(assess([tested(), fresh]).restoreTest).not.toHaveProperty("leftOut");
  });

  it("does not count a backup that is only stored, damaged or suspicious towards the RPO", () => {
    for (const changes of [{ state: "stored" as const, checks: [] }, { state: "damaged" as const }, { suspicious: true }]) {
      const status = assess([tested(), backup("2026-11-19T02:00:00Z"), backup("2026-11-20T02:00:00Z", changes)]);
      expect(status.rpo).toEqual({ objectiveSeconds: 86_400, measuredSeconds: 34 * 3600, met: false });
      expect(messages(status)).toContain(
        "breach: the newest verified backup is 34 h old, the objective is 24 h; 1 newer one does not count",
      );
      expect(status.newest?.at).toBe("2026-11-20T02:00:00.000Z");
    }
  });

  it("warns, and does not yet call it a breach, while a scheduled run is at work", () => {
    const yesterday = backup("2026-11-19T02:00:05Z");
    const during = assess([tested(), yesterday], {}, new Date("2026-11-20T02:10:00Z"));
    expect(during.rpo.met).toBe(false);
    expect(messages(during)).toEqual([
      "warning: the newest verified backup is 24 h 10 min old, the objective is 24 h; the scheduled run is expected to bring one",
    ]);
    expect(
      assess(
        [tested(), yesterday, backup("2026-11-20T02:00:05Z", { state: "stored", checks: [] })],
        {},
        new Date("2026-11-20T02:10:00Z"),
      ).verdict,
    ).toBe("warning");
    expect(assess([tested(), yesterday], {}, new Date("2026-11-20T02:16:00Z")).verdict).toBe("breach");
    const slow = { ...yesterday, figures: { durationSeconds: 1800 } };
    expect(assess([tested(), slow], {}, new Date("2026-11-20T02:59:00Z")).verdict).toBe("warning");
    // A backup from before the run that nobody verified is not what that run will bring.
    const unread = backup("2026-11-19T20:00:00Z", { state: "stored", checks: [] });
    expect(assess([tested(), yesterday, unread], {}, new Date("2026-11-20T02:10:00Z")).verdict).toBe("breach");
    // One that was late before the run began stays a breach.
    expect(assess([tested(), backup("2026-11-18T02:00:05Z")], {}, new Date("2026-11-20T02:10:00Z")).verdict).toBe("breach");
  });

  it("calls a source without backups, or without a verified one, a breach", () => {
    expect(messages(assess([]))).toEqual(["breach: there is no backup"]);
    expect(messages(assess([backup("2026-11-20T02:00:00Z", { state: "stored", checks: [] })], { restoreTest: {} }))).toEqual([
      "breach: none of 1 backups is verified",
      "warning: no backup has ever been restored",
    ]);
  });

  it("compares the last measured restore with the RTO, and forecasts for a backup that has grown", () => {
    expect(messages(assess([tested("proven", undefined, { restoreSeconds: 4000 }), fresh]))).toEqual([
      "breach: the last restore took 1 h 7 min, the objective is 1 h",
    ]);
    const grown = { ...fresh, figures: { contentBytes: 7000 } };
    const status = assess([tested(), grown]);
    expect(status.rto.forecastSeconds).toBe(4200);
    expect(messages(status).filter((message) => message.includes("forecast"))).toEqual([
      "warning: restoring the newest backup is forecast to take 1 h 10 min, the objective is 1 h",
    ]);
    expect(assess([tested(), { ...fresh, figures: { contentBytes: 900 } }]).rto.forecastSeconds).toBeNull();
    expect(assess([fresh]).rto).toMatchObject({ measuredSeconds: null, met: null });
  });

  it("measures by the newest restore test, whichever backup it was of", () => {
    const older = backup("2026-10-20T02:00:00Z", {
      state: "proven",
      checks: [{ check: "proven", at: "2026-11-15T00:00:00Z" }],
      figures: { restoreSeconds: 1200 },
    });
    expect(assess([older, tested(), fresh]).rto.measuredSeconds).toBe(1200);
  });

  it("says when a restore test disproved, could not judge, is overdue, or never was", () => {
    expect(messages(assess([tested("disproven"), fresh]))).toContain(`breach: the last restore test disproved ${tested().id}`);
    expect(messages(assess([tested("unproven"), fresh]))).toEqual([
      `warning: the last restore test could not judge ${tested().id}`,
    ]);
    const late = backup("2026-09-01T02:00:00Z", { state: "proven", checks: [{ check: "proven", at: "2026-10-01T04:10:00Z" }] });
    expect(messages(assess([late, fresh]))).toEqual([
      "warning: the last restore test was 50 d ago; one was due at 2026-11-01T04:00:00.000Z",
    ]);
    expect(messages(assess([backup("2026-10-30T02:00:00Z"), fresh]))).toEqual(["warning: no backup has ever been restored"]);
    // The first test of a young source is still to come.
    expect(messages(assess([backup("2026-11-19T02:00:00Z"), fresh]))).toEqual([]);
    expect(messages(assess([tested(), fresh], {}, new Date("2026-11-20T12:00:00Z")))).toEqual([]);
    // A test that runs right now is not overdue for its first hour.
    const december = [tested(), backup("2026-12-01T02:00:00Z")];
    expect(messages(assess(december, {}, new Date("2026-12-01T04:50:00Z")))).toEqual([]);
    expect(messages(assess(december, {}, new Date("2026-12-01T05:00:01Z")))).toHaveLength(1);
  });

  it("says when a verification is overdue", () => {
    const verify = { schedule: "0 6 * * sun" };
    expect(messages(assess([tested(), fresh], { verify }))).toEqual([]);
    const stale = [tested(), backup("2026-11-20T02:00:00Z", { checks: [], state: "stored" })];
    expect(messages(assess(stale, { verify, objectives: { rpoSeconds: 1e9, rtoSeconds: 3600 } }))).toEqual([
      "warning: the last backup was read back 19 d ago; a verification was due at 2026-11-15T06:00:00.000Z",
    ]);
  });

  it("counts the scheduled runs that brought no backup, and leaves a run that may still be at work in peace", () => {
    const old = backup("2026-11-17T02:00:05Z");
    const status = assess([tested(), old], { objectives: { rpoSeconds: 7 * 86_400, rtoSeconds: 3600 } });
    expect(status.missedRuns).toEqual([{ kind: "full", count: 3, lastAt: "2026-11-20T02:00:00.000Z" }]);
    expect(messages(status)).toEqual(["warning: 3 scheduled full backups were not made, the last at 2026-11-20T02:00:00.000Z"]);
    expect(assess([tested(), fresh], {}, new Date("2026-11-21T02:10:00Z")).missedRuns).toEqual([]);
    // Started a little early, by a clock that is ahead of ours.
    expect(assess([tested(), backup("2026-11-20T01:59:30Z")]).missedRuns).toEqual([]);
    expect(assess([tested(), fresh], {}, new Date("2026-11-21T02:16:00Z")).missedRuns).toHaveLength(1);
  });

  it("knows DST: a daily run at 02:30 in Berlin is not missed on the day that has no 02:30", () => {
    const last = backup("2026-03-28T01:30:05Z");
    const [status] = assessStatus({
      now: new Date("2026-03-29T12:00:00Z"),
      timezone: "Europe/Berlin",
      sources: [{ ...shop, schedules: { full: "30 2 * * *" }, restoreTest: {} }],
      backups: [last],
    }).sources;
    expect(status?.missedRuns).toEqual([]);
  });

  it("does not blame a daily schedule for the day of 25 hours", () => {
    const at = new Date("2026-10-26T12:00:00Z");
    const berlin = (changes: Partial<StatusSource>) =>
      assessStatus({
        now: at,
        timezone: "Europe/Berlin",
        sources: [{ ...shop, restoreTest: {}, ...changes }],
        backups: [backup("2026-10-26T01:00:05Z")],
      }).sources[0]?.findings.map(({ subject }) => subject);
    expect(berlin({})).toEqual(["restore-test"]);
    expect(berlin({ schedules: { full: "0 2 */2 * *" } })).toEqual(["restore-test", "schedule"]);
  });

  it("says plainly when the schedules can never keep the objective", () => {
    const objectives = { rpoSeconds: 3600, rtoSeconds: 14_400 };
    expect(messages(assess([tested(), fresh], { objectives }))).toEqual([
      "breach: the newest verified backup is 10 h old, the objective is 1 h",
      "warning: the schedule leaves 24 h between backups, and can never keep an RPO of 1 h",
    ]);
    const dense = { full: "0 2 * * *", incremental: "0 * * * *" };
    const incremental = backup("2026-11-20T11:59:00Z", { kind: "incremental" });
    expect(messages(assess([tested(), fresh, incremental], { objectives, schedules: dense }))).toEqual([]);
    // Together the two kinds leave at most twelve hours.
    const halves = { full: "0 2 * * *", incremental: "0 14 * * *" };
    expect(
      messages(assess([tested(), fresh], { objectives, schedules: halves })).some((message) =>
        message.includes("leaves 12 h between"),
      ),
    ).toBe(true);
  });

  it("says of the newest backup its own size, whatever its state, and never another's", () => {
    const figures = (storedBytes: number) => ({ storedBytes, contentBytes: storedBytes * 2, durationSeconds: 7 });
    const good = backup("2026-11-19T02:00:00Z", { figures: figures(5_000) });
    for (const changes of [{ state: "damaged" as const }, { suspicious: true }, { state: "stored" as const }]) {
      const newest = backup("2026-11-20T02:00:00Z", { ...changes, figures: figures(9_000) });
      expect(assess([good, newest]).size).toMatchObject({ newestStoredBytes: 9_000, newestContentBytes: 18_000 });
      const unread = { ...newest, figures: {} };
      expect(assess([good, unread]).size).toMatchObject({
        newestStoredBytes: null,
        newestContentBytes: null,
        newestDurationSeconds: null,
      });
    }
  });

  it("names what was deleted a short time ago, and until when it is kept", () => {
    const deletion = { deletedAt: new Date("2026-11-20T09:00:00Z"), keptUntil: new Date("2026-11-22T09:00:00Z") };
    const id = "20261101T020000Z-full-aaaaaa";
    const deleted = [
      { source: "shop", id, ...deletion },
      { source: "wiki", id: "20261102T020000Z-full-aaaaaa", ...deletion },
    ];
    const status = assessStatus({ now, timezone: "UTC", sources: [shop], backups: [backup("2026-11-20T02:00:00Z")], deleted });
    expect(status.sources[0]?.deleted).toEqual([id]);
    expect(status.sources[0]?.findings.map(({ message }) => message)).toContain(
      `${id} was deleted 3 h ago; its objects are kept until 2026-11-22T09:00:00.000Z: was it a prune of yours?`,
    );
  });

  it("measures growth over a month and warns above a fifth", () => {
    const sized = (day: string, contentBytes: number) => backup(`2026-${day}T02:00:00Z`, { figures: { contentBytes } });
    expect(assess([tested(), sized("10-21", 1000), sized("11-13", 500), sized("11-20", 1100)]).size.growthPerMonth).toBeCloseTo(
      0.1,
      5,
    );
    const fast = assess([sized("11-05", 1000), sized("11-20", 1200)], { restoreTest: { schedule: "0 4 1 1 *" } });
    expect(fast.size.growthPerMonth).toBeCloseTo(0.44, 5);
    expect(messages(fast)).toEqual(["warning: the backups grow by 44 % a month"]);
    expect(assess([sized("11-18", 10), sized("11-20", 1200)]).size.growthPerMonth).toBeNull();
  });

  it("names damaged, suspicious and held backups", () => {
    const status = assess([
      tested(),
      backup("2026-11-18T02:00:00Z", { suspicious: true, held: true }),
      backup("2026-11-19T02:00:00Z", { state: "damaged" }),
      fresh,
    ]);
    expect([status.damaged.length, status.suspicious.length, status.held.length]).toEqual([1, 1, 1]);
    expect(status.verdict).toBe("warning");
    expect(assess([tested(), backup("2026-11-19T13:00:00Z"), backup("2026-11-20T02:00:00Z", { state: "damaged" })]).verdict).toBe(
      "breach",
    );
  });

  it("keeps sources apart, and answers with the worst verdict in plain JSON", () => {
    const status = assessStatus({ now, timezone: "UTC", sources: [shop, { ...shop, name: "other" }], backups: [tested(), fresh] });
    expect(status.sources.map(({ verdict }) => verdict)).toEqual(["ok", "breach"]);
    expect(status.verdict).toBe("breach");
    expect(JSON.parse(JSON.stringify(status))).toEqual(status);
  });
});

describe("renderStatus", () => {
  const status = assessStatus({ now, timezone: "UTC", sources: [shop, { ...shop, name: "archive" }], backups: [tested(), fresh] });

  it("says per source what was promised and what was measured", () => {
    expect(renderStatus(status, { width: 120, now })).toEqual([
      "ok       shop  (postgres, standard)",
      "  recovery point  20261120T020000Z-full-aaaaaa, verified, 10 h old; objective 24 h: met",
      "  restore time    10 min, measured 19 d ago; objective 1 h: met",
      "  restore test    proven 19 d ago (20261101T020000Z-full-aaaaaa)",
      "  backups         2, the newest 10 h old and verified, 400 B stored, 1.0 kB of content, made in 1 min, +0 % a month",
      "  ok              20261101T020000Z-full-aaaaaa was restored and compared equal 19 d ago",
      "  ok              a restore took 10 min",
      "",
      "breach   archive  (postgres, standard)",
      "  recovery point  none is verified; objective 24 h: missed",
      "  restore time    never measured; objective 1 h",
      "  restore test    never",
      "  backups         none",
      "  breach          there is no backup",
      "",
      "1 of 2 sources are ok, 1 in breach",
    ]);
  });

  it("wraps between words to the width, and loses none", () => {
    const narrow = renderStatus(status, { width: 60, now });
    expect(Math.max(...narrow.map(displayWidth))).toBeLessThanOrEqual(60);
    const words = (lines: readonly string[]) => lines.join(" ").split(/\s+/);
    expect(words(narrow)).toEqual(words(renderStatus(status, { width: 1000, now })));
  });

  it("keeps a source's name from steering the terminal", () => {
    const evil = { ...status, sources: status.sources.map((source) => ({ ...source, source: "x\u001b[2J\ny" })) };
    expect(renderStatus(evil, { width: 100, now })[0]).toContain("x\\x1b[2J\\ny");
  });
});
