import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { finished } from "node:stream/promises";
import {
  KeyringNode,
  MultiKeyringNode,
  type NodeDecryptionMaterial,
  type NodeEncryptionMaterial,
} from "@aws-crypto/material-management-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HoldfastError, toHoldfastError } from "../../src/errors/holdfast-error.ts";
import { handOver } from "../../src/runtime/chunk-memory.ts";
import type { SealingKeys } from "../../src/sealing/keys.ts";
import { openStream } from "../../src/sealing/open.ts";
import { type Sealed, sealStream } from "../../src/sealing/seal.ts";
import {
  collect,
  context,
  failureOf,
  type KeyPlace,
  keysOfFiles,
  makeKeyPlace,
  neverAborted,
  seal,
  streamOf,
} from "./sealing-fixture.ts";

const frame = 1024 * 1024;
let place: KeyPlace;
let keys: SealingKeys;

beforeAll(async () => {
  place = await makeKeyPlace();
  keys = await keysOfFiles((await place.makeKey("main.key")).path);
});
afterAll(() => place.remove());

class UnavailableKeyring extends KeyringNode {
  override async _onEncrypt(): Promise<NodeEncryptionMaterial> {
    throw new HoldfastError("KeyUnavailable", "KMS is away");
  }

  override async _onDecrypt(): Promise<NodeDecryptionMaterial> {
    throw new HoldfastError("KeyUnavailable", "KMS is away");
  }
}

/** Gives `bytes`, and then nothing, for ever. */
function stuckAfter(bytes: number): Readable {
  let given = false;
  return new Readable({
    read() {
      if (given) return;
      given = true;
      this.push(randomBytes(bytes));
    },
  });
}

function begin(source: Readable, options: { compress?: boolean; signal?: AbortSignal; keys?: SealingKeys } = {}): Sealed {
  return sealStream(source, {
    keys: options.keys ?? keys,
    context,
    compress: options.compress ?? false,
    signal: options.signal ?? neverAborted,
  });
}

async function closed(stream: Readable): Promise<void> {
  if (!stream.closed) await finished(stream).catch(() => {});
  expect(stream.destroyed).toBe(true);
}

