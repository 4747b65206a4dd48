/**
 * The erasure ledger: who may add to it, what it notices, and that nothing made or changed by
 * others counts.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { appendErasures, type ErasureFacts, findById, readErasures } from "../../src/vault/erasure-ledger.ts";
import { keyOf } from "../../src/vault/layout.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";
import { signedVault, signerOf, testSigner } from "../support/signed-vault.ts";
import { toList } from "../support/streams.ts";

const now = new Date("2026-12-01T00:00:00Z");
const until = new Date("2033-12-01T00:00:00Z");

const factsOf = (id: string): ErasureFacts => ({
  id,
  recordedAt: "2026-11-30T00:00:00.000Z",
  holdfastVersion: "0",
  sealed: Buffer.from(`content of ${id}`).toString("base64"),
});

const append = (store: ObjectStore, ids: readonly string[], source = "shop", signer = testSigner) =>
  appendErasures(signedVault(store), source, ids.map(factsOf), signer, until);

async function read(store: ObjectStore, source = "shop") {
  const items = await toList(readErasures(signedVault(store), source, now));
  return {
    ids: items.flatMap((item) => ("problem" in item ? [] : [item.entry.id])),
    problems: items.flatMap((item) => ("problem" in item ? [`${item.key} ${item.problem}`] : [])),
  };
}

async function makeLedger(count: number): Promise<MemoryStore> {
  const store = makeMemoryStore(() => now);
  await append(
    store,
    Array.from({ length: count }, (_, index) => `id-${index + 1}`),
  );
  return store;
}

function objectOf(store: MemoryStore, number: number) {
  const object = store.objects.get(keyOf.erasure("shop", number));
  if (object === undefined) throw new Error(`no entry ${number}`);
  return object;
}

describe("the erasure ledger", () => {
  it("is a chain for each source, whole and locked where the vault locks", async () => {
    const store = makeMemoryStore(() => now, { locks: true });
    await append(store, ["a", "b"]);
    await append(store, ["c"], "other");
    await append(store, ["d"]);
    expect(await read(store)).toEqual({ ids: ["a", "b", "d"], problems: [] });
    expect(await read(store, "other")).toEqual({ ids: ["c"], problems: [] });
    const entries = [...store.objects].filter(([key]) => key.startsWith("erasures/")).sort();
    expect(entries.map(([key]) => key)).toEqual([
      "erasures/other/0000000001.json",
      "erasures/shop/0000000001.json",
      "erasures/shop/0000000002.json",
      "erasures/shop/0000000003.json",
    ]);
    expect(entries.map(([, { lock }]) => lock?.until)).toEqual([until, until, until, until]);
  });

  it("gives each of several writers at once entries of their own", async () => {
    const store = makeMemoryStore(() => now);
    await Promise.all(Array.from({ length: 8 }, (_, writer) => append(store, [`${writer}.1`, `${writer}.2`])));
    const { ids, problems } = await read(store);
    expect(problems).toEqual([]);
    expect(ids.toSorted()).toEqual(Array.from({ length: 8 }, (_, writer) => [`${writer}.1`, `${writer}.2`]).flat());
  });

  it("finds an entry by its id, and is not misled by a pointer that others wrote", async () => {
    const store = await makeLedger(3);
    const vault = signedVault(store);
    expect((await findById(vault, "shop", "id-2"))?.number).toBe(2);
    expect(await findById(vault, "shop", "unknown")).toBeUndefined();
    expect(await findById(vault, "other", "id-2")).toBeUndefined();
    const pointer = [...store.objects.keys()].filter((key) => key.startsWith("erasure-ids/shop/"));
    expect(pointer).toHaveLength(3);
    for (const bytes of [
      '{"formatVersion":2,"number":1}',
      '{"formatVersion":2,"number":99}',
      '{"formatVersion":2,"number":0}',
      "x",
      "{}",
    ]) {
      for (const key of pointer) await store.put(key, Buffer.from(bytes));
      const found = await Promise.all(["id-2", "id-3"].map((id) => findById(vault, "shop", id)));
      expect(found, bytes).toEqual([undefined, undefined]);
    }
  });

  it("notices any one change of what was written; what others made counts for nothing, and it goes on after it", async () => {
    const number = fc.integer({ min: 1, max: 5 });
    const tamper = fc.oneof(
      fc.record({ what: fc.constant("bit" as const), number, at: fc.nat(), bit: fc.nat(7) }),
      // The last entry cut off leaves a shorter ledger that is whole (docs/threat-model.md).
      fc.record({ what: fc.constant("deleted" as const), number: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ what: fc.constant("copied" as const), number, to: fc.integer({ min: 1, max: 7 }) }),
      fc.record({ what: fc.constant("planted" as const), to: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ what: fc.constant("of another source" as const), to: fc.integer({ min: 1, max: 7 }) }),
      fc.record({
        what: fc.constant("bytes" as const),
        to: fc.integer({ min: 1, max: 7 }),
        bytes: fc.uint8Array({ maxLength: 200 }),
      }),
    );
    const [five, forged, other] = [await makeLedger(5), makeMemoryStore(() => now), makeMemoryStore(() => now)];
    const genuine = (await read(five)).ids;
    await append(forged, ["planted"], "shop", signerOf(99));
    await append(other, ["elsewhere"], "other");
    await fc.assert(
      fc.asyncProperty(tamper, async (change) => {
        const store = makeMemoryStore(() => now);
        for (const [key, { bytes }] of five.objects) await store.put(key, bytes);
        const put = (to: number, bytes: Uint8Array) => store.put(keyOf.erasure("shop", to), bytes);
        if (change.what === "bit") {
          const bytes = Buffer.from(objectOf(store, change.number).bytes);
          const at = change.at % bytes.length;
          bytes[at] = (bytes[at] ?? 0) ^ (1 << change.bit);
          await put(change.number, bytes);
        } else if (change.what === "deleted") store.objects.delete(keyOf.erasure("shop", change.number));
        else if (change.what === "copied") {
          fc.pre(change.to !== change.number);
          await put(change.to, objectOf(five, change.number).bytes);
        } else if (change.what === "planted") await put(change.to, objectOf(forged, 1).bytes);
        else if (change.what === "bytes") await put(change.to, change.bytes);
        else await put(change.to, other.objects.get(keyOf.erasure("other", 1))?.bytes ?? Buffer.alloc(0));
        const found = await read(store);
        expect(found.problems).not.toEqual([]);
        for (const id of found.ids) expect(genuine).toContain(id);
        await append(store, ["afterwards"]);
        expect((await read(store)).ids.at(-1)).toBe("afterwards");
      }),
      { numRuns: 100 },
    );
  });
});
