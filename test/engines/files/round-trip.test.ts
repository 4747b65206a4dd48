import { linkSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestBackup } from "../../../src/engines/files/digest.ts";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import { dumpToMemory, indexOf, makeContext, makeSource, prove, readerOf, usePlace } from "./memory-backup.ts";
import { describeTree, differencesOf, isRoot, makeZoo, removeTree, specialNames } from "./tree-zoo.ts";

let base: string;
let tree: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "hf-files-"));
  tree = join(base, "tree");
  mkdirSync(tree);
});
afterEach(() => removeTree(base));

describe("a tree with every kind of file", () => {
  it("comes back from a backup exactly, and proves it", async () => {
    await makeZoo(tree);
    const temporaryDirectory = join(base, "temporary");
    mkdirSync(temporaryDirectory);
    const context = makeContext({ temporaryDirectory });
    const backup = await dumpToMemory(makeSource(tree), context);

    expect(backup.notices.map(({ code, subject }) => [code, subject])).toEqual(
      specialNames.map((name) => ["special-file-skipped", name]),
    );
    expect(backup.sourceCheck.mode).toBe("counts");
    const digest = await digestBackup(readerOf(backup), context);
    expect(filesEngine.compareSourceCheck(digest, backup.sourceCheck)).toMatchObject({ equal: true, objectsCompared: 2 });
    const proof = await prove(backup, context);
    expect(proof.findings).toEqual([]);
    expect(proof.comparison).toMatchObject({
      equal: true,
      differences: [],
      objectsCompared: digest.objectCount,
    });
    expect(proof.sourceCheck).toMatchObject({ equal: true, rowsCompared: digest.objectCount });

    const target = join(base, "restored");
    const place = await filesEngine.openTarget([readerOf(backup)], undefined, { target, overwrite: false }, context);
    await usePlace(place, async () => {
      await place.load();
      expect((await place.compare(digest)).differences).toEqual([]);
      await place.commit();
    });
    expect(differencesOf(describeTree(tree), describeTree(target), 1_000n)).toEqual([]);
    expect(readdirSync(base).sort()).toEqual(["restored", "temporary", "tree"]);
    expect(readdirSync(temporaryDirectory)).toEqual([]);
  });

  it("is stored the same way every time", async () => {
    await makeZoo(tree);
    const first = await dumpToMemory(makeSource(tree));
    const second = await dumpToMemory(makeSource(tree));
    expect(second.artifacts.get("files.tar")?.equals(first.artifacts.get("files.tar") ?? Buffer.alloc(0))).toBe(true);
    expect(second.artifacts.get("index.jsonl")?.equals(first.artifacts.get("index.jsonl") ?? Buffer.alloc(0))).toBe(true);
  });

  it("gets its holes back", async () => {
    await makeZoo(tree);
    const backup = await dumpToMemory(makeSource(tree));
    const target = join(base, "restored");
    const place = await filesEngine.openTarget([readerOf(backup)], undefined, { target, overwrite: false }, makeContext());
    await usePlace(place, async () => {
      await place.load();
      await place.commit();
    });
    for (const name of ["middle", "end", "nothing"]) {
      const { size, blocks } = statSync(join(target, "sparse", name));
      expect(blocks * 512, name).toBeLessThanOrEqual(8_192);
      expect(size).toBe(statSync(join(tree, "sparse", name)).size);
    }
    const dense = statSync(join(target, "sizes", "3000001"));
    expect(dense.blocks * 512).toBeGreaterThanOrEqual(dense.size);
  });
});

it("stores each file with several names once, and the other names as links to it", async () => {
  await makeZoo(tree);
  const lines = indexOf(await dumpToMemory(makeSource(tree)));
  const line = (path: string) => lines.find((entry) => entry["path"] === path);
  expect(line("hard/below/three")).toMatchObject({ type: "file", links: 3, size: 700 });
  expect(line("hard/one")).toMatchObject({ type: "hardlink", hardLinkOf: "hard/below/three", size: 0 });
  expect(line("hard/two")).toMatchObject({ type: "hardlink", hardLinkOf: "hard/below/three" });
});

it("backs up an empty tree", async () => {
  const backup = await dumpToMemory(makeSource(tree));
  expect(indexOf(backup).map(({ path, type }) => [path, type])).toEqual([[".", "directory"]]);
  expect((await prove(backup)).comparison.equal).toBe(true);
});

it("takes one name of a file with others outside the tree as a file", async () => {
  writeFileSync(join(tree, "inside"), "shared");
  linkSync(join(tree, "inside"), join(base, "outside"));
  const proof = await prove(await dumpToMemory(makeSource(tree)));
  expect(proof.comparison.differences).toEqual([]);
});

it("follows a root that is a symbolic link, and says so", async () => {
  writeFileSync(join(tree, "file"), "x");
  symlinkSync("tree", join(base, "link"));
  const backup = await dumpToMemory(makeSource(join(base, "link")));
  expect(backup.notices).toEqual([
    {
      code: "root-is-link",
      subject: join(base, "link"),
      message: `${join(base, "link")} is a symbolic link: what it leads to, ${tree}, was backed up`,
    },
  ]);
  expect(indexOf(backup)).toHaveLength(2);
});

it("leaves out its own temporary directory inside the tree", async () => {
  mkdirSync(join(tree, "tmp"));
  const context = makeContext({ temporaryDirectory: join(tree, "tmp") });
  const backup = await dumpToMemory(makeSource(tree), context);
  expect(backup.notices.map(({ code }) => code)).toEqual(["private-directory-skipped"]);
  expect(backup.sourceCheck.mode).toBe("counts");
  expect((await prove(backup)).sourceCheck.differences).toEqual([]);
});

it.each([
  ["a missing directory", "missing", "SourceUnreachable"],
  ["a file", "file", "SourceUnsupported"],
  ["a path through a file", "file/below", "SourceUnreachable"],
])("refuses %s", async (_, name, error) => {
  writeFileSync(join(base, "file"), "x");
  await expect(dumpToMemory(makeSource(join(base, name)))).rejects.toMatchObject({
    name: error,
    message: expect.stringContaining(name),
  });
});

it("stops when it is aborted, and leaves nothing behind", async () => {
  await makeZoo(tree);
  const temporaryDirectory = join(base, "temporary");
  mkdirSync(temporaryDirectory);
  const controller = new AbortController();
  const context = makeContext({ temporaryDirectory, signal: controller.signal });
  const dumping = dumpToMemory(makeSource(tree), context, () => controller.abort());
  await expect(dumping).rejects.toMatchObject({ name: "AbortError" });
  expect(readdirSync(temporaryDirectory)).toEqual([]);
});

it("knows how much room a restore test takes", async () => {
  await makeZoo(tree);
  const backup = await dumpToMemory(makeSource(tree));
  const content = Number(backup.facts["bytes"]);
  expect(content).toBeGreaterThan(17_000_000);
  expect(filesEngine.estimateThrowawayBytes([readerOf(backup)])).toBeGreaterThan(content);
});

// Only root can make, and restore, what belongs to others.
if (isRoot) {
  it("keeps owners with numbers beyond tar's own fields", async () => {
    await makeZoo(tree);
    const line = indexOf(await dumpToMemory(makeSource(tree))).find(({ path }) => path === "modes/large-numbers");
    expect(line).toMatchObject({ uid: 3_000_000, gid: 4_000_000_000 });
  });
}