describe.each([false, true])("sealing, compress %s", (compress) => {
  it("fails with the source's own error, wherever it strikes", async () => {
    for (const after of [0, 10, frame, 3 * frame + 5]) {
      const error = new HoldfastError("DumpFailed", "pg_dump exited with status 1");
      const source = Readable.from(
        (async function* () {
          for (let given = 0; given < after; given += 50_000) yield randomBytes(Math.min(50_000, after - given));
          throw error;
        })(),
        { objectMode: false },
      );
      const sealed = begin(source, { compress });
      await expect(collect(sealed.body)).rejects.toBe(error);
      await expect(sealed.figures).rejects.toBe(error);
      await closed(source);
    }
  });

  it("fails when the source had failed before it began", async () => {
    const error = new HoldfastError("SourceUnreachable", "gone");
    const source = new PassThrough();
    source.destroy(error);
    source.on("error", () => {});
    const sealed = begin(source, { compress });
    await expect(sealed.figures).rejects.toBe(error);
    await expect(collect(sealed.body)).rejects.toBe(error);
  });

  it("fails when the source closes without ending: half a dump is no dump", async () => {
    for (const when of ["before", "during"]) {
      const source = stuckAfter(2 * frame);
      if (when === "before") source.destroy();
      const sealed = begin(source, { compress });
      if (when === "during") sealed.body.once("data", () => source.destroy());
      const failure = await failureOf(when === "during" ? sealed.figures : collect(sealed.body));
      expect(failure.name).toBe("DumpFailed");
      await expect(sealed.figures).rejects.toHaveProperty("cause", expect.any(Error));
      expect(failure.message).toContain("archive.dump of taskmaster's backup 20261120T020000Z-full-7k3f9a stopped before its end");
      await closed(sealed.body);
    }
  });

  it("stops at once when it is aborted while the source hangs", async () => {
    const stop = new AbortController();
    const source = stuckAfter(3 * frame);
    const sealed = begin(source, { compress, signal: stop.signal });
    const reading = collect(sealed.body);
    setTimeout(() => stop.abort(new HoldfastError("LeaseLost", "another run took over")), 30);
    const failure = await reading.catch((error: unknown) => error);
    expect(toHoldfastError(failure).name).toBe("LeaseLost");
    await expect(sealed.figures).rejects.toThrow("aborted");
    await closed(source);
  });

  it("does not begin when it was aborted before", async () => {
    const source = stuckAfter(10);
    const sealed = begin(source, { compress, signal: AbortSignal.abort() });
    expect(toHoldfastError(await sealed.figures.catch((error: unknown) => error)).name).toBe("Interrupted");
    await closed(source);
    await closed(sealed.body);
  });

  it("destroys the source when the reader gives up, with its error or without", async () => {
    for (const error of [undefined, new HoldfastError("StoreUnavailable", "bucket gone")]) {
      const source = stuckAfter(3 * frame);
      const sealed = begin(source, { compress });
      sealed.body.once("data", () => sealed.body.destroy(error));
      const failure = await failureOf(sealed.figures);
      expect(failure.name).toBe(error === undefined ? "Interrupted" : "StoreUnavailable");
      await closed(source);
    }
  });

  it("destroys the source when a loop over the body is left", async () => {
    const source = stuckAfter(3 * frame);
    const sealed = begin(source, { compress });
    for await (const chunk of sealed.body) {
      expect(chunk).toBeInstanceOf(Buffer);
      break;
    }
    await expect(sealed.figures).rejects.toMatchObject({ name: "Interrupted", cause: expect.any(Error) });
    await closed(source);
  });

  it("fails with what it was aborted for, where its reader gives up for that too", async () => {
    const stop = new AbortController();
    const sealed = begin(stuckAfter(3 * frame), { compress, signal: stop.signal });
    sealed.body.once("data", () => {
      stop.abort(new HoldfastError("LeaseLost", "another run took over"));
      sealed.body.destroy();
    });
    expect(toHoldfastError(await sealed.figures.catch((error: unknown) => error)).name).toBe("LeaseLost");
  });

  it("fails with an error even where the source fails with something else", async () => {
    const source = stuckAfter(10);
    const sealed = begin(source, { compress });
    source.destroy("a text" as unknown as Error);
    await expect(sealed.figures).rejects.toEqual(new Error("a text"));
  });
});

/** The bytes in chunks of a frame, each in memory of its own that its reader may give back. */
function ownChunks(bytes: Buffer): Uint8Array[] {
  return Array.from({ length: Math.floor(bytes.length / frame) }, (_, index) =>
    handOver(new Uint8Array(bytes.subarray(index * frame, (index + 1) * frame))),
  );
}

describe("memory", () => {
  it("of what was sealed is given back, and of what was opened as soon as its bytes came out", async () => {
    const plain = randomBytes(6 * frame);
    const given = ownChunks(plain);
    const sealed = begin(Readable.from(given));
    const bytes = await collect(sealed.body);
    expect(given.map(({ byteLength }) => byteLength)).toEqual(given.map(() => 0));
    const stored = ownChunks(bytes);
    const rest = bytes.subarray(stored.length * frame);
    const opened = openStream(Readable.from([...stored, rest]), await sealed.figures, {
      keys,
      context,
      signal: neverAborted,
    });
    expect((await collect(opened)).equals(plain)).toBe(true);
    // The last pieces may wait for bytes that come out after they were written.
    expect(stored.slice(0, 2).map(({ byteLength }) => byteLength)).toEqual([0, 0]);
  });
});

