/**
 * Deleting one backup: in what order, what keeps it at the last moment, and what is left when
 * something does.
 */
import { describe, expect, test } from "vitest";
import { deleteBackup, takeBackTombstones } from "../../../src/pipeline/prune/delete-backup.ts";
import type { ReusedArtifacts } from "../../../src/pipeline/prune/reused-artifacts.ts";
import type { RunContext } from "../../../src/runtime/run-context.ts";
import { canonicalJson } from "../../../src/vault/documents/canonical-json.ts";
import { commitManifest } from "../../../src/vault/documents/manifest.ts";
import { markReading } from "../../../src/vault/documents/read-marks.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import type { ListOptions, ObjectStore } from "../../../src/vault/object-store.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { type MemoryStore, makeMemoryStore } from "../../support/memory-store.ts";
import { sampleId, sampleManifest } from "../../support/sample-backups.ts";
import { names, signedVault, testSigner } from "../../support/signed-vault.ts";

const now = new Date("2026-11-20T12:00:00Z");
const id = sampleId("2026-11-18T02:00:00Z");
const other = sampleId("2026-11-17T02:00:00Z");
const request = { source: "shop", id, reasons: ["released: older than every rule"] };
const evidence = names.evidence("shop", id, new Date("2026-11-18T03:00:00Z"), "verified");

function makeRun(): { run: RunContext; warnings: string[] } {
  const warnings: string[] = [];
  const run: RunContext = {
    clock: { now: () => now, monotonicMs: () => 0 },
    randomBytes: (count) => Buffer.alloc(count),
    signal: new AbortController().signal,
    log: { info: () => undefined, warn: (message) => void warnings.push(message) },
    progress: { phase: () => undefined, advance: () => undefined },
    temporaryDirectory: "/nowhere",
    environment: {},
    toolPath: [],
    identity: "host:1",
  };
  return { run, warnings };
}

const tombstone = {
  formatVersion: 2,
  source: "shop",
  backupId: id,
  at: now.toISOString(),
  by: "host:1",
  holdfastVersion: "1.2.3",
  reasons: request.reasons,
};
const tombstoneKey = names.tombstone("shop", id, canonicalJson(tombstone), now);

/** Two backups with two artifacts and one piece of evidence each. */
async function makeVault(options: { locks?: boolean } = {}): Promise<MemoryStore> {
  const store = makeMemoryStore(() => now, options);
  for (const each of [id, other]) {
    await commitManifest(store, sampleManifest("shop", each));
    for (const name of ["a", "b"]) await store.put(keyOf.artifact("shop", each, name), Buffer.from("xyz"));
    await store.put(names.evidence("shop", each, new Date("2026-11-18T03:00:00Z"), "verified"), Buffer.from("{}"));
  }
  return store;
}

const nothingReused: ReusedArtifacts = {
  isNamed: () => false,
  findDoubt: () => undefined,
  doubts: new Map(),
  bases: new Map(),
  forget: () => undefined,
};

const remove = (store: ObjectStore, run = makeRun().run, state = store, reused = nothingReused) =>
  deleteBackup(
    run,
    { vault: { ...signedVault(store), state }, signer: async () => testSigner, holdfastVersion: "1.2.3", reused },
    request,
  );

const keysOf = (store: MemoryStore, part: string): string[] => [...store.objects.keys()].filter((key) => key.includes(part)).sort();

const readers = async (store: ObjectStore, backupId: string, at: Date) =>
  markReading(store, {
    source: "shop",
    backupId,
    now: at,
    token: "00",
    by: "laptop:7",
    purpose: "restore",
    since: at.toISOString(),
  });

/** Does `something` right after the manifest was deleted. */
const afterManifest = (store: MemoryStore, something: () => Promise<unknown>): ObjectStore => ({
  ...store,
  async delete(key) {
    const lock = await store.delete(key);
    if (key === keyOf.manifest("shop", id)) await something();
    return lock;
  },
});

