import fs from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestBackup } from "../../../src/engines/files/digest.ts";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import { displayPath, type EntryPath } from "../../../src/engines/files/entry-path.ts";
import type { ContentDigest } from "../../../src/proof/content.ts";
import type { RunContext } from "../../../src/runtime/run-context.ts";
import { dumpToMemory, type MemoryBackup, makeContext, makeSource, readerOf, usePlace } from "./memory-backup.ts";
import { describeTree, differencesOf, makeZoo, removeTree, type TreeFacts } from "./tree-zoo.ts";

let base: string;
let tree: string;
let backup: MemoryBackup;
let digest: ContentDigest;
let context: RunContext;
let facts: Map<string, TreeFacts>;
let next = 0;

/** Names that look like options, patterns or what a listing prints. */
const oddNames = ["--only", "*", "[", "a[b]", "!negated", "file odd", "**", "new\nline", "\\", "?", ". ", "odd "];

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "hf-files-"));
  tree = join(base, "tree");
  fs.mkdirSync(tree);
  await makeZoo(tree);
  // Megabytes of zeros, read at each restore.
  removeTree(join(tree, "sparse"));
  fs.mkdirSync(join(tree, "odd"));
  for (const name of oddNames) {
    fs.mkdirSync(join(tree, "odd", name));
    fs.writeFileSync(join(tree, "odd", name, name), name);
  }
  fs.mkdirSync(join(tree, "etc/nginx"), { recursive: true });
  fs.writeFileSync(join(tree, "etc/nginx/nginx.conf"), "worker_processes 2;");
  fs.writeFileSync(join(tree, "etc/nginx/mime.types"), "types {}");
  fs.writeFileSync(join(tree, "etc/hosts"), "127.0.0.1 localhost");
  fs.mkdirSync(join(base, "temporary"));
  context = makeContext({ temporaryDirectory: join(base, "temporary") });
  backup = await dumpToMemory(makeSource(tree), context);
  digest = await digestBackup(readerOf(backup), context);
  facts = describeTree(tree);
});
afterAll(() => removeTree(base));

/** Restores as the pipeline does; gives what stands there. */
async function restore(only: readonly string[]) {
  const target = join(base, `restored-${next++}`);
  const request = { target, overwrite: false, only };
  const place = await filesEngine.openTarget([readerOf(backup)], undefined, request, context);
  return usePlace(place, async () => {
    const { findings } = await place.load();
    const comparison = await place.compare(digest);
    await place.commit();
    const counted = place.selection?.count(digest);
    const found = describeTree(target);
    removeTree(target);
    return { findings, comparison, counted, found };
  });
}

/** What a restore of these names has to bring back, by the tree itself. */
function expectedOf(names: readonly string[]): Map<string, TreeFacts> {
  const chosen = [...facts.keys()].filter((path) => names.some((name) => path === name || path.startsWith(`${name}/`)));
  const holders = chosen.map((path) => facts.get(path)?.firstName ?? path);
  const all = new Set<string>([""]);
  for (const path of [...chosen, ...holders]) {
    const parts = path.split("/");
    for (let length = 1; length <= parts.length; length++) all.add(parts.slice(0, length).join("/"));
  }
  return new Map([...facts].filter(([path]) => all.has(path)));
}

const printed = (path: string): string => `${facts.get(path)?.type} ${displayPath(path as EntryPath)}`;

describe("what is chosen of a tree with every kind of file", () => {
  it("comes back as it was, with the directories that it stands in, and nothing else", async () => {
    const names = fc.constantFrom(...[...facts.keys()].filter((path) => path !== ""));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(names, { minLength: 1, maxLength: 5 }), async (paths) => {
        const { comparison, counted, found } = await restore(paths.map(printed));
        const expected = expectedOf(paths);
        expect(differencesOf(expected, found, 1_000n)).toEqual([]);
        expect(comparison).toMatchObject({ equal: true, differences: [], objectsCompared: expected.size });
        expect(counted).toEqual({ objects: expected.size, of: digest.objectCount });
      }),
      { numRuns: 10 },
    );
    expect(fs.readdirSync(join(base, "temporary"))).toEqual([]);
  });

  it.each([
    [["etc/nginx/nginx.conf"], ["etc/nginx/nginx.conf"]],
    [["./etc/nginx/"], ["etc/nginx"]],
    [
      ["/etc/nginx/*.conf", "etc/hosts"],
      ["etc/nginx/nginx.conf", "etc/hosts"],
    ],
    [["nginx.conf"], ["etc/nginx/nginx.conf"]],
    [["etc/**"], ["etc/hosts", "etc/nginx"]],
    [["directory etc/nginx"], ["etc/nginx"]],
  ])("%j", async (only, paths) => {
    expect(differencesOf(expectedOf(paths), (await restore(only)).found, 1_000n)).toEqual([]);
  });

  it("a hard link brings the file's first name along, and says so", async () => {
    const { findings, found } = await restore(["hard/two"]);
    expect(found.get("hard/two")?.firstName).toBe("hard/below/three");
    expect(findings.map(({ class: kind, subject, message }) => [kind, subject, message])).toEqual([
      ["benign", "hard/below/three", "came along: what was chosen is another name of this file"],
    ]);
  });

  it("odd names are chosen as they are, and no others", async () => {
    for (const rest of [0, 1]) {
      const paths = oddNames.filter((_, index) => index % 2 === rest).map((name) => `odd/${name}`);
      const { found } = await restore(paths.map((path) => `directory ${displayPath(path as EntryPath)}`));
      expect(differencesOf(expectedOf(paths), found, 1_000n)).toEqual([]);
    }
  });
});

describe("a name that means nothing", () => {
  it.each([
    ["nginx/nginx.conf", ["etc/nginx/nginx.conf"]],
    ["etc/nginx/ngnix.conf", ["etc/nginx/nginx.conf"]],
    ["no-such-thing-anywhere-near", []],
    ["../etc", ["etc"]],
  ])("%j is refused, with the names that are near, before anything is touched", async (name, near) => {
    const target = join(base, "refused");
    const request = { target, overwrite: false, only: ["etc/hosts", name] };
    const expected = { name: "SelectionNotFound", exitCode: 3, details: near.map((path) => `near: ${path}`) };
    const reader = readerOf(backup);
    await expect(filesEngine.planRestore([reader], undefined, request, context)).rejects.toMatchObject(expected);
    await expect(filesEngine.openTarget([reader], undefined, request, context)).rejects.toMatchObject(expected);
    expect(fs.existsSync(target)).toBe(false);
  });
});

it("a part whose content was changed is no part of the backup", async () => {
  const target = join(base, "changed");
  const place = await filesEngine.openTarget(
    [readerOf(backup)],
    undefined,
    { target, overwrite: false, only: ["etc/hosts"] },
    context,
  );
  await usePlace(place, async () => {
    await place.load();
    const [staging] = fs.readdirSync(base).filter((name) => name.startsWith("changed.holdfast-"));
    fs.appendFileSync(join(base, staging ?? "", "tree/etc/hosts"), "10.0.0.1 evil");
    const { equal, differences } = await place.compare(digest);
    expect([equal, new Set(differences.map(({ object }) => object))]).toEqual([false, new Set(["etc/hosts"])]);
    expect(await place.compare({ ...digest, sha256: "0".repeat(64) })).toMatchObject({
      differences: expect.arrayContaining([{ object: "index.jsonl", problem: expect.any(String) }]),
    });
  });
  expect(fs.existsSync(target)).toBe(false);
});
