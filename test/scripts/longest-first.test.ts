import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { longFiles, sortLongestFirst } from "../setup/longest-first.ts";

it.each(longFiles)("%s is a test: a file that was moved would begin in its size's turn again", (path) => {
  expect(existsSync(join(projectDirectory, path))).toBe(true);
});

it("the files that are named begin first, the longest of them before the others, which keep their order", () => {
  const [first = "", second = ""] = longFiles;
  expect(sortLongestFirst(["b", second, "a", first, "c"], (path) => path)).toEqual([first, second, "b", "a", "c"]);
});
