/**
 * Pruning: what may not be deleted stays, whatever happens beside it, and a look at the plan
 * changes nothing.
 */
import { lstat, mkdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { checkPolicy } from "../../src/pipeline/check.ts";
import { measureSources } from "../../src/pipeline/measure-sources.ts";
import { planPrune, pruneSource } from "../../src/pipeline/prune.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import { addHold, type Hold, listHolds, type UnreadableHold } from "../../src/vault/documents/holds.ts";
import { readManifest } from "../../src/vault/documents/manifest.ts";
import { openVault } from "../../src/vault/documents/vault.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";
import { plant } from "../support/hostile-folder.ts";
import { sampleBase, sampleId, sampleManifest } from "../support/sample-backups.ts";
import { commitSealed } from "../support/sealed-backups.ts";
import { testSigner } from "../support/signed-vault.ts";

let project: FilesProject;

beforeEach(async () => {
  project = await createFilesProject();
});

afterEach(() => project[Symbol.asyncDispose]());

const holdOn = (backupId: string): Hold => ({
  formatVersion: 2,
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
    const sealing = { keys: await context.keysOf("main"), vaultId: (await openVault(store)).vaultId };
    const { sha256 } = await commitSealed(store, sampleManifest("tree", full), sealing);
    await commitSealed(store, sampleManifest("tree", dependant, sampleBase(full, sha256)), sealing);
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
    await expect(addHold(await context.vaultOf("main"), holdOn(older), testSigner)).rejects.toMatchObject({
      name: "BackupNotFound",
    });
    expect(await project.filesOf("holds")).toEqual([]);
  });
});

