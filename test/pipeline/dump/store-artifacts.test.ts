/** Several artifacts at once: bounded, each whole, in the session's order, and all or none. */

import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DumpArtifact, DumpSession } from "../../../src/engines/dump-session.ts";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import type { ReuseBase } from "../../../src/pipeline/dump/reuse-base.ts";
import { storeArtifacts } from "../../../src/pipeline/dump/store-artifacts.ts";
import { digestKeyOf } from "../../../src/sealing/digest-key.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { makeContext } from "../../engines/files/memory-backup.ts";
import { makeMemoryStore } from "../../support/memory-store.ts";
import { memoryKeys } from "../../support/sealed-backups.ts";

const source = "tree";
const backupId = "20261120T020000Z-incremental-aaaaaa";

function makeTarget(store: ObjectStore) {
  const digestKey = digestKeyOf(new Uint8Array(32).fill(1));
  return { store, keys: memoryKeys(), vaultId: "0".repeat(26), source, backupId, digestKey };
}

function artifact(name: string, bytes: AsyncIterable<Buffer> | Iterable<Buffer>): DumpArtifact {
  return { name, role: "part", format: "tar", compress: false, body: Readable.from(bytes, { objectMode: false }) };
}

/** A session that gives these, and knows how many of its bodies were open at once. */
function makeSession(parallel: number | undefined, items: readonly (DumpArtifact | { reuse: string })[]) {
  const seen = { begun: 0, open: 0, max: 0 };
  const session = {
    parallel,
    async *artifacts() {
      for (const item of items) {
        if (!("reuse" in item)) {
          seen.begun++;
          seen.open++;
          seen.max = Math.max(seen.max, seen.open);
          item.body.once("close", () => seen.open--);
        }
        yield item;
      }
    },
  } as unknown as DumpSession;
  return { session, seen };
}

async function* slowly(text: string, ms: number): AsyncGenerator<Buffer> {
  for (const letter of text) {
    await sleep(ms);
    yield Buffer.from(letter);
  }
}

async function* endless(): AsyncGenerator<Buffer> {
  for (;;) {
    await sleep(1);
    yield Buffer.from("x");
  }
}

async function* failing(): AsyncGenerator<Buffer> {
  yield Buffer.from("x");
  throw new HoldfastError("DumpFailed", "the tool died");
}

const baseOf = (...names: string[]): ReuseBase =>
  ({ records: new Map(names.map((name) => [name, { name, reusedFrom: "20261119T020000Z-full-aaaaaa" }])) }) as unknown as ReuseBase;

describe("artifacts of a dump", () => {
  test("are stored so many at once as the session bears, never more, and named in its order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
        fc.array(fc.record({ reused: fc.boolean(), delay: fc.integer({ min: 0, max: 3 }) }), { maxLength: 14 }),
        async (parallel, plan) => {
          const names = plan.map((_, index) => `p-${index}`);
          const items = plan.map(({ reused, delay }, index) => {
            const name = names[index] ?? "";
            return reused ? { reuse: name } : artifact(name, slowly(`${name}!`, delay));
          });
          const { session, seen } = makeSession(parallel, items);
          const store = makeMemoryStore();
          const records = await storeArtifacts(session, makeTarget(store), baseOf(...names), makeContext());
          expect(records.map(({ name }) => name)).toEqual(names);
          expect(seen.max).toBeLessThanOrEqual(Math.min(parallel ?? 1, 8));
          expect(store.objects.size).toBe(plan.filter(({ reused }) => !reused).length);
          for (const record of records) {
            if (record.reusedFrom !== undefined) continue;
            expect(store.objects.get(`artifacts/tree/${backupId}/${record.name}`)?.bytes.length).toBe(record.storedBytes);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test("that wait for one another are all stored: as many as the session says are open together", async () => {
    const both = Promise.withResolvers<void>();
    let begun = 0;
    async function* meeting(): AsyncGenerator<Buffer> {
      if (++begun === 2) both.resolve();
      await both.promise;
      yield Buffer.from("x");
    }
    const { session } = makeSession(2, [artifact("a", meeting()), artifact("b", meeting())]);
    const records = await storeArtifacts(session, makeTarget(makeMemoryStore()), undefined, makeContext());
    expect(records).toHaveLength(2);
  });

  test("are stopped together when one fails, and the first failure is told", async () => {
    const others = [artifact("a", endless()), artifact("c", endless())];
    const { session, seen } = makeSession(4, [others[0], artifact("b", failing()), others[1]] as DumpArtifact[]);
    const store = makeMemoryStore();
    await expect(storeArtifacts(session, makeTarget(store), undefined, makeContext())).rejects.toMatchObject({
      name: "DumpFailed",
      message: "the tool died",
    });
    expect(store.objects.size).toBe(0);
    expect(others[0]?.body.destroyed).toBe(true);
    expect(seen.open).toBeLessThanOrEqual(1);
  });

  test("end with the session's own failure, and no more is asked of it after one", async () => {
    const store = makeMemoryStore();
    const long = artifact("a", endless());
    const died = new HoldfastError("DumpFailed", "the tool died");
    const session = {
      parallel: 2,
      async *artifacts() {
        yield long;
        throw died;
      },
    } as unknown as DumpSession;
    await expect(storeArtifacts(session, makeTarget(store), undefined, makeContext())).rejects.toBe(died);
    expect(long.body.destroyed).toBe(true);
    expect(store.objects.size).toBe(0);
    const broken = artifact("a", failing());
    const next = artifact("b", [Buffer.from("x")]);
    const { session: unasked, seen } = makeSession(1, [broken, next, artifact("c", [Buffer.from("x")])]);
    await expect(storeArtifacts(unasked, makeTarget(store), undefined, makeContext())).rejects.toThrow("the tool died");
    expect(seen.begun).toBe(1);
  });

  test("end with the store's failure where a session fails for the body that it lost", async () => {
    const inner = makeMemoryStore();
    const lost = artifact("b", endless());
    const store: ObjectStore = {
      ...inner,
      async put(key, body, options) {
        if (!key.endsWith("/b")) return inner.put(key, body, options);
        await sleep(5);
        throw new HoldfastError("StoreUnavailable", "the bucket is away");
      },
    };
    const others = [artifact("a", endless()), artifact("c", endless())];
    const session = {
      parallel: 4,
      async *artifacts() {
        yield* [others[0], lost, others[1]];
        await new Promise((resolve) => lost.body.once("close", resolve));
        throw new HoldfastError("DumpFailed", "nobody reads what the tool says");
      },
    } as unknown as DumpSession;
    await expect(storeArtifacts(session, makeTarget(store), undefined, makeContext())).rejects.toMatchObject({
      message: "the bucket is away",
      name: "StoreUnavailable",
    });
    for (const { body } of others) expect(body.destroyed).toBe(true);
  });

  test.each([baseOf("known"), undefined])("that the engine was not offered are refused", async (base) => {
    const { session } = makeSession(2, [{ reuse: "unknown" }]);
    const storing = storeArtifacts(session, makeTarget(makeMemoryStore()), base, makeContext());
    await expect(storing).rejects.toMatchObject({ name: "Internal" });
  });
});
