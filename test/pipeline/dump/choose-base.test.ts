/** What a new backup builds on, candidate by candidate, on a vault in memory. */
import { describe, expect, test } from "vitest";
import type { Engine } from "../../../src/engines/engine.ts";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { chooseBase } from "../../../src/pipeline/dump/choose-base.ts";
import type { BackupKind, BaseRules, SourceConfig } from "../../../src/policy/policy.ts";
import { commitManifest, encodeManifest, type Manifest } from "../../../src/vault/documents/manifest.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { type MemoryContextOptions, makeMemoryContext, memorySealing, memoryVault } from "../../support/memory-context.ts";
import { type MemoryStore, makeMemoryStore } from "../../support/memory-store.ts";
import { sampleBase, sampleId, sampleManifest } from "../../support/sample-backups.ts";
import { commitSealed } from "../../support/sealed-backups.ts";
import { names, newestEvidence } from "../../support/signed-vault.ts";

const now = new Date("2026-11-20T12:00:00.250Z");
const chains: BaseRules = { incremental: "latest", differential: "latest-full", log: "latest" };
const kinds: readonly BackupKind[] = ["full", "incremental", "differential", "log"];
const makeSource = (traits: object = {}): SourceConfig =>
  ({ name: "shop", engine: "postgres", traits: { kinds, chains, reuses: {}, ...traits } }) as unknown as SourceConfig;
/** Takes any facts but those that say `bad`. */
const engine = {
  name: "postgres",
  facts: {
    safeParse: (facts: object) =>
      "bad" in facts ? { success: false, error: { issues: [{ path: ["bad"] }] } } : { success: true, data: facts },
  },
} as unknown as Engine;

const idOf = (kind: BackupKind, hour: number): string =>
  sampleId(new Date(Date.UTC(2026, 10, 20, hour)).toISOString()).replace("-full-", `-${kind}-`);

/** Commits a backup of that hour, on `base` where one is given. */
async function add(store: MemoryStore, kind: BackupKind, hour: number, base?: Manifest, change: Partial<Manifest> = {}) {
  const on = base === undefined ? {} : sampleBase(base.id, encodeManifest(base).sha256);
  const at = new Date(Date.UTC(2026, 10, 20, hour)).toISOString();
  const coverage = base === undefined ? {} : { coverage: { from: base.coverage.to, to: { at } } };
  const manifest = sampleManifest("shop", idOf(kind, hour), { ...on, ...coverage, ...change });
  await commitSealed(store, manifest, memorySealing);
  return manifest;
}

const find = (store: MemoryStore, id: string, check: "verified" | "damaged") =>
  store.put(names.evidence("shop", id, new Date("2026-11-20T11:00:00Z"), check), Buffer.from("{}"));

async function choose(store: ObjectStore, kind: BackupKind, source = makeSource(), options: MemoryContextOptions = {}) {
  const { context, warnings } = makeMemoryContext({ now, source, engine, ...options });
  const chosen = await chooseBase(context, memoryVault(store), source, kind);
  // The samples have no digest key, which is said too.
  return { ...chosen, warnings: warnings.filter((each) => !each.startsWith("the digest key of")) };
}

describe("a backup that stands alone", () => {
  test("asks for nothing", async () => {
    const store = makeFaultyStore(makeMemoryStore(), []);
    expect(await choose(store, "full")).toEqual({ kind: "full", notices: [], warnings: [] });
    expect(store.calls).toEqual([]);
  });
});

