import fs from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestBackup } from "../../../src/engines/files/digest.ts";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import type { RunContext } from "../../../src/runtime/run-context.ts";
import { dumpToMemory, type MemoryBackup, makeContext, makeSource, readerOf, usePlace } from "./memory-backup.ts";
import { describeTree, removeTree } from "./tree-zoo.ts";

let base: string;
let backup: MemoryBackup;
let context: RunContext;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "hf-files-"));
  fs.mkdirSync(join(base, "tree"));
  fs.writeFileSync(join(base, "tree/file"), "backed up");
  fs.mkdirSync(join(base, "temporary"));
  const clock = { now: () => new Date("2026-11-20T02:00:00.123Z"), monotonicMs: () => 0 };
  context = makeContext({ temporaryDirectory: join(base, "temporary"), clock });
  backup = await dumpToMemory(makeSource(join(base, "tree")), context);
});
afterEach(() => removeTree(base));

const at = (name: string) => join(base, name);

function plan(target: string, overwrite = false) {
  return filesEngine.planRestore([readerOf(backup)], undefined, { target, overwrite }, context);
}

/** Restores as the pipeline does; `beforeCommit` may disturb it. */
async function restore(target: string, overwrite = false, beforeCommit: () => void = () => undefined) {
  const reader = readerOf(backup);
  const digest = await digestBackup(reader, context);
  const place = await filesEngine.openTarget([reader], undefined, { target, overwrite }, context);
  return usePlace(place, async () => {
    expect((await place.load()).findings).toEqual([]);
    expect((await place.compare(digest)).equal).toBe(true);
    beforeCommit();
    await place.commit();
    return place.facts;
  });
}

function expectNothingLeft(...also: string[]): void {
  expect(fs.readdirSync(base).sort()).toEqual(["temporary", "tree", ...also].sort());
  expect(fs.readdirSync(at("temporary"))).toEqual([]);
}

it("restores to a new directory, which appears whole", async () => {
  expect(await plan(at("new"))).toEqual({
    target: at("new"),
    occupied: false,
    checks: expect.arrayContaining([expect.objectContaining({ level: "ok", subject: "target" })]),
    steps: [
      `extract 20261120T020000Z-full-aaaaaa into a new directory beside ${at("new")}`,
      "compare every entry there with the backup",
      `rename the extracted tree to ${at("new")}`,
    ],
  });
  await restore(at("new"), false, () => expect(fs.existsSync(at("new"))).toBe(false));
  expect(fs.readFileSync(at("new/file"), "utf8")).toBe("backed up");
  expectNothingLeft("new");
});

it("restores into an empty directory", async () => {
  fs.mkdirSync(at("empty"));
  expect((await plan(at("empty"))).occupied).toBe(false);
  await restore(at("empty"));
  expectNothingLeft("empty");
});

it("refuses a directory that holds something, and touches nothing", async () => {
  const before = describeTree(at("tree"));
  expect((await plan(at("tree"))).occupied).toBe(true);
  await expect(restore(at("tree"))).rejects.toMatchObject({
    name: "RestoreRefused",
    message: `${at("tree")} exists and is not empty`,
  });
  expect(describeTree(at("tree"))).toEqual(before);
  expectNothingLeft();
});

it("overwrites by renaming, and keeps what was there", async () => {
  fs.writeFileSync(at("tree/file"), "changed since");
  fs.writeFileSync(at("tree/new"), "new since");
  const before = describeTree(at("tree"));
  const kept = `${at("tree")}.before-20261120T020000Z`;
  expect((await plan(at("tree"), true)).steps).toContain(`rename ${at("tree")}, with all that it holds, to ${kept}`);
  expect(await restore(at("tree"), true)).toMatchObject({ path: at("tree"), replaced: kept });
  expect(fs.readFileSync(at("tree/file"), "utf8")).toBe("backed up");
  expect(describeTree(kept)).toEqual(before);

  expect(await restore(at("tree"), true)).toMatchObject({ replaced: `${kept}-2` });
  expectNothingLeft("tree.before-20261120T020000Z", "tree.before-20261120T020000Z-2");
});

