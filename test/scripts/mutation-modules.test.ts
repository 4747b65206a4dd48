import { globSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { mutationModules } from "../../scripts/mutation-modules.ts";

const filesOf = (pattern: string): string[] => globSync(pattern, { cwd: projectDirectory });

describe("the modules of mutation testing", () => {
  it.each(mutationModules)("$name: every file that it names is there, and it has tests", ({ mutate, tests }) => {
    for (const pattern of mutate) expect(filesOf(pattern), pattern).not.toEqual([]);
    for (const pattern of tests) expect(filesOf(pattern), pattern).not.toEqual([]);
  });

  it("have a name each", () => {
    expect(new Set(mutationModules.map(({ name }) => name)).size).toBe(mutationModules.length);
  });
});