describe("what a backup builds on", () => {
  test("is the newest of the kinds that its rule names, with the hash of its manifest", async () => {
    const store = makeMemoryStore();
    const full = await add(store, "full", 1);
    const incremental = await add(store, "incremental", 2, full);
    for (const [kind, base] of [
      ["differential", full],
      ["incremental", incremental],
    ] as const) {
      const chosen = await choose(store, kind);
      expect(chosen).toMatchObject({ kind, base: { record: { id: base.id, manifestSha256: encodeManifest(base).sha256 } } });
      expect(chosen.base?.reader.backupId).toBe(base.id);
      expect([chosen.notices, chosen.skippedAt]).toEqual([[], undefined]);
    }
  });

  test("is nothing that a check found damaged, nor what began after now", async () => {
    const store = makeMemoryStore();
    const [first, second] = [await add(store, "full", 1), await add(store, "full", 2)];
    await add(store, "full", 13);
    expect((await choose(store, "differential")).base?.record.id).toBe(second.id);
    await find(store, second.id, "damaged");
    expect(await choose(store, "differential")).toMatchObject({ base: { record: { id: first.id } }, warnings: [] });
    const then = new Date("2026-11-20T01:00:00Z");
    expect((await choose(store, "differential", makeSource(), { now: then })).base?.record.id).toBe(first.id);
  });

  test("is none of another engine, which is not damaged for that", async () => {
    const store = makeMemoryStore();
    const first = await add(store, "full", 1);
    const other = await add(store, "full", 2, undefined, { engine: "files" });
    expect(await choose(store, "differential")).toMatchObject({ base: { record: { id: first.id } } });
    expect(await newestEvidence(store, "shop", other.id)).toBeUndefined();
  });

  test.each([
    [
      "whose manifest is damaged",
      (store: MemoryStore, id: string) => store.put(keyOf.manifest("shop", id), Buffer.from("x")),
      true,
    ],
    ["that is not genuine", (store: MemoryStore, id: string) => store.delete(keyOf.manifestSeal("shop", id)), true],
    [
      "of a newer Holdfast",
      (store: MemoryStore, id: string) => store.put(keyOf.manifest("shop", id), Buffer.from('{"formatVersion":3}')),
      false,
    ],
  ] as const)("is none %s: that is said, recorded where it is damage, and the next is tried", async (_, spoil, isDamage) => {
    const store = makeMemoryStore();
    const [first, second] = [await add(store, "full", 1), await add(store, "full", 2)];
    await spoil(store, second.id);
    const chosen = await choose(store, "differential");
    expect(chosen).toMatchObject({ kind: "differential", base: { record: { id: first.id } }, skippedAt: now, notices: [] });
    expect(chosen.warnings).toEqual([expect.stringContaining(`${second.id} is not built on: `)]);
    const found = await newestEvidence(store, "shop", second.id);
    if (isDamage) expect(found).toMatchObject({ check: "damaged", findings: [expect.any(String)] });
    else expect(found).toBeUndefined();
  });

  test("is none whose facts its engine does not understand", async () => {
    const store = makeMemoryStore();
    const first = await add(store, "full", 1);
    const second = await add(store, "full", 2, undefined, { facts: { bad: 1 } });
    expect(await choose(store, "differential")).toMatchObject({ base: { record: { id: first.id } } });
    expect(await newestEvidence(store, "shop", second.id)).toMatchObject({ check: "damaged" });
  });

  test("is none whose chain is broken, thirty links below it as well, and no further down", async () => {
    const store = makeMemoryStore();
    const logs = [await add(store, "full", 0)];
    for (let minute = 1; minute <= 34; minute += 1) {
      const base = logs.at(-1) as Manifest;
      const id = sampleId(new Date(Date.UTC(2026, 10, 20, 1, minute)).toISOString()).replace("-full-", "-incremental-");
      const log = sampleManifest("shop", id, sampleBase(base.id, encodeManifest(base).sha256));
      const covering = { ...log, coverage: { from: base.coverage.to, to: { at: log.startedAt } } };
      await commitSealed(store, covering, memorySealing);
      logs.push(covering);
    }
    const newest = logs.at(-1) as Manifest;
    const breakAt = async (below: number) => {
      const broken = logs.at(-1 - below) as Manifest;
      const key = keyOf.manifest("shop", broken.id);
      const bytes = store.objects.get(key)?.bytes ?? Buffer.alloc(0);
      await store.delete(key);
      await commitManifest(store, { ...broken, policySha256: "another" });
      const chosen = (await choose(store, "incremental")).base?.record.id;
      await store.put(key, bytes);
      for (const each of [...store.objects.keys()]) if (each.startsWith("evidence/")) store.objects.delete(each);
      return chosen;
    };
    expect(await breakAt(31)).toBe(newest.id);
    expect(await breakAt(30)).not.toBe(newest.id);
    expect(await breakAt(1)).not.toBe(newest.id);
  });

  test("cannot be told while the store or the key is away", async () => {
    const store = makeMemoryStore();
    await add(store, "full", 1);
    const silent = makeFaultyStore(store, [{ operation: "get" }]);
    await expect(choose(silent, "differential")).rejects.toMatchObject({ name: "StoreUnavailable" });
    const keys = {
      ...memorySealing.keys,
      openingKeyring: async () => Promise.reject(new HoldfastError("KeyUnavailable", "KMS is away")),
    };
    await expect(choose(store, "differential", makeSource(), { keys })).rejects.toMatchObject({ name: "KeyUnavailable" });
  });

  test("is none that is sealed with a key that the policy lacks, and that is no damage", async () => {
    const store = makeMemoryStore();
    const first = await add(store, "full", 1);
    const keys = {
      ...memorySealing.keys,
      openingKeyring: async () => Promise.reject(new HoldfastError("KeyMissing", "another key")),
    };
    expect(await choose(store, "differential", makeSource(), { keys })).toMatchObject({ kind: "full" });
    expect(await newestEvidence(store, "shop", first.id)).toBeUndefined();
  });
});

describe("where there is nothing to build on", () => {
  test.each([
    ["incremental", "needs one to build on"],
    ["differential", "needs a full one to build on"],
  ] as const)("a full is made instead of %s, which a notice and the log say", async (kind, says) => {
    const { notices, warnings, ...chosen } = await choose(makeMemoryStore(), kind);
    expect(chosen).toEqual({ kind: "full", skippedAt: undefined });
    const message = expect.stringMatching(new RegExp(`^a ${kind} backup of shop ${says}, .*: this full one was made instead$`));
    expect(notices).toEqual([{ code: "full-instead", subject: kind, message }]);
    expect(warnings).toEqual([expect.stringContaining(says)]);
  });

  test("a full that was made instead begins after what was skipped", async () => {
    const store = makeMemoryStore();
    const only = await add(store, "full", 1);
    await store.put(keyOf.manifest("shop", only.id), Buffer.from("x"));
    expect(await choose(store, "incremental")).toMatchObject({ kind: "full", skippedAt: now });
  });

  test.each([
    ["log", kinds],
    ["incremental", ["incremental"]],
  ] as const)("%s is an error, where the engine makes %j", async (kind, made) => {
    await expect(choose(makeMemoryStore(), kind, makeSource({ kinds: made }))).rejects.toMatchObject({
      name: "BackupNotFound",
      message: expect.stringContaining(`a ${kind} backup of shop needs one to build on`),
      hint: expect.stringContaining("holdfast backup shop --kind full"),
    });
  });
});
