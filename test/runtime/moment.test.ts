import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { describe, expect, it } from "vitest";
import { formatInZone, parseMoment } from "../../src/runtime/moment.ts";

// A Saturday, 04:30 in Berlin.
const now = new Date("2026-11-28T03:30:00.000Z");
const berlin = { now, timezone: "Europe/Berlin" };

function read(text: string, context = berlin): string {
  const moment = parseMoment(text, context);
  return "problem" in moment ? moment.problem : [moment.instant.toISOString(), ...moment.notes].join("; ");
}

describe("parseMoment", () => {
  it.each([
    ["03:15", "2026-11-28T02:15:00.000Z"],
    ["3:15", "2026-11-28T02:15:00.000Z"],
    ["03:15:20", "2026-11-28T02:15:20.000Z"],
    ["today 03:15", "2026-11-28T02:15:00.000Z"],
    ["yesterday 14:00", "2026-11-27T13:00:00.000Z"],
    ["Yesterday 14:00", "2026-11-27T13:00:00.000Z"],
    ["2026-11-28 03:30", "2026-11-28T02:30:00.000Z"],
    ["2026-11-28T03:30", "2026-11-28T02:30:00.000Z"],
    ["2026-07-01 03:30:15", "2026-07-01T01:30:15.000Z"],
    ["2026-11-27", "2026-11-27T22:59:59.999Z"],
    ["yesterday", "2026-11-27T22:59:59.999Z"],
    ["2026-11-28", now.toISOString()],
    ["today", now.toISOString()],
    ["1h", "2026-11-28T02:30:00.000Z"],
    ["-2h", "2026-11-28T01:30:00.000Z"],
    ["2h ago", "2026-11-28T01:30:00.000Z"],
    ["2 hours ago", "2026-11-28T01:30:00.000Z"],
    ["1h30m", "2026-11-28T02:00:00.000Z"],
    ["90min", "2026-11-28T02:00:00.000Z"],
    ["3d", "2026-11-25T03:30:00.000Z"],
    ["1w", "2026-11-21T03:30:00.000Z"],
    ["2026-11-28T03:30:00Z", "2026-11-28T03:30:00.000Z"],
    ["2026-11-28t03:30z", "2026-11-28T03:30:00.000Z"],
    ["2026-11-28 02:30 UTC", "2026-11-28T02:30:00.000Z"],
    ["2026-11-28T03:30:00.123456+02:00", "2026-11-28T01:30:00.123Z"],
    ["2026-11-27T22:30-0500", "2026-11-28T03:30:00.000Z"],
    ["20261120T020000Z", "2026-11-20T02:00:00.000Z"],
  ])("reads %j as %s", (text, expected) => expect(read(text)).toBe(expected));

  it.each([
    ["14:32", '"14:32" is in the future: 2026-11-28T13:32:00.000Z, and it is now 2026-11-28T03:30:00.000Z'],
    ["2027-01-01", '"2027-01-01" is in the future: 2027-01-01T22:59:59.999Z, and it is now 2026-11-28T03:30:00.000Z'],
    ["2026-02-30", '"2026-02-30" is not a day of the calendar'],
    ["2026-13-01", '"2026-13-01" is not a day of the calendar'],
    ["25:00", '"25:00" is not a time of day'],
    ["24:00", '"24:00" is not a time of day'],
    ["12:61", '"12:61" is not a time of day'],
  ])("refuses %j", (text, expected) => expect(read(text)).toBe(expected));

  it.each([
    "",
    " ",
    "lastest",
    "1",
    "1x",
    "h",
    "ago",
    "tomorrow",
    "2026-1-1",
    "2026-11",
    "28.11.2026",
    "11/28/2026",
    "Z",
    "14",
    "yesterday14",
    "2026-11-28 14",
    "999999999999w",
    "14:32 CET",
  ])("does not understand %j", (text) => expect(read(text)).toContain("is not a time that Holdfast understands"));

  it("takes the earlier of a time that the clocks showed twice, and says so", () => {
    expect(read("2026-10-25 02:30")).toBe(
      "2026-10-25T00:30:00.000Z; the clocks showed that time twice; the earlier is meant, the later is 2026-10-25T01:30:00.000Z",
    );
  });

  it("takes the moment of the change for a time that they skipped, and says so", () => {
    expect(read("2026-03-29 02:30")).toBe(
      "2026-03-29T01:00:00.000Z; the clocks skipped that time; the moment of the change is meant, 2026-03-29T01:00:00.000Z",
    );
  });

  it("agrees with Temporal on any wall time of any zone", () => {
    const zones = [
      "UTC",
      "Europe/Berlin",
      "America/New_York",
      "Asia/Kathmandu",
      "Australia/Lord_Howe",
      "Africa/Casablanca",
      "America/St_Johns",
    ];
    const minute = fc.integer({ min: 0, max: Date.UTC(2026, 10, 27) / 60_000 - Date.UTC(2000, 0, 1) / 60_000 });
    fc.assert(
      fc.property(minute, fc.constantFrom(...zones), (minutes, timezone) => {
        const wall = new Date(Date.UTC(2000, 0, 1) + minutes * 60_000).toISOString().slice(0, 16);
        const plain = Temporal.PlainDateTime.from(wall);
        const earlier = plain.toZonedDateTime(timezone, { disambiguation: "earlier" });
        const exists = earlier.toPlainDateTime().equals(plain);
        const moment = parseMoment(wall.replace("T", " "), { now, timezone });
        if ("problem" in moment) throw new Error(moment.problem);
        if (exists) expect(moment.instant.getTime()).toBe(earlier.epochMilliseconds);
        else expect(moment.notes).toHaveLength(1);
      }),
      { numRuns: 3000 },
    );
  });

  it("never throws, and never gives a moment that is to come", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 30 }), fc.stringMatching(/^[-0-9:TZ+ hdwago]{1,25}$/)), (text) => {
        const moment = parseMoment(text, berlin);
        if ("instant" in moment) expect(moment.instant.getTime()).toBeLessThanOrEqual(now.getTime());
      }),
      { numRuns: 5000 },
    );
  });
});

describe("formatInZone", () => {
  it.each([
    ["Europe/Berlin", "2026-11-28 04:30:00 +01:00"],
    ["UTC", "2026-11-28 03:30:00 +00:00"],
    ["America/St_Johns", "2026-11-28 00:00:00 -03:30"],
  ])("writes the instant as the clocks of %s show it", (timezone, text) => expect(formatInZone(now, timezone)).toBe(text));
});
