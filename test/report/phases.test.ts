import { expect, it } from "vitest";
import { describePhases } from "../../src/report/phases.ts";

it("names the phases as people do, in the order in which they ran, unknown ones last", () => {
  const alphabetical = { assert: 5, compare: 3, load: 2000, novel: 7, open: 1, sourceCheck: 4, verify: 0 };
  expect(describePhases(alphabetical)).toBe(
    "read back 0 ms, prepare the target 1 ms, load 2 s, compare with the backup 3 ms, compare with the source 4 ms, assertions 5 ms, novel 7 ms",
  );
});
