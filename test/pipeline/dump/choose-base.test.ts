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
import { commitSealed, memoryKeys } from "../../support/sealed-backups.ts";
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

/** A log on a backup of another kind says in its id that it is the first. */
type NamedKind = BackupKind | "log-first";
const timeOf = (hour: number): string => new Date(Date.UTC(2026, 10, 20, hour)).toISOString();
const idOf = (kind: NamedKind, hour: number): string => sampleId(timeOf(hour)).replace("-full-", `-${kind}-`);

/** Commits a backup of that hour, on `base` where one is given; it covers what was until then. */
async function add(store: MemoryStore, kind: NamedKind, hour: number, base?: Manifest, change: Partial<Manifest> = {}) {
  const on = base === undefined ? {} : sampleBase(base.id, encodeManifest(base).sha256);
  const at = timeOf(hour);
  const coverage = base === undefined ? {} : { coverage: { from: base.coverage.to, to: { at } } };
  const manifest = sampleManifest("shop", idOf(kind, hour), { ...on, ...coverage, ...change });
  await commitSealed(store, manifest, memorySealing);
  return manifest;
}

const find = (store: MemoryStore, id: string, check: "verified" | "damaged") =>
  store.put(names.evidence("shop", id, new Date("2026-11-20T11:00:00Z"), check), Buffer.from("{}"));

interface ChooseOptions extends MemoryContextOptions {
  readonly anew?: boolean;
}

