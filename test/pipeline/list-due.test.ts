/**
 * What a run over many has to do: backups that nobody has looked at for a while, and sources by
 * priority.
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { listDueBackups, listFleet } from "../../src/pipeline/list-due.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import { createFilesProject, type FilesProject, partOf, treePolicy } from "../support/files-project.ts";

let project: FilesProject;

beforeEach(async () => {
  project = await createFilesProject();
});

afterEach(() => project[Symbol.asyncDispose]());

const hourSeconds = 3600;
const due = async (hours: number, shiftMs = 0): Promise<string[]> =>
  (await listDueBackups(await project.open({ shiftMs }), ["tree"], hours * hourSeconds)).map(({ backupId }) => backupId);

describe("what is due to be read back", () => {
  test("is what was never read, then what was not read for longest", async () => {
    const [first, second, third] = [
      await project.back({ minutesAgo: 30 }),
      await project.back({ minutesAgo: 20, verify: false }),
      await project.back({ minutesAgo: 10 }),
    ];
    expect(await due(20)).toEqual([second]);
    expect(await due(0)).toEqual([second, first, third]);
    await verifyBackup(await project.open(), await project.find(first));
    expect(await due(0)).toEqual([second, third, first]);
    expect(await due(20, 21 * hourSeconds * 1000)).toHaveLength(3);
  });

  test("leaves out what is known to be damaged: it has alerted", async () => {
    const id = await project.back();
    await writeFile(join(project.vault, "artifacts", "tree", id, partOf(id)), "not what was written");
    expect((await verifyBackup(await project.open(), await project.find(id))).outcome).toBe("damaged");
    expect(await due(0)).toEqual([]);
  });

  test("is nothing in a vault that was never written to, and an error for a source that the policy has not", async () => {
    await rm(project.vault, { recursive: true, force: true });
    expect(await due(0)).toEqual([]);
    await expect(listDueBackups(await project.open(), ["gone"], 0)).rejects.toMatchObject({ name: "SourceNotFound" });
  });
});

describe("a fleet", () => {
  const source = (name: string, tier: string): string =>
    `  ${name}: { engine: files, path: ${name}, tier: ${tier}, retention: { keepLast: 1 } }\n`;

  test("has the most critical first, and keeps the policy's order within a tier", async () => {
    const head = treePolicy.slice(0, treePolicy.indexOf("  tree:"));
    await project.writePolicy(
      head + source("low", "standard") + source("b", "critical") + source("mid", "important") + source("a", "critical"),
    );
    const context = await project.open();
    const names = (given: readonly string[]): string[] => listFleet(context, given).map((member) => member.source);
    expect(names([])).toEqual(["b", "a", "mid", "low"]);
    expect(names(["low", "a", "low"])).toEqual(["a", "low"]);
    expect(() => names(["gone"])).toThrow(/gone/);
  });
});
