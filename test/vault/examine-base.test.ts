/** What a backup builds on, as its own manifest says it. */
import { describe, expect, it } from "vitest";
import type { CheckName } from "../../src/vault/backup-state.ts";
import { type BackupEntry, entryOf } from "../../src/vault/catalogue.ts";
import { resolveChains } from "../../src/vault/chains.ts";
import { listEvidence } from "../../src/vault/documents/evidence.ts";
import { commitManifest, type Manifest } from "../../src/vault/documents/manifest.ts";
import { examineBase, followLinks, readBase } from "../../src/vault/examine-base.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { makeFaultyStore } from "../support/faulty-store.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";
import { sampleBase, sampleId, sampleManifest } from "../support/sample-backups.ts";
import { names, signedVault } from "../support/signed-vault.ts";

const now = new Date("2026-12-01T00:00:00Z");
const rules = { incremental: "latest", log: "latest" } as const;
const idOf = (kind: string, index: number): string =>
  sampleId(new Date(Date.UTC(2026, 10, 1, 0, index)).toISOString()).replace("-full-", `-${kind}-`);

/** A full and `count` incrementals, each on the one before it; oldest first. */
async function makeChain(store: MemoryStore, count: number, source = "shop"): Promise<Manifest[]> {
  const chain = [sampleManifest(source, idOf("full", 0))];
  let { sha256 } = await commitManifest(store, chain[0] as Manifest);
  for (let index = 1; index <= count; index += 1) {
    const own = sampleManifest(source, idOf("incremental", index), sampleBase(chain[index - 1]?.id ?? "", sha256));
    chain.push(own);
    ({ sha256 } = await commitManifest(store, own));
  }
  return chain;
}

let minutes = 0;
/** Finds something of a backup, later than all before it. */
async function check(store: MemoryStore, id: string, found: CheckName): Promise<void> {
  minutes += 1;
  await store.put(names.evidence("shop", id, new Date(Date.UTC(2026, 10, 29, 0, minutes)), found), Buffer.from("{}"));
}

/** The entries of these, with the base that the listing takes them to have. */
async function list(store: MemoryStore, manifests: readonly Manifest[]): Promise<readonly BackupEntry[]> {
  const entries: BackupEntry[] = [];
  for (const { source, id } of manifests) {
    const checks = await listEvidence(store, source, id);
    entries.push(entryOf(signedVault(store), { source, id }, { checks, holds: [] }, now) as BackupEntry);
  }
  return resolveChains(entries, rules);
}

const getsOf = (calls: readonly string[]): number => calls.filter((call) => call.startsWith("get manifests/")).length;

describe("the base that a manifest names", () => {
  it("is read by its hash; what stands alone has none", async () => {
    const store = makeMemoryStore();
    const [full, incremental] = (await makeChain(store, 1)) as [Manifest, Manifest];
    expect(await readBase(store, full)).toBeUndefined();
    expect(await readBase(store, incremental)).toMatchObject({ manifest: full, sha256: incremental.base?.manifestSha256 });
  });

  it("is said to be changed, missing or damaged, with both ids", async () => {
    const store = makeMemoryStore();
    const [full, incremental] = (await makeChain(store, 1)) as [Manifest, Manifest];
    const key = keyOf.manifest("shop", full.id);
    const both = `${incremental.id} builds on ${full.id}`;
    await store.delete(key);
    expect(await readBase(store, incremental)).toBe(`${both}, which is missing`);
    await store.put(key, Buffer.from("x"));
    expect(await readBase(store, incremental)).toMatch(new RegExp(`^${both}, whose manifest is damaged: .*is not JSON`));
    await store.delete(key);
    await commitManifest(store, { ...full, policySha256: "another" });
    expect(await readBase(store, incremental)).toMatch(new RegExp(`^${both},.* changed or swapped`));
  });

  it("is not taken for missing or damaged where it cannot be read", async () => {
    const store = makeMemoryStore();
    const [full, incremental] = (await makeChain(store, 1)) as [Manifest, Manifest];
    const silent = makeFaultyStore(store, [{ operation: "get" }]);
    await expect(readBase(silent, incremental)).rejects.toMatchObject({ name: "StoreUnavailable" });
    await store.put(keyOf.manifest("shop", full.id), Buffer.from('{"formatVersion":3}'));
    await expect(readBase(store, incremental)).rejects.toMatchObject({ name: "VaultInvalid" });
  });
});

