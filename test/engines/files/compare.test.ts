import fs from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { digestBackup } from "../../../src/engines/files/digest.ts";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import { dumpToMemory, makeContext, makeSource, readerOf, usePlace } from "./memory-backup.ts";
import { isRoot, removeTree } from "./tree-zoo.ts";

let base: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "hf-files-"));
  fs.mkdirSync(join(base, "tree/directory"), { recursive: true });
  fs.writeFileSync(join(base, "tree/directory/file"), "content");
  fs.writeFileSync(join(base, "tree/first"), "linked");
  fs.linkSync(join(base, "tree/first"), join(base, "tree/second"));
  fs.symlinkSync("first", join(base, "tree/symlink"));
  for (const name of ["tree/directory/file", "tree/symlink"]) fs.lutimesSync(join(base, name), 0, 1_234_567_890.5);
});
afterEach(() => removeTree(base));

/** Restores, has the restored tree tampered with, and gives the differences. */
async function differencesAfter(tamper: (tree: string) => void): Promise<string[]> {
  const backup = await dumpToMemory(makeSource(join(base, "tree")));
  const reader = readerOf(backup);
  const context = makeContext();
  const digest = await digestBackup(reader, context);
  const place = await filesEngine.openTarget([reader], undefined, { target: join(base, "target"), overwrite: false }, context);
  return usePlace(place, async () => {
    await place.load();
    const staging = fs.readdirSync(base).find((name) => name.startsWith("target.holdfast-")) ?? "";
    tamper(join(base, staging, "tree"));
    const comparison = await place.compare(digest);
    expect(comparison.differenceCount).toBe(comparison.differences.length);
    expect(comparison.equal).toBe(comparison.differenceCount === 0);
    return comparison.differences.map(({ object, problem }) => `${object} ${problem}`);
  });
}

/** Does something and sets the times of these back, as bit rot would leave them. */
function keepingTimes(paths: readonly string[], work: () => void): void {
  const times = paths.map((path) => fs.lstatSync(path, { bigint: true }).mtimeNs);
  work();
  for (const [index, path] of paths.entries()) {
    const ns = times[index] ?? 0n;
    const time = `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, "0")}`;
    fs.lutimesSync(path, time, time);
  }
}

it("finds nothing where nothing was done", async () => {
  expect(await differencesAfter(() => undefined)).toEqual([]);
});

const tampering: readonly [string, (tree: string) => void, readonly string[]][] = [
  [
    "a flipped byte",
    (t) => keepingTimes([`${t}/directory/file`], () => fs.writeFileSync(`${t}/directory/file`, "contemt")),
    ["directory/file has another content than the backup"],
  ],
  [
    "another size",
    (t) => keepingTimes([`${t}/directory/file`], () => fs.appendFileSync(`${t}/directory/file`, "s")),
    ["directory/file has 8 bytes instead of 7"],
  ],
  ["another mode", (t) => fs.chmodSync(`${t}/directory/file`, 0o4644), ["directory/file has the mode 4644 instead of 0644"]],
  ["another mode of a directory", (t) => fs.chmodSync(`${t}/directory`, 0o500), ["directory has the mode 0500 instead of 0755"]],
  ["another mode of the root", (t) => fs.chmodSync(t, 0o711), [". has the mode 0711 instead of 0755"]],
  [
    "another time",
    (t) => fs.utimesSync(`${t}/directory/file`, 1, 1.5),
    ["directory/file has the time 1.5 instead of 1234567890.5"],
  ],
  [
    "another time of a link",
    (t) => fs.lutimesSync(`${t}/symlink`, 1, 1.000_002),
    ["symlink has the time 1.000002 instead of 1234567890.5"],
  ],
  [
    "another target",
    (t) =>
      keepingTimes([`${t}/symlink`, t], () => {
        fs.rmSync(`${t}/symlink`);
        fs.symlinkSync("second", `${t}/symlink`);
      }),
    ["symlink leads to second instead of first"],
  ],
  [
    "a hard link that was split",
    (t) =>
      keepingTimes([`${t}/second`, t], () => {
        fs.rmSync(`${t}/second`);
        fs.writeFileSync(`${t}/second`, "linked");
      }),
    ["second is a file of its own instead of another name of first", "first has 1 names instead of 2"],
  ],
  [
    "a file with a name too many",
    (t) => {
      fs.linkSync(`${t}/directory/file`, `${t}/../another-name`);
    },
    ["directory/file has 2 names instead of one"],
  ],
  [
    "an entry of another type",
    (t) =>
      keepingTimes([t], () => {
        fs.rmSync(`${t}/symlink`);
        fs.writeFileSync(`${t}/symlink`, "x");
      }),
    ["symlink is a file instead of a symlink"],
  ],
];

it.each(tampering)("names %s", async (_, tamper, expected) => {
  expect(await differencesAfter(tamper)).toEqual(expected);
});

it("names what is missing and what is too much, wherever it stands", async () => {
  const found = await differencesAfter((tree) => {
    keepingTimes([tree], () => {
      fs.rmSync(`${tree}/directory`, { recursive: true });
      fs.writeFileSync(`${tree}/a-new-one`, "x");
      fs.mkdirSync(`${tree}/zz`);
      // The mark of a vault hides nothing here.
      fs.writeFileSync(`${tree}/zz/holdfast.json`, JSON.stringify({ formatVersion: 2, sealingSuite: "0x0478" }));
    });
  });
  expect(found).toEqual([
    "a-new-one is in the restored tree and not in the backup",
    "directory is in the backup and not in the restored tree",
    "directory/file is in the backup and not in the restored tree",
    "zz is in the restored tree and not in the backup",
    "zz/holdfast.json is in the restored tree and not in the backup",
  ]);
});

// Only root can make, and restore, what belongs to others.
if (isRoot) {
  it("names another owner", async () => {
    expect(await differencesAfter((tree) => fs.chownSync(`${tree}/directory/file`, 7, 8))).toEqual([
      "directory/file belongs to 7:8 instead of 0:0",
    ]);
  });
}

it("says so when the digest is another backup's", async () => {
  const backup = await dumpToMemory(makeSource(join(base, "tree")));
  const digest = await digestBackup(readerOf(backup), makeContext());
  const place = await filesEngine.openThrowaway([readerOf(backup)], makeContext());
  await usePlace(place, async () => {
    expect((await place.compare(digest)).equal).toBe(false);
    await place.load();
    const comparison = await place.compare({ ...digest, sha256: "0".repeat(64) });
    expect(comparison).toMatchObject({
      equal: false,
      differences: [{ object: "index.jsonl", problem: "is not the index that the backup's digest was made from" }],
    });
  });
});

it("compares the source's own count with what was restored", async () => {
  const backup = await dumpToMemory(makeSource(join(base, "tree")));
  expect(backup.sourceCheck.objects).toEqual({ files: { rows: 3 }, directories: { rows: 2 }, symlinks: { rows: 1 } });
  const lost = { ...backup.sourceCheck, objects: { ...backup.sourceCheck.objects, files: { rows: 4 } } };
  const digest = await digestBackup(readerOf(backup), makeContext());
  expect(filesEngine.compareSourceCheck(digest, lost)).toMatchObject({
    equal: false,
    differences: [
      { object: "files", problem: "the source counted 4, the backup holds 3" },
      { object: "files, directories and symbolic links", problem: "the source counted 7, the backup holds 6" },
    ],
  });
  expect(filesEngine.compareSourceCheck(digest, { ...lost, mode: "none" })).toMatchObject({ equal: true, objectsCompared: 0 });
});
