import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { describe, expect, it } from "vitest";
import { planRetention, type RetentionBackup } from "../../src/retention/plan-retention.ts";
import { backupAt, dayMs, hourMs, keptIds, policyOf } from "./histories.ts";

interface Run {
  /** Everything that was ever made, oldest first. */
  readonly made: readonly RetentionBackup[];
  /** What the vault holds after the last prune. */
  readonly held: readonly RetentionBackup[];
  /** How many each prune released. */
  readonly removals: readonly number[];
}

/** Backs up at every instant, and prunes an hour after each, as the schedules do. */
function simulate(
  instants: readonly number[],
  timezone: string,
  rules: object,
  shape: (index: number) => Partial<RetentionBackup> | undefined,
): Run {
  const made: RetentionBackup[] = [];
  const removals: number[] = [];
  let held: RetentionBackup[] = [];
  instants.forEach((at, index) => {
    const changes = shape(index);
    if (changes !== undefined) {
      const backup = backupAt(at, { suffix: `n${index}`, ...changes });
      made.push(backup);
      held.push(backup);
    }
    const plan = planRetention(held, { ...policyOf(rules), maxRemovalShare: 0.5 }, { now: new Date(at + hourMs), timezone });
    const newest = held.at(-1);
    if (newest?.state !== "damaged" && held.length > 0) expect(plan.refusals).toEqual([]);
    if (plan.refusal !== undefined) return;
    const gone = new Set(plan.released);
    held = held.filter(({ id }) => !gone.has(id));
    removals.push(gone.size);
  });
  return { made, held, removals };
}

/**
 * What the policy promises, worked out with Temporal from everything ever made: the newest good
 * backup of each of the newest periods.
 */
function promised(
  made: readonly RetentionBackup[],
  timezone: string,
  { daily, monthly }: { daily: number; monthly: number },
): string[] {
  const good = made.filter(({ state, suspicious }) => state !== "damaged" && state !== "stored" && !suspicious);
  const byPeriod = (period: (date: Temporal.PlainDate) => string) => {
    const newest = new Map<string, string>();
    for (const { id, startedAtMs } of good) {
      const date = Temporal.Instant.fromEpochMilliseconds(startedAtMs).toZonedDateTimeISO(timezone).toPlainDate();
      const key = period(date);
      newest.delete(key);
      newest.set(key, id);
    }
    return [...newest.values()];
  };
  const days = byPeriod((date) => date.toString()).slice(-daily);
  const months = byPeriod((date) => date.toPlainYearMonth().toString()).slice(-monthly || Number.POSITIVE_INFINITY);
  return [...new Set([...days, ...months])].sort();
}

const daily = (count: number, first: string) => Array.from({ length: count }, (_, index) => Date.parse(first) + index * dayMs);
const rules = { daily: 30, monthly: 12 };
const good = (): Partial<RetentionBackup> => ({ state: "verified" });

describe("a year and more of daily backups, each followed by a prune", () => {
  it("comes to exactly 30 days and 12 months, removing one or two backups at a time", () => {
    const { made, held, removals } = simulate(daily(500, "2025-03-01T02:00:00Z"), "UTC", rules, good);
    // 2026-07-13: the 30 newest days reach back to 2026-06-14, and so hold the newest of two of the
    // twelve months.
    expect(held.at(-1)?.id).toMatch(/^20260713T/);
    expect(held).toHaveLength(30 + 12 - 2);
    expect(held.map(({ id }) => id).sort()).toEqual(promised(made, "UTC", rules));
    // Two when a month begins: the 31st day, and the 13th month.
    expect(Math.max(...removals)).toBe(2);
  });

  it.each(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "America/St_Johns"])(
    "keeps the same promise by the calendar of %s, DST and all",
    (timezone) => {
      // Around local midnight, where a wrong offset puts a backup into the wrong day.
      const { made, held } = simulate(daily(420, "2025-08-20T23:30:00Z"), timezone, rules, good);
      expect(held.map(({ id }) => id).sort()).toEqual(promised(made, timezone, rules));
    },
  );

  it("holds one day less for the day that Samoa skipped, and no less backups", () => {
    const { made, held } = simulate(daily(60, "2011-11-15T02:00:00Z"), "Pacific/Apia", { daily: 30 }, good);
    expect(held).toHaveLength(30);
    expect(held.map(({ id }) => id).sort()).toEqual(promised(made, "Pacific/Apia", { daily: 30, monthly: 0 }));
  });

  it("keeps 30 good days through days without a backup, beside the damaged ones that are still looked into", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 200, maxLength: 200 }), (dice) => {
        const { made, held } = simulate(daily(200, "2026-01-01T02:00:00Z"), "Europe/Berlin", rules, (index) => {
          if (dice[index] === 0) return undefined;
          return { state: dice[index] === 1 ? "damaged" : "verified" };
        });
        const last = made.at(-1);
        const expected = promised(made, "Europe/Berlin", rules);
        const kept = held.filter(({ state }) => state !== "damaged").map(({ id }) => id);
        // While the newest is damaged pruning stops, so that more than promised may be left.
        if (last?.state === "damaged") expect(kept).toEqual(expect.arrayContaining(expected));
        else expect(kept.sort()).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });

  it("keeps hourly backups of a day until a newer one of the same day is verified", () => {
    const instants = Array.from({ length: 24 * 40 }, (_, index) => Date.parse("2026-01-01T00:05:00Z") + index * hourMs);
    const { held, removals } = simulate(instants, "UTC", { daily: 7 }, good);
    expect(held.map(({ id }) => id.slice(0, 11))).toEqual([
      "20260203T23",
      "20260204T23",
      "20260205T23",
      "20260206T23",
      "20260207T23",
      "20260208T23",
      "20260209T23",
    ]);
    expect(Math.max(...removals)).toBeLessThanOrEqual(2);
  });

  it("keeps weekly fulls with daily incrementals as whole chains", () => {
    const ids: string[] = [];
    let parent: string | null = null;
    const instants = daily(200, "2026-01-04T02:00:00Z");
    const { held } = simulate(instants, "UTC", { daily: 7, monthly: 3 }, (index) => {
      const kind = index % 7 === 0 ? "full" : "incremental";
      const backup = backupAt(instants[index] ?? 0, { kind, suffix: `n${index}`, parent: kind === "full" ? null : parent });
      parent = backup.id;
      ids.push(backup.id);
      return backup;
    });
    const names = new Set(held.map(({ id }) => id));
    for (const backup of held) expect(backup.parent === null || names.has(backup.parent ?? "")).toBe(true);
    expect(names.has(ids.at(-7) ?? "")).toBe(true);
    // Seven days and the ends of two earlier months, each with its chain, are at most four chains
    // of seven.
    expect(held.length).toBeLessThanOrEqual(28);
  });
});

describe("one plan over a whole history", () => {
  it("keeps what a prune a day would have left of it", () => {
    const instants = daily(400, "2025-01-01T22:45:00Z");
    const { made, held } = simulate(instants, "Europe/Berlin", { daily: 10, weekly: 6, monthly: 9, yearly: 3 }, good);
    const plan = planRetention(made, policyOf({ daily: 10, weekly: 6, monthly: 9, yearly: 3 }), {
      now: new Date((instants.at(-1) ?? 0) + hourMs),
      timezone: "Europe/Berlin",
    });
    expect(keptIds(plan).sort()).toEqual(held.map(({ id }) => id).sort());
  });
});
