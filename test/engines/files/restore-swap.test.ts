/**
 * Overwriting a directory is two renames: a run that is killed at any moment leaves names by which
 * the next one, or --swap-back, knows what to do, and nothing is lost at any of them.
 */
import fs from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestBackup } from "../../../src/engines/files/digest.ts";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import type { RestoreRequest } from "../../../src/engines/restore-request.ts";
import type { RunContext } from "../../../src/runtime/run-context.ts";
import { dumpToMemory, type MemoryBackup, makeContext, makeSource, readerOf, usePlace } from "./memory-backup.ts";
import { removeTree } from "./tree-zoo.ts";

let base: string;
let backup: MemoryBackup;
let context: RunContext;
let warnings: string[];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "hf-files-"));
  fs.mkdirSync(join(base, "tree"));
  fs.writeFileSync(join(base, "tree/file"), "backed up");
  fs.mkdirSync(join(base, "temporary"));
  warnings = [];
  const clock = { now: () => new Date("2026-11-20T02:00:00.123Z"), monotonicMs: () => 0 };
  const log = { info: () => undefined, warn: (message: string) => void warnings.push(message) };
  context = makeContext({ temporaryDirectory: join(base, "temporary"), clock, log });
  backup = await dumpToMemory(makeSource(join(base, "tree")), context);
});
afterEach(() => removeTree(base));

const at = (name: string) => join(base, name);
const target = () => at("data");
const read = (name: string) => fs.readFileSync(join(at(name), "file"), "utf8");
const present = () =>
  fs
    .readdirSync(base)
    .filter((name) => name.startsWith("data"))
    .sort();

function directory(name: string, content: string): void {
  fs.mkdirSync(at(name));
  fs.writeFileSync(join(at(name), "file"), content);
}

async function restore(request: Partial<RestoreRequest> = {}) {
  const reader = readerOf(backup);
  const digest = await digestBackup(reader, context);
  const asked = { target: target(), overwrite: true, ...request };
  const place = await filesEngine.openTarget([reader], undefined, asked, context);
  return usePlace(place, async () => {
    await place.load();
    expect((await place.compare(digest)).equal).toBe(true);
    await place.commit();
  });
}

const swapBack = (dryRun = false) => filesEngine.swapBack?.(undefined, { target: target(), overwrite: false }, context, dryRun);

const kept = "data.before-20261120T020000Z";
const copy = "data.restored-20261120T020000Z";
const undone = "data.undone-20261120T020000Z";

it("a swap is taken back, and what it had brought is kept", async () => {
  directory("data", "old");
  await restore({ swap: true });
  expect([present(), read("data"), read(kept)]).toEqual([["data", kept], "backed up", "old"]);
  expect(await swapBack(true)).toEqual({ target: target(), from: at(kept), kept: at(undone) });
  expect(present()).toEqual(["data", kept]);
  await swapBack();
  expect([present(), read("data"), read(undone)]).toEqual([["data", undone], "old", "backed up"]);
  await expect(swapBack()).rejects.toMatchObject({ name: "RestoreRefused", message: expect.stringContaining("nothing is kept") });
});

it("a swap of what is not there is refused: it may be a slip of the pen", async () => {
  await expect(restore({ swap: true })).rejects.toMatchObject({
    name: "RestoreRefused",
    message: expect.stringContaining("nothing to swap"),
  });
  expect(present()).toEqual([]);
});

/**
 * The names at each moment at which a run can be killed, and what is restored or taken back then.
 */
describe("a run that was killed", () => {
  it("before the first rename: the target is as it was, and the whole copy is named", async () => {
    directory("data", "old");
    directory(copy, "copy");
    const plan = await filesEngine.planRestore([readerOf(backup)], undefined, { target: target(), overwrite: true }, context);
    expect(plan.checks).toContainEqual(expect.objectContaining({ subject: "leftovers", message: expect.stringContaining(copy) }));
    await restore();
    expect([read("data"), read(copy), read(`${kept}-2`)]).toEqual(["backed up", "copy", "old"]);
  });

  it("between the renames: a plan says so, and the next restore gives the old one its name back first", async () => {
    directory(kept, "old");
    directory(copy, "copy");
    const plan = await filesEngine.planRestore([readerOf(backup)], undefined, { target: target(), overwrite: true }, context);
    const remedy = expect.stringContaining(`mv ${at(copy)} ${target()}`);
    expect(plan.checks).toContainEqual(expect.objectContaining({ level: "warning", subject: "leftovers", remedy }));
    expect(present()).toEqual([kept, copy]);
    await restore();
    expect(warnings).toEqual([expect.stringContaining("was cut off between its two renames")]);
    expect([read("data"), read(copy), read(`${kept}-2`)]).toEqual(["backed up", "copy", "old"]);
  });

  it("between the renames: --swap-back gives the old one its name back, and keeps the copy", async () => {
    directory(kept, "old");
    directory(copy, "copy");
    await swapBack();
    expect([present(), read("data"), read(copy)]).toEqual([["data", copy], "old", "copy"]);
  });

  it("between the renames of a swap-back: a second one ends it", async () => {
    directory(kept, "old");
    directory(undone, "copy");
    await swapBack();
    expect([present(), read("data"), read(undone)]).toEqual([["data", undone], "old", "copy"]);
  });

  it("without --overwrite, a restore over the gap is refused, and the old one has its name back", async () => {
    directory(kept, "old");
    directory(copy, "copy");
    await expect(restore({ overwrite: false })).rejects.toMatchObject({ name: "RestoreRefused" });
    expect(read("data")).toBe("old");
  });
});

it("names of others that only look alike are left alone", async () => {
  directory("data.before-yesterday", "mine");
  directory("data.restored-20261120T020000Z.old", "mine");
  await expect(swapBack()).rejects.toMatchObject({ name: "RestoreRefused" });
  await restore({ overwrite: false });
  expect(warnings).toEqual([]);
  expect(read("data")).toBe("backed up");
});

it("--no-owner gives everything to the user that restores, without set-user-id bits", async () => {
  fs.chmodSync(join(base, "tree/file"), 0o4755);
  backup = await dumpToMemory(makeSource(join(base, "tree")), context);
  await restore({ flags: new Set(["no-owner"]) });
  expect(fs.statSync(join(target(), "file")).mode & 0o7777).toBe(0o755);
  expect(fs.statSync(join(target(), "file")).uid).toBe(process.geteuid?.());
});
