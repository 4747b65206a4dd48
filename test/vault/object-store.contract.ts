/**
 * What every adapter of the ObjectStore port must do; each adapter's test file calls this with its
 * own factory.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { collect, patternedBytes, toList } from "../support/streams.ts";

export interface StoreUnderTest {
  readonly store: ObjectStore;
  /** Another client of the same place, for races. */
  readonly other: ObjectStore;
  /** What uploads left behind: partial files, incomplete multipart uploads. */
  countLeftovers(): Promise<number>;
  dispose(): Promise<void>;
}

export interface ContractOptions {
  /** Larger than one part or buffer of the adapter. */
  readonly largeBytes: number;
}

const bytesOf = (text: string) => Buffer.from(text);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

export function testObjectStore(name: string, open: () => Promise<StoreUnderTest>, { largeBytes }: ContractOptions): void {
  describe(`${name} as an object store`, () => {
    let place: StoreUnderTest;
    let store: ObjectStore;
    beforeEach(async () => {
      place = await open();
      store = place.store;
    });
    afterEach(async () => {
      await place.dispose();
    });

    const read = async (key: string): Promise<Buffer> => collect((await store.get(key)).body);
    const keys = async (prefix: string, options?: { startAfter?: string }): Promise<string[]> =>
      (await toList(store.list(prefix, options))).map(({ key }) => key);

    it("has abilities to lock, or refuses a lock and stores nothing", async () => {
      const retainUntil = new Date(Date.now() + 60_000);
      if (store.locks !== undefined) {
        await expect(store.locks.extendRetention("gone", retainUntil)).rejects.toMatchObject({ name: "ObjectNotFound" });
        await expect(store.locks.legalHold("gone", true)).rejects.toMatchObject({ name: "ObjectNotFound" });
        return;
      }
      await expect(store.put("locked", bytesOf("x"), { retainUntil })).rejects.toMatchObject({ name: "VaultInvalid" });
      expect(await store.head("locked")).toBeUndefined();
    });

    describe("put and get", () => {
      it.each([0, 1, 65_536, 1_048_576, 1_048_577])("gives back %i bytes from an array", async (size) => {
        const bytes = await collect(patternedBytes(size, size));
        const put = await store.put("a/object", bytes);
        expect(put.bytes).toBe(size);
        const { object, body } = await store.get("a/object");
        expect(sha256(await collect(body))).toBe(sha256(bytes));
        expect(object).toMatchObject({ key: "a/object", bytes: size, etag: put.etag });
        expect(await store.head("a/object")).toEqual(object);
        expect(Math.abs(object.modifiedAt.getTime() - Date.now())).toBeLessThan(120_000);
      });

      it("gives back a stream that is larger than any buffer, byte for byte", async () => {
        const expected = createHash("sha256");
        async function* body(): AsyncGenerator<Uint8Array> {
          for await (const chunk of patternedBytes(largeBytes, 7)) {
            expected.update(chunk);
            yield chunk;
          }
        }
        const put = await store.put("large", body(), { ifAbsent: true });
        expect(put.bytes).toBe(largeBytes);
        const { object, body: stored } = await store.get("large");
        const actual = createHash("sha256");
        for await (const chunk of stored as AsyncIterable<Uint8Array>) actual.update(chunk);
        expect(actual.digest("hex")).toBe(expected.digest("hex"));
        expect(object).toMatchObject({ bytes: largeBytes, etag: put.etag });
        expect(await place.countLeftovers()).toBe(0);
      });

      it("takes streams with empty chunks, tiny chunks and no chunks", async () => {
        async function* odd(): AsyncGenerator<Uint8Array> {
          yield new Uint8Array(0);
          for (const letter of "holdfast") yield bytesOf(letter);
          yield new Uint8Array(0);
        }
        async function* none(): AsyncGenerator<Uint8Array> {}
        await store.put("odd", odd());
        await store.put("none", none());
        expect(await read("odd")).toEqual(bytesOf("holdfast"));
        expect(await read("none")).toEqual(Buffer.alloc(0));
      });

      it("gives back ranges, inclusive at both ends", async () => {
        for (const size of [10, 2_000_000]) {
          const bytes = await collect(patternedBytes(size, 3));
          await store.put("ranged", bytes);
          for (const range of [
            { start: 0, end: 0 },
            { start: 3, end: 7 },
            { start: size - 1, end: size - 1 },
            { start: 1, end: size - 1 },
            { start: 4, end: size + 100 },
          ]) {
            const { object, body } = await store.get("ranged", { range });
            expect(sha256(await collect(body))).toBe(sha256(bytes.subarray(range.start, range.end + 1)));
            expect(object.bytes).toBe(size);
          }
        }
      });

      it("overwrites when no condition is given", async () => {
        const first = await store.put("again", bytesOf("one"));
        const second = await store.put("again", bytesOf("two"));
        expect(second.etag).not.toBe(first.etag);
        expect(await read("again")).toEqual(bytesOf("two"));
      });

      it("knows no object that was never put", async () => {
        expect(await store.head("nothing/here")).toBeUndefined();
        await expect(store.get("nothing/here")).rejects.toMatchObject({ name: "ObjectNotFound" });
      });

      it("keeps an object that stands beside a longer key", async () => {
        await store.put("a.json", bytesOf("1"));
        await store.put("a/b.json", bytesOf("2"));
        expect(await read("a.json")).toEqual(bytesOf("1"));
        expect(await keys("")).toEqual(["a.json", "a/b.json"]);
      });

      it("takes names with spaces, quotes, plus, percent and letters of all scripts", async () => {
        const odd = ["a b", "a+b", "a%2Fb", "it's", 'say "x"', "ünïcödé", "日本", "🦭", "x&y<z>"].map((name) => `odd/${name}`);
        for (const key of odd) await store.put(key, bytesOf(key));
        for (const key of odd) expect((await read(key)).toString()).toBe(key);
        const sorted = odd.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(await keys("odd/")).toEqual(sorted);
      });

      it.each(["", "/a", "a/", "a//b", "../a", "a/../b", "./a", "a/.", "a\0b", "a\nb", ".partial/a", "x".repeat(1025)])(
        "refuses the key %j",
        async (key) => {
          for (const call of [
            () => store.put(key, bytesOf("x")),
            () => store.get(key),
            () => store.head(key),
            () => store.delete(key),
          ]) {
            await expect((async () => call())()).rejects.toMatchObject({ name: "VaultInvalid" });
          }
        },
      );
    });

    describe("conditions", () => {
      it("creates only where nothing is", async () => {
        await store.put("once", bytesOf("first"), { ifAbsent: true });
        await expect(store.put("once", bytesOf("second"), { ifAbsent: true })).rejects.toMatchObject({ name: "ObjectExists" });
        await expect(store.put("once", patternedBytes(largeBytes, 1), { ifAbsent: true })).rejects.toMatchObject({
          name: "ObjectExists",
        });
        expect(await read("once")).toEqual(bytesOf("first"));
        expect(await place.countLeftovers()).toBe(0);
      });

      it("replaces only the version that is named", async () => {
        const { etag } = await store.put("versioned", bytesOf("1"));
        const next = await store.put("versioned", bytesOf("2"), { ifMatch: etag });
        await expect(store.put("versioned", bytesOf("3"), { ifMatch: etag })).rejects.toMatchObject({ name: "StoreConflict" });
        expect(await read("versioned")).toEqual(bytesOf("2"));
        await store.put("versioned", bytesOf("4"), { ifMatch: next.etag });
        await store.delete("versioned");
        await expect(store.put("versioned", bytesOf("5"), { ifMatch: next.etag })).rejects.toMatchObject({ name: "StoreConflict" });
        expect(await store.head("versioned")).toBeUndefined();
      });

      it("lets exactly one of racing creators win, and the object is the winner's", async () => {
        for (let round = 0; round < 5; round += 1) {
          const key = `race/create-${round}`;
          const writers = Array.from({ length: 8 }, (_, index) => ({ index, through: index % 2 === 0 ? store : place.other }));
          const outcomes = await Promise.allSettled(
            writers.map(({ index, through }) => through.put(key, bytesOf(`writer ${index}`), { ifAbsent: true })),
          );
          const winners = outcomes.flatMap((outcome, index) => (outcome.status === "fulfilled" ? [index] : []));
          expect(winners).toHaveLength(1);
          for (const outcome of outcomes) {
            if (outcome.status === "rejected") expect(["ObjectExists", "StoreConflict"]).toContain(outcome.reason.name);
          }
          expect((await read(key)).toString()).toBe(`writer ${winners[0]}`);
        }
      });

      it("lets exactly one of racing replacers win", async () => {
        let { etag } = await store.put("race/replace", bytesOf("start"));
        for (let round = 0; round < 5; round += 1) {
          const outcomes = await Promise.allSettled(
            Array.from({ length: 8 }, (_, index) =>
              (index % 2 === 0 ? store : place.other).put("race/replace", bytesOf(`${round} ${index}`), { ifMatch: etag }),
            ),
          );
          const winners = outcomes.filter((outcome) => outcome.status === "fulfilled");
          expect(winners).toHaveLength(1);
          expect(outcomes.every((outcome) => outcome.status === "fulfilled" || outcome.reason.name === "StoreConflict")).toBe(true);
          etag = winners[0]?.value.etag ?? "";
          expect((await store.head("race/replace"))?.etag).toBe(etag);
        }
      });
    });

    describe("failures", () => {
      it.each([0, 100, 1])("leaves nothing when the body fails after %i bytes (1: after all but the last part)", async (after) => {
        const failure = new HoldfastError("DumpFailed", "the tool died");
        async function* failing(): AsyncGenerator<Uint8Array> {
          if (after === 1) yield* patternedBytes(largeBytes, 1);
          else if (after > 0) yield Buffer.alloc(after);
          throw failure;
        }
        await expect(store.put("failing", failing(), { ifAbsent: true })).rejects.toBe(failure);
        expect(await store.head("failing")).toBeUndefined();
        expect(await keys("")).toEqual([]);
        expect(await place.countLeftovers()).toBe(0);
      });

      it("keeps the old object when the body of its replacement fails", async () => {
        await store.put("kept", bytesOf("old"));
        async function* failing(): AsyncGenerator<Uint8Array> {
          yield* patternedBytes(largeBytes, 1);
          throw new Error("broken");
        }
        await expect(store.put("kept", failing())).rejects.toThrow("broken");
        expect(await read("kept")).toEqual(bytesOf("old"));
      });

      it("stops at once when told to, even while the body is silent, and leaves nothing", async () => {
        for (const before of [0, largeBytes]) {
          const controller = new AbortController();
          const reason = new HoldfastError("LeaseLost", "the lease was lost");
          const silence = Promise.withResolvers<never>();
          let stopped = false;
          async function* body(): AsyncGenerator<Uint8Array> {
            try {
              yield* patternedBytes(before, 1);
              setTimeout(() => controller.abort(reason), 20);
              await silence.promise;
            } finally {
              stopped = true;
            }
          }
          const putting = store.put("aborted", body(), { signal: controller.signal });
          await expect(putting).rejects.toBe(reason);
          expect(await store.head("aborted")).toBeUndefined();
          expect(await place.countLeftovers()).toBe(0);
          silence.reject(new Error("released by the test"));
          await sleep(10);
          expect(stopped).toBe(true);
        }
      });

      it("does not begin when it was told to stop before", async () => {
        const signal = AbortSignal.abort(new HoldfastError("Interrupted", "stop"));
        await expect(store.put("never", bytesOf("x"), { signal })).rejects.toMatchObject({ name: "Interrupted" });
        expect(await store.head("never")).toBeUndefined();
        await store.put("there", bytesOf("x"));
        await expect(store.get("there", { signal })).rejects.toMatchObject({ name: "Interrupted" });
        await expect(toList(store.list("", { signal })).then((list) => list.length)).rejects.toMatchObject({ name: "Interrupted" });
      });

      it("stops a reading when told to", async () => {
        await store.put("long", patternedBytes(largeBytes, 1));
        const controller = new AbortController();
        const { body } = await store.get("long", { signal: controller.signal });
        const reading = (async () => {
          for await (const chunk of body as AsyncIterable<Uint8Array>) {
            expect(chunk.length).toBeGreaterThan(0);
            controller.abort(new HoldfastError("Interrupted", "stop reading"));
          }
        })();
        await expect(reading).rejects.toMatchObject({ name: "Interrupted" });
      });

      it("lets go of a body that is not read", async () => {
        await store.put("unread", patternedBytes(largeBytes, 1));
        for (let index = 0; index < 40; index += 1) (await store.get("unread")).body.destroy();
        expect((await read("unread")).length).toBe(largeBytes);
      });
    });

    describe("list and delete", () => {
      it("lists by the bytes of the keys, across what a folder has as directories", async () => {
        const unsorted = ["b", "a/2", "a/10", "a.x", "a-x", "a", "a0", "A", "a/1/z", "a/1.z", "a/1-z", "ab/c"].filter(
          (key) => key !== "a",
        );
        for (const key of unsorted) await store.put(key, bytesOf(key));
        const sorted = unsorted.toSorted();
        expect(await keys("")).toEqual(sorted);
        expect(await keys("a/")).toEqual(sorted.filter((key) => key.startsWith("a/")));
        expect(await keys("a/1")).toEqual(sorted.filter((key) => key.startsWith("a/1")));
        expect(await keys("a")).toEqual(sorted.filter((key) => key.startsWith("a")));
        expect(await keys("none/")).toEqual([]);
        for (const startAfter of ["", "a", "a/1", "a/1/z", "a/1/zz", "a/9", "a0", "b", "zzz"]) {
          expect(await keys("", { startAfter })).toEqual(sorted.filter((key) => startAfter === "" || key > startAfter));
          expect(await keys("a/", { startAfter })).toEqual(
            sorted.filter((key) => key.startsWith("a/") && (startAfter === "" || key > startAfter)),
          );
        }
      });

      it("gives sizes and times", async () => {
        await store.put("sized", Buffer.alloc(123));
        const [object] = await toList(store.list("sized"));
        expect(object).toMatchObject({ key: "sized", bytes: 123 });
        expect(Math.abs((object?.modifiedAt.getTime() ?? 0) - Date.now())).toBeLessThan(120_000);
      });

      it("pages through more keys than one answer holds, and may be left early", async () => {
        const many = Array.from({ length: 1100 }, (_, index) => `many/${String(index).padStart(5, "0")}`);
        for (let index = 0; index < many.length; index += 50) {
          await Promise.all(many.slice(index, index + 50).map((key) => store.put(key, bytesOf("x"))));
        }
        expect(await keys("many/")).toEqual(many);
        expect(await keys("many/", { startAfter: "many/01050" })).toEqual(many.slice(1051));
        for await (const { key } of store.list("many/")) {
          expect(key).toBe("many/00000");
          break;
        }
      });

      it("survives deletions while it lists", async () => {
        const some = Array.from({ length: 20 }, (_, index) => `some/${String(index).padStart(2, "0")}/x`);
        for (const key of some) await store.put(key, bytesOf("x"));
        for await (const { key } of store.list("some/")) await store.delete(key);
        expect(await keys("")).toEqual([]);
      });

      it("deletes, also what is not there", async () => {
        await store.put("gone/x", bytesOf("x"));
        await store.delete("gone/x");
        await store.delete("gone/x");
        await store.delete("never/there");
        expect(await store.head("gone/x")).toBeUndefined();
        await store.put("gone/x", bytesOf("back"), { ifAbsent: true });
        expect(await read("gone/x")).toEqual(bytesOf("back"));
      });
    });
  });
}
