import fs from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isComparable } from "../../../src/engines/files/dump.ts";
import { type FileOperations, localOperations, pooledOperations } from "../../../src/engines/files/file-operations.ts";
import { maxGatheredBytes } from "../../../src/engines/files/part-plan.ts";
import { readSmallFile } from "../../../src/engines/files/read-file.ts";
import { dumpToMemory, indexOf, type MemoryBackup, makeSource, prove } from "./memory-backup.ts";
import { noise, removeTree } from "./tree-zoo.ts";

let tree: string;
const megabyte = 1_048_576;

beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), "hf-files-"));
});
afterEach(() => removeTree(tree));

/** A dump of a tree with a large file, which is disturbed once some of it has been read. */
/**
 * More than is gathered before any of it is given: it is still being read when its first bytes
 * come.
 */
const largeBytes = maxGatheredBytes + 16 * megabyte;

async function dumpDisturbed(disturb: (large: string) => void): Promise<MemoryBackup> {
  const large = join(tree, "large");
  fs.writeFileSync(large, noise(largeBytes));
  // Past the kernel's tick: what comes must not carry the same ctime.
  await setTimeout(25);
  return dumpToMemory(makeSource(tree), undefined, (_, number) => {
    if (number === 4) disturb(large);
  });
}

function lineOf(backup: MemoryBackup, path: string): Record<string, unknown> | undefined {
  return indexOf(backup).find((line) => line["path"] === path);
}

describe("a large file that is disturbed while it is read", () => {
  it.each([
    ["cut", "shrank", (large: string) => fs.truncateSync(large, megabyte), "was cut"],
    ["added to", "grew", (large: string) => fs.appendFileSync(large, "more"), "grew"],
    [
      "written to",
      "changed",
      (large: string) => fs.writeSync(fs.openSync(large, "r+"), Buffer.from("new"), 0, 3, 100),
      "was written to",
    ],
  ])("by being %s is stored with its announced size, and called torn: %s", async (_, reason, disturb, words) => {
    fs.writeFileSync(join(tree, "after"), "comes after");
    const backup = await dumpDisturbed(disturb);
    expect(lineOf(backup, "large")).toMatchObject({ size: largeBytes, torn: reason });
    expect(backup.notices[0]).toMatchObject({ code: "file-torn", subject: "large", message: expect.stringContaining(words) });
    expect(backup.facts).toMatchObject({ torn: 1, files: 2 });
    expect(lineOf(backup, "after")).toBeDefined();
    expect((await prove(backup)).comparison).toMatchObject({ equal: true, differences: [] });
  });

  it("by being removed is read to its end: the reader's descriptor keeps it, but its state has changed", async () => {
    const backup = await dumpDisturbed((large) => fs.rmSync(large));
    expect(lineOf(backup, "large")).toMatchObject({ size: largeBytes, torn: "changed" });
  });

  it("by nothing is not torn", async () => {
    const backup = await dumpDisturbed(() => undefined);
    expect(lineOf(backup, "large")).not.toHaveProperty("torn");
    expect(backup.notices).toEqual([]);
    expect(backup.sourceCheck.mode).toBe("counts");
  });
});

describe("what stands after a large file and is disturbed before it is read", () => {
  async function dumpWith(prepare: () => void, disturb: () => void): Promise<MemoryBackup> {
    prepare();
    fs.writeFileSync(join(tree, "zz-last"), "last");
    const backup = await dumpDisturbed(disturb);
    expect(lineOf(backup, "zz-last")).toMatchObject({ type: "file" });
    expect((await prove(backup)).comparison.differences).toEqual([]);
    return backup;
  }
  const path = (name: string) => join(tree, name);

  it.each([
    ["a file", () => fs.writeFileSync(path("victim"), "x"), () => fs.rmSync(path("victim"))],
    ["a large file", () => fs.writeFileSync(path("victim"), noise(200_000)), () => fs.rmSync(path("victim"))],
    ["a symbolic link", () => fs.symlinkSync("x", path("victim")), () => fs.rmSync(path("victim"))],
    ["a directory", () => fs.mkdirSync(path("victim")), () => fs.rmdirSync(path("victim"))],
    [
      "a file replaced by a symbolic link",
      () => fs.writeFileSync(path("victim"), "x"),
      () => {
        fs.rmSync(path("victim"));
        fs.symlinkSync("/etc/passwd", path("victim"));
      },
    ],
  ])("vanishes by name: %s", async (_, prepare, disturb) => {
    const backup = await dumpWith(prepare, disturb);
    expect(backup.notices.map(({ code, subject }) => [code, subject])).toEqual([
      ["file-vanished", "victim"],
      ["source-changed", tree],
    ]);
    expect(lineOf(backup, "victim")).toMatchObject({ type: "skipped", reason: "vanished" });
    expect(backup.sourceCheck.mode).toBe("none");
  });

  it("is stored as it is now when it is a file that was replaced by another", async () => {
    const replace = () => {
      fs.writeFileSync(path("new"), "newer and longer");
      fs.renameSync(path("new"), path("victim"));
    };
    const backup = await dumpWith(() => fs.writeFileSync(path("victim"), "old"), replace);
    expect(lineOf(backup, "victim")).toMatchObject({ type: "file", size: 16 });
    expect(lineOf(backup, "victim")).not.toHaveProperty("torn");
    expect(backup.notices.map(({ code }) => code)).toEqual(["source-changed"]);
  });

  it("is not in the backup and no fault when it is new; the tree's own count is then not compared", async () => {
    const backup = await dumpWith(
      () => undefined,
      () => fs.writeFileSync(path("brand-new"), "x"),
    );
    expect(lineOf(backup, "brand-new")).toBeUndefined();
    expect(backup.sourceCheck).toMatchObject({ mode: "none", objects: { files: { rows: 3 } } });
  });
});

