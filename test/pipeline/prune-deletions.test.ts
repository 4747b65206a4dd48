/**
 * A prune of a vault in memory: what is deleted in which order, what stops it, and what it says
 * that it did.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { planPrune, pruneSource } from "../../src/pipeline/prune.ts";
import { appendEvidence } from "../../src/vault/documents/evidence.ts";
import { readManifest } from "../../src/vault/documents/manifest.ts";
import { markReading } from "../../src/vault/documents/read-marks.ts";
import { keyOf } from "../../src/vault/layout.ts";
import type { ListOptions, ObjectStore } from "../../src/vault/object-store.ts";
import { makeFaultyStore } from "../support/faulty-store.ts";
import { createFilesProject, type FilesProject, type OpenOptions, treePolicy } from "../support/files-project.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";
import { sampleEvidence } from "../support/sample-backups.ts";
import { signedVault, testSigner } from "../support/signed-vault.ts";
import { makeTreeVault, putVerified, treeNames, treeSealing } from "../support/tree-vault.ts";

let project: FilesProject;
let memory: MemoryStore;

beforeAll(async () => {
  project = await createFilesProject();
});
afterAll(() => project[Symbol.asyncDispose]());
beforeEach(async () => {
  await project.writePolicy(treePolicy);
  memory = await makeTreeVault();
});

const full = (day: number): string => `202601${String(day).padStart(2, "0")}T000000Z-full-aaaaaa`;
const incremental = (day: number): string => full(day).replace("full", "incremental");

const store = (id: string, chain: readonly string[] = []): Promise<string> => putVerified(memory, id, { chain });

/** Dates everything whose key has `part`, as the store has it. */
function datedAt(part: string, modifiedAt: Date): void {
  for (const [key, object] of memory.objects) if (key.includes(part)) object.modifiedAt = modifiedAt;
}

const open = (wrap: (inner: MemoryStore) => ObjectStore = (inner) => inner, options: OpenOptions = {}): Promise<PipelineContext> =>
  project.open({ ...options, wrapStore: () => wrap(memory) });

/** As a prune wrote it. */
const tombstoneOf = (id: string): string =>
  [...memory.objects.keys()].find((key) => key.startsWith(`tombstones/tree/${id}-`)) ?? "";

const manifests = (): string[] =>
  [...memory.objects.keys()].filter((key) => key.startsWith("manifests/")).map((key) => key.slice("manifests/tree/".length, -5));

/** Does `something` when the manifest of `id` is deleted, after that. */
const whenDeleted =
  (id: string, something: () => unknown) =>
  (inner: MemoryStore): ObjectStore => ({
    ...inner,
    async delete(key) {
      const lock = await inner.delete(key);
      if (key === keyOf.manifest("tree", id)) await something();
      return lock;
    },
  });

describe("the lease", () => {
  test("is asked for before every deletion: once another run has it, nothing more is deleted", async () => {
    const [oldest, older, newest] = [await store(full(1)), await store(full(2)), await store(full(3))];
    const steal = () => {
      const lease = JSON.parse(String(memory.objects.get(keyOf.lease("tree", "backup"))?.bytes));
      return memory.put(
        keyOf.lease("tree", "backup"),
        Buffer.from(JSON.stringify({ ...lease, token: "another", fencing: lease.fencing + 1 })),
      );
    };
    await expect(pruneSource(await open(whenDeleted(older, steal)), "tree")).rejects.toMatchObject({ name: "LeaseLost" });
    expect(manifests()).toEqual([oldest, newest]);
  });

  test("is held by the prune for its purpose, and given back", async () => {
    await store(full(1));
    await store(full(2));
    let held = "";
    const look = () => {
      held = String(memory.objects.get(keyOf.lease("tree", "backup"))?.bytes);
    };
    await pruneSource(await open(whenDeleted(full(1), look)), "tree");
    expect(JSON.parse(held)).toMatchObject({ purpose: "prune", released: false });
    expect(JSON.parse(String(memory.objects.get(keyOf.lease("tree", "backup"))?.bytes))).toMatchObject({ released: true });
  });
});