async function choose(store: ObjectStore, kind: BackupKind, source = makeSource(), options: ChooseOptions = {}) {
  const { context, warnings } = makeMemoryContext({ now, source, engine, ...options });
  const chosen = await chooseBase(context, memoryVault(store), source, kind, options.anew);
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

describe("a log", () => {
  const baseOf = async (store: ObjectStore, source = makeSource(), options: ChooseOptions = {}) =>
    (await choose(store, "log", source, options)).base?.record.id;

  /** A full of hour 1 and logs of hours 2 to 4 on it. */
  async function addLogs(store: MemoryStore): Promise<Manifest[]> {
    const full = await add(store, "full", 1);
    const first = await add(store, "log-first", 2, full);
    const second = await add(store, "log", 3, first);
    return [full, first, second, await add(store, "log", 4, second)];
  }

  test("goes on from the newest sound log, whatever else is newer", async () => {
    const store = makeMemoryStore();
    const [full, first, second, third] = (await addLogs(store)) as [Manifest, Manifest, Manifest, Manifest];
    await add(store, "incremental", 5, full);
    await add(store, "log", 13, third);
    expect(await baseOf(store)).toBe(third.id);
    expect((await choose(store, "incremental")).base?.record.id).toBe(idOf("incremental", 5));
    await find(store, third.id, "damaged");
    expect(await baseOf(store)).toBe(second.id);
    await find(store, second.id, "damaged");
    expect(await baseOf(store)).toBe(first.id);
  });

  test("stands on the newest of another kind where there is no sound log", async () => {
    const store = makeMemoryStore();
    const full = await add(store, "full", 1);
    const incremental = await add(store, "incremental", 2, full);
    expect(await baseOf(store)).toBe(incremental.id);
    const log = await add(store, "log-first", 3, incremental);
    await find(store, log.id, "damaged");
    expect(await baseOf(store)).toBe(incremental.id);
    await find(store, incremental.id, "damaged");
    expect(await baseOf(store)).toBe(full.id);
  });

  test("that is not sound says nothing of where others began", async () => {
    const store = makeMemoryStore();
    const [older, newer] = [await add(store, "full", 1), await add(store, "full", 2)];
    await add(store, "log-first", 3, newer);
    await find(store, newer.id, "damaged");
    expect(await baseOf(store)).toBe(older.id);
  });

  test("began on what the newest of its first logs says, whatever older ones say", async () => {
    const store = makeMemoryStore();
    const [older, newer] = [await add(store, "full", 1), await add(store, "full", 2)];
    await add(store, "log-first", 3, older);
    const log = await add(store, "log", 5, await add(store, "log-first", 4, newer));
    expect(await baseOf(store)).toBe(log.id);
  });

  test.each([
    ["ended with it", 4, {}, true],
    ["ended when it did", 3, { coverage: { to: { at: timeOf(4) } } }, true],
    ["ended after it", 3, { coverage: { to: { at: "2026-11-20T04:00:00.001Z" } } }, false],
    ["began after it", 5, { coverage: { to: { at: timeOf(3) } } }, false],
  ] as const)("begins anew on a full that the newest log covers, and not before: one that %s", async (_, hour, change, covered) => {
    const store = makeMemoryStore();
    const logs = await addLogs(store);
    const full = await add(store, "full", hour, undefined, change);
    expect(await baseOf(store)).toBe(covered ? full.id : logs.at(-1)?.id);
  });

  test("begins anew on one that is sound, else on an older one, and goes on where none is", async () => {
    const store = makeMemoryStore();
    const third = (await addLogs(store))[3] as Manifest;
    const [older, newer] = [await add(store, "full", 2), await add(store, "incremental", 4, await add(store, "full", 3))];
    expect(await baseOf(store)).toBe(newer.id);
    await find(store, newer.id, "damaged");
    await find(store, idOf("full", 3), "damaged");
    expect(await baseOf(store)).toBe(older.id);
    await find(store, older.id, "damaged");
    expect(await baseOf(store)).toBe(third.id);
  });

  test("does not begin anew on what its own logs began on, nor on what is older", async () => {
    const store = makeMemoryStore();
    await add(store, "full", 0);
    const full = await add(store, "full", 1);
    const first = await add(store, "log-first", 2, full);
    expect(await baseOf(store)).toBe(first.id);
    const second = await add(store, "log", 3, first);
    expect(await baseOf(store)).toBe(second.id);
  });

  test("does not look further back for a newer full than a dump can run", async () => {
    const store = makeMemoryStore();
    const full = await add(store, "full", -60);
    const first = await add(store, "log-first", -59, full);
    await add(store, "full", -17);
    const log = await add(store, "log", 10, first);
    expect(await baseOf(store)).toBe(log.id);
    const longest = await add(store, "full", -16);
    expect(await baseOf(store)).toBe(longest.id);
  });

  describe("after a first log that nothing goes on from", () => {
    async function makeVaultWith(spoil: (store: MemoryStore, first: Manifest) => unknown) {
      const store = makeMemoryStore();
      const [, , second, third] = (await addLogs(store)) as [Manifest, Manifest, Manifest, Manifest];
      const full = await add(store, "full", 3);
      const other = sampleManifest("shop", sampleId("2026-11-20T04:30:00Z").replace("-full-", "-log-first-"), {
        ...sampleBase(full.id, encodeManifest(full).sha256),
        coverage: { from: full.coverage.to, to: { at: "2026-11-20T04:30:00.000Z" } },
      });
      await commitSealed(store, other, memorySealing);
      await spoil(store, other);
      const newest = await add(store, "log", 5, third);
      return { store, other, newest, second, full };
    }

    test.each([
      ["that a check found damaged", (store: MemoryStore, { id }: Manifest) => find(store, id, "damaged")],
      [
        "whose manifest is damaged",
        (store: MemoryStore, { id }: Manifest) => store.put(keyOf.manifest("shop", id), Buffer.from("x")),
      ],
      [
        "of a newer Holdfast",
        (store: MemoryStore, { id }: Manifest) => store.put(keyOf.manifest("shop", id), Buffer.from('{"formatVersion":3}')),
      ],
      [
        "that is sealed with a key that the policy lacks",
        async (store: MemoryStore, other: Manifest) => {
          for (const key of [keyOf.manifest("shop", other.id), keyOf.manifestSeal("shop", other.id)]) await store.delete(key);
          await commitSealed(store, other, { ...memorySealing, keys: memoryKeys(8) });
        },
      ],
    ] as const)("%s, one looks for an older first log", async (_, spoil) => {
      const { store, full } = await makeVaultWith(spoil);
      expect(await baseOf(store)).toBe(full.id);
    });

    test("that is deleted while it is looked for, one looks for an older one", async () => {
      const { store, other, full } = await makeVaultWith(() => undefined);
      const deleting: ObjectStore = {
        ...store,
        get: async (key, options) => {
          if (key === keyOf.manifest("shop", other.id)) throw new HoldfastError("ObjectNotFound", "deleted");
          return store.get(key, options);
        },
      };
      expect(await baseOf(deleting)).toBe(full.id);
    });

    test("that cannot be read, nothing can be told", async () => {
      const { store, other, newest } = await makeVaultWith(() => undefined);
      expect(await baseOf(store)).toBe(newest.id);
      const silent = makeFaultyStore(store, [{ operation: "get", key: new RegExp(other.id) }]);
      await expect(baseOf(silent)).rejects.toMatchObject({ name: "StoreUnavailable" });
    });
  });

  test("that cannot go on from the newest, or never does by its rule, stands on another kind", async () => {
    const store = makeMemoryStore();
    const full = (await addLogs(store))[0] as Manifest;
    const incremental = await add(store, "incremental", 3, full);
    expect(await baseOf(store, makeSource(), { anew: true })).toBe(incremental.id);
    expect(await baseOf(store, makeSource({ chains: { log: "latest-full" } }))).toBe(full.id);
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
