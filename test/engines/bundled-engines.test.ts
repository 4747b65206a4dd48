/**
 * In a bundle an engine is still found by its name: the bundler must follow the registry's import
 * of what its name says.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { bundleModules } from "../../scripts/bundle-functions.ts";
import { builtInEngines } from "../../src/engines/engine-registry.ts";
import { runOk } from "../support/processes.ts";

test("a function's bundle has every engine of the list", async () => {
  const directory = await mkdtemp(join(tmpdir(), "hf-bundled-"));
  try {
    const registry = resolve(import.meta.dirname, "../../src/engines/engine-registry.ts");
    const probe = `import { builtInEngines } from ${JSON.stringify(registry)};
for (const { name } of builtInEngines.policies) console.log((await builtInEngines.load(name)).name);\n`;
    await writeFile(join(directory, "probe.ts"), probe);
    const [bundle] = await bundleModules(new Map([["probe", join(directory, "probe.ts")]]), join(directory, "out"));
    // From elsewhere, so that nothing is found but what the bundle has.
    const said = await runOk(process.execPath, [bundle?.file ?? ""], { cwd: directory });
    expect(said.trim().split("\n")).toEqual(builtInEngines.policies.map(({ name }) => name));
  } finally {
    await rm(directory, { recursive: true });
  }
});