describe("what a prune deletes", () => {
  test("is what the plan released, each with its reasons on its tombstone; the result says so", async () => {
    for (const day of [1, 2, 3]) await store(full(day));
    const planned = await planPrune(await open(), "tree");
    expect(planned.released).toEqual([full(2), full(1)]);
    const result = await pruneSource(await open(), "tree");
    expect(result).toEqual({ source: "tree", plan: planned, deleted: [full(2), full(1)], locksExtended: [], sweptObjects: 0 });
    const tombstone = JSON.parse(String(memory.objects.get(tombstoneOf(full(1)))?.bytes));
    expect(tombstone.reasons).toEqual(planned.decisions.find(({ id }) => id === full(1))?.reasons);
    expect(tombstone.reasons).toHaveLength(1);
  });

  test("is nothing when the plan is refused", async () => {
    await project.writePolicy(treePolicy.replace("maxRemoval: 100%", "maxRemoval: 10%"));
    for (let day = 1; day <= 8; day += 1) await store(full(day));
    const before = new Map(memory.objects);
    await expect(pruneSource(await open(), "tree")).rejects.toMatchObject({ name: "PruneRefused" });
    before.delete(keyOf.lease("tree", "backup"));
    for (const [key, value] of before) expect(memory.objects.get(key)).toEqual(value);
  });

  test("is planned with one look at each manifest of what it releases", async () => {
    await store(full(1));
    for (const day of [2, 3]) await store(incremental(day), [full(1)]);
    await store(full(4));
    const watched = makeFaultyStore(memory, []);
    const { released } = await planPrune(await open(() => watched), "tree");
    expect(released).toEqual([incremental(3), incremental(2), full(1)]);
    const looks = watched.calls.filter((call) => call.startsWith("get manifests/"));
    expect(looks.filter((call) => call.includes("-incremental-"))).toHaveLength(2);
  });

  test("goes with its dependants before it", async () => {
    await store(full(1));
    await store(incremental(2), [full(1)]);
    await store(full(3));
    const before = [...memory.objects.keys()].sort();
    const counted = makeFaultyStore(memory, []);
    const { deleted } = await pruneSource(await open(() => counted), "tree");
    expect(deleted).toEqual([incremental(2), full(1)]);
    const objectsOf = (id: string): string[] =>
      ["manifests/", "artifacts/", "evidence/"].flatMap((room) => before.filter((key) => key.startsWith(room) && key.includes(id)));
    expect(counted.calls.filter((call) => call.startsWith("delete "))).toEqual(
      deleted.flatMap((id) => objectsOf(id).map((key) => `delete ${key}`)),
    );
  });
});

describe("a backup that is wanted at the last moment", () => {
  test("keeps its whole chain, and the plan says why for each; others go", async () => {
    await store(full(1));
    await store(full(2));
    await store(incremental(3), [full(2)]);
    const last = await store(incremental(4), [full(2), incremental(3)]);
    const newest = await store(full(5));
    const hold = () => memory.put(treeNames.hold("tree", last), Buffer.from("{}"));
    const { plan, deleted } = await pruneSource(await open(whenDeleted(last, hold)), "tree");
    expect(deleted).toEqual([full(1)]);
    expect(plan.released).toEqual([full(1)]);
    expect(plan.decisions.filter(({ kept }) => kept).map(({ id, reasons }) => [id, reasons])).toEqual([
      [newest, expect.arrayContaining(["last 1 of 1"])],
      [last, ["held"]],
      [incremental(3), [`needed by ${last}`]],
      [full(2), [`needed by ${last}`]],
    ]);
    expect(manifests().sort()).toEqual([full(2), incremental(3), last, newest].sort());
  });
});

test("a base that two backups need, both wanted at the last moment, stays for the first of them", async () => {
  await store(full(1));
  for (const day of [2, 3]) await store(incremental(day), [full(1)]);
  await store(full(4));
  const holding = (inner: MemoryStore): ObjectStore => ({
    ...inner,
    async delete(key) {
      const lock = await inner.delete(key);
      const id = /^manifests\/tree\/(.*-incremental-.*)\.json$/.exec(key)?.[1];
      if (id !== undefined) await memory.put(treeNames.hold("tree", id), Buffer.from("{}"));
      return lock;
    },
  });
  const { plan, deleted } = await pruneSource(await open(holding), "tree");
  expect(deleted).toEqual([]);
  expect(plan.decisions.map(({ reasons }) => reasons.join())).toEqual([
    expect.anything(),
    "held",
    "held",
    `needed by ${incremental(3)}`,
  ]);
});