describe.each([
  ["synchronous", localOperations],
  ["pooled", pooledOperations],
])("a small file read with %s operations", (_, operations) => {
  async function readDisturbed(disturb: (path: string, reading: number) => void) {
    const path = join(tree, "small");
    fs.writeFileSync(path, "original");
    let reading = 0;
    const disturbed: FileOperations = {
      ...operations,
      async statOpen(fd) {
        disturb(path, ++reading);
        return operations.statOpen(fd);
      },
    };
    return readSmallFile(disturbed, Buffer.from(path), fs.lstatSync(path, { bigint: true }));
  }

  it("is read again when it changed meanwhile", async () => {
    const read = await readDisturbed((path, reading) => {
      if (reading === 1) fs.writeFileSync(path, "replaced by more");
    });
    expect(read).toMatchObject({ kind: "whole", content: Buffer.from("replaced by more") });
    expect(read).not.toHaveProperty("torn");
  });

  it("is torn when it never rests", async () => {
    const read = await readDisturbed((path, reading) => fs.writeFileSync(path, "x".repeat(reading)));
    expect(read).toMatchObject({ kind: "whole", torn: expect.stringMatching(/changed|shrank|grew/) });
  });

  it("is left to the reader of large files when it has become one", async () => {
    const read = await readDisturbed((path) => fs.writeFileSync(path, noise(200_000)));
    expect(read).toEqual({ kind: "large" });
  });
});

it("is not deceived by a file that says that it is empty", async () => {
  const path = Buffer.from("/proc/self/status");
  const read = await readSmallFile(localOperations, path, fs.lstatSync(path, { bigint: true }));
  expect(read).toMatchObject({ kind: "whole", torn: "grew" });
});

describe("the tree's own count", () => {
  const tally = { files: 3, directories: 2, symlinks: 1, bytes: 0, torn: 0, leftOut: 0, tooSparse: 0, unsteady: false };
  const started = 1_800_000_000_000;
  const newest = (msBefore: number) => BigInt(started - msBefore) * 1_000_000n;
  const count = (files: number, newestChangeNs: bigint) => ({ files, directories: 2, symlinks: 1, newestChangeNs });

  it.each<[string, boolean, Parameters<typeof isComparable>]>([
    ["agrees on a tree at rest", true, [count(3, newest(60_000)), { tally, newestChangeNs: newest(60_000), startedAtMs: started }]],
    [
      "differs on a tree at rest: something was lost",
      true,
      [count(4, newest(60_000)), { tally, newestChangeNs: newest(60_000), startedAtMs: started }],
    ],
    [
      "agrees on a tree that was just made",
      true,
      [count(3, newest(0)), { tally, newestChangeNs: newest(0), startedAtMs: started }],
    ],
    [
      "differs on a tree that was just changed",
      false,
      [count(4, newest(0)), { tally, newestChangeNs: newest(0), startedAtMs: started }],
    ],
    ["was made of a changed tree", false, [count(3, newest(-5)), { tally, newestChangeNs: newest(60_000), startedAtMs: started }]],
    [
      "was made after something vanished",
      false,
      [count(3, newest(9_000)), { tally: { ...tally, unsteady: true }, newestChangeNs: newest(9_000), startedAtMs: started }],
    ],
  ])("that %s is a check: %s", (_, comparable, [counted, dump]) => {
    expect(isComparable(counted, dump)).toBe(comparable);
  });
});
