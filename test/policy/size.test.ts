import { describe, expect, it } from "vitest";
import { parseSize, sizePattern } from "../../src/policy/size.ts";

describe("sizes", () => {
  it.each([
    ["500MB", 500_000_000],
    ["200GB", 200_000_000_000],
    ["2TB", 2_000_000_000_000],
  ])("reads %s", (text, bytes) => {
    expect(parseSize(text)).toEqual({ value: bytes });
    expect(text).toMatch(new RegExp(sizePattern));
  });

  it.each(["0GB", "200", "200 GB", "200gb", "1.5TB", "-2TB", "200GiB", "99999999TB"])("refuses %s", (text) => {
    expect(parseSize(text)).toEqual({ problem: `"${text}" is not a size such as 500MB, 200GB or 2TB` });
    expect(text).not.toMatch(new RegExp(sizePattern));
  });
});