describe("what is young", () => {
  const now = new Date("2026-03-01T00:00:00Z");
  const daysAgo = (days: number, ms = 0): Date => new Date(now.getTime() - days * 86_400_000 + ms);
  const planNow = async () => {
    const context = await open();
    const clock = { now: () => now, monotonicMs: () => 0 };
    return (await planPrune({ ...context, run: { ...context.run, clock } }, "tree")).released;
  };

  beforeEach(async () => {
    await project.writePolicy(treePolicy.replace("minAge: none", "minAge: 2d"));
    await store(full(1));
    await store(full(2));
    datedAt("tree", daysAgo(20));
  });

  test("lets nothing older go: neither a backup that the store got less than minAge ago", async () => {
    expect(await planNow()).toEqual([full(1)]);
    datedAt(`manifests/tree/${full(2)}`, daysAgo(2));
    expect(await planNow()).toEqual([full(1)]);
    datedAt(`manifests/tree/${full(2)}`, daysAgo(2, 1));
    expect(await planNow()).toEqual([]);
  });

  test("nor one that was verified less than minAge ago", async () => {
    datedAt(`evidence/tree/${full(2)}`, daysAgo(2));
    expect(await planNow()).toEqual([full(1)]);
    datedAt(`evidence/tree/${full(2)}`, daysAgo(2, 1));
    expect(await planNow()).toEqual([]);
  });
});

describe("a plan", () => {
  test("reads no manifest of a full or a snapshot that it releases: one that is damaged keeps nothing from its end", async () => {
    const snapshot = full(2).replace("full", "snapshot");
    await store(full(1));
    await store(snapshot);
    await store(full(3));
    for (const id of [full(1), snapshot]) await memory.put(keyOf.manifest("tree", id), Buffer.from("{}"));
    expect((await planPrune(await open(), "tree")).released).toEqual([snapshot, full(1)]);
    await store(incremental(2), [full(1)]);
    await memory.put(keyOf.manifest("tree", incremental(2)), Buffer.from("{}"));
    const planned = await planPrune(await open(), "tree");
    const doubted = planned.decisions.find(({ id }) => id === incremental(2));
    expect(doubted).toMatchObject({ kept: true, reasons: [expect.stringMatching(/^not relied on: /)] });
    // What is older stays too: it may name that.
    const { deleted, plan } = await pruneSource(await open(), "tree");
    expect(deleted).not.toContain(full(1));
    // And the plan said so before.
    expect(planned).toEqual(plan);
    expect(plan.decisions.find(({ id }) => id === full(1))?.reasons.join()).toContain(`${incremental(2)} may name its artifacts`);
  });
});

test("a plan lets older ones go where what was doubted goes itself", async () => {
  await store(full(1));
  const damaged = await store(incremental(2), [full(1)]);
  await store(full(3));
  const { sha256 } = await readManifest(memory, "tree", damaged);
  const evidence = { ...sampleEvidence("tree", damaged, "damaged", "2026-01-09T12:00:00.000Z"), manifestSha256: sha256 };
  await appendEvidence(signedVault(memory, treeSealing.vaultId), evidence, testSigner);
  await memory.put(keyOf.manifest("tree", damaged), Buffer.from("x"));
  const planned = await planPrune(await open(), "tree");
  expect(planned.released).toEqual([damaged, full(1)]);
  expect((await pruneSource(await open(), "tree")).deleted).toEqual(planned.released);
});

describe("tombstones", () => {
  test("of what stays are removed, of what goes they are written, and of what has gone they are left", async () => {
    for (const day of [1, 2]) await store(full(day));
    for (const id of [full(2), "20251201T000000Z-full-aaaaaa"])
      await memory.put(treeNames.tombstone("tree", id), Buffer.from("{}"));
    await pruneSource(await open(), "tree");
    expect([...memory.objects.keys()].filter((key) => key.startsWith("tombstones/")).sort()).toEqual([
      treeNames.tombstone("tree", "20251201T000000Z-full-aaaaaa"),
      tombstoneOf(full(1)),
    ]);
  });

  test("that are young, of what is not gone entirely, are told of", async () => {
    await store(full(2));
    const gone = full(1);
    await memory.put(keyOf.artifact("tree", gone, "database.dump"), Buffer.from("xyz"));
    await memory.put(treeNames.tombstone("tree", gone), Buffer.from("{}"));
    const warnings: string[] = [];
    await pruneSource(await open(undefined, { warnings }), "tree");
    expect(warnings).toEqual([expect.stringMatching(`${gone} of "tree" was deleted 0 hours ago`)]);
  });
});