describe("a backup that is deleted", () => {
  test("loses its manifest first, then its artifacts, its evidence last; a tombstone says before all that it was meant", async () => {
    const memory = await makeVault();
    const before = keysOf(memory, other);
    const store = makeFaultyStore(memory, []);
    expect(await remove(store)).toBeUndefined();
    expect(store.calls.filter((call) => /^(put|delete)/.test(call))).toEqual([
      `put ${tombstoneKey}`,
      `delete ${keyOf.manifest("shop", id)}`,
      `delete ${keyOf.artifact("shop", id, "a")}`,
      `delete ${keyOf.artifact("shop", id, "b")}`,
      `delete ${evidence}`,
    ]);
    expect(JSON.parse(String(memory.objects.get(tombstoneKey)?.bytes))).toEqual(tombstone);
    expect(keysOf(memory, other)).toEqual(before);
  });

  test("leaves what others name, and of the rest its seal goes last; what it named itself is forgotten", async () => {
    const memory = await makeVault();
    const seal = keyOf.manifestSeal("shop", id);
    // By their names, the seal would go before this one.
    const last = keyOf.artifact("shop", id, "z");
    for (const key of [seal, last]) await memory.put(key, Buffer.from("x"));
    const named = keyOf.artifact("shop", id, "a");
    const forgotten: unknown[] = [];
    const reused: ReusedArtifacts = {
      ...nothingReused,
      isNamed: (key) => key === named,
      forget: (...what) => void forgotten.push(what),
    };
    const store = makeFaultyStore(memory, []);
    expect(await remove(store, makeRun().run, memory, reused)).toBeUndefined();
    expect(store.calls.filter((call) => call.startsWith("delete artifacts/"))).toEqual([
      `delete ${keyOf.artifact("shop", id, "b")}`,
      `delete ${last}`,
      `delete ${seal}`,
    ]);
    expect(memory.objects.has(named)).toBe(true);
    expect(forgotten).toEqual([[id, sampleManifest("shop", id)]]);
  });

  test.each([
    ["is damaged", "x"],
    ["is of a newer Holdfast", '{"formatVersion":3}'],
  ])("goes as a whole where its manifest %s, which names nothing", async (_, text) => {
    const memory = await makeVault();
    await memory.put(keyOf.manifest("shop", id), Buffer.from(text));
    const forgotten: unknown[] = [];
    const reused: ReusedArtifacts = { ...nothingReused, forget: (...what) => void forgotten.push(what) };
    expect(await remove(memory, makeRun().run, memory, reused)).toBeUndefined();
    expect(keysOf(memory, id)).toHaveLength(1);
    expect(forgotten).toEqual([[id, undefined]]);
  });

  test("stays untouched where nobody can read its manifest", async () => {
    const memory = await makeVault();
    const before = keysOf(memory, id);
    const store = makeFaultyStore(memory, [{ operation: "get", key: /^manifests/, from: 2 }]);
    await expect(remove(store)).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect(keysOf(memory, id)).toEqual(before);
  });

  test("leaves what is no object where it is, says so, and goes all the same", async () => {
    const memory = await makeVault();
    const link = keyOf.artifact("shop", id, "aa-link");
    const store: ObjectStore = {
      ...memory,
      async *list(prefix: string, options: ListOptions = {}) {
        if (link.startsWith(prefix) && options.includeOdd === true) {
          yield { key: link, bytes: 0, modifiedAt: now, odd: "a symbolic link" };
        }
        yield* memory.list(prefix, options);
      },
      async delete(key) {
        if (key === link) throw new Error("somebody else's");
        return memory.delete(key);
      },
    };
    const { run, warnings } = makeRun();
    expect(await remove(store, run)).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining(`${link} in memory: is a symbolic link`)]);
    expect(keysOf(memory, id)).toEqual([tombstoneKey]);
  });

  test("leaves an object that is locked longer than its manifest to a later sweep", async () => {
    const store = await makeVault({ locks: true });
    await store.locks?.extendRetention(keyOf.artifact("shop", id, "a"), new Date("2026-11-21T00:00:00Z"));
    expect(await remove(store)).toBeUndefined();
    expect(keysOf(store, id)).toEqual([keyOf.artifact("shop", id, "a"), tombstoneKey]);
  });

  test("goes in spite of a reader's mark that is over, and of marks on other backups", async () => {
    const store = await makeVault();
    await readers(store, id, new Date("2026-11-18T12:00:00Z"));
    await readers(store, other, now);
    expect(await remove(store)).toBeUndefined();
    expect(keysOf(store, `manifests/shop/${id}`)).toEqual([]);
  });
});

