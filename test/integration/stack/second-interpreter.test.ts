/**
 * Every way through the state machines, in two interpreters of Step Functions that have no line in
 * common, each with another implementation of JSONata: what one of them takes for granted, the
 * other may not.
 */
import { describe, expect, it } from "vitest";
import { allPaths, somePaths } from "../../statemachines/paths.ts";
import { expectSamePaths } from "../../statemachines/same-paths.ts";

describe("a second interpreter of Step Functions", () => {
  // Half a minute, and ten times that on a busy machine.
  it("goes the same ways through all machines, calls the same, waits as long and ends the same", { timeout: 900_000 }, async () => {
    const paths = somePaths(allPaths());
    expect(paths.length).toBeGreaterThan(200);
    await expectSamePaths(paths);
  });
});
