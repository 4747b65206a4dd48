/** What is looked at of a backup that another may build on, and with how many requests. */
import { describe, expect, test } from "vitest";
import type { Engine } from "../../../src/engines/engine.ts";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { type BaseSearch, findDamaged, tryBase } from "../../../src/pipeline/dump/base-candidate.ts";
import type { BackupKind } from "../../../src/policy/policy.ts";
import { encodeManifest, type Manifest } from "../../../src/vault/documents/manifest.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { makeMemoryContext, memorySealing, memoryVault } from "../../support/memory-context.ts";
import { type MemoryStore, makeMemoryStore } from "../../support/memory-store.ts";
import { sampleBase, sampleId, sampleManifest } from "../../support/sample-backups.ts";
import { commitSealed } from "../../support/sealed-backups.ts";
import { names } from "../../support/signed-vault.ts";

const now = new Date("2026-11-20T12:00:00Z");
const idOf = (kind: BackupKind | "log-first", hour: number): string =>
  sampleId(new Date(Date.UTC(2026, 10, 20, hour)).toISOString()).replace("-full-", `-${kind}-`);
const engine = {
  name: "postgres",
  facts: { safeParse: (facts: object) => ({ success: true, data: facts }) },
} as unknown as Engine;

async function add(store: MemoryStore, id: string, base?: Manifest): Promise<Manifest> {
  const manifest = sampleManifest("shop", id, base === undefined ? {} : sampleBase(base.id, encodeManifest(base).sha256));
  const at = { at: manifest.startedAt };
  const covering = { ...manifest, coverage: base === undefined ? { to: at } : { from: base.coverage.to, to: at } };
  await commitSealed(store, covering, memorySealing);
  return covering;
}

/** A full of hour 0, and logs of the hours 1 to 4 on it. */
async function makeLogs(): Promise<{ store: MemoryStore; ids: string[] }> {
  const store = makeMemoryStore();
  const chain = [await add(store, idOf("full", 0))];
  for (let hour = 1; hour <= 4; hour += 1) {
    chain.push(await add(store, idOf(hour === 1 ? "log-first" : "log", hour), chain.at(-1)));
  }
  return { store, ids: chain.map(({ id }) => id) };
}

const find = (store: MemoryStore, id: string, check: "verified" | "damaged") =>
  store.put(names.evidence("shop", id, new Date("2026-11-20T11:00:00Z"), check), Buffer.from("{}"));

function searchIn(store: ObjectStore): BaseSearch & { warnings: string[] } {
  const { context, warnings } = makeMemoryContext({ now, engine });
  return { context, vault: memoryVault(store), engine, spoilt: new Set(), warnings };
}

const placeOf = (id: string) => ({ source: "shop", id, startedAt: now });

describe("the evidence of many", () => {
  test("is listed once for logs, from the oldest to the newest of them, and by itself for each of the others", async () => {
    const { store, ids } = await makeLogs();
    for (const id of ids) await find(store, id, "verified");
    const later = names.evidence("shop", idOf("log", 5), now, "verified");
    await store.put(later, Buffer.from("{}"));
    await store.put(names.evidence("shop", idOf("log", 6), now, "verified"), Buffer.from("{}"));
    let given = 0;
    const counted = makeFaultyStore(
      {
        ...store,
        async *list(prefix, options) {
          for await (const object of store.list(prefix, options)) {
            given += 1;
            yield object;
          }
        },
      },
      [],
    );
    const [full, first, second, third] = ids as [string, string, string, string];
    expect(await findDamaged(searchIn(counted), "shop", [third, full, second, first])).toBeUndefined();
    expect(counted.calls).toEqual([`list ${keyOf.evidencePrefix("shop", full)}`, "list evidence/shop/"]);
    // The full's own, those of the three logs, and the first of a newer one.
    expect(given).toBe(5);
  });

  test("is listed by itself for one log", async () => {
    const { store, ids } = await makeLogs();
    const counted = makeFaultyStore(store, []);
    const [full, first] = ids as [string, string];
    await findDamaged(searchIn(counted), "shop", [first, full]);
    expect(counted.calls).toEqual([first, full].map((id) => `list ${keyOf.evidencePrefix("shop", id)}`));
    expect(await findDamaged(searchIn(counted), "shop", [])).toBeUndefined();
    expect(counted.calls).toHaveLength(2);
  });

  test.each([0, 1, 2, 3, 4])("tells which is damaged, the first in the order that was asked: %i of five", async (place) => {
    const { store, ids } = await makeLogs();
    for (const id of ids) await find(store, id, "verified");
    const damaged = ids[place] ?? "";
    await store.put(names.evidence("shop", damaged, now, "damaged"), Buffer.from("{}"));
    const asked = [...ids].reverse();
    expect(await findDamaged(searchIn(store), "shop", asked)).toBe(damaged);
    await store.put(names.evidence("shop", ids[1] ?? "", now, "disproven"), Buffer.from("{}"));
    expect(await findDamaged(searchIn(store), "shop", asked)).toBe(place > 1 ? damaged : ids[1]);
    expect(await findDamaged(searchIn(store), "shop", ids)).toBe(place === 0 ? damaged : ids[1]);
  });
});

describe("a candidate", () => {
  test("is none where something below it is damaged; all above that are known to be spoilt, and asked for no more", async () => {
    const { store, ids } = await makeLogs();
    const [full, first, second, third, fourth] = ids as [string, string, string, string, string];
    await find(store, second, "damaged");
    const counted = makeFaultyStore(store, []);
    const search = searchIn(counted);
    expect(await tryBase(search, placeOf(fourth))).toBeUndefined();
    expect([...search.spoilt].sort()).toEqual([second, third, fourth].sort());
    const asked = counted.calls.length;
    for (const id of [third, second, fourth]) expect(await tryBase(search, placeOf(id))).toBeUndefined();
    expect(counted.calls).toHaveLength(asked);
    expect(search.skippedAt).toBeUndefined();
    expect((await tryBase(search, placeOf(first)))?.record.id).toBe(first);
    expect((await tryBase(search, placeOf(full)))?.manifest.id).toBe(full);
  });

  test("that is deleted while it is looked at is none, which is said and is no damage", async () => {
    const { store, ids } = await makeLogs();
    const [full] = ids as [string];
    const deleting: ObjectStore = {
      ...store,
      get: async (key, options) => {
        if (key === keyOf.manifest("shop", full)) throw new HoldfastError("ObjectNotFound", "deleted");
        return store.get(key, options);
      },
    };
    const search = searchIn(deleting);
    expect(await tryBase(search, placeOf(full))).toBeUndefined();
    expect(search.skippedAt).toEqual(now);
    expect(search.warnings).toEqual([expect.stringContaining(`${full} is not built on: `)]);
    expect([...store.objects.keys()].filter((key) => key.startsWith("evidence/"))).toEqual([]);
  });
});
