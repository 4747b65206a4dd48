import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutToWidth, displayWidth } from "../../src/report/display-width.ts";
import { formatAge, formatBytes, formatDuration, formatThroughput, renderTable } from "../../src/report/format.ts";
import { markStyle, paintLine } from "../../src/report/styled-text.ts";

const green = (text: string): string => markStyle("\u001b[32m", text, "\u001b[39m");

describe("formatBytes", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [1536, "1.5 kB"],
    [99_949, "99.9 kB"],
    [99_950, "100 kB"],
    [999_499, "999 kB"],
    [999_500, "1.0 MB"],
    [1_090_000_000, "1.1 GB"],
    [5_497_558_138_880, "5.5 TB"],
    [2e18, "2000 PB"],
    [-1536, "-1.5 kB"],
    [Number.NaN, "unknown"],
  ])("writes %d as %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe("formatDuration", () => {
  it.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [999.7, "1 s"],
    [2440, "2.4 s"],
    [59_940, "59.9 s"],
    [59_960, "1 min"],
    [65_000, "1 min 5 s"],
    [3_599_600, "1 h"],
    [7_380_000, "2 h 3 min"],
    [172_800_000, "2 d"],
    [273_600_000, "3 d 4 h"],
    [-65_000, "-1 min 5 s"],
    [Number.POSITIVE_INFINITY, "unknown"],
  ])("writes %d ms as %s", (milliseconds, text) => expect(formatDuration(milliseconds)).toBe(text));

  it("never shows a unit that is full", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e9 }), (milliseconds) => {
        const text = formatDuration(milliseconds);
        expect(text).not.toMatch(/\b1000 ms|\b60(\.0)? s|\b60 min|d 24 h$/);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("formatAge", () => {
  const now = new Date("2026-11-20T12:00:00.900Z");
  it.each([
    ["2026-11-20T12:00:00Z", "0 s"],
    ["2026-11-20T11:59:58Z", "2 s"],
    ["2026-11-20T08:48:00Z", "3 h 12 min"],
    ["2026-11-10T08:48:00Z", "10 d"],
    ["2026-11-20T12:05:01Z", "in 5 min"],
  ])("writes the age of %s as %s", (then, text) => expect(formatAge(new Date(then), now)).toBe(text));
});

describe("formatThroughput", () => {
  it("divides bytes by time", () => expect(formatThroughput(104_200_000, 2000)).toBe("52.1 MB/s"));
  it("claims nothing where no time has passed", () => expect(formatThroughput(1000, 0)).toBe("-"));
});

describe("displayWidth", () => {
  it.each([
    ["users", 5],
    [green("proven"), 6],
    ["名前", 4],
    ["é", 1],
    ["e\u0301", 1],
    ["👩‍👩‍👧", 2],
    ["✔", 1],
    ["zero\u200bwidth", 9],
  ])("measures %j as %d columns", (text, width) => expect(displayWidth(text)).toBe(width));
});

describe("cutToWidth", () => {
  it.each([
    ["dump  12 MB", 4, "dump"],
    ["名前", 3, "名"],
    ["a👩‍👩‍👧b", 2, "a"],
    ["a👩‍👩‍👧b", 3, "a👩‍👩‍👧"],
    ["e\u0301e\u0301", 1, "e\u0301"],
  ])("cuts %j to %d columns", (text, columns, expected) => expect(cutToWidth(text, columns)).toBe(expected));
});

describe("renderTable", () => {
  it("lines columns up whatever their cells hold, without trailing spaces", () => {
    const lines = renderTable({
      head: ["NAME", "SIZE", ""],
      rows: [["名前", "1 B", ""], [green("ok"), "100 kB", "held"], ["plain"]],
      align: ["left", "right"],
    });
    expect(lines.map(paintLine)).toEqual(["NAME     SIZE", "名前      1 B", "\u001b[32mok\u001b[39m     100 kB  held", "plain"]);
  });

  it("keeps a name from moving the cursor, breaking the line or turning it round", () => {
    expect(renderTable({ head: ["A", "B"], rows: [["x\r\ny\u202e\u001b[31mz", "1"]] })).toEqual([
      "A                      B",
      "x\\r\\ny\\u202e\\x1b[31mz  1",
    ]);
  });
});
