/**
 * Which artifacts of which backup a new one may name, and the last look at them before it is
 * committed.
 */
import { describe, expect, test } from "vitest";
import type { Engine } from "../../../src/engines/engine.ts";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { findReuseBase, secureReused } from "../../../src/pipeline/dump/reuse-base.ts";
import type { BackupKind, SourceConfig } from "../../../src/policy/policy.ts";
import type { RunContext } from "../../../src/runtime/run-context.ts";
import type { ArtifactRecord, Manifest } from "../../../src/vault/documents/manifest.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { type MemoryContextOptions, makeMemoryContext, memorySealing, memoryVault } from "../../support/memory-context.ts";
import { type MemoryStore, makeMemoryStore } from "../../support/memory-store.ts";
import { sampleBase, sampleId, sampleManifest } from "../../support/sample-backups.ts";
import { commitSealed, memoryKeys } from "../../support/sealed-backups.ts";
import { names } from "../../support/signed-vault.ts";

const startedAt = new Date("2026-11-20T12:00:00Z");
const source = {
  name: "shop",
  engine: "files",
  traits: { kinds: [], chains: {}, reuses: { incremental: "latest", differential: "latest-full" } },
} as unknown as SourceConfig;
const engine = {
  name: "files",
  facts: { safeParse: (facts: object) => ({ success: true, data: facts }) },
} as unknown as Engine;

const idOf = (kind: BackupKind, day: number, hour = 0): string =>
  sampleId(new Date(Date.UTC(2026, 10, day, hour)).toISOString()).replace("-full-", `-${kind}-`);
const [record] = sampleManifest("shop", idOf("full", 1)).artifacts as [ArtifactRecord];
const part = (name: string, change: Partial<ArtifactRecord> = {}): ArtifactRecord => ({ ...record, name, ...change });

/** Commits a backup with these parts; what it stored itself is put there with its bytes. */
async function add(store: MemoryStore, id: string, artifacts: readonly ArtifactRecord[], change: Partial<Manifest> = {}) {
  const manifest = sampleManifest("shop", id, { engine: "files", artifacts, ...change });
  await commitSealed(store, manifest, memorySealing);
  for (const { name, reusedFrom, storedBytes } of artifacts) {
    if (reusedFrom === undefined) await store.put(keyOf.artifact("shop", id, name), Buffer.alloc(storedBytes));
  }
  return manifest;
}

async function find(
  store: ObjectStore,
  kind: BackupKind = "incremental",
  { config, ...options }: MemoryContextOptions & { config?: object } = {},
) {
  const { context, warnings } = makeMemoryContext({ now: startedAt, source, engine, ...options });
  const backup = { source, kind, id: idOf(kind, 20, 12), startedAt, keyId: record.keyId };
  const vault = { ...memoryVault(store), ...(config === undefined ? {} : { config }) } as ReturnType<typeof memoryVault>;
  const base = await findReuseBase(context, vault, backup, options.engine ?? engine);
  return { base, warnings, id: base?.reader.backupId, records: [...(base?.records.values() ?? [])] };
}

