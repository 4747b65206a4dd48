import { globSync } from "node:fs";
import { expect, it } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { heavyTests } from "../setup/heavy-tests.ts";

it.each(heavyTests)("%s names a test: a file that was moved would be in the quick checks again", (pattern) => {
  expect(globSync(pattern, { cwd: projectDirectory })).not.toEqual([]);
});
