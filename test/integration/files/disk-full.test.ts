import fs from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import { dumpToMemory, makeContext, makeSource, readerOf, usePlace } from "../../engines/files/memory-backup.ts";
import { noise, removeTree } from "../../engines/files/tree-zoo.ts";
import { mountSmallDisk } from "../../support/tmpfs.ts";

let tree: string;
beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), "hf-files-"));
});
afterEach(() => removeTree(tree));

it.each([
  ["small files", 40, 100_000],
  ["a large file", 1, 4_000_000],
])("a restore to a full disk says so, naming where, and takes everything back: %s", async (_, count, size) => {
  for (let number = 0; number < count; number++) fs.writeFileSync(join(tree, `file-${number}`), noise(size));
  const backup = await dumpToMemory(makeSource(tree));
  await using disk = await mountSmallDisk(2_097_152);
  const asked = { target: join(disk.path, "target"), overwrite: false };
  await expect(filesEngine.openTarget([readerOf(backup)], undefined, asked, makeContext())).rejects.toMatchObject({
    name: "RestoreRefused",
    message: expect.stringContaining("free"),
  });
  const request = { ...asked, ignoreRoom: true };
  const place = await filesEngine.openTarget([readerOf(backup)], undefined, request, makeContext());
  await usePlace(place, async () => {
    await expect(place.load()).rejects.toMatchObject({
      name: "DiskFull",
      message: expect.stringMatching(/^cannot restore file-\d+: no room is left$/),
    });
  });
  expect(fs.readdirSync(disk.path)).toEqual([]);
});

it("a backup whose index finds no room in the temporary directory says so, and leaves nothing there", async () => {
  for (let number = 0; number < 1_500; number++)
    fs.symlinkSync(noise(60 + (number % 7)).toString("base64url"), join(tree, `link-${number}-${noise(40).toString("hex")}`));
  for (let number = 0; number < 300; number++) fs.writeFileSync(join(tree, `file-${number}`), String(number));
  await using disk = await mountSmallDisk(16_384);
  await expect(dumpToMemory(makeSource(tree), makeContext({ temporaryDirectory: disk.path }))).rejects.toMatchObject({
    name: "DiskFull",
  });
  expect(fs.readdirSync(disk.path)).toEqual([]);
});