describe("the backup that is reused from", () => {
  test("is the newest before the new one that is not known to be damaged and is no log, or the newest full", async () => {
    const store = makeMemoryStore();
    const full = await add(store, idOf("full", 1), [part("a")]);
    const incremental = await add(store, idOf("incremental", 2), [part("b")], sampleBase(full.id));
    await add(store, idOf("log", 3).replace("-log-", "-log-first-"), [part("c")], sampleBase(full.id));
    await add(store, idOf("full", 21), [part("d")]);
    expect((await find(store)).id).toBe(incremental.id);
    expect((await find(store, "differential")).id).toBe(full.id);
    expect((await find(store, "full")).base).toBeUndefined();
    await store.put(names.evidence("shop", incremental.id, startedAt, "damaged"), Buffer.from("{}"));
    expect((await find(store)).id).toBe(full.id);
  });

  test("is asked for in no listing by a kind that reuses nothing", async () => {
    const counted = makeFaultyStore(makeMemoryStore(), []);
    await find(counted, "full");
    expect(counted.calls).toEqual([]);
  });

  test("is none of another engine, and none is none", async () => {
    const store = makeMemoryStore();
    expect(await find(store)).toMatchObject({ base: undefined, warnings: [] });
    const own = await add(store, idOf("full", 1), [part("a")]);
    await add(store, idOf("full", 2), [part("a")], { engine: "postgres" });
    expect((await find(store)).id).toBe(own.id);
  });

  test("is none that is damaged or not genuine, which is said; after three of these all is stored anew", async () => {
    const store = makeMemoryStore();
    for (const day of [1, 2, 3, 4]) await add(store, idOf("full", day), [part("a")]);
    await store.put(keyOf.manifest("shop", idOf("full", 4)), Buffer.from("x"));
    await store.delete(keyOf.manifestSeal("shop", idOf("full", 3)));
    const { id, warnings } = await find(store);
    expect(id).toBe(idOf("full", 2));
    expect(warnings).toEqual([
      expect.stringContaining(`nothing is reused of ${idOf("full", 4)}: `),
      expect.stringContaining(`nothing is reused of ${idOf("full", 3)}: `),
    ]);
    await store.delete(keyOf.manifestSeal("shop", idOf("full", 2)));
    const none = await find(store);
    expect([none.base, none.warnings.length]).toEqual([undefined, 3]);
  });

  test.each<[string, (store: MemoryStore) => unknown, MemoryContextOptions]>([
    ["of a newer Holdfast", (store) => store.put(keyOf.manifest("shop", idOf("full", 2)), Buffer.from('{"formatVersion":3}')), {}],
    [
      "sealed with a key that the policy lacks",
      async (store) => {
        const id = idOf("full", 2);
        for (const key of [keyOf.manifest("shop", id), keyOf.manifestSeal("shop", id)]) await store.delete(key);
        const manifest = sampleManifest("shop", id, { engine: "files", artifacts: [part("a")] });
        await commitSealed(store, manifest, { ...memorySealing, keys: memoryKeys(8) });
      },
      {},
    ],
    [
      "whose facts its engine does not understand",
      () => undefined,
      {
        engine: {
          name: "files",
          facts: {
            safeParse: (facts: object) =>
              "bad" in facts ? { success: false, error: { issues: [{ path: ["bad"] }] } } : { success: true, data: facts },
          },
        } as unknown as Engine,
      },
    ],
  ])("is none %s, which is said: the next is tried", async (_, spoil, options) => {
    const store = makeMemoryStore();
    await add(store, idOf("full", 1), [part("a")]);
    await add(store, idOf("full", 2), [part("a")], { facts: { bad: 1 } });
    await spoil(store);
    const { id, warnings } = await find(store, "incremental", options);
    expect(id).toBe(idOf("full", 1));
    expect(warnings).toEqual([expect.stringContaining(`nothing is reused of ${idOf("full", 2)}: `)]);
  });

  test("is none that is deleted meanwhile", async () => {
    const store = makeMemoryStore();
    for (const day of [1, 2]) await add(store, idOf("full", day), [part("a")]);
    const deleting: ObjectStore = {
      ...store,
      get: async (key, asked) => {
        if (key === keyOf.manifest("shop", idOf("full", 2))) throw new HoldfastError("ObjectNotFound", "deleted");
        return store.get(key, asked);
      },
    };
    expect((await find(deleting)).id).toBe(idOf("full", 1));
  });

  test("cannot be told while the store is away", async () => {
    const store = makeMemoryStore();
    await add(store, idOf("full", 1), [part("a")]);
    const silent = makeFaultyStore(store, [{ operation: "get" }]);
    await expect(find(silent)).rejects.toMatchObject({ name: "StoreUnavailable" });
    const keys = {
      ...memorySealing.keys,
      openingKeyring: async () => Promise.reject(new HoldfastError("KeyUnavailable", "KMS is away")),
    };
    await expect(find(store, "incremental", { keys })).rejects.toMatchObject({ name: "KeyUnavailable" });
  });
});

