import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { describe, expect, it } from "vitest";
import { isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { openSchedule, previousRun } from "../../src/report/schedule.ts";

const at = (cron: string, timezone: string, before: string) =>
  previousRun(cron, timezone, new Date(before))?.toISOString().replace(".000", "");

describe("previousRun", () => {
  it.each([
    ["0 2 * * *", "UTC", "2026-11-20T12:00:00Z", "2026-11-20T02:00:00Z"],
    ["0 2 * * *", "UTC", "2026-11-20T02:00:00Z", "2026-11-19T02:00:00Z"],
    ["0 2 * * *", "UTC", "2026-11-20T02:00:00.001Z", "2026-11-20T02:00:00Z"],
    ["*/15 * * * *", "UTC", "2026-11-20T12:07:00Z", "2026-11-20T12:00:00Z"],
    ["0 4 1 * *", "UTC", "2026-11-20T12:00:00Z", "2026-11-01T04:00:00Z"],
    ["0 0 29 2 *", "UTC", "2104-02-01T00:00:00Z", "2096-02-29T00:00:00Z"],
    ["0 9 * * mon-fri", "UTC", "2026-11-22T12:00:00Z", "2026-11-20T09:00:00Z"],
    // Both days restricted: either will do, so that the Friday counts before the 1st.
    ["0 0 1 * fri", "UTC", "2026-11-22T12:00:00Z", "2026-11-20T00:00:00Z"],
    ["0 2 * * *", "Asia/Kathmandu", "2026-11-20T12:00:00Z", "2026-11-19T20:15:00Z"],
    ["0 2 * * *", "Europe/Berlin", "2026-07-01T12:00:00Z", "2026-07-01T00:00:00Z"],
    // 02:30 does not exist on 29 March 2026 in Berlin, nor on 8 March in New York.
    ["30 2 * * *", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T01:30:00Z"],
    ["30 2 * * *", "America/New_York", "2026-03-08T12:00:00Z", "2026-03-07T07:30:00Z"],
    ["0 4 * * *", "America/New_York", "2026-03-08T12:00:00Z", "2026-03-08T08:00:00Z"],
    ["0 1 * * *", "Australia/Lord_Howe", "2026-10-04T00:00:00Z", "2026-10-03T14:30:00Z"],
    ["0 3 * * *", "Australia/Lord_Howe", "2026-10-04T00:00:00Z", "2026-10-03T16:00:00Z"],
    // It comes twice on 25 October and 1 November, and runs the first time only.
    ["30 2 * * *", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-25T00:30:00Z"],
    ["30 2 * * *", "Europe/Berlin", "2026-10-25T01:15:00Z", "2026-10-25T00:30:00Z"],
    ["30 1 * * *", "America/New_York", "2026-11-01T12:00:00Z", "2026-11-01T05:30:00Z"],
    ["0 3 * * *", "Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T02:00:00Z"],
    // Samoa had no 30 December 2011.
    ["0 2 30 12 *", "Pacific/Apia", "2012-01-05T00:00:00Z", "2010-12-30T12:00:00Z"],
    ["0 0 * * *", "America/Havana", "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z"],
  ])("of %s in %s before %s is %s", (cron, timezone, before, expected) => expect(at(cron, timezone, before)).toBe(expected));

  it("agrees with Temporal on daily times that every day has", () => {
    const zone = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe");
    const second = fc.integer({ min: Date.UTC(2015, 0, 1) / 1000, max: Date.UTC(2040, 0, 1) / 1000 });
    fc.assert(
      fc.property(
        zone,
        second,
        fc.integer({ min: 5, max: 23 }),
        fc.integer({ min: 0, max: 59 }),
        (timezone, before, hour, minute) => {
          const instant = Temporal.Instant.fromEpochMilliseconds(before * 1000);
          const date = instant.toZonedDateTimeISO(timezone).toPlainDate();
          const runOn = (day: Temporal.PlainDate) =>
            day.toZonedDateTime({ timeZone: timezone, plainTime: { hour, minute } }).epochMilliseconds;
          const expected = runOn(date) < instant.epochMilliseconds ? runOn(date) : runOn(date.subtract({ days: 1 }));
          expect(previousRun(`${minute} ${hour} * * *`, timezone, new Date(before * 1000))?.getTime()).toBe(expected);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("walks back through a year without a gap or a repetition", () => {
    const schedule = openSchedule("0 */6 * * *", "Europe/Berlin");
    let run = new Date("2027-01-01T00:00:00Z");
    const gaps = new Set<number>();
    for (let count = 0; count < 4 * 365; count++) {
      const earlier = schedule.previous(run);
      if (earlier === undefined) expect.unreachable();
      else {
        gaps.add((run.getTime() - earlier.getTime()) / 3_600_000);
        run = earlier;
      }
    }
    expect([...gaps].sort()).toEqual([1, 5, 6, 7]);
  });

  it("says what is wrong with an expression that the policy would refuse", () => {
    try {
      previousRun("0 25 * * *", "UTC", new Date(0));
      expect.unreachable();
    } catch (error) {
      expect(isHoldfastError(error, "PolicyInvalid")).toBe(true);
      expect((error as Error).message).toContain('the schedule "0 25 * * *" cannot be read: hour');
    }
  });
});
