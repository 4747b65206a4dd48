import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findBackup, findNewest, walkBack } from "../../src/vault/find-backup.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { makeFaultyStore } from "../support/faulty-store.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";
import { sampleId } from "../support/sample-backups.ts";
import { signedVault } from "../support/signed-vault.ts";

const dayMs = 86_400_000;
const now = new Date("2026-11-20T12:00:00Z");
const anything = Buffer.from("x");

async function storeOf(sources: Readonly<Record<string, readonly string[]>>): Promise<MemoryStore> {
  const store = makeMemoryStore();
  for (const [source, ids] of Object.entries(sources)) {
    for (const id of ids) await store.put(keyOf.manifest(source, id), anything);
  }
  return store;
}

/**
 * Ages from the future (behind a clock that was wrong) to years ago; many near the windows' ends.
 */
const age = fc.oneof(
  fc.double({ min: -3, max: 5, noNaN: true }),
  fc.double({ min: 95, max: 105, noNaN: true }),
  fc.double({ min: 0, max: 4000, noNaN: true }),
);
const history = fc
  .uniqueArray(age, { maxLength: 12 })
  .map((ages) =>
    [...new Set(ages.map((days, suffix) => sampleId(new Date(now.getTime() - days * dayMs).toISOString(), suffix)))].sort(),
  );
describe("looking back for a backup", () => {
  it("finds what a listing of everything finds", async () => {
    await fc.assert(
      fc.asyncProperty(history, history, async (ids, others) => {
        const store = await storeOf({ shop: ids, "shop-b": others });
        expect((await findNewest(store, "shop", now))?.id).toBe(ids.at(-1));
        const walked: string[] = [];
        for await (const { id } of walkBack(store, "shop", now)) walked.push(id);
        expect(walked).toEqual(ids.toReversed());
      }),
      { numRuns: 300 },
    );
  });

  it("reads few keys of a source of any age", async () => {
    const ids = Array.from({ length: 3000 }, (_, hours) => sampleId(new Date(now.getTime() - hours * 3_600_000).toISOString()));
    const store = await storeOf({ shop: ids });
    let [calls, keys] = [0, 0];
    const counted = {
      ...store,
      async *list(...given: Parameters<typeof store.list>) {
        calls += 1;
        for await (const object of store.list(...given)) {
          keys += 1;
          yield object;
        }
      },
    };
    expect((await findNewest(counted, "shop", now))?.id).toBe(ids[0]);
    expect(calls).toBe(1);
    expect(keys).toBe(3);
  });
});

describe("looking back for a backup of a kind", () => {
  it("finds the newest of that kind among thousands of others, and none where there is none", async () => {
    const logs = Array.from({ length: 4000 }, (_, minutes) =>
      sampleId(new Date(now.getTime() - minutes * 60_000).toISOString()).replace("-full-", "-log-"),
    );
    const full = sampleId("2026-11-19T02:00:00Z");
    const store = await storeOf({ shop: [sampleId("2026-11-18T02:00:00Z"), full, ...logs] });
    expect((await findNewest(store, "shop", now, "full"))?.id).toBe(full);
    expect((await findNewest(store, "shop", now, "log"))?.id).toBe(logs[0]);
    expect((await findNewest(store, "shop", now))?.id).toBe(logs[0]);
    expect(await findNewest(store, "shop", now, "incremental")).toBeUndefined();
  });
});

describe("finding a backup by its id", () => {
  it("lists no more than what begins so, in each source", async () => {
    const id = sampleId("2026-11-19T02:00:00Z");
    const counted = makeFaultyStore(await storeOf({ a: [sampleId("2026-11-18T02:00:00Z")], shop: [id], wiki: [] }), []);
    expect(await findBackup(signedVault(counted), id.slice(0, 10), now)).toMatchObject({ source: "shop", id });
    expect(counted.calls.filter((call) => call.startsWith("list manifests/"))).toEqual([
      "list manifests/",
      "list manifests/a/20261119T0",
      "list manifests/",
      "list manifests/shop/20261119T0",
      "list manifests/",
    ]);
    const own = makeFaultyStore(counted, []);
    expect((await findBackup(signedVault(own), `shop/${id}`, now)).id).toBe(id);
    expect(own.calls.filter((call) => call.startsWith("list manifests/"))).toEqual([`list manifests/shop/${id}`]);
  });
});
