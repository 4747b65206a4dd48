import { describe, expect, it } from "vitest";
import { describePeriod, openDayOf, type Period, periodOf, startOfDay } from "../../src/retention/calendar.ts";

function periodIn(period: Period, instant: string, timezone: string): string {
  return describePeriod(period, periodOf(period, openDayOf(timezone)(Date.parse(instant))));
}

describe("the calendar of a time zone", () => {
  it.each([
    // Europe/Berlin, spring: 01:00 UTC becomes 03:00. Autumn: 02:00-03:00 comes twice.
    ["day", "2026-03-28T22:59:59Z", "Europe/Berlin", "2026-03-28"],
    ["day", "2026-03-28T23:00:00Z", "Europe/Berlin", "2026-03-29"],
    ["day", "2026-03-29T21:59:59Z", "Europe/Berlin", "2026-03-29"],
    ["day", "2026-03-29T22:00:00Z", "Europe/Berlin", "2026-03-30"],
    ["day", "2026-10-25T22:59:59Z", "Europe/Berlin", "2026-10-25"],
    ["day", "2026-10-25T23:00:00Z", "Europe/Berlin", "2026-10-26"],
    ["day", "2026-03-08T04:59:59Z", "America/New_York", "2026-03-07"],
    ["day", "2026-03-08T05:00:00Z", "America/New_York", "2026-03-08"],
    ["day", "2026-03-09T04:00:00Z", "America/New_York", "2026-03-09"],
    ["day", "2026-11-02T04:59:59Z", "America/New_York", "2026-11-01"],
    ["day", "2026-11-02T05:00:00Z", "America/New_York", "2026-11-02"],
    // Samoa went from the 29th to the 31st.
    ["day", "2011-12-30T09:59:59Z", "Pacific/Apia", "2011-12-29"],
    ["day", "2011-12-30T10:00:00Z", "Pacific/Apia", "2011-12-31"],
    ["day", "2026-06-30T18:14:59Z", "Asia/Kathmandu", "2026-06-30"],
    ["day", "2026-06-30T18:15:00Z", "Asia/Kathmandu", "2026-07-01"],
    ["month", "2026-06-30T18:15:00Z", "Asia/Kathmandu", "2026-07"],
    ["day", "2024-02-29T12:00:00Z", "UTC", "2024-02-29"],
    ["month", "2024-02-29T23:59:59Z", "UTC", "2024-02"],
    ["day", "2100-02-28T24:00:00Z", "UTC", "2100-03-01"],
    ["month", "2027-01-01T00:00:00Z", "America/New_York", "2026-12"],
    ["year", "2026-12-31T23:30:00Z", "Europe/Berlin", "2027"],
    // ISO weeks: 2020 and 2026 have 53; the year's first days may be the old year's week, and its
    // last the new one's.
    ["week", "2027-01-03T23:59:59Z", "UTC", "2026-W53"],
    ["week", "2027-01-04T00:00:00Z", "UTC", "2027-W01"],
    ["week", "2020-12-28T00:00:00Z", "UTC", "2020-W53"],
    ["week", "2021-01-03T12:00:00Z", "UTC", "2020-W53"],
    ["week", "2024-12-30T00:00:00Z", "UTC", "2025-W01"],
    ["week", "2026-03-29T21:59:59Z", "Europe/Berlin", "2026-W13"],
    ["week", "2026-03-29T22:00:00Z", "Europe/Berlin", "2026-W14"],
  ] as const)("puts the %s of %s in %s at %s", (period, instant, timezone, expected) => {
    expect(periodIn(period, instant, timezone)).toBe(expected);
  });

  it.each([
    ["2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00.000Z"],
    ["2026-03-30", "Europe/Berlin", "2026-03-29T22:00:00.000Z"],
    ["2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00.000Z"],
    ["2026-10-26", "Europe/Berlin", "2026-10-25T23:00:00.000Z"],
    ["2026-03-08", "America/New_York", "2026-03-08T05:00:00.000Z"],
    ["2026-11-01", "America/New_York", "2026-11-01T04:00:00.000Z"],
    ["2026-11-02", "America/New_York", "2026-11-02T05:00:00.000Z"],
  ])("begins the day %s in %s at %s", (date, timezone, instant) => {
    expect(new Date(startOfDay(Date.parse(date) / 86_400_000, timezone)).toISOString()).toBe(instant);
  });

  it("numbers periods so that later ones are greater", () => {
    const days = Array.from({ length: 4000 }, (_, index) => index * 5);
    for (const period of ["day", "week", "month", "year"] as const) {
      const numbers = days.map((day) => periodOf(period, day));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
  });
});
