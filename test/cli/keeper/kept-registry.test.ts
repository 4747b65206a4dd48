/**
 * Kept restores are listed as long as their process lives, and never when another has its number.
 */
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readKeepSeconds } from "../../../src/cli/commands/keep.ts";
import { kept } from "../../../src/cli/commands/kept.ts";
import { type KeptEntry, listKept, processStartOf, registerKept } from "../../../src/cli/keeper/kept-registry.ts";
import { waitUntil } from "../../../src/cli/keeper/linger.ts";
import { checkTargetOptions } from "../../../src/cli/restore-target.ts";

let directory: string;
let environment: { XDG_STATE_HOME: string };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-kept-"));
  environment = { XDG_STATE_HOME: directory };
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const entry = async (changes: Partial<KeptEntry> = {}): Promise<KeptEntry> => ({
  id: "3fa1c0",
  pid: process.pid,
  processStart: (await processStartOf(process.pid)) ?? "",
  source: "shop",
  backupId: "20261120T020000Z-full-7k3f9a",
  until: "2026-11-20T06:00:00.000Z",
  access: ["psql …"],
  ...changes,
});
const files = () => readdir(join(directory, "holdfast", "kept"));

test("an entry is its user's alone, and gone when it is forgotten", async () => {
  expect(await listKept(environment)).toEqual([]);
  const forget = await registerKept(await entry(), environment);
  expect(await listKept(environment)).toEqual([await entry()]);
  expect((await stat(join(directory, "holdfast", "kept", "3fa1c0.json"))).mode & 0o777).toBe(0o600);
  expect((await kept({}, environment)).lines).toEqual([
    expect.stringContaining("3fa1c0  20261120T020000Z"),
    expect.stringContaining("psql"),
  ]);
  await forget();
  expect([await listKept(environment), await files()]).toEqual([[], []]);
});

test("a process that is gone, or whose number another has, keeps nothing: its entry is removed", async () => {
  await registerKept(await entry({ processStart: "1" }), environment);
  await registerKept(await entry({ id: "aaaaaa", pid: 2 ** 22 + 1 }), environment);
  expect(await listKept(environment)).toEqual([]);
  expect(await files()).toEqual([]);
});

test("what is no entry is neither listed nor removed, and ends no process", async () => {
  await registerKept(await entry(), environment);
  await writeFile(join(directory, "holdfast", "kept", "other.json"), '{"pid": 1}');
  expect(await listKept(environment)).toHaveLength(1);
  expect((await files()).sort()).toEqual(["3fa1c0.json", "other.json"]);
  await expect(kept({ end: "other" }, environment)).rejects.toMatchObject({ name: "BackupNotFound" });
});

test.each(["0h", "8d", "4", "h", "-1h", "4 h", "2w", ""])("--keep %j is no time to keep a restore for", (text) => {
  expect(() => readKeepSeconds(text)).toThrow(expect.objectContaining({ name: "UsageInvalid" }));
});

test("--keep takes minutes, hours and days", () => {
  expect(["15m", "4h", "7d"].map(readKeepSeconds)).toEqual([900, 14_400, 604_800]);
});

test("a restore has a target or is kept, and not both", () => {
  expect(() => checkTargetOptions({ to: "shop", overwrite: true })).not.toThrow();
  expect(() => checkTargetOptions({ keep: "4h", overwrite: false })).not.toThrow();
  expect(() => checkTargetOptions({})).toThrow(/--to is missing/);
  // The live database is the source's own when no other is named.
  expect(() => checkTargetOptions({ beside: true })).not.toThrow();
  expect(() => checkTargetOptions({ intoLive: true })).not.toThrow();
  expect(() => checkTargetOptions({ intoLive: true, allowDamaged: true })).toThrow(/rows of a damaged backup/);
  expect(() => checkTargetOptions({ keep: "4h", beside: true })).toThrow(/does not go with --beside/);
  expect(() => checkTargetOptions({ keep: "4h", to: "shop" })).toThrow(/does not go with --to/);
  expect(() => checkTargetOptions({ keep: "4h", swapBack: true })).toThrow(/does not go with --swap-back/);
});

test("waiting ends at its time by the clock, and at once when it is ended", async () => {
  const clock = { now: () => new Date("2026-11-20T06:00:00Z"), monotonicMs: () => 0 };
  await waitUntil(new Date("2026-11-20T06:00:00Z"), clock, new AbortController().signal);
  const ended = new AbortController();
  const waiting = waitUntil(new Date("2026-11-21T06:00:00Z"), clock, ended.signal);
  ended.abort();
  await waiting;
});
