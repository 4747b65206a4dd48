/** Where a run works: in a Lambda, or, where that is too small, in Fargate. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { planBackup, planReading } from "../../src/pipeline/plan-run.ts";
import { commitManifest, type Manifest } from "../../src/vault/documents/manifest.ts";
import { initVault } from "../../src/vault/documents/vault.ts";
import { craftedFacts } from "../engines/files/memory-backup.ts";
import { createFilesProject, type FilesProject, treePolicy } from "../support/files-project.ts";
import { sampleId, sampleManifest } from "../support/sample-backups.ts";

let project: FilesProject;

beforeEach(async () => {
  project = await createFilesProject();
});

afterEach(() => project[Symbol.asyncDispose]());

const startedAt = "2026-11-20T02:00:00.000Z";
const id = sampleId(startedAt);
const gib = 1024 ** 3;

/** A vault whose newest backup has this many bytes and took so long. */
async function recordBackup(bytes: number, minutes: number): Promise<void> {
  const context = await project.open();
  const store = await context.storeOf("main");
  await initVault(store, { ...context.run, holdfastVersion: "0", restoreInstructions: async () => "" });
  const [artifact] = sampleManifest("tree", id).artifacts;
  const change: Partial<Manifest> = {
    engine: "files",
    facts: { ...craftedFacts, bytes },
    finishedAt: new Date(Date.parse(startedAt) + minutes * 60_000).toISOString(),
    artifacts: artifact === undefined ? [] : [{ ...artifact, plainBytes: bytes }],
  };
  await commitManifest(store, sampleManifest("tree", id, change));
}

const plan = async () => planBackup(await project.open(), { source: "tree", kind: "full" });

describe("a backup", () => {
  test("is tried in a Lambda while nothing is known of its size", async () => {
    expect(await plan()).toEqual({ source: "tree", kind: "full", runner: "lambda", reason: "nothing is known of its size yet" });
  });

  test.each([
    [20 * gib, 10, "lambda"],
    [20 * gib + 1, 1, "fargate"],
    [1, 11, "fargate"],
  ])("after one of %d bytes in %d min runs in %s", async (bytes, minutes, runner) => {
    await recordBackup(bytes, minutes);
    const { runner: chosen, reason } = await plan();
    expect(chosen).toBe(runner);
    expect(reason).toContain(id);
  });

  test("goes to Fargate the first time when the policy says that it is large, and stays when it says that it is small", async () => {
    await project.writePolicy(treePolicy.replace("path: tree,", "path: tree, size: 200GB,"));
    expect(await plan()).toMatchObject({ runner: "fargate", reason: expect.stringContaining("200000000000 bytes") });
    await project.writePolicy(treePolicy.replace("path: tree,", "path: tree, size: 1GB,"));
    await recordBackup(21 * gib, 1);
    expect(await plan()).toMatchObject({ runner: "fargate", reason: expect.stringContaining(id) });
  });

  test("is not kept from being made by a manifest that is damaged", async () => {
    await recordBackup(1, 1);
    await writeFile(join(project.vault, "manifests", "tree", `${id}.json`), "{");
    expect(await plan()).toMatchObject({ runner: "lambda" });
  });

  test("of a kind that the engine does not make, or of no source, is refused before anything starts", async () => {
    const context = await project.open();
    await expect(planBackup(context, { source: "tree", kind: "log" })).rejects.toMatchObject({ name: "SourceUnsupported" });
    await expect(planBackup(context, { source: "gone", kind: "full" })).rejects.toMatchObject({ name: "SourceNotFound" });
  });
});

describe("what reads a backup", () => {
  test("is about the newest, or about the one whose id begins so", async () => {
    const [older, newer] = [await project.back({ minutesAgo: 5 }), await project.back()];
    const context = await project.open();
    expect(await planReading(context, { source: "tree", backup: "latest" })).toMatchObject({ backupId: newer, runner: "lambda" });
    expect(await planReading(context, { source: "tree", backup: older })).toMatchObject({ backupId: older });
    await expect(planReading(context, { source: "tree", backup: "2020" })).rejects.toMatchObject({ name: "BackupNotFound" });
  });

  test("goes to Fargate where a Lambda's disk is too small for the throwaway", async () => {
    await recordBackup(9 * gib, 1);
    expect(await planReading(await project.open(), { source: "tree", backup: "latest" })).toMatchObject({
      runner: "fargate",
      reason: expect.stringContaining("bytes of disk"),
    });
  });
});
