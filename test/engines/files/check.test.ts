import fs from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkSource } from "../../../src/engines/files/check.ts";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import { makeContext, makeSource } from "./memory-backup.ts";
import { makeZoo, removeTree } from "./tree-zoo.ts";

let tree: string;
beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), "hf-files-"));
});
afterEach(() => removeTree(tree));

it("finds a tree in order", async () => {
  await makeZoo(tree);
  const findings = await filesEngine.check(makeSource(tree), makeContext());
  expect(findings.filter(({ level }) => level !== "ok")).toEqual([]);
  expect(findings[0]?.message).toMatch(/has \d+ entries; sockets, pipes and devices will be left out: \d$/);
});

it("finds patterns that match nothing, and ones that are wrong", async () => {
  fs.writeFileSync(join(tree, "a.log"), "x");
  const unused = await filesEngine.check(makeSource(tree, { exclude: ["*.log", "*.tmp"] }), makeContext());
  expect(unused.filter(({ level }) => level === "warning")).toMatchObject([
    { subject: "patterns", message: 'the exclude pattern "*.tmp" matches nothing' },
  ]);
  const wrong = await filesEngine.check(makeSource(tree, { include: ["[a", "!b"] }), makeContext());
  expect(wrong).toMatchObject([
    { level: "error", subject: "patterns", message: expect.stringMatching(/2 patterns.*"\[a".*"!b"/), remedy: expect.any(String) },
  ]);
});

it("finds a tree that is missing, and a temporary directory that is", async () => {
  const missing = await filesEngine.check(makeSource(join(tree, "missing")), makeContext());
  expect(missing).toMatchObject([
    { level: "error", subject: "path", message: `the directory ${join(tree, "missing")} does not exist` },
  ]);
  const findings = await filesEngine.check(makeSource(tree), makeContext({ temporaryDirectory: join(tree, "nowhere") }));
  expect(findings.filter(({ level }) => level === "error")).toMatchObject([{ subject: "temporary directory" }]);
});

it("looks at so many entries and no more", async () => {
  for (let number = 0; number < 10; number++) fs.writeFileSync(join(tree, String(number)), "x");
  const findings = await checkSource(makeSource(tree, { exclude: ["*.tmp"] }), makeContext(), 7);
  expect(findings[0]).toMatchObject({ level: "ok", message: `${tree} has more than 7 entries; so many were looked at` });
  // A pattern that was not met among them may still match something.
  expect(findings.filter(({ level }) => level !== "ok")).toEqual([]);
});
