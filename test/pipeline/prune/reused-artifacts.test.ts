/** Which objects other backups name, and what a manifest in doubt means for those before it. */
import { describe, expect, test } from "vitest";
import { describeDoubt, readReusedArtifacts } from "../../../src/pipeline/prune/reused-artifacts.ts";
import type { ArtifactRecord, Manifest } from "../../../src/vault/documents/manifest.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { makeMemoryContext, memorySealing, memoryVault } from "../../support/memory-context.ts";
import { type MemoryStore, makeMemoryStore } from "../../support/memory-store.ts";
import { sampleBase, sampleId, sampleManifest } from "../../support/sample-backups.ts";
import { commitSealed } from "../../support/sealed-backups.ts";
import { slowManifests } from "../../support/slow-manifests.ts";

const full = sampleId("2026-11-01T00:00:00Z");
const idOf = (hour: number, kind = "incremental"): string =>
  sampleId(new Date(Date.UTC(2026, 10, 2, hour)).toISOString()).replace("-full-", `-${kind}-`);
const part = (name: string): string => keyOf.artifact("shop", full, name);

/** A backup that names these parts of the full, and has one of its own. */
function reusing(id: string, ...names: readonly string[]): Manifest {
  const [own] = sampleManifest("shop", full).artifacts as [ArtifactRecord];
  const artifacts = [own, ...names.map((name) => ({ ...own, name, reusedFrom: full }))];
  return sampleManifest("shop", id, { ...sampleBase(full), artifacts });
}

async function commit(store: MemoryStore, ...manifests: readonly Manifest[]): Promise<MemoryStore> {
  for (const manifest of manifests) await commitSealed(store, manifest, memorySealing);
  return store;
}

const read = (store: ObjectStore, signal?: AbortSignal) =>
  readReusedArtifacts(makeMemoryContext(signal === undefined ? {} : { signal }).context, memoryVault(store), "shop");

describe("what other backups name", () => {
  test("stays named until none of them is left", async () => {
    const [b, c] = [reusing(idOf(1), "x", "y"), reusing(idOf(2, "differential"), "y", "z")];
    const reused = await read(await commit(makeMemoryStore(), sampleManifest("shop", full), b, c));
    const named = () => ["x", "y", "z", "w"].filter((name) => reused.isNamed(part(name)));
    expect(named()).toEqual(["x", "y", "z"]);
    // What a backup stored by itself is named by no other.
    expect(reused.isNamed(keyOf.artifact("shop", b.id, "database.dump"))).toBe(false);
    reused.forget(c.id, c);
    expect(named()).toEqual(["x", "y"]);
    reused.forget(b.id, b);
    expect(named()).toEqual([]);
    // One that was never counted takes nothing from the others.
    reused.forget(b.id, undefined);
    expect([reused.findDoubt(full), reused.doubts.size]).toEqual([undefined, 0]);
  });

  test("comes with what each builds on, or why nobody can tell", async () => {
    const manifests = [reusing(idOf(1)), sampleManifest("shop", idOf(2)), reusing(idOf(3))];
    const store = await commit(makeMemoryStore(), sampleManifest("shop", full), ...manifests);
    await store.put(keyOf.manifest("shop", idOf(3)), Buffer.from("x"));
    expect(Object.fromEntries((await read(store)).bases)).toEqual({
      [idOf(1)]: full,
      [idOf(2)]: null,
      [idOf(3)]: expect.objectContaining({ name: "ManifestDamaged" }),
    });
  });

  test("is read of the kinds that may reuse, and of no other", async () => {
    const store = await commit(makeMemoryStore(), sampleManifest("shop", full), reusing(idOf(1), "x"));
    for (const kind of ["log", "snapshot", "full"]) await store.put(keyOf.manifest("shop", idOf(2, kind)), Buffer.from("x"));
    const counted = makeFaultyStore(store, []);
    expect((await read(counted)).isNamed(part("x"))).toBe(true);
    expect(counted.calls.filter((call) => call.startsWith("get manifests"))).toEqual([`get ${keyOf.manifest("shop", idOf(1))}`]);
  });

  test("is read of eight at once, and of all, until an interruption", async () => {
    const store = makeMemoryStore();
    for (let hour = 0; hour < 20; hour += 1) await commit(store, reusing(idOf(hour), `part-${hour}`));
    const slow = slowManifests(store);
    const reused = await read(slow.store, slow.signal);
    for (let hour = 0; hour < 20; hour += 1) expect(reused.isNamed(part(`part-${hour}`))).toBe(true);
    expect(slow.counts()).toEqual({ max: 8, begun: 20 });
    slow.interruptAt(21);
    await expect(read(slow.store, slow.signal)).rejects.toThrow("stop");
    expect(slow.counts().begun).toBe(28);
  });
});

