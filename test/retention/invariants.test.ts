import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Retention } from "../../src/policy/policy.ts";
import { planRetention, type RetentionBackup } from "../../src/retention/plan-retention.ts";
import { arbitraryHistory, arbitraryNow, arbitraryRules, keptIds, policyOf, zones } from "./histories.ts";

interface Case {
  readonly nowMs: number;
  readonly backups: readonly RetentionBackup[];
  readonly rules: Partial<Retention>;
  readonly timezone: string;
}

const arbitraryCase: fc.Arbitrary<Case> = arbitraryNow.chain((nowMs) =>
  fc.record({
    nowMs: fc.constant(nowMs),
    backups: arbitraryHistory(nowMs),
    rules: arbitraryRules,
    timezone: fc.constantFrom(...zones),
  }),
);

const plan = ({ nowMs, backups, rules, timezone }: Case) =>
  planRetention(backups, policyOf(rules), { now: new Date(nowMs), timezone });

/** Runs a property on thousands of random histories. */
const always = (check: (drawn: Case) => void, numRuns = 3000) => fc.assert(fc.property(arbitraryCase, check), { numRuns });

const newestFirst = (backups: readonly RetentionBackup[]) =>
  [...backups].sort((a, b) => b.startedAtMs - a.startedAtMs || (a.id < b.id ? 1 : -1));

