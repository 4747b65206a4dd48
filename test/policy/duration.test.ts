import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { durationPattern, formatDuration, parseDuration } from "../../src/policy/duration.ts";

describe("durations", () => {
  it.each([
    ["1m", 60],
    ["15m", 900],
    ["1h", 3_600],
    ["24h", 86_400],
    ["30d", 2_592_000],
    ["4w", 2_419_200],
    ["36500d", 3_153_600_000],
  ])("reads %s as %d seconds", (text, seconds) => {
    expect(parseDuration(text)).toEqual({ value: seconds });
  });

  it("reads back what it writes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 36_500 * 24 * 60 }), (minutes) => {
        const text = formatDuration(minutes * 60);
        expect(text).toMatch(new RegExp(durationPattern));
        expect(parseDuration(text)).toEqual({ value: minutes * 60 });
      }),
    );
  });

  it("writes the largest unit that is exact", () => {
    expect([60, 90 * 60, 3_600, 86_400, 604_800, 30 * 86_400].map(formatDuration)).toEqual(["1m", "90m", "1h", "1d", "1w", "30d"]);
  });

  it.each([
    ["60", '"60" has no unit; write m, h, d or w behind the number, such as 60h'],
    ["4 h", '"4 h" is not a duration such as 15m, 1h, 30d or 4w; did you mean "4h"?'],
    ["30D", '"30D" is not a duration such as 15m, 1h, 30d or 4w; did you mean "30d"?'],
    ["5min", '"5min" is not a duration such as 15m, 1h, 30d or 4w; did you mean "5m"?'],
    ["2 days", '"2 days" is not a duration such as 15m, 1h, 30d or 4w; did you mean "2d"?'],
    ["30s", '"30s": the smallest unit is the minute; write a duration such as 15m, 1h, 30d or 4w'],
    ["1y", '"1y": months and years have no fixed length; write days or weeks, such as 365d'],
    ["12mo", '"12mo": months and years have no fixed length; write days or weeks, such as 365d'],
    ["0h", '"0h" is not a length of time; write a duration such as 15m, 1h, 30d or 4w'],
    ["5q", '"5q" is not a duration such as 15m, 1h, 30d or 4w; the units are m, h, d and w'],
    ["-1h", '"-1h" is not a duration such as 15m, 1h, 30d or 4w'],
    ["1h30m", '"1h30m" is not a duration such as 15m, 1h, 30d or 4w'],
    ["", '"" is not a duration such as 15m, 1h, 30d or 4w'],
    ["99999w", '"99999w" is more than a hundred years'],
  ])("refuses %j", (text, problem) => {
    expect(parseDuration(text)).toEqual({ problem });
  });
});
