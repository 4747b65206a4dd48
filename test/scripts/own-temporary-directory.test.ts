import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { listLeft } from "../setup/own-temporary-directory.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hf-left-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it("names what a run left, but not Node's own cache", async () => {
  mkdirSync(join(directory, "node-compile-cache"));
  expect(await listLeft(directory, 0)).toEqual([]);
  mkdirSync(join(directory, "leaked"));
  writeFileSync(join(directory, "a-file"), "");
  expect(await listLeft(directory, 0)).toEqual(["a-file", "leaked"]);
});

it("waits for those that clean up after the process that they watch", async () => {
  const late = join(directory, "late");
  mkdirSync(late);
  const listing = listLeft(directory, 30_000);
  await setTimeout(150);
  rmSync(late, { recursive: true });
  expect(await listing).toEqual([]);
});