describe("manifests that are lost", () => {
  test("stop the prune, one as well as many, and are named; nothing of them is swept, however long it lasts", async () => {
    const lost = await project.back({ minutesAgo: 10_000 });
    const released = await project.back({ minutesAgo: 9_000 });
    await project.back();
    const artifacts = await project.filesOf("artifacts");
    await rm(join(project.vault, "manifests", "tree", `${lost}.json`));
    // The store's own time counts too: two days later everything is old.
    for (const shiftMs of [0, 2 * 86_400_000, 400 * 86_400_000]) {
      const context = await project.open({ shiftMs });
      const error = await pruneSource(context, "tree").catch((thrown: HoldfastError) => thrown);
      expect(error).toMatchObject({ name: "PruneRefused", message: expect.stringMatching(/1 backup was lost/) });
      expect((error as HoldfastError).details.join("\n")).toContain(lost);
      expect((await planPrune(context, "tree")).refusals.map(({ code }) => code)).toContain("backups-lost");
      expect(await project.filesOf("artifacts")).toEqual(artifacts);
    }
    const { status } = await measureSources(await project.open(), Object.values((await project.open()).policy.sources));
    expect(status.verdict).toBe("breach");
    expect(status.sources[0]?.findings.map(({ message }) => message).join()).toContain(lost);
    expect(await project.filesOf("tombstones")).toEqual([]);
    expect((await project.filesOf("manifests")).join()).toContain(released);
  });

  test("by a prune that died are no loss: a tombstone says what was meant, and the next run after two days finishes it", async () => {
    const older = await project.back({ minutesAgo: 10_000 });
    await project.back();
    const dying = (store: ObjectStore): ObjectStore => ({
      ...store,
      async delete(key) {
        if (key.startsWith("artifacts/")) throw new HoldfastError("StoreUnavailable", "gone");
        return store.delete(key);
      },
    });
    await expect(pruneSource(await project.open({ wrapStore: dying }), "tree")).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect((await project.filesOf("artifacts")).join()).toContain(older);
    const [written = "", ...others] = await project.filesOf("tombstones");
    expect(written).toMatch(new RegExp(`^tombstones/tree/${older}-`));
    expect(others).toEqual([]);
    const left = await project.filesOf("artifacts");
    for (const hours of [0, 25, 47]) {
      const context = await project.open({ shiftMs: hours * 3_600_000 });
      expect((await pruneSource(context, "tree")).sweptObjects).toBe(0);
      expect(await project.filesOf("artifacts")).toEqual(left);
      const { status } = await measureSources(context, Object.values(context.policy.sources));
      expect(status.sources[0]?.deleted).toEqual([older]);
      expect(status.sources[0]?.findings.map(({ message }) => message).join()).toMatch(
        /was deleted .* ago; its objects are kept until/,
      );
    }
    const { sweptObjects } = await pruneSource(await project.open({ shiftMs: 2 * 86_400_000 }), "tree");
    expect(sweptObjects).toBeGreaterThan(0);
    expect([...(await project.filesOf("artifacts")), ...(await project.filesOf("evidence"))].join()).not.toContain(older);
    const tombstone = JSON.parse(await readFile(join(project.vault, written), "utf8"));
    expect(tombstone).toMatchObject({ backupId: older, source: "tree", reasons: ["released: older than every rule"] });
  });

  test("and a tombstone that nobody signed changes nothing of that, however long it lasts", async () => {
    const lost = await project.back({ minutesAgo: 10_000 });
    await project.back();
    await rm(join(project.vault, "manifests", "tree", `${lost}.json`));
    await mkdir(join(project.vault, "tombstones", "tree"), { recursive: true });
    await writeFile(join(project.vault, "tombstones", "tree", `${lost}.json`), "");
    const left = await project.filesOf("artifacts");
    for (const shiftMs of [0, 400 * 86_400_000]) {
      const context = await project.open({ shiftMs });
      await expect(pruneSource(context, "tree")).rejects.toThrow("lost or deleted outside Holdfast");
      expect(await project.filesOf("artifacts")).toEqual(left);
    }
  });

  test("and a tombstone planted beside them by a thief of the key lets nothing be swept for two days, however old it makes itself", async () => {
    const [lost, alone] = [await project.back({ minutesAgo: 10_000 }), await project.back({ minutesAgo: 9_000 })];
    await project.back();
    await mkdir(join(project.vault, "tombstones", "tree"), { recursive: true });
    const names = await project.names();
    const dated = new Date(Date.now() - 30 * 86_400_000);
    for (const [id, at] of [
      // One that is older than evidence of its backup counts for nothing.
      [lost, new Date()],
      [alone, dated],
    ] as const) {
      await rm(join(project.vault, "manifests", "tree", `${id}.json`));
      const path = join(project.vault, names.tombstone("tree", id, Buffer.from(""), at));
      await writeFile(path, "");
      await utimes(path, dated, dated);
    }
    await rm(join(project.vault, "evidence", "tree", alone), { recursive: true });
    const left = await project.filesOf("artifacts");
    for (const hours of [0, 25, 47]) {
      const context = await project.open({ shiftMs: hours * 3_600_000 });
      expect((await pruneSource(context, "tree")).sweptObjects).toBe(0);
      expect(await project.filesOf("artifacts")).toEqual(left);
    }
    const context = await project.open();
    const told = (await checkPolicy(context, Object.values(context.policy.sources))).flatMap(({ message }) => message);
    for (const id of [lost, alone]) expect(told.join("\n")).toContain(`backup ${id} of "tree" was deleted 0 hours ago`);
  });

  test("and a backup that stays after all has no tombstone left", async () => {
    const older = await project.back({ minutesAgo: 5 });
    await project.back();
    const reading = (store: ObjectStore): ObjectStore => ({
      ...store,
      async delete(key) {
        const lock = await store.delete(key);
        if (key === `manifests/tree/${older}.json`) await store.put(markOf(older), Buffer.from("{}"));
        return lock;
      },
    });
    await pruneSource(await project.open({ wrapStore: reading }), "tree");
    expect(await project.filesOf("tombstones")).toEqual([]);
  });
});