describe("planRetention, on any history", () => {
  it("decides on every backup once, newest first, with a reason", () => {
    always((drawn) => {
      const { decisions, released } = plan(drawn);
      expect(decisions.map(({ id }) => id)).toEqual(newestFirst(drawn.backups).map(({ id }) => id));
      expect([...released].sort()).toEqual(decisions.flatMap(({ id, kept }) => (kept ? [] : [id])).sort());
      for (const { kept, reasons } of decisions) {
        expect(reasons.length).toBeGreaterThan(0);
        expect(reasons.every((reason) => reason.startsWith("released: ") !== kept)).toBe(true);
        expect(new Set(reasons).size).toBe(reasons.length);
      }
    });
  });

  it("never releases the newest proven, the newest verified, or anything newer, held, locked or permanent", () => {
    always((drawn) => {
      const permanent = drawn.backups.filter((_, index) => index % 7 === 0).map(({ id }) => id);
      const released = new Set(plan({ ...drawn, rules: { ...drawn.rules, permanent } }).released);
      const ordered = newestFirst(drawn.backups);
      const proven = ordered.find(({ state }) => state === "proven");
      const verified = ordered.findIndex(({ state }) => state === "proven" || state === "verified");
      const untouchable = [
        ...(proven === undefined ? [] : [proven.id]),
        ...ordered.slice(0, verified < 0 ? ordered.length : verified + 1).map(({ id }) => id),
        ...drawn.backups.filter(({ held, lockedUntilMs = 0 }) => held || lockedUntilMs > drawn.nowMs).map(({ id }) => id),
        ...permanent,
      ];
      expect(untouchable.filter((id) => released.has(id))).toEqual([]);
    });
  });

  it("never releases what is younger than the minimum age", () => {
    always((drawn) => {
      const minAgeSeconds = drawn.rules.minAgeSeconds ?? 0;
      const released = new Set(plan(drawn).released);
      const young = drawn.backups.filter(({ startedAtMs }) => drawn.nowMs - startedAtMs < minAgeSeconds * 1000);
      expect(young.filter(({ id }) => released.has(id))).toEqual([]);
    });
  });

  it("never lets a less trusted backup alone stand for a day, month or year that has a proven one", () => {
    always((drawn) => {
      const { decisions } = plan(drawn);
      const proven = new Set(
        drawn.backups.filter(({ state, suspicious }) => state === "proven" && !suspicious).map(({ id }) => id),
      );
      const byId = new Map(drawn.backups.map((backup) => [backup.id, backup]));
      const standsOnItself = ({ kind }: RetentionBackup) => kind === "full" || kind === "snapshot";
      const keptFor = new Map<string, string[]>();
      for (const { id, kept, reasons } of decisions) {
        for (const reason of kept ? reasons : []) {
          const period = /^newest (?:proven )?of (\S+) \((daily|weekly|monthly|yearly) \d+ of/.exec(reason);
          if (period !== null) keptFor.set(`${period[2]} ${period[1]}`, [...(keptFor.get(`${period[2]} ${period[1]}`) ?? []), id]);
        }
      }
      for (const [period, ids] of keptFor) {
        if (drawn.timezone !== "UTC" || !/^(daily|monthly|yearly) /.test(period)) continue;
        const [, prefix = ""] = period.split(" ");
        const inside = [...proven].filter((id) => {
          const backup = byId.get(id);
          return backup !== undefined && standsOnItself(backup) && new Date(backup.startedAtMs).toISOString().startsWith(prefix);
        });
        if (inside.length > 0)
          expect(
            ids.some((id) => byId.get(id)?.state === "proven"),
            period,
          ).toBe(true);
      }
    });
  });

  it("keeps everything that a kept backup builds on", () => {
    always((drawn) => {
      const { released } = plan(drawn);
      const gone = new Set(released);
      for (const { id, parent } of drawn.backups) {
        if (!gone.has(id) && typeof parent === "string") expect(gone.has(parent), `${parent} of ${id}`).toBe(false);
      }
    });
  });

  it("lets nothing be deleted before what builds on it, so that a run that dies leaves only backups that restore", () => {
    always((drawn) => {
      const deleted = new Set<string>();
      for (const id of plan(drawn).released) {
        deleted.add(id);
        const orphans = drawn.backups.filter((backup) => !deleted.has(backup.id) && backup.parent === id);
        expect(orphans).toEqual([]);
      }
    }, 1500);
  });

  it("releases nothing more when what was kept is planned again", () => {
    always((drawn) => {
      const kept = new Set(keptIds(plan(drawn)));
      const again = plan({ ...drawn, backups: drawn.backups.filter(({ id }) => kept.has(id)) });
      expect(again.released).toEqual([]);
    });
  });

  it("comes to the same end when it is cut off after any deletion and run again", () => {
    fc.assert(
      fc.property(arbitraryCase, fc.nat(), (drawn, cut) => {
        const whole = plan(drawn);
        const gone = new Set(whole.released.slice(0, whole.released.length === 0 ? 0 : cut % whole.released.length));
        const rest = plan({ ...drawn, backups: drawn.backups.filter(({ id }) => !gone.has(id)) });
        expect(keptIds(rest)).toEqual(keptIds(whole));
      }),
      { numRuns: 2000 },
    );
  });

  it("does not depend on the order of its input", () => {
    always((drawn) => {
      expect(plan({ ...drawn, backups: newestFirst(drawn.backups) })).toEqual(plan(drawn));
    }, 1000);
  });

  it("never releases more under a more generous policy", () => {
    const more = fc.record({
      daily: fc.nat(3),
      weekly: fc.nat(3),
      monthly: fc.nat(3),
      yearly: fc.nat(3),
      keepLast: fc.nat(3),
      keepWithinSeconds: fc.nat(5 * 86_400),
    });
    fc.assert(
      fc.property(arbitraryCase, more, (drawn, extra) => {
        const rules: Partial<Retention> = { ...drawn.rules };
        const generous = Object.fromEntries(
          Object.entries(extra).map(([key, add]) => [key, Number(rules[key as keyof typeof extra] ?? 0) + add]),
        );
        const kept = new Set(keptIds(plan({ ...drawn, rules: { ...rules, ...generous } })));
        expect(keptIds(plan(drawn)).filter((id) => !kept.has(id))).toEqual([]);
      }),
      { numRuns: 3000 },
    );
  });

  it("never keeps less because unverified, suspicious, damaged or future backups were planted among the good ones", () => {
    fc.assert(
      fc.property(
        arbitraryCase,
        fc.array(fc.tuple(fc.integer({ min: -400, max: 900 }), fc.constantFrom("stored", "damaged", "suspicious", "future")), {
          maxLength: 40,
        }),
        (drawn, plants) => {
          const planted = plants.map(([hours, how], index): RetentionBackup => {
            const ageMs = how === "future" ? -Math.abs(hours) * 3_600_000 - 600_000 : Math.abs(hours) * 3_600_000;
            const startedAtMs = Math.floor((drawn.nowMs - ageMs) / 1000) * 1000;
            const stamp = new Date(startedAtMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
            const state = how === "stored" || how === "damaged" ? how : "verified";
            return {
              id: `${stamp}Z-full-p${index}`,
              kind: "full",
              startedAtMs,
              state,
              suspicious: how === "suspicious",
              held: false,
            };
          });
          const trusted = new Set(
            drawn.backups
              .filter(
                ({ kind, state, suspicious }) =>
                  (kind === "full" || kind === "snapshot") && !suspicious && (state === "verified" || state === "proven"),
              )
              .map(({ id }) => id),
          );
          const before = plan(drawn).decisions.flatMap(({ id, kept, reasons }) =>
            kept && trusted.has(id) && reasons.some((reason) => !reason.startsWith("needed by")) ? [id] : [],
          );
          const after = new Set(keptIds(plan({ ...drawn, backups: [...drawn.backups, ...planted] })));
          expect(before.filter((id) => !after.has(id))).toEqual([]);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
