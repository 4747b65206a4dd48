/** Order and grades of a history. */
import { describe, expect, it } from "vitest";
import { describeDoubt, grades, readHistory } from "../../src/retention/history.ts";
import type { RetentionBackup } from "../../src/retention/plan-retention.ts";
import { backupAt } from "./histories.ts";

const moment = { now: new Date("2026-11-20T12:00:00Z"), timezone: "UTC" };
const full = backupAt("2026-11-01T02:00:00Z");
const on = (base: Pick<RetentionBackup, "id">, changes: Partial<RetentionBackup> = {}) =>
  backupAt("2026-11-02T02:00:00Z", { kind: "incremental", parent: base.id, ...changes });

function judged(backups: readonly RetentionBackup[], id: string) {
  const entry = readHistory(backups, moment).find(({ backup }) => backup.id === id);
  if (entry === undefined) throw new Error("not there");
  const [grade] = Object.entries(grades).find(([, value]) => value === entry.grade) ?? [];
  return { grade, doubt: describeDoubt(entry) };
}

describe("a history", () => {
  it("is newest first, of one instant by descending id, however it was given", () => {
    const at = "2026-11-01T02:00:00Z";
    const [a, b, c, later] = ["a", "b", "c"].map((suffix) => backupAt(at, { suffix })).concat(backupAt("2026-11-02T02:00:00Z"));
    const expected = [later, c, b, a].map((backup) => backup?.id);
    for (const given of [
      [a, b, c, later],
      [later, c, b, a],
      [b, later, c, a],
      [c, a, later, b],
    ])
      expect(
        readHistory(
          given.flatMap((each) => each ?? []),
          moment,
        ).map(({ backup }) => backup.id),
      ).toEqual(expected);
  });

  it("has what has no start at its end, and is in order before it", () => {
    const epoch = backupAt(0);
    const odd = { ...backupAt(0, { suffix: "odd" }), startedAtMs: Number.NaN };
    const given = [full, odd, on(full), epoch];
    expect(readHistory(given, moment).map(({ backup }) => backup.id)).toEqual([on(full), full, epoch, odd].map((each) => each?.id));
  });

  it("ranks its entries, and links them to what they build on, younger or not", () => {
    const older = backupAt("2026-10-01T02:00:00Z", { parent: full.id });
    const history = readHistory([older, on(full), full], moment);
    expect(history.map(({ base }) => base?.backup.id)).toEqual([full.id, undefined, full.id]);
    const ranks = history.map(({ rank }) => rank);
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
    expect(new Set(ranks).size).toBe(3);
  });

  it.each([
    ["verified", {}, "trusted", undefined],
    ["proven", { state: "proven" }, "trusted", undefined],
    ["stored", { state: "stored" }, "unjudged", "not verified"],
    ["stored and suspicious", { state: "stored", suspicious: true }, "unjudged", "suspicious"],
    ["suspicious", { suspicious: true }, "unjudged", "suspicious"],
    ["damaged", { state: "damaged" }, "unusable", "damaged"],
    ["damaged and suspicious", { state: "damaged", suspicious: true }, "unusable", "damaged"],
    ["not relied on", { distrust: "its names disagree" }, "implausible", undefined],
  ] as const)("grades what stands alone: %s", (_, changes, grade, doubt) => {
    const found = judged([backupAt("2026-11-01T02:00:00Z", changes)], full.id);
    expect(found.grade).toBe(grade);
    if (doubt !== undefined) expect(found.doubt).toBe(doubt);
  });

  it.each([
    ["verified", {}, {}, "trusted", undefined],
    ["stored", { state: "stored" }, {}, "unjudged", "on a base that is not verified"],
    ["stored, under a proven one", { state: "stored" }, { state: "proven" }, "trusted", undefined],
    ["suspicious", { suspicious: true }, {}, "unjudged", "on a suspicious base"],
    ["suspicious, both", { suspicious: true }, { suspicious: true }, "unjudged", "suspicious"],
    ["damaged", { state: "damaged" }, {}, "unusable", "on a damaged or missing base"],
    ["damaged, both", { state: "damaged" }, { state: "damaged" }, "unusable", "damaged"],
    ["not relied on", { distrust: "its names disagree" }, {}, "unusable", "on a damaged or missing base"],
    ["of an odd id", { id: "latest" }, {}, "unusable", "on a damaged or missing base"],
  ] as const)("grades what builds on another that is %s", (_, base, own, grade, doubt) => {
    const below = backupAt("2026-11-01T02:00:00Z", base);
    const above = on(below, own);
    const found = judged([below, above], above.id);
    expect(found.grade).toBe(grade);
    if (doubt !== undefined) expect(found.doubt).toBe(doubt);
  });

  it("has no base that is missing or younger", () => {
    expect(judged([on(full)], on(full).id).grade).toBe("unusable");
    const child = backupAt("2026-10-01T02:00:00Z", { kind: "incremental", parent: full.id });
    expect(judged([child, full], child.id).grade).toBe("unusable");
    expect(judged([child, full], full.id).grade).toBe("trusted");
  });

  it.each(["incremental", "differential"] as const)("counts an %s one that does not say what it builds on for nothing", (kind) => {
    const backup = backupAt("2026-11-02T02:00:00Z", { kind });
    expect(judged([full, backup], backup.id).grade).toBe("implausible");
    expect(judged([full, { ...backup, parent: null }], backup.id).grade).toBe("trusted");
  });

  it("begins with the year 2001: what is older was made by a clock that was never set", () => {
    for (const [at, grade] of [
      ["2001-01-01T00:00:00Z", "trusted"],
      ["2000-12-31T23:59:59Z", "implausible"],
    ] as const)
      expect(judged([backupAt(at)], backupAt(at).id).grade, at).toBe(grade);
  });
});
