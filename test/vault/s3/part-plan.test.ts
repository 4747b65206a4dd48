import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makePartBuffers } from "../../../src/vault/s3/part-buffers.ts";
import { largestPartBytes, memoryBudgetBytes, planParts, smallestPartBytes } from "../../../src/vault/s3/part-plan.ts";

const gibibyte = 1024 ** 3;

/** How many parts, and how much memory at most, a stream of this size takes. */
function simulate(plan: ReturnType<typeof planParts>, streamBytes: number): { parts: number; peakBytes: number } {
  let index = 0;
  let peakBytes = 0;
  for (let left = streamBytes; left > 0; index += 1) {
    const size = plan.partBytes(index);
    peakBytes = Math.max(peakBytes, size * (plan.concurrency(size) + 1));
    left -= size;
  }
  return { parts: index, peakBytes };
}

describe("the plan of parts", () => {
  it("holds 5 TiB in 10,000 parts, as S3 allows them", () => {
    const plan = planParts(10_000);
    expect(plan.capacityBytes).toBeGreaterThanOrEqual(5 * 1024 * gibibyte);
    expect(plan.capacityBytes).toBeLessThan(5.1 * 1024 * gibibyte);
    expect(simulate(plan, 5 * 1024 * gibibyte).parts).toBeLessThanOrEqual(10_000);
    expect(plan.partBytes(0)).toBe(8 * 1024 * 1024);
    expect(plan.partBytes(9_999)).toBeLessThan(2 * gibibyte);
  });

  it("keeps to its memory for all streams of up to 100 GiB, and to one part beyond", () => {
    const plan = planParts(10_000);
    for (const size of [1, 8, 24, 86, 100])
      expect(simulate(plan, size * gibibyte).peakBytes).toBeLessThanOrEqual(memoryBudgetBytes);
    expect(simulate(plan, 1024 * gibibyte).peakBytes).toBeLessThan(gibibyte);
  });

  it("goes as far as 5 GiB a part allow where 1,000 parts are the limit", () => {
    const plan = planParts(1_000);
    expect(plan.partBytes(999)).toBe(largestPartBytes);
    expect(plan.capacityBytes).toBeGreaterThan(1.4 * 1024 * gibibyte);
  });

  it("takes equal parts where a provider demands them", () => {
    const plan = planParts(10_000, { equalParts: true });
    expect(new Set([0, 1, 5_000, 9_999].map((index) => plan.partBytes(index))).size).toBe(1);
    expect(plan.concurrency(plan.partBytes(0))).toBeGreaterThanOrEqual(1);
    expect(plan.capacityBytes).toBeGreaterThan(460 * gibibyte);
  });

  it("never shrinks, never leaves S3's limits, never needs more than the budget while parts are within it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.nat(9_999), (partsLimit, at) => {
        const plan = planParts(partsLimit);
        const index = at % partsLimit;
        const size = plan.partBytes(index);
        expect(size).toBeGreaterThanOrEqual(smallestPartBytes);
        expect(size).toBeLessThanOrEqual(largestPartBytes);
        expect(size % (1024 * 1024)).toBe(0);
        if (index > 0) expect(size).toBeGreaterThanOrEqual(plan.partBytes(index - 1));
        const parts = plan.concurrency(size) + 1;
        if (size <= memoryBudgetBytes) expect(parts * size).toBeLessThanOrEqual(memoryBudgetBytes);
        else expect(parts).toBe(1);
        expect(plan.capacityBytes).toBeGreaterThanOrEqual(partsLimit * plan.partBytes(0) * 0.999);
      }),
      { numRuns: 300 },
    );
  });
});

describe("the parts' buffers", () => {
  it("are used again, and given back at once when parts outgrow them", () => {
    const buffers = makePartBuffers();
    const first = buffers.take(1000);
    buffers.give(first);
    const second = buffers.take(1000);
    expect(second.buffer).toBe(first.buffer);
    expect(buffers.take(1000).buffer).not.toBe(first.buffer);
    buffers.give(second);
    expect(buffers.take(2000).length).toBe(2000);
    expect(second.buffer.byteLength).toBe(0);
  });
});
