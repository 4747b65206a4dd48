import { globSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { mutationModules } from "../../scripts/mutation-modules.ts";

/** `a/{b,c}.ts` as the two patterns that it stands for. */
function alternatives(pattern: string): string[] {
  const found = /^(.*)\{([^}]+)\}(.*)$/.exec(pattern);
  return found === null ? [pattern] : (found[2] ?? "").split(",").map((name) => `${found[1]}${name}${found[3]}`);
}

describe.each(mutationModules)("the module $name of the mutation tests", ({ mutate, tests }) => {
  it.each([...mutate, ...tests].flatMap(alternatives))("has %s: a file that was moved would not be measured", (path) => {
    expect(globSync(path, { cwd: projectDirectory })).not.toEqual([]);
  });
});
