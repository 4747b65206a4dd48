/**
 * Which backup a source and a time mean, where some are logs that cover an interval: by what
 * backups cover, not by when they began; and what a person is told of it before it is used.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { restore } from "../../src/cli/commands/restore.ts";
import { show } from "../../src/cli/commands/show.ts";
import type { Session } from "../../src/cli/session.ts";
import { describeChoice } from "../../src/pipeline/catalogue/describe-choice.ts";
import { findInVaults } from "../../src/pipeline/catalogue/find-backups.ts";
import { restoreTest } from "../../src/pipeline/restore-test.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import type { BackupKind } from "../../src/policy/policy.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { createToyProject, type ToyProject } from "./toy-project.ts";

let project: ToyProject;
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 10) + minute * 60_000).toISOString();
const linesUntil = (minute: number): string[] => Array.from({ length: minute + 1 }, (_, index) => `${at(index)} line ${index}`);

beforeAll(async () => {
  project = await createToyProject();
});
afterAll(() => project[Symbol.asyncDispose]());
beforeEach(() => project.useVault());

async function dumpAt(minute: number, kind: BackupKind, verify = true): Promise<string> {
  await project.write(linesUntil(minute));
  return project.dump(minute, kind, verify);
}

const terminal = { style: (_name: string, text: string) => text, columns: 80, note: () => undefined };

async function find(reference: string, minute = 60, warnings: string[] = []) {
  const { entry, until } = await findInVaults(await project.open(minute, warnings), reference);
  return { id: entry.id, ...(until === undefined ? {} : { until }) };
}

async function restored(reference: string, minute = 60): Promise<readonly string[]> {
  const to = join(project.directory, "restored");
  const session = { context: await project.open(minute), terminal } as unknown as Session;
  await restore(session, reference, { to });
  return (await readFile(to, "utf8")).trimEnd().split("\n");
}

async function damage(id: string, minute: number): Promise<void> {
  const key = keyOf.artifact("bear", id, "lines.txt");
  await project.vault.put(key, Buffer.from("nothing that was sealed"));
  const context = await project.open(minute);
  expect(await verifyBackup(context, await findInVaults(context, id))).toMatchObject({ outcome: "damaged" });
}

describe("a source and a time", () => {
  it("mean what backups cover: the log that holds the instant, stopped there, else the newest before", async () => {
    const full = await dumpAt(5, "full");
    const first = await dumpAt(10, "log");
    const second = await dumpAt(20, "log");
    expect(await find(`bear@${at(5)}`)).toEqual({ id: full });
    expect(await find(`bear@${at(7)}`)).toEqual({ id: first, until: at(7) });
    expect(await find(`bear@${at(10)}`)).toEqual({ id: first });
    expect(await find(`bear@before:${at(10)}`)).toEqual({ id: first, until: at(10 - 1 / 60_000) });
    expect(await find(`bear@before:${at(5.5)}`)).toMatchObject({ id: first });
    expect(await find("bear@-45m")).toEqual({ id: second, until: at(15) });
    expect(await find("bear@10m")).toEqual({ id: second });
    expect(await find("bear@2026-01-10 00:12")).toEqual({ id: second, until: at(12) });
    await expect(find(`bear@${at(4)}`)).rejects.toMatchObject({ name: "BackupNotFound", message: expect.stringContaining(full) });
    await expect(find(`bear@before:${at(5)}`)).rejects.toMatchObject({ name: "BackupNotFound" });
    for (const [reference, minute] of [
      [`bear@${at(7)}`, 7],
      ["bear@-45m", 15],
      ["bear@latest", 20],
    ] as const) {
      expect(await restored(reference), reference).toEqual(linesUntil(minute));
    }
  });

  it("do not mean what began before, and holds what came after", async () => {
    const full = await dumpAt(5, "full");
    // Lines that are dated later than the second in which the backup is begun: it took its time.
    await project.write(linesUntil(30));
    const slow = await project.dump(10, "full");
    expect(await find(`bear@${at(29)}`)).toEqual({ id: full });
    expect(await find(`bear@${at(30)}`)).toEqual({ id: slow });
  });

  it("step over what is damaged or builds on it, and say so; alone, it is chosen and refused", async () => {
    const full = await dumpAt(5, "full");
    const first = await dumpAt(10, "log");
    const second = await dumpAt(20, "log");
    await damage(first, 21);
    for (const [reference, names] of [
      ["bear@latest", [second, first]],
      [`bear@${at(20)}`, [second, first]],
      [`bear@${at(7)}`, [first]],
    ] as const) {
      const warnings: string[] = [];
      expect(await find(reference, 60, warnings)).toEqual({ id: full });
      expect(warnings).toEqual([expect.stringContaining(`${full} is taken`)]);
      for (const name of names) expect(warnings[0]).toContain(name);
    }
    await damage(full, 22);
    expect((await find("bear@latest")).id).toBe(second);
    await expect(restored("bear@latest")).rejects.toMatchObject({ name: "BackupDamaged" });
  });

  it("with latest-proven mean the newest that a restore test proved", async () => {
    const full = await dumpAt(5, "full");
    const second = await dumpAt(6, "full");
    await expect(find("bear@latest-proven")).rejects.toMatchObject({
      name: "BackupNotFound",
      message: expect.stringContaining("no backup that is proven"),
    });
    for (const id of [full, second]) {
      const context = await project.open(7);
      expect((await restoreTest(context, await findInVaults(context, id))).outcome).toBe("proven");
    }
    await dumpAt(9, "log");
    expect(await find("bear@latest-proven")).toEqual({ id: second });
    await damage(second, 10);
    expect(await find("bear@latest-proven")).toEqual({ id: full });
  });

  it.each(["bear@-3mo", "bear@-2y", "bear@5 fortnights ago", "bear@-2"])(
    "that count in something else, as %s, are refused",
    async (reference) => {
      await dumpAt(5, "full");
      await expect(find(reference)).rejects.toMatchObject({
        name: "UsageInvalid",
        message: expect.stringContaining("does not count in s, m, h, d or w"),
      });
    },
  );
});

describe("before it is used", () => {
  it("a backup is said with its age, its worth, and what is not in it", async () => {
    const full = await dumpAt(5, "full");
    const newest = await dumpAt(50, "log");
    const context = await project.open(60);
    const chosen = await describeChoice(context, await findInVaults(context, `bear@${at(20)}`));
    expect(chosen).toMatchObject({ point: at(20), ageSeconds: 2400, evidence: { check: "verified", at: at(50) } });
    expect(chosen.lines).toEqual([
      `brings back what there was at ${at(20)}, 40 min ago`,
      "it is verified; last check: verified, 10 min ago; no restore test has proven it",
      "what was written after that is in no backup",
    ]);
    const older = await describeChoice(context, await findInVaults(context, full));
    expect(older.newer).toEqual({ id: newest, point: at(50), laterSeconds: 2700 });
    expect(older.lines.at(-1)).toBe(`what was written after that is not in it: ${newest} goes 45 min further, to ${at(50)}`);
    const session = { context, terminal } as unknown as Session;
    const plan = await restore(session, full, { to: "/tmp/nowhere", dryRun: true });
    expect(plan.lines).toEqual(expect.arrayContaining([...older.lines]));
    expect(plan.document).toMatchObject({ choice: { point: at(5), newer: { id: newest } } });
    expect((await show(session, full)).lines.join("\n")).toContain("45 min further");
  });

  it("one that nobody has read back is not taken by its time alone, but by its id", async () => {
    const id = await dumpAt(5, "full", false);
    await expect(restored("bear@latest")).rejects.toMatchObject({ name: "RestoreRefused", message: expect.stringContaining(id) });
    const session = { context: await project.open(60), terminal } as unknown as Session;
    const plan = await restore(session, "bear@latest", { to: "/tmp/nowhere", dryRun: true });
    expect(plan.lines.join("\n")).toContain("name it by its id");
    expect(await restored(id)).toEqual(linesUntil(5));
  });
});
