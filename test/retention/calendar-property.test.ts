/**
 * The calendar against Temporal's. Apart from the examples, because thousands of instants take
 * seconds.
 */
import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { expect, it } from "vitest";
import { describePeriod, openDayOf, type Period, periodOf } from "../../src/retention/calendar.ts";
import { zones } from "./histories.ts";

function periodIn(period: Period, instant: string, timezone: string): string {
  return describePeriod(period, periodOf(period, openDayOf(timezone)(Date.parse(instant))));
}

it("the calendar of a time zone agrees with Temporal on every period of any instant", () => {
  const second = fc.integer({ min: Date.UTC(2001, 0, 1) / 1000, max: Date.UTC(2100, 0, 1) / 1000 });
  fc.assert(
    fc.property(second, fc.constantFrom(...zones), (at, timezone) => {
      const instant = new Date(at * 1000).toISOString();
      const date = Temporal.Instant.from(instant).toZonedDateTimeISO(timezone);
      const week = `${date.yearOfWeek}-W${String(date.weekOfYear).padStart(2, "0")}`;
      expect(periodIn("day", instant, timezone)).toBe(date.toPlainDate().toString());
      expect(periodIn("week", instant, timezone)).toBe(week);
      expect(periodIn("month", instant, timezone)).toBe(date.toPlainDate().toPlainYearMonth().toString());
      expect(periodIn("year", instant, timezone)).toBe(`${date.year}`);
    }),
    { numRuns: 4000 },
  );
});
