import { expect, test } from "vitest";
import { allPaths } from "../statemachines/paths.ts";
import { expectSamePaths } from "../statemachines/same-paths.ts";

test("each Task with each error that any machine names, for good and once: two interpreters go the same way", async () => {
  const paths = allPaths();
  expect(paths.length).toBeGreaterThan(1_900);
  await expectSamePaths(paths);
});
