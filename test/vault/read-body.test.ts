import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { readBody } from "../../src/vault/read-body.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

async function* chunks(count: number, bytes: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index += 1) yield new Uint8Array(bytes).fill(index);
}

describe("reading a body", () => {
  it("gives every chunk in order, empty ones left out", async () => {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(1);
      yield new Uint8Array(0);
      yield Uint8Array.of(2, 3);
    }
    const seen: number[][] = [];
    for await (const chunk of readBody(body(), new AbortController().signal)) seen.push([...chunk]);
    expect(seen).toEqual([[1], [2, 3]]);
  });

  it("holds no chunk that it has handed on: memory does not grow with the body", async () => {
    const signal = new AbortController().signal;
    const megabyte = 1024 * 1024;
    let most = 0;
    let read = 0;
    for await (const chunk of readBody(chunks(256, megabyte), signal)) {
      read += chunk.length;
      if (read % (32 * megabyte) !== 0) continue;
      collectGarbage();
      most = Math.max(most, process.memoryUsage().arrayBuffers);
    }
    expect(read).toBe(256 * megabyte);
    expect(most).toBeLessThan(64 * megabyte);
  });

  it("fails with the signal's reason while the producer is silent", async () => {
    const controller = new AbortController();
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(1);
      await new Promise(() => {});
    }
    const reading = (async () => {
      for await (const _chunk of readBody(silent(), controller.signal))
        setImmediate(() => controller.abort(new HoldfastError("LeaseLost", "the lease is lost")));
    })();
    await expect(reading).rejects.toMatchObject({ name: "LeaseLost" });
  });

  it("fails when the signal was aborted between two chunks", async () => {
    const controller = new AbortController();
    const reading = (async () => {
      for await (const _chunk of readBody(chunks(3, 1), controller.signal)) controller.abort();
    })();
    await expect(reading).rejects.toMatchObject({ name: "Interrupted" });
  });

  it("stops the producer when the consumer stops, and passes on the producer's own error", async () => {
    let stopped = false;
    async function* body(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Uint8Array.of(1);
      } finally {
        stopped = true;
      }
    }
    for await (const _chunk of readBody(body(), new AbortController().signal)) break;
    expect(stopped).toBe(true);
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(1);
      throw new HoldfastError("DumpFailed", "pg_dump ended with 1");
    }
    const reading = (async () => {
      for await (const _chunk of readBody(failing(), new AbortController().signal)) void 0;
    })();
    await expect(reading).rejects.toMatchObject({ name: "DumpFailed" });
  });
});