describe("a backup's standing with the base that its manifest names", () => {
  const examine = async (store: MemoryStore, entry: BackupEntry | undefined, manifest: Manifest | undefined) =>
    examineBase(store, entry as BackupEntry, manifest as Manifest, followLinks());

  it("is its own where it stands alone, whatever the listing took for its base", async () => {
    const store = makeMemoryStore();
    const chain = await makeChain(store, 0);
    const alone = sampleManifest("shop", idOf("incremental", 1));
    await commitManifest(store, alone);
    await check(store, idOf("full", 0), "damaged");
    await check(store, alone.id, "verified");
    const [, entry] = await list(store, [...chain, alone]);
    expect(await examine(store, entry, alone)).toMatchObject({ standing: { state: "verified" } });
    const single = { ...(entry as BackupEntry) };
    Reflect.deleteProperty(single, "own");
    expect((await examine(store, single, alone)).standing).toBe(single);
  });

  it("is the listing's where that took the same base, with the reason where the base is damaged", async () => {
    const store = makeMemoryStore();
    const chain = await makeChain(store, 1);
    const [full, incremental] = chain as [Manifest, Manifest];
    await check(store, incremental.id, "verified");
    const before = await examine(store, (await list(store, chain))[1], incremental);
    expect(before.standing).toMatchObject({ state: "stored" });
    expect(before).not.toHaveProperty("problem");
    await check(store, full.id, "damaged");
    expect(await examine(store, (await list(store, chain))[1], incremental)).toMatchObject({
      standing: { state: "damaged" },
      problem: `it builds on ${full.id}, which is damaged or missing`,
    });
    await check(store, incremental.id, "damaged");
    const own = await examine(store, (await list(store, chain))[1], incremental);
    expect(own.standing).toMatchObject({ state: "damaged" });
    expect(own).not.toHaveProperty("problem");
  });

  it("has no second problem where it is damaged itself and its base is suspicious", async () => {
    const store = makeMemoryStore();
    const chain = await makeChain(store, 1);
    const [full, incremental] = chain as [Manifest, Manifest];
    await check(store, full.id, "suspicious");
    await check(store, incremental.id, "damaged");
    const examined = await examine(store, (await list(store, chain))[1], incremental);
    expect(examined.standing).toMatchObject({ state: "damaged", suspicious: true });
    expect(examined).not.toHaveProperty("problem");
  });

  it.each([
    [undefined, "verified", "stored", undefined],
    ["verified", "verified", "stored", undefined],
    [undefined, "proven", "proven", undefined],
    ["damaged", "proven", "damaged", "which is damaged"],
    ["damaged", "damaged", "damaged", undefined],
  ] as const)("is asked of the real base where the listing took another: %s, itself %s", async (ofBase, own, state, says) => {
    const store = makeMemoryStore();
    const chain = await makeChain(store, 1);
    const [full, incremental] = chain as [Manifest, Manifest];
    if (ofBase !== undefined) await check(store, full.id, ofBase);
    await check(store, incremental.id, own);
    const between = sampleManifest("shop", sampleId("2026-11-01T00:00:30Z"));
    await commitManifest(store, between);
    const entry = (await list(store, [full, between, incremental]))[2];
    expect(entry?.base).toBe(between.id);
    const examined = await examine(store, entry, incremental);
    expect(examined.standing).toMatchObject({ state, suspicious: false });
    expect(examined.problem).toBe(says === undefined ? undefined : `it builds on ${full.id}, ${says}`);
  });

  it.each([0, 1, 2])("is bad where number %i of the chain below it is gone", async (gone) => {
    const store = makeMemoryStore();
    const chain = await makeChain(store, 3);
    const entries = await list(store, chain);
    await store.delete(keyOf.manifest("shop", chain[gone]?.id ?? ""));
    expect(await examine(store, entries[3], chain[3])).toMatchObject({
      standing: { state: "stored" },
      problem: `${chain[gone + 1]?.id} builds on ${chain[gone]?.id}, which is missing`,
    });
  });
});

describe("chains that are long", () => {
  it("are followed a bounded number of links, and a break within these is found", async () => {
    const store = makeMemoryStore();
    const chain = await makeChain(store, 150);
    const last = chain.at(-1) as Manifest;
    const entry = (await list(store, chain)).at(-1) as BackupEntry;
    const counted = makeFaultyStore(store, []);
    const sound = await examineBase(counted, entry, last, followLinks());
    expect(sound).not.toHaveProperty("problem");
    // Its base, and the base's one and hundred more below.
    expect(getsOf(counted.calls)).toBe(102);
    await store.delete(keyOf.manifest("shop", chain[150 - 103]?.id ?? ""));
    expect(await examineBase(store, entry, last, followLinks())).not.toHaveProperty("problem");
    await store.delete(keyOf.manifest("shop", chain[150 - 102]?.id ?? ""));
    expect((await examineBase(store, entry, last, followLinks())).problem).toContain("which is missing");
  });

  it("are read once by all that is examined together, and each backup costs a request of its own at most", async () => {
    const store = makeMemoryStore();
    const chain = await makeChain(store, 20);
    const entries = await list(store, chain);
    for (const order of [[...chain.keys()], [...chain.keys()].reverse()]) {
      const counted = makeFaultyStore(store, []);
      const followed = followLinks();
      for (const index of order) {
        expect(await examineBase(counted, entries[index] as BackupEntry, chain[index] as Manifest, followed)).not.toHaveProperty(
          "problem",
        );
      }
      expect(getsOf(counted.calls)).toBeLessThanOrEqual(20 + 19);
      // From the oldest on, what is below is known already.
      if (order[0] === 0) expect(getsOf(counted.calls)).toBe(20);
    }
  });

  it("lend their breaks to nobody else", async () => {
    const store = makeMemoryStore();
    const [shop, wiki] = [await makeChain(store, 3), await makeChain(store, 3, "wiki")];
    const entries = [...(await list(store, shop)), ...(await list(store, wiki))];
    await store.delete(keyOf.manifest("shop", shop[0]?.id ?? ""));
    const followed = followLinks();
    expect(await examineBase(store, entries[3] as BackupEntry, shop[3] as Manifest, followed)).toHaveProperty("problem");
    expect(await examineBase(store, entries[7] as BackupEntry, wiki[3] as Manifest, followed)).not.toHaveProperty("problem");
    expect(await examineBase(store, entries[2] as BackupEntry, shop[2] as Manifest, followed)).toHaveProperty("problem");
  });
});
