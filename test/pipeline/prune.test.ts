/** Pruning: what may not be deleted stays, whatever happens beside it, and a look at the plan changes nothing. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { planPrune, pruneSource } from "../../src/pipeline/prune.ts";
import { addHold, type Hold } from "../../src/vault/holds.ts";
import { commitManifest, readManifest } from "../../src/vault/manifest.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";
import { sampleId, sampleManifest } from "../support/sample-backups.ts";

let project: FilesProject;

beforeEach(async () => {
  project = await createFilesProject();
});

afterEach(() => project[Symbol.asyncDispose]());

const holdOn = (backupId: string): Hold => ({
  formatVersion: 1,
  source: "tree",
  backupId,
  by: "me",
  reason: "case",
  at: "2026-01-01T00:00:00.000Z",
});

const markOf = (id: string): string => {
  const until = new Date(Date.now() + 60_000).toISOString().replaceAll(/[-:.]/g, "");
  return `leases/reading/tree/${id}/${until}-00.json`;
};

describe("a look at the plan", () => {
  test("touches nothing, not even the marks of readers that died", async () => {
    const older = await project.back({ minutesAgo: 5 });
    await project.back();
    const context = await project.open();
    const store = await context.storeOf("main");
    const dead = `leases/reading/tree/${older}/20260101T000000000Z-00.json`;
    await store.put(dead, Buffer.from("{}"));
    const before = await project.filesOf(".");
    expect((await planPrune(context, "tree")).released).toEqual([older]);
    expect(await project.filesOf(".")).toEqual(before);
    await pruneSource(context, "tree");
    expect(await project.filesOf("leases/reading")).toEqual([]);
  });
});

describe("a backup that somebody begins to read while it is pruned", () => {
  test("is told of as kept, not as released", async () => {
    const older = await project.back({ minutesAgo: 5 });
    await project.back();
    const reading = (store: ObjectStore): ObjectStore => ({
      ...store,
      async delete(key) {
        await store.delete(key);
        if (key === `manifests/tree/${older}.json`) await store.put(markOf(older), Buffer.from("{}"));
      },
    });
    const { plan, deleted } = await pruneSource(await project.open({ wrapStore: reading }), "tree");
    expect(deleted).toEqual([]);
    expect(plan.released).toEqual([]);
    expect(plan.decisions.find(({ id }) => id === older)).toMatchObject({
      kept: true,
      reasons: [expect.stringMatching(/being read/)],
    });
  });

  test("keeps what it builds on", async () => {
    const newest = await project.back();
    const context = await project.open();
    const store = await context.storeOf("main");
    const full = sampleId("2026-01-01T00:00:00Z", 1);
    const dependant = "20260102T000000Z-incremental-aaaaaa";
    await commitManifest(store, sampleManifest("tree", full));
    await commitManifest(store, sampleManifest("tree", dependant, { parent: full, chain: [full] }));
    const reading = (inner: ObjectStore): ObjectStore => ({
      ...inner,
      async delete(key) {
        await inner.delete(key);
        if (key === `manifests/tree/${dependant}.json`) await inner.put(markOf(dependant), Buffer.from("{}"));
      },
    });
    expect((await planPrune(context, "tree")).released).toEqual([dependant, full]);
    const { deleted, plan } = await pruneSource(await project.open({ wrapStore: reading }), "tree");
    expect(deleted).toEqual([]);
    expect(plan.decisions.map(({ id, kept }) => [id, kept])).toEqual([
      [newest, true],
      [dependant, true],
      [full, true],
    ]);
    expect((await readManifest(store, "tree", full)).manifest.id).toBe(full);
    expect((await readManifest(store, "tree", dependant)).manifest.id).toBe(dependant);
  });
});

describe("a hold", () => {
  test("that comes too late is an error, not a hold on nothing", async () => {
    const older = await project.back({ minutesAgo: 5 });
    await project.back();
    // The prune runs between the hold's look at the manifest and its writing.
    const pruning = (store: ObjectStore): ObjectStore => ({
      ...store,
      async put(key, body, options) {
        if (key.startsWith("holds/")) await pruneSource(await project.open(), "tree");
        return store.put(key, body, options);
      },
    });
    const context = await project.open({ wrapStore: pruning });
    await expect(addHold(await context.storeOf("main"), holdOn(older))).rejects.toMatchObject({ name: "BackupNotFound" });
    expect(await project.filesOf("holds")).toEqual([]);
  });
});

describe("manifests that are lost", () => {
  test("stop the prune: what they named is not swept as if a run had died", async () => {
    for (let minutesAgo = 10_000; minutesAgo > 9_995; minutesAgo -= 1) await project.back({ minutesAgo });
    await project.back();
    const artifacts = await project.filesOf("artifacts");
    await rm(join(project.vault, "manifests"), { recursive: true });
    await project.back();
    // The store's own time counts too: two days later everything is old.
    const later = await project.open({ shiftMs: 2 * 86_400_000 });
    await expect(pruneSource(later, "tree")).rejects.toMatchObject({
      name: "PruneRefused",
      message: expect.stringMatching(/manifest/),
    });
    expect(await project.filesOf("artifacts")).toEqual(expect.arrayContaining(artifacts));
  });

  test("by a prune that died are swept: one or a few at most", async () => {
    const older = await project.back({ minutesAgo: 10_000 });
    await project.back();
    const dying = (store: ObjectStore): ObjectStore => ({
      ...store,
      async delete(key) {
        if (key.startsWith("artifacts/")) throw new HoldfastError("StoreUnavailable", "gone");
        await store.delete(key);
      },
    });
    await expect(pruneSource(await project.open({ wrapStore: dying }), "tree")).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect((await project.filesOf("artifacts")).join()).toContain(older);
    const { sweptObjects } = await pruneSource(await project.open({ shiftMs: 2 * 86_400_000 }), "tree");
    expect(sweptObjects).toBeGreaterThan(0);
    expect([...(await project.filesOf("artifacts")), ...(await project.filesOf("evidence"))].join()).not.toContain(older);
  });
});

test("an interruption stops a prune between two backups and leaves whole ones", async () => {
  const oldest = await project.back({ minutesAgo: 9 });
  const older = await project.back({ minutesAgo: 5 });
  await project.back();
  await writeFile(join(project.vault, "manifests", "tree", "garbage.json"), "{");
  await writeFile(join(project.vault, "manifests", "noise"), "x");
  const controller = new AbortController();
  const interrupting = (store: ObjectStore): ObjectStore => ({
    ...store,
    async delete(key) {
      if (key.startsWith("evidence/")) controller.abort(new HoldfastError("Interrupted", "interrupted"));
      await store.delete(key);
    },
  });
  const context = await project.open({ wrapStore: interrupting, signal: controller.signal });
  await expect(pruneSource(context, "tree")).rejects.toMatchObject({ name: "Interrupted" });
  const left = await project.filesOf("artifacts");
  expect(left.join()).not.toContain(older);
  expect(left.join()).toContain(oldest);
  expect((await pruneSource(await project.open(), "tree")).deleted).toEqual([oldest]);
});
