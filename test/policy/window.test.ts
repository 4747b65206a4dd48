import { expect, it } from "vitest";
import { parseWindow } from "../../src/policy/window.ts";

it("reads a backup window of a day at most", () => {
  expect(parseWindow("90m")).toEqual({ value: 5_400 });
  expect(parseWindow("24h")).toEqual({ value: 86_400 });
  expect(parseWindow("25h")).toMatchObject({ problem: expect.stringContaining('"25h" is too wide') });
  expect(parseWindow("soon")).toMatchObject({ problem: expect.stringContaining("is not a duration") });
});