describe("sealing", () => {
  it.each([
    ["cannot make a data key", async () => new UnavailableKeyring(), "KMS is away"],
    [
      "wraps it twice, which nothing opens here",
      async () => {
        const keyring = await keys.sealingKeyring();
        return new MultiKeyringNode({ generator: keyring, children: [keyring] });
      },
      "maxEncryptedDataKeys",
    ],
  ] as const)("fails and stops the source where the keyring %s", async (_, sealingKeyring, says) => {
    const source = stuckAfter(10);
    const sealed = begin(source, { keys: { ...keys, sealingKeyring } });
    await expect(sealed.figures).rejects.toThrow(says);
    await expect(collect(sealed.body)).rejects.toThrow(says);
    await closed(source);
  });

  it("fails with the error of a source that fails while the key is still being fetched", async () => {
    const error = new HoldfastError("DumpFailed", "pg_dump: not found");
    const source = new PassThrough();
    const slow: SealingKeys = {
      ...keys,
      async sealingKeyring() {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return keys.sealingKeyring();
      },
    };
    const sealed = begin(source, { keys: slow });
    source.destroy(error);
    await expect(sealed.figures).rejects.toBe(error);
    await expect(collect(sealed.body)).rejects.toBe(error);
  });

  it("fails and stops the source when the key cannot be had", async () => {
    const source = stuckAfter(10);
    const sealed = begin(source, { keys: await keysOfFiles(join(place.directory, "nowhere.key")) });
    expect((await failureOf(collect(sealed.body))).name).toBe("KeyFileInvalid");
    expect((await failureOf(sealed.figures)).name).toBe("KeyFileInvalid");
    await closed(source);
  });

  it("stops at once when it is aborted while a key provider hangs", async () => {
    const stop = new AbortController();
    const source = stuckAfter(10);
    const hanging: SealingKeys = { ...keys, sealingKeyring: () => new Promise(() => {}) };
    const sealed = begin(source, { keys: hanging, signal: stop.signal });
    stop.abort();
    await expect(sealed.figures).rejects.toThrow("aborted");
    await closed(source);
  });

  it("waits for a slow reader, and reads no more than a few frames ahead of it", async () => {
    let given = 0;
    const source = new Readable({
      read() {
        given += 64 * 1024;
        this.push(given > 64 * frame ? null : Buffer.alloc(64 * 1024));
      },
    });
    const sealed = begin(source);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(given).toBeLessThan(16 * frame);
    expect((await collect(sealed.body)).length).toBeGreaterThan(64 * frame);
    expect((await sealed.figures).plainBytes).toBe(64 * frame);
  });
});

