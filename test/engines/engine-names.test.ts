/**
 * Which files name an engine: its own folders, and the one list. Everything else asks a source, the
 * registry or the engine itself.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { describe, expect, it, test } from "vitest";
import { builtInEngines } from "../../src/engines/engine-registry.ts";

const root = resolve(import.meta.dirname, "../..");
const names = builtInEngines.policies.map(({ name }) => name);

/**
 * What the machine runs: not the tests, the tools of development, nor the image, whose programs
 * belong to an engine.
 */
const looked = ["src", "functions", "infra", "statemachines", "biome.json", "knip.json"];
const left = ["infra/image"];

function filesIn(path: string): string[] {
  if (/\.\w+$/.test(path)) return [path];
  return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
    const below = join(path, entry.name);
    if (left.includes(below)) return [];
    return entry.isDirectory() ? filesIn(below) : [below];
  });
}

/**
 * A text names an engine as a word in quotes, as a part of a path or of a policy, or within an
 * identifier; a word of a comment may say `files`.
 */
function namesEngine(text: string, name: string): boolean {
  const capital = name.charAt(0).toUpperCase() + name.slice(1);
  const parts = "(?:Backup|Context|Engine|Facts|Path|Policy|Schema|Source|Tool)s?";
  return [
    // But for a key of JSON: biome.json has one of that name.
    `["'\`]${name}["'\`](?!: )`,
    `\\bengine:\\s*${name}\\b`,
    `\\b(?:engines|docs)/${name}\\b`,
    `\\b${name}${parts}\\b`,
    `${capital}${parts}\\b`,
  ].some((pattern) => new RegExp(pattern).test(text));
}

describe("an engine's name", () => {
  it("stands in its own folders, and in one file besides", () => {
    const found = looked
      .flatMap(filesIn)
      .filter((file) => {
        const own = names.filter(
          (name) => file.startsWith(`src/engines/${name}/`) || file.startsWith(`src/policy/engines/${name}/`),
        );
        const text = readFileSync(join(root, file), "utf8");
        return names.some((name) => !own.includes(name) && namesEngine(text, name));
      })
      .map((file) => relative(root, join(root, file)));
    expect(found).toEqual(["src/policy/engines.ts"]);
  });

  it.each([
    'if (source.engine === "postgres")',
    "see docs/postgres.md",
    "readonly postgresPath: string",
    "import type { FilesSource } from",
    "import { engine } from '../engines/files/engine.ts'",
    "a source such as { engine: files, path: /srv }",
  ])("is seen in %s", (text) => {
    expect(names.some((name) => namesEngine(text, name))).toBe(true);
  });

  it("is not seen where files are only files", () => {
    expect(namesEngine("temporary files, which engines/<name> makes of filesIn(path)", "files")).toBe(false);
  });
});

test.each(names)("the engine %s is where its name says, and calls itself by it", async (name) => {
  const engine = await builtInEngines.load(name);
  expect(engine.name).toBe(name);
  expect(engine.instructions.text).toContain("```sh");
});

test.each(["", "toy", "../policy", "postgres/../files", "constructor", "__proto__"])(
  "no module is imported for the name %j, which is not in the list",
  async (name) => {
    await expect(builtInEngines.load(name)).rejects.toMatchObject({ name: "SourceUnsupported" });
  },
);