describe("readers", () => {
  const mark = (id: string, now: Date) =>
    markReading(memory, {
      source: "tree",
      backupId: id,
      now,
      token: "00",
      by: "laptop:7",
      purpose: "restore",
      since: now.toISOString(),
    });

  test("keep what they read, and are named; marks that are over are deleted by the prune, not by a look at the plan", async () => {
    for (const day of [1, 2, 3]) await store(full(day));
    await mark(full(1), new Date());
    await mark(full(2), new Date("2026-01-02T00:00:00Z"));
    const marks = () => [...memory.objects.keys()].filter((key) => key.startsWith("leases/reading/"));
    const planned = await planPrune(await open(), "tree");
    expect(planned.released).toEqual([full(2)]);
    expect(planned.decisions.find(({ id }) => id === full(1))?.reasons.join()).toMatch(/being read: restore by laptop:7/);
    expect(marks()).toHaveLength(2);
    expect((await pruneSource(await open(), "tree")).deleted).toEqual([full(2)]);
    expect(marks()).toEqual([expect.stringContaining(full(1))]);
  });
});

describe("leftovers of dead runs", () => {
  test("are collected before anything is deleted, and counted; younger than a day they stay", async () => {
    await store(full(1));
    await store(full(2));
    const leftover = keyOf.artifact("tree", "20251201T000000Z-full-aaaaaa", "database.dump");
    await memory.put(leftover, Buffer.from("xyz"));
    const stamped = memory.objects.get(leftover);
    expect((await pruneSource(await open(), "tree")).sweptObjects).toBe(0);
    if (stamped !== undefined) stamped.modifiedAt = new Date(Date.now() - 86_399_000);
    expect((await pruneSource(await open(), "tree")).sweptObjects).toBe(0);
    if (stamped !== undefined) stamped.modifiedAt = new Date(Date.now() - 86_401_000);
    await store(full(3));
    const counted = makeFaultyStore(memory, []);
    expect((await pruneSource(await open(() => counted), "tree")).sweptObjects).toBe(1);
    const deletions = counted.calls.filter((call) => /^delete (artifacts|manifests)/.test(call));
    expect(deletions.slice(0, 2)).toEqual([`delete ${leftover}`, `delete ${keyOf.manifest("tree", full(2))}`]);
  });

  test("that are no objects are told of, with the vault", async () => {
    await store(full(1));
    const link = keyOf.artifact("tree", "20251201T000000Z-full-aaaaaa", "link");
    const linked = (inner: MemoryStore): ObjectStore => ({
      ...inner,
      async *list(prefix: string, options: ListOptions = {}) {
        if (link.startsWith(prefix) && options.includeOdd === true) {
          yield { key: link, bytes: 0, modifiedAt: new Date(0), odd: "a symbolic link" };
        }
        yield* inner.list(prefix, options);
      },
    });
    const warnings: string[] = [];
    await pruneSource(await open(linked, { warnings }), "tree");
    expect(warnings).toEqual([expect.stringContaining(`${link} in memory: is a symbolic link, which a vault holds none of`)]);
  });
});

describe("locks", () => {
  test("of what is kept last as long as retention promises, before anything is deleted", async () => {
    memory = await makeTreeVault({ locks: true });
    await project.writePolicy(treePolicy.replace("keepLast: 1", "daily: 1"));
    const id = new Date(Date.now() - 3_600_000).toISOString().replaceAll(/[-:]/g, "").replace(/\.\d+/, "");
    const kept = await store(`${id}-full-aaaaaa`);
    await store(full(1));
    const { locksExtended, deleted } = await pruneSource(await open(), "tree");
    expect(locksExtended).toEqual([kept]);
    expect(deleted).toEqual([full(1)]);
    expect((await memory.head(keyOf.manifest("tree", kept)))?.lock?.until?.getTime()).toBeGreaterThan(Date.now());
  });
});

test("an interruption stops a prune before its next deletion", async () => {
  for (const day of [1, 2, 3]) await store(full(day));
  const controller = new AbortController();
  const interrupt = () => controller.abort(new HoldfastError("Interrupted", "interrupted"));
  const context = await open(whenDeleted(full(2), interrupt), { signal: controller.signal });
  await expect(pruneSource(context, "tree")).rejects.toMatchObject({ name: "Interrupted" });
  expect(manifests()).toEqual([full(1), full(3)]);
});

test("neither a plan nor a prune makes a vault where none is", async () => {
  memory = makeMemoryStore();
  await expect(planPrune(await open(), "tree")).rejects.toMatchObject({ name: "VaultNotFound" });
  await expect(pruneSource(await open(), "tree")).rejects.toMatchObject({ name: "VaultNotFound" });
  await expect(pruneSource(await open(), "forest")).rejects.toMatchObject({ name: "SourceNotFound" });
  expect(memory.objects.size).toBe(0);
});
