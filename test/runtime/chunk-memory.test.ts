import { describe, expect, it } from "vitest";
import { handOver, release } from "../../src/runtime/chunk-memory.ts";

const chunkBytes = 64 * 1024;

describe("the memory of chunks", () => {
  it("is given back at once for a chunk that was handed over", () => {
    const chunk = handOver(Buffer.allocUnsafeSlow(chunkBytes));
    expect(chunk.length).toBe(chunkBytes);
    release(chunk);
    expect(chunk.length).toBe(0);
    release(chunk);
    expect(chunk.length).toBe(0);
  });

  it("stays for a chunk that nobody handed over", () => {
    const chunk = Buffer.allocUnsafeSlow(chunkBytes);
    release(chunk);
    expect(chunk.length).toBe(chunkBytes);
  });

  it("stays for a part of a chunk, whoever hands it over, and for the whole when a part is released", () => {
    const whole = Buffer.allocUnsafeSlow(2 * chunkBytes);
    const part = handOver(whole.subarray(0, chunkBytes));
    release(part);
    expect(whole.length).toBe(2 * chunkBytes);
    handOver(whole);
    release(part);
    expect(whole.length).toBe(2 * chunkBytes);
    expect(part.length).toBe(chunkBytes);
  });

  it("stays for small chunks, which may lie in memory that others share", () => {
    const small = handOver(Buffer.from("globals"));
    release(small);
    expect(small.toString()).toBe("globals");
  });
});