describe("opening", () => {
  it("fails with the error of a store that fails while the key is still being fetched", async () => {
    const { figures } = await seal(randomBytes(10), { keys });
    const error = new HoldfastError("StoreUnavailable", "connection cut");
    const stored = new PassThrough();
    const slow: SealingKeys = {
      ...keys,
      async openingKeyring(keyId) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return keys.openingKeyring(keyId);
      },
    };
    const opened = openStream(stored, figures, { keys: slow, context, signal: neverAborted });
    stored.destroy(error);
    await expect(collect(opened)).rejects.toBe(error);
  });

  it.each([
    ["was sealed as another artifact", { artifact: "globals.sql" }, "SealInvalid"],
    ["is sealed with a key that cannot be had", {}, "KeyUnavailable"],
  ] as const)("reads no more of what %s than its first frames, and gives out nothing", async (_, other, name) => {
    const sealed = await seal(randomBytes(30 * frame), { keys, context: { ...context, ...other } });
    const unavailable = { ...keys, openingKeyring: async () => new UnavailableKeyring() };
    let read = 0;
    const stored = Readable.from(
      (function* () {
        for (; read < sealed.bytes.length; read += frame) yield sealed.bytes.subarray(read, read + frame);
      })(),
      { objectMode: false },
    );
    const opened = openStream(stored, sealed.figures, {
      keys: name === "KeyUnavailable" ? unavailable : keys,
      context,
      signal: neverAborted,
    });
    const chunks: unknown[] = [];
    opened.on("data", (chunk) => chunks.push(chunk));
    await expect(finished(opened)).rejects.toMatchObject({ name });
    expect(read).toBeLessThan(20 * frame);
    expect(chunks).toEqual([]);
    await closed(stored);
  });

  it("gives out nothing of a small artifact in the place of another", async () => {
    const swapped = await seal(randomBytes(50), { keys, context: { ...context, artifact: "globals.sql" } });
    for (const size of [1, 10_000]) {
      const opened = openStream(streamOf(swapped.bytes, size), swapped.figures, { keys, context, signal: neverAborted });
      const chunks: unknown[] = [];
      opened.on("data", (chunk) => chunks.push(chunk));
      await expect(finished(opened)).rejects.toMatchObject({ name: "SealInvalid" });
      expect(chunks).toEqual([]);
    }
  });

  it("passes on the store's own error, and fails when its stream closes without ending", async () => {
    const sealed = await seal(randomBytes(3 * frame), { keys });
    for (const error of [undefined, new HoldfastError("StoreUnavailable", "connection cut")]) {
      const stored = new PassThrough({ highWaterMark: 4 * frame });
      stored.write(sealed.bytes.subarray(0, 2 * frame));
      const opened = openStream(stored, sealed.figures, { keys, context, signal: neverAborted });
      opened.once("data", () => stored.destroy(error));
      expect(await collect(opened).catch((failure: unknown) => failure)).toMatchObject({
        name: "StoreUnavailable",
        ...(error === undefined ? { cause: expect.any(Error) } : {}),
        message: error?.message ?? "the stored bytes of archive.dump of taskmaster's backup 20261120T020000Z-full-7k3f9a broke off",
      });
    }
  });

  it("stops at once when it is aborted while the store hangs, before and after the first bytes", async () => {
    const sealed = await seal(randomBytes(3 * frame), { keys, compress: true });
    for (const bytes of [0, 50, 2 * frame]) {
      const stop = new AbortController();
      const stored = new PassThrough({ highWaterMark: 4 * frame });
      if (bytes > 0) stored.write(sealed.bytes.subarray(0, bytes));
      const opened = openStream(stored, sealed.figures, { keys, context, signal: stop.signal });
      const reading = collect(opened);
      setTimeout(() => stop.abort(), 20);
      expect(toHoldfastError(await reading.catch((error: unknown) => error)).name).toBe("Interrupted");
      await closed(stored);
    }
  });

  it("does not begin when it was aborted before", async () => {
    const sealed = await seal(randomBytes(10), { keys });
    const stored = streamOf(sealed.bytes);
    const opened = openStream(stored, sealed.figures, { keys, context, signal: AbortSignal.abort() });
    expect(toHoldfastError(await collect(opened).catch((error: unknown) => error)).name).toBe("Interrupted");
    await closed(stored);
  });

  it.each([false, true])("closes the store's stream when the reader gives up, compress %s", async (compress) => {
    const sealed = await seal(randomBytes(8 * frame), { keys, compress });
    const file = join(place.directory, `sealed-${compress}`);
    await writeFile(file, sealed.bytes);
    for (const error of [undefined, new Error("pg_restore died")]) {
      const stored = createReadStream(file);
      const opened = openStream(stored, sealed.figures, { keys, context, signal: neverAborted });
      opened.on("error", () => {});
      opened.once("data", () => opened.destroy(error));
      await closed(opened);
      await closed(stored);
    }
  });

  it("closes the store's stream when the reader gives up while the store hangs", async () => {
    const sealed = await seal(randomBytes(2 * frame), { keys });
    const stored = stuckAfter(10);
    const opened = openStream(stored, sealed.figures, { keys, context, signal: neverAborted });
    opened.destroy();
    await closed(stored);
  });

  it("closes the store's stream when no key fits", async () => {
    const sealed = await seal(randomBytes(10), { keys });
    const stored = stuckAfter(10);
    const opened = openStream(
      stored,
      { ...sealed.figures, keyId: "file:0000000000000000" },
      { keys, context, signal: neverAborted },
    );
    expect((await failureOf(collect(opened))).name).toBe("KeyMissing");
    await closed(stored);
  });

  it("waits for a slow reader, and reads no more than a few frames ahead of it", async () => {
    const sealed = await seal(randomBytes(40 * frame), { keys });
    let given = 0;
    const stored = new Readable({
      read() {
        const piece = sealed.bytes.subarray(given, given + 64 * 1024);
        given += piece.length;
        this.push(piece.length === 0 ? null : piece);
      },
    });
    const opened = openStream(stored, sealed.figures, { keys, context, signal: neverAborted });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(given).toBeLessThan(20 * frame);
    expect((await collect(opened)).length).toBe(40 * frame);
  });
});