describe("a manifest in doubt", () => {
  test("may name anything that is older, until its backup is gone", async () => {
    const [doubted, later] = [reusing(idOf(1), "x"), idOf(2)];
    const store = await commit(makeMemoryStore(), sampleManifest("shop", full), doubted, reusing(later, "z"));
    await store.put(keyOf.manifest("shop", doubted.id), Buffer.from("x"));
    const reused = await read(store);
    expect([...reused.doubts]).toEqual([[doubted.id, expect.stringContaining("is not JSON")]]);
    expect(reused.findDoubt(full)).toMatch(new RegExp(`^${doubted.id} may name its artifacts: .*is not JSON`));
    for (const stored of [doubted.id, later]) expect(reused.findDoubt(stored)).toBeUndefined();
    expect(reused.isNamed(part("anything"))).toBe(true);
    expect(reused.isNamed(keyOf.artifact("shop", later, "database.dump"))).toBe(false);
    // What it named was never counted, so that forgetting it takes nothing from the others.
    reused.forget(doubted.id, reusing(doubted.id, "z"));
    expect(reused.findDoubt(full)).toBeUndefined();
    expect([reused.isNamed(part("x")), reused.isNamed(part("z"))]).toEqual([false, true]);
  });

  test.each([
    ["has no seal", (store: MemoryStore, id: string) => store.delete(keyOf.manifestSeal("shop", id)), "it has no seal"],
    [
      "is of a newer format",
      (store: MemoryStore, id: string) => store.put(keyOf.manifest("shop", id), Buffer.from('{"formatVersion":3}')),
      "newer Holdfast",
    ],
  ] as const)("is one that %s", async (_, change, says) => {
    const manifest = reusing(idOf(1), "x");
    const store = await commit(makeMemoryStore(), manifest);
    await change(store, manifest.id);
    expect([...(await read(store)).doubts]).toEqual([[manifest.id, expect.stringContaining(says)]]);
  });

  test("is none that was deleted since it was listed, nor one that the store cannot give", async () => {
    const manifest = reusing(idOf(1), "x");
    const store = await commit(makeMemoryStore(), manifest);
    const { context } = makeMemoryContext();
    const gone: ObjectStore = {
      ...store,
      async get(key, options) {
        await store.delete(keyOf.manifest("shop", manifest.id));
        return store.get(key, options);
      },
    };
    const reused = await readReusedArtifacts(context, memoryVault(gone), "shop");
    expect([reused.doubts.size, reused.isNamed(part("x"))]).toEqual([0, false]);
    const silent = makeFaultyStore(await commit(makeMemoryStore(), manifest), [{ operation: "get" }]);
    await expect(read(silent)).rejects.toMatchObject({ name: "StoreUnavailable" });
  });

  test("is told by the first of several that is later", () => {
    const doubts = new Map([
      [idOf(1), "first"],
      [idOf(3), "second"],
    ]);
    expect(describeDoubt(doubts, full)).toContain("first");
    expect(describeDoubt(doubts, idOf(1))).toContain("second");
    expect(describeDoubt(doubts, idOf(3))).toBeUndefined();
  });
});