it("takes everything back when it is not committed", async () => {
  const place = await filesEngine.openTarget([readerOf(backup)], undefined, { target: at("new"), overwrite: false }, context);
  await place.load();
  await place.close();
  await place.close();
  expectNothingLeft();
});

it("does not replace what somebody else put there meanwhile", async () => {
  const fill = () => {
    fs.mkdirSync(at("new"));
    fs.writeFileSync(at("new/other"), "somebody else's");
  };
  await expect(restore(at("new"), false, fill)).rejects.toMatchObject({ name: "RestoreRefused" });
  expect(fs.readdirSync(at("new"))).toEqual(["other"]);
  expectNothingLeft("new");
});

it("follows a target that is a symbolic link, and says so", async () => {
  fs.mkdirSync(at("real"));
  fs.symlinkSync("real", at("link"));
  expect((await plan(at("link"))).steps[0]).toBe(`follow the symbolic link ${at("link")} to ${at("real")}`);
  await restore(at("link"));
  expect(fs.readFileSync(at("real/file"), "utf8")).toBe("backed up");
  expect(fs.lstatSync(at("link")).isSymbolicLink()).toBe(true);
});

it("restores to a name that leaves no room for a longer one beside it", async () => {
  const name = "é".repeat(120);
  await restore(at(name));
  expectNothingLeft(name);
});

it("refuses a place where nothing can be made", async () => {
  await expect(restore("/proc/new")).rejects.toMatchObject({
    name: "UsageInvalid",
    message: expect.stringContaining("the parent directory /proc "),
  });
});

it("does not repeat a connection that stands where a directory belongs", async () => {
  const refused = await restore("postgresql://user:secret-word@host/shop").catch((error: unknown) => error as Error);
  expect(refused).toMatchObject({ name: "UsageInvalid" });
  expect(JSON.stringify(refused) + String((refused as Error).message)).not.toContain("secret-word");
});

describe("a target that cannot be one", () => {
  it.each([
    ["a file", () => at("tree/file"), "UsageInvalid"],
    ["below a file", () => at("tree/file/x"), "RestoreFailed"],
    ["in a missing directory", () => at("missing/new"), "TargetNotFound"],
    ["a link to nowhere", () => at("dangling"), "RestoreFailed"],
    ["a reference to a connection", () => "env:SHOP_DATABASE_URL", "UsageInvalid"],
    ["a reference to a file", () => "file:/srv/connection", "UsageInvalid"],
    ["a connection as keywords", () => "host=db user=app password=s3cret", "UsageInvalid"],
    ["a password", () => "password=s3cret", "UsageInvalid"],
    ["a mount point", () => "/proc", "UsageInvalid"],
    ["the root", () => "/", "UsageInvalid"],
    ["empty", () => "", "UsageInvalid"],
  ])("is refused: %s", async (_, target, error) => {
    fs.symlinkSync("nowhere", at("dangling"));
    await expect(plan(target(), true)).rejects.toMatchObject({ name: error });
    await expect(restore(target(), true)).rejects.toMatchObject({ name: error });
  });
});

it("refuses a throwaway where there is no room for it, before it begins", async () => {
  const huge = { ...backup, facts: { ...backup.facts, bytes: Number.MAX_SAFE_INTEGER } };
  await expect(filesEngine.openThrowaway([readerOf(huge)], context)).rejects.toMatchObject({ name: "DiskFull" });
  expectNothingLeft();
});

it("stops loading when it is aborted, and takes everything back", async () => {
  const controller = new AbortController();
  const aborting = { ...context, signal: controller.signal };
  const place = await filesEngine.openTarget([readerOf(backup)], undefined, { target: at("new"), overwrite: false }, aborting);
  await usePlace(place, async () => {
    controller.abort();
    await expect(place.load()).rejects.toMatchObject({ name: "AbortError" });
  });
  expectNothingLeft();
});
