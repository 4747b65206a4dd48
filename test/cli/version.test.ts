import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { holdfastVersion } from "../../src/cli/version.ts";

test("the version is the package's", async () => {
  const { version } = JSON.parse(await readFile(join(import.meta.dirname, "..", "..", "package.json"), "utf8"));
  expect(holdfastVersion()).toBe(version);
});

test("another package.json on the way up is passed over", async () => {
  const { cp, mkdir, mkdtemp, rm, writeFile } = await import("node:fs/promises");
  const { tmpdir } = await import("node:os");
  const directory = await mkdtemp(join(tmpdir(), "holdfast-version-"));
  try {
    const nested = join(directory, "dist", "cli");
    await mkdir(nested, { recursive: true });
    await cp(join(import.meta.dirname, "..", "..", "src", "cli", "version.ts"), join(nested, "version.ts"));
    await writeFile(join(directory, "dist", "package.json"), JSON.stringify({ name: "other", version: "9.9.9", type: "module" }));
    await writeFile(join(directory, "package.json"), JSON.stringify({ name: "holdfast", version: "3.2.1" }));
    const copy = await import(/* @vite-ignore */ join(nested, "version.ts"));
    expect(copy.holdfastVersion()).toBe("3.2.1");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
