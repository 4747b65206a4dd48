import { expect, test } from "vitest";
import { meetsExpectation } from "../../../../src/engines/postgres/place/assert-value.ts";

test.each([
  [{ equals: 5 }, "5", true],
  [{ equals: 5 }, "5.0", true],
  [{ equals: 5 }, "", false],
  [{ equals: 0 }, "", false],
  [{ equals: "5" }, "5.0", false],
  [{ equals: "a" }, "a", true],
  [{ equals: true }, "t", true],
  [{ equals: true }, "true", true],
  [{ equals: false }, "f", true],
  [{ equals: false }, "t", false],
  [{ atLeast: 1 }, "1", true],
  [{ atLeast: 1 }, "0.99", false],
  [{ atLeast: 0 }, " ", false],
  [{ atLeast: 0 }, "many", false],
  [{ atMost: 3 }, "3", true],
  [{ atMost: 3 }, "NaN", false],
  [{ atMost: 3 }, null, false],
  [{ equals: "null" }, null, false],
])("%j is met by %j: %s", (expectation, value, met) => {
  expect(meetsExpectation(expectation, value)).toBe(met);
});