describe("a backup that is wanted", () => {
  test.each(["hold", "reader"])("stays as it is, with nothing written, when it has a %s", async (what) => {
    const memory = await makeVault();
    const state = makeMemoryStore(() => now);
    if (what === "hold") await memory.put(names.hold("shop", id), Buffer.from("{}"));
    else await readers(state, id, now);
    const store = makeFaultyStore(memory, []);
    const reason = await remove(store, makeRun().run, state);
    expect(reason).toBe(what === "hold" ? "held" : `being read: restore by laptop:7 since ${now.toISOString()}`);
    expect(store.calls.filter((call) => /^(put|delete)/.test(call))).toEqual([]);
  });

  test("stays when its manifest is locked, without a tombstone", async () => {
    const store = await makeVault({ locks: true });
    const before = keysOf(store, id);
    await store.locks?.extendRetention(keyOf.manifest("shop", id), new Date("2026-11-21T00:00:00Z"));
    expect(await remove(store)).toBe("locked until 2026-11-21T00:00:00.000Z");
    expect(keysOf(store, id)).toEqual(before);
  });

  test.each(["hold", "reader"])("gets its manifest back, byte for byte, when a %s comes after that was deleted", async (what) => {
    const memory = await makeVault();
    const before = new Map([...memory.objects].map(([key, { bytes }]) => [key, bytes.toString()]));
    const late = names.hold("shop", id);
    const store = afterManifest(memory, () => (what === "hold" ? memory.put(late, Buffer.from("{}")) : readers(memory, id, now)));
    expect(await remove(store)).toMatch(what === "hold" ? /^held$/ : /^being read: restore by laptop:7/);
    const after = new Map([...memory.objects].map(([key, { bytes }]) => [key, bytes.toString()]));
    for (const key of after.keys()) if (!before.has(key)) after.delete(key);
    expect(after).toEqual(before);
    expect(keysOf(memory, "tombstones/")).toEqual([]);
  });

  test("is not written over when another manifest took its name meanwhile", async () => {
    const memory = await makeVault();
    const store = afterManifest(memory, async () => {
      await memory.put(names.hold("shop", id), Buffer.from("{}"));
      await memory.put(keyOf.manifest("shop", id), Buffer.from("another"));
    });
    await expect(remove(store)).rejects.toMatchObject({ name: "ObjectExists" });
    expect(String(memory.objects.get(keyOf.manifest("shop", id))?.bytes)).toBe("another");
  });
});

describe("tombstones of backups that stay", () => {
  test("are taken, each with a warning that names it; those of deleted backups and of other sources are left", async () => {
    const store = await makeVault();
    const deleted = sampleId("2026-11-16T02:00:00Z");
    for (const each of [id, other, deleted]) await store.put(names.tombstone("shop", each), Buffer.from("{}"));
    await store.put(names.tombstone("wiki", id), Buffer.from("{}"));
    const { run, warnings } = makeRun();
    await takeBackTombstones(run, store, "shop", new Set([id, other]));
    expect(keysOf(store, "tombstones/")).toEqual([names.tombstone("shop", deleted), names.tombstone("wiki", id)]);
    expect(warnings).toEqual([expect.stringContaining(other), expect.stringContaining(id)]);
  });

  test("are left alone by a run that was interrupted", async () => {
    const store = await makeVault();
    await store.put(names.tombstone("shop", id), Buffer.from("{}"));
    const { run } = makeRun();
    const interrupted = { ...run, signal: AbortSignal.abort(new Error("interrupted")) };
    await expect(takeBackTombstones(interrupted, store, "shop", new Set([id]))).rejects.toThrow("interrupted");
    expect(keysOf(store, "tombstones/")).toHaveLength(1);
  });
});
