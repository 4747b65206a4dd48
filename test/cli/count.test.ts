import { expect, test } from "vitest";
import { countOf } from "../../src/cli/count.ts";

test.each([
  [0, "0 rows"],
  [1, "1 row"],
  [2, "2 rows"],
  [1_500_000, "1,500,000 rows"],
])("%i rows are %j", (count, text) => {
  expect(countOf(count, "row")).toBe(text);
});

test("a word may have a plural of its own", () => {
  expect(countOf(2, "entry", "entries")).toBe("2 entries");
});