describe("a plan relies on what was read", () => {
  const plantProven = async (count: number, signed: boolean): Promise<string[]> => {
    const planted: string[] = [];
    const names = await project.names();
    for (let index = 0; index < count; index++) {
      const id = sampleId(new Date(Date.now() - (10 - index) * 1000).toISOString(), index + 3);
      planted.push(id);
      await writeFile(join(project.vault, "manifests", "tree", `${id}.json`), "");
      await mkdir(join(project.vault, "evidence", "tree", id), { recursive: true });
      const stamp = new Date().toISOString().replaceAll(/[-:.]/g, "");
      const forged = `evidence/tree/${id}/${stamp}-proven.json`;
      await writeFile(join(project.vault, signed ? names.evidence("tree", id, new Date(), "proven") : forged), "");
    }
    return planted;
  };

  const keepThree = () =>
    project.writePolicy(
      "version: 1\nvaults: { main: folder:vault }\nkeys: { main: file:main.key }\nsources:\n" +
        "  tree: { engine: files, path: tree, retention: { keepLast: 3, maxRemoval: 100%, minAge: none } }\n",
    );

  test.each([
    ["signed with a stolen key", true, /not relied on: .*manifest/, /retention does not count on .* is empty/],
    ["that nobody signed", false, /not verified and not counted/, /3 documents in .* are not signed with a key of the policy/],
  ] as const)(
    "empty files %s that call themselves proven push no real backup out, and status relies on none",
    async (_, signed, reason, warning) => {
      await keepThree();
      const real: string[] = [];
      for (const minutesAgo of [9, 7, 5]) real.push(await project.back({ minutesAgo }));
      const planted = await plantProven(3, signed);
      const warnings: string[] = [];
      const { deleted, plan } = await pruneSource(await project.open({ warnings }), "tree");
      expect(deleted).toEqual([]);
      const reasons = new Map(plan.decisions.map((decision) => [decision.id, decision.reasons.join()]));
      for (const id of planted) expect(reasons.get(id)).toMatch(reason);
      for (const id of real) expect(reasons.get(id)).toMatch(/last \d of 3/);
      expect(warnings.join()).toMatch(warning);
      const context = await project.open();
      const { status } = await measureSources(context, Object.values(context.policy.sources));
      expect(status.sources[0]?.newestProven).toBeNull();
      expect(status.sources[0]?.newestVerified?.id).toBe(real[2]);
      expect(status.sources[0]?.restoreTest.outcome).toBeNull();
    },
  );

  test.each([
    ["a manifest that was overwritten", "manifest", "{}"],
    ["evidence that is no JSON", "evidence", "{"],
    ["evidence about another manifest", "evidence", "other"],
  ] as const)("%s counts for nothing: the good one before it stays", async (_, what, bytes) => {
    const good = await project.back({ minutesAgo: 9 });
    const newest = await project.back();
    const room = what === "manifest" ? "manifests" : "evidence";
    const file = (await project.filesOf(room)).find((name) => name.includes(newest)) ?? "";
    const path = join(project.vault, file);
    await writeFile(
      path,
      bytes === "other"
        ? (await readFile(path, "utf8")).replace(/(?<="manifestSha256":")[0-9a-f]/, (digit) => (digit === "f" ? "e" : "f"))
        : bytes,
    );
    const { deleted, plan } = await pruneSource(await project.open(), "tree");
    expect(deleted).toEqual([]);
    expect(plan.decisions.find(({ id }) => id === good)?.reasons).toContain("last 1 of 1");
    expect(plan.decisions.find(({ id }) => id === newest)?.reasons.join()).toMatch(/not relied on/);
  });

  test("evidence from the future counts for nothing", async () => {
    const good = await project.back({ minutesAgo: 9 });
    const newest = await project.back({ verify: false });
    const directory = join(project.vault, "evidence", "tree", newest);
    await mkdir(directory, { recursive: true });
    const future = new Date("9999-12-31T23:59:59.999Z");
    await writeFile(join(project.vault, (await project.names()).evidence("tree", newest, future, "proven")), "");
    expect((await pruneSource(await project.open(), "tree")).deleted).toEqual([]);
    expect((await project.filesOf("manifests")).join()).toContain(good);
    const context = await project.open();
    const { status } = await measureSources(context, Object.values(context.policy.sources));
    expect(status.sources[0]?.newestProven).toBeNull();
  });

  test("a vault without a version of its own hides nothing: a bucket's hidden manifests and evidence stop the prune, but for a prune's own", async () => {
    const older = await project.back({ minutesAgo: 9 });
    await project.back();
    const hiding =
      (prefix: string) =>
      (store: ObjectStore): ObjectStore => ({
        ...store,
        async *listHidden(asked) {
          if (prefix.startsWith(asked)) yield { key: prefix, by: "deletion", hiddenAt: new Date() };
        },
      });
    const gone = sampleId("2026-01-01T00:00:00Z", 9);
    const names = await project.names();
    const evidence = names.evidence("tree", gone, new Date("2026-01-01T00:01:00Z"), "verified");
    for (const key of [`manifests/tree/${gone}.json`, evidence]) {
      const context = await project.open({ wrapStore: hiding(key) });
      await expect(pruneSource(context, "tree")).rejects.toMatchObject({ message: expect.stringMatching(/outside Holdfast/) });
    }
    await mkdir(join(project.vault, "tombstones", "tree"), { recursive: true });
    await writeFile(join(project.vault, "tombstones", "tree", `${gone}.json`), "{}");
    const unsigned = pruneSource(await project.open({ wrapStore: hiding(`manifests/tree/${gone}.json`) }), "tree");
    await expect(unsigned).rejects.toMatchObject({ message: expect.stringMatching(/outside Holdfast/) });
    await writeFile(join(project.vault, names.tombstone("tree", gone)), "");
    const context = await project.open({ wrapStore: hiding(`manifests/tree/${gone}.json`) });
    expect((await pruneSource(context, "tree")).deleted).toEqual([older]);
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

describe("what is no object of the vault's", () => {
  test.each(["pipe", "link to a file", "link to a directory"] as const)(
    "stays, and stops no deletion and no sweep: a %s among artifacts, evidence and holds",
    async (kind) => {
      const older = await project.back({ minutesAgo: 5 });
      const newer = await project.back();
      const odd = [
        join(project.vault, "artifacts/tree", older, "stray"),
        join(project.vault, "artifacts/tree", newer, "stray"),
        join(project.vault, "evidence/tree", older, "20260101T000000000Z-unproven.json"),
        join(project.vault, "holds/tree/20260101T000000Z-full-aaaaaa.json"),
      ];
      for (const path of odd) await plant(kind, path, project.outside);
      // Those below make the older one's own evidence unreadable; it was released by its age alone.
      const warnings: string[] = [];
      const { deleted } = await pruneSource(await project.open({ warnings }), "tree");
      expect(deleted).toEqual([older]);
      expect(await project.filesOf(`artifacts/tree/${older}`)).toEqual([]);
      expect(await project.filesOf(`manifests/tree`)).toEqual([`manifests/tree/${newer}.json`]);
      for (const path of odd) {
        expect((await lstat(path)).isFile()).toBe(false);
        expect(warnings.join("\n")).toContain(path.slice(project.vault.length + 1));
      }
      expect(await readFile(join(project.outside, "secret"), "utf8")).toBe("secret");
      await pruneSource(await project.open({ shiftMs: 3 * 86_400_000 }), "tree");
    },
  );

  test("holds as a hold, in the list of holds too", async () => {
    const older = await project.back({ minutesAgo: 5 });
    await project.back();
    await plant("pipe", join(project.vault, (await project.names()).hold("tree", older)), project.outside);
    const context = await project.open();
    expect((await pruneSource(context, "tree")).deleted).toEqual([]);
    // And it keeps nobody from the backup.
    expect((await project.find(older)).entry).toMatchObject({ held: true, state: "verified" });
    expect(await verifyBackup(await project.open(), await project.find(older))).toMatchObject({ outcome: "verified" });
    const holds: (Hold | UnreadableHold)[] = [];
    for await (const hold of listHolds(await context.vaultOf("main"))) holds.push(hold);
    expect(holds).toEqual([{ source: "tree", backupId: older, problem: expect.stringContaining("is a named pipe") }]);
  });
});

describe("the tombstone of a backup that stays", () => {
  test("goes with the next prune, so that a manifest lost later is a loss and nothing of it is swept", async () => {
    const kept = await project.back({ minutesAgo: 5 });
    const tombstone = join(project.vault, (await project.names()).tombstone("tree", kept, Buffer.from("{}"), new Date()));
    await mkdir(join(project.vault, "tombstones/tree"), { recursive: true });
    await writeFile(tombstone, "{}");
    const left = await project.filesOf("artifacts");
    expect(left.length).toBeGreaterThan(0);
    const warnings: string[] = [];
    await pruneSource(await project.open({ warnings }), "tree");
    expect(warnings).toEqual([expect.stringContaining(`${kept} stays, but has a tombstone`)]);
    expect(await project.filesOf("tombstones")).toEqual([]);
    await rm(join(project.vault, "manifests/tree", `${kept}.json`));
    const later = await project.open({ shiftMs: 3 * 86_400_000 });
    await expect(pruneSource(later, "tree")).rejects.toThrow("lost or deleted outside Holdfast");
    expect(await project.filesOf("artifacts")).toEqual(left);
  });

  test.each(["pipe", "link to a file", "directory"] as const)("says nothing where it is a %s", async (kind) => {
    const id = await project.back({ minutesAgo: 5 });
    await plant(
      kind,
      join(project.vault, (await project.names()).tombstone("tree", id, Buffer.from(""), new Date())),
      project.outside,
    );
    await pruneSource(await project.open(), "tree");
    await rm(join(project.vault, "manifests/tree", `${id}.json`));
    const later = await project.open({ shiftMs: 3 * 86_400_000 });
    await expect(pruneSource(later, "tree")).rejects.toThrow("lost or deleted outside Holdfast");
    const { status } = await measureSources(later, Object.values(later.policy.sources));
    expect(status.sources[0]?.lost).toEqual([id]);
  });
});