describe("what is reused of it", () => {
  test("is named by the backup that stored it, and only where it is in the vault with its bytes, under the same key", async () => {
    const store = makeMemoryStore();
    const full = await add(store, idOf("full", 1), [part("a"), part("gone"), part("cut", { storedBytes: 3 })]);
    await store.delete(keyOf.artifact("shop", full.id, "gone"));
    await store.put(keyOf.artifact("shop", full.id, "cut"), Buffer.alloc(2));
    const parts = [
      part("a", { reusedFrom: full.id }),
      part("gone", { reusedFrom: full.id }),
      part("cut", { reusedFrom: full.id, storedBytes: 3 }),
      part("own"),
      part("other-key", { keyId: "another" }),
    ];
    const incremental = await add(store, idOf("incremental", 2), parts, sampleBase(full.id));
    const { base, records } = await find(store);
    expect(records).toEqual([part("a", { reusedFrom: full.id }), part("own", { reusedFrom: incremental.id })]);
    expect([...(base?.records.keys() ?? [])]).toEqual(["a", "own"]);
    expect(base?.reader.artifacts.map(({ name }) => name)).toEqual(["a", "own"]);
  });

  test("is nothing that is a link in a folder", async () => {
    const store = makeMemoryStore();
    const full = await add(store, idOf("full", 1), [part("a")]);
    const key = keyOf.artifact("shop", full.id, "a");
    const linked: ObjectStore = {
      ...store,
      async *list(prefix, options) {
        // As a folder: without being asked for, such a thing ends the whole listing.
        if (key.startsWith(prefix) && !options?.includeOdd) throw new HoldfastError("VaultInvalid", `${key} is a link`);
        for await (const object of store.list(prefix, options))
          yield object.key === key ? { ...object, odd: "a symbolic link" } : object;
      },
    };
    expect((await find(linked)).records).toEqual([]);
    expect((await find(store)).records).toHaveLength(1);
  });

  test("is nothing that the bucket's lifecycle archives within twice its age", async () => {
    const store = makeMemoryStore();
    const [old, young] = [idOf("full", 15, 12), idOf("full", 15, 13)];
    await add(store, old, [part("a")]);
    await add(store, young, [part("b")]);
    const parts = [part("a", { reusedFrom: old }), part("b", { reusedFrom: young })];
    await add(store, idOf("incremental", 16), parts, sampleBase(young));
    const reused = async (config: object) => (await find(store, "incremental", { config })).records.map(({ name }) => name);
    expect(await reused({ type: "s3", tiers: { archiveDays: 10 } })).toEqual(["b"]);
    expect(await reused({ type: "s3", tiers: { archiveDays: 11 } })).toEqual(["a", "b"]);
    expect(await reused({ type: "s3", tiers: {} })).toEqual(["a", "b"]);
    expect(await reused({ type: "s3" })).toEqual(["a", "b"]);
    expect(await reused({ type: "folder", tiers: { archiveDays: 1 } })).toEqual(["a", "b"]);
  });

  test("is looked for in one listing for each backup that stored some, eight at once", async () => {
    const store = makeMemoryStore();
    const ids = Array.from({ length: 20 }, (_, hour) => idOf("full", 1, hour));
    for (const id of ids) await add(store, id, [part("a"), part("b")]);
    const parts = ids.flatMap((reusedFrom, place) => [
      part("a", { name: `a-${place}`, reusedFrom }),
      part("b", { name: `b-${place}`, reusedFrom }),
    ]);
    for (const { name, reusedFrom = "" } of parts) await store.put(keyOf.artifact("shop", reusedFrom, name), Buffer.alloc(2));
    await add(store, idOf("incremental", 2), parts, sampleBase(ids[0] ?? ""));
    let [underWay, max, listings] = [0, 0, 0];
    const slow: ObjectStore = {
      ...store,
      async *list(prefix, options) {
        if (!prefix.startsWith("artifacts/")) return yield* store.list(prefix, options);
        listings += 1;
        max = Math.max(max, ++underWay);
        await new Promise((resolve) => setImmediate(resolve));
        yield* store.list(prefix, options);
        underWay -= 1;
      },
    };
    expect((await find(slow)).records).toHaveLength(40);
    expect([listings, max]).toEqual([20, 8]);
  });
});

describe("the last look before a commit", () => {
  const storer = idOf("full", 1);
  const reusing = [part("own"), part("a", { reusedFrom: storer }), part("b", { reusedFrom: storer })];
  const run = (signal = new AbortController().signal) => ({ signal }) as unknown as RunContext;

  async function makeVault() {
    const store = makeMemoryStore(() => startedAt, { locks: true });
    for (const name of ["a", "b"]) await store.put(keyOf.artifact("shop", storer, name), Buffer.alloc(2));
    return store;
  }

  test("locks what is reused as long as the new backup, and nothing where that is not locked", async () => {
    const store = await makeVault();
    const retainUntil = new Date("2026-12-24T00:00:00Z");
    await secureReused(store, "shop", reusing, { run: run() });
    const locks = () => ["a", "b"].map((name) => store.objects.get(keyOf.artifact("shop", storer, name))?.lock?.until);
    expect(locks()).toEqual([undefined, undefined]);
    await secureReused(store, "shop", reusing, { run: run(), retainUntil });
    expect(locks()).toEqual([retainUntil, retainUntil]);
  });

  test("fails where something vanished or is another by now, and names it", async () => {
    const store = await makeVault();
    const key = keyOf.artifact("shop", storer, "b");
    for (const change of [() => store.put(key, Buffer.alloc(3)), () => store.delete(key)]) {
      await change();
      await expect(secureReused(store, "shop", reusing, { run: run() })).rejects.toMatchObject({
        name: "ArtifactMissing",
        message: expect.stringContaining(`${key} in memory: was removed, or is another`),
        hint: expect.stringContaining("make the backup again"),
      });
    }
  });

  test("lists nothing where nothing is reused, and is broken off by an interruption", async () => {
    const store = await makeVault();
    const counted = makeFaultyStore(store, []);
    await secureReused(counted, "shop", [part("own")], { run: run(), retainUntil: startedAt });
    expect(counted.calls).toEqual([]);
    const stopped = run(AbortSignal.abort(new Error("stop")));
    const retainUntil = new Date("2026-12-24T00:00:00Z");
    await expect(secureReused(store, "shop", reusing, { run: stopped, retainUntil })).rejects.toThrow("stop");
  });
});
