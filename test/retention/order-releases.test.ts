/** The order of deletions, against one that is found by trying. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RetentionBackup } from "../../src/retention/plan-retention.ts";
import { backupAt, dayMs, planAt } from "./histories.ts";

const now = "2026-11-20T12:00:00Z";
const first = Date.parse("2026-09-01T02:00:00Z");
const newest = backupAt("2026-11-20T02:00:00Z");
const releasedOf = (backups: readonly RetentionBackup[], permanent: readonly string[] = []) =>
  planAt([...backups, newest], { keepLast: 1, permanent }, now).released;

/** Backups of one day each, oldest first; `bases` says which each builds on. */
function chained(bases: readonly (number | undefined)[]): RetentionBackup[] {
  const plain = bases.map((_, day) => backupAt(first + day * dayMs));
  return plain.map((backup, day) => ({ ...backup, parent: plain[bases[day] ?? -1]?.id ?? null }));
}

/** Each time the newest that nothing left builds on. */
function newestFree(backups: readonly RetentionBackup[]): string[] {
  const left = [...backups].reverse();
  const ordered: string[] = [];
  for (;;) {
    const at = left.findIndex(({ id }) => left.every(({ parent }) => parent !== id));
    if (at < 0) return ordered;
    ordered.push(...left.splice(at, 1).map(({ id }) => id));
  }
}

describe("deletions", () => {
  it("take the newest that nothing left builds on, also where bases say they are younger", () => {
    const order = fc
      .integer({ min: 1, max: 12 })
      .chain((count) =>
        fc.tuple(
          fc.shuffledSubarray([...Array(count).keys()], { minLength: count }),
          fc.array(fc.nat(), { minLength: count, maxLength: count }),
        ),
      );
    fc.assert(
      fc.property(order, ([days, dice]) => {
        // A backup builds on nothing, or on one that stands before it in a random order: no rings.
        const bases: (number | undefined)[] = [];
        days.forEach((day, position) => {
          const choice = (dice[position] ?? 0) % (position + 1);
          bases[day] = choice === 0 ? undefined : days[choice - 1];
        });
        const backups = chained(bases);
        expect(releasedOf(backups)).toEqual(newestFree(backups));
      }),
      { numRuns: 300 },
    );
  });

  it("keep to the order of time between chains", () => {
    const backups = chained([undefined, undefined, 0, 1]);
    expect(releasedOf(backups)).toEqual([3, 2, 1, 0].map((day) => backups[day]?.id));
  });

  it("leave out what stays: a base that is kept, for the others as well", () => {
    const backups = chained([undefined, 0, 0, 2]);
    expect(releasedOf(backups, [backups[0]?.id ?? ""])).toEqual([3, 2, 1].map((day) => backups[day]?.id));
  });

  it("take rings last, and what hangs on them first", () => {
    const backups = chained([1, 0, 1, undefined]);
    expect(releasedOf(backups)).toEqual([3, 2, 1, 0].map((day) => backups[day]?.id));
  });
});
