import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { mapInBatches } from "../../src/runtime/map-in-batches.ts";

test("gives what was made of each item, in their order, of eight at once and never more", async () => {
  const property = fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 30 }), async (turns) => {
    let [underWay, max] = [0, 0];
    const made = await mapInBatches(turns, async (count) => {
      max = Math.max(max, ++underWay);
      for (let left = count; left > 0; left -= 1) await turn();
      underWay -= 1;
      return `${count} turns`;
    });
    expect(made).toEqual(turns.map((count) => `${count} turns`));
    expect(max).toBe(Math.min(8, turns.length));
  });
  await fc.assert(property);
});

test("begins nothing more after a failure or an interruption", async () => {
  const items = Array.from({ length: 20 }, (_, index) => index);
  for (const how of ["fails", "aborts"]) {
    const controller = new AbortController();
    const begun: number[] = [];
    const work = async (item: number) => {
      begun.push(item);
      if (item !== 9) return;
      if (how === "fails") throw new Error("stop");
      controller.abort(new Error("stop"));
    };
    await expect(mapInBatches(items, work, controller.signal)).rejects.toThrow("stop");
    expect(begun).toEqual(items.slice(0, 16));
  }
  await expect(mapInBatches(items, async () => undefined, AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
});
