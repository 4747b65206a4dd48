import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { openPlace } from "../../src/vault/s3/client.ts";
import { uploadParts } from "../../src/vault/s3/multipart.ts";
import { makePartBuffers } from "../../src/vault/s3/part-buffers.ts";
import { openS3Store } from "../../src/vault/s3/store.ts";
import { type FaultyS3Proxy, type S3Operation, startFaultyS3Proxy } from "../support/faulty-s3-proxy.ts";
import { type S3Server, startMiniStackS3, useTestCredentials } from "../support/s3-server.ts";
import { collect, patternedBytes, toList } from "../support/streams.ts";

/**
 * Four seconds of failure, a second and a half of silence: the same rules as in production, in less
 * time.
 */
const timeouts = { connectMs: 1_000, silenceMs: 1_500, retryMs: 4_000, firstContactMs: 4_000, cleanupMs: 1_500 };
const largeBytes = 27_000_001;
const ifAbsent = { ifAbsent: true };

let server: S3Server;
let proxy: FaultyS3Proxy;
/** Through the proxy, and past it. */
let store: ObjectStore;
let direct: ObjectStore;
let bucket: string;

beforeAll(async () => {
  useTestCredentials();
  server = await startMiniStackS3();
  proxy = await startFaultyS3Proxy(server.endpoint);
});
afterAll(async () => {
  await proxy?.stop();
  await server?.stop();
});
beforeEach(async () => {
  const config = await server.makeBucket();
  bucket = config.bucket;
  proxy.clear();
  store = openS3Store({ ...config, endpoint: proxy.endpoint }, { timeouts });
  direct = openS3Store(config);
});
afterEach(() => {
  store.close();
  direct.close();
});

const large = () => patternedBytes(largeBytes, 5);

async function sha256Of(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of bytes) hash.update(chunk);
  return hash.digest("hex");
}

async function expectWhole(key: string): Promise<void> {
  const { object, body } = await direct.get(key);
  expect(object.bytes).toBe(largeBytes);
  expect(await sha256Of(body)).toBe(await sha256Of(large()));
  expect(await server.countUploads(bucket)).toBe(0);
}

async function expectNothing(key: string): Promise<void> {
  expect(await direct.head(key)).toBeUndefined();
  expect(await server.countUploads(bucket)).toBe(0);
}

describe("faults that pass", () => {
  const passing = [
    ["500 InternalError", { answer: 500, code: "InternalError" }],
    ["503 SlowDown", { answer: 503, code: "SlowDown" }],
    ["a connection cut in the request", { cutRequestAfter: 1000 }],
  ] as const;
  for (const [name, fault] of passing) {
    it.each<S3Operation>(["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])(
      `stores a large object in spite of ${name} at %s`,
      async (operation) => {
        proxy.inject(operation, fault, 2);
        const { bytes, etag } = await store.put("large", large(), ifAbsent);
        expect(bytes).toBe(largeBytes);
        expect((await direct.head("large"))?.etag).toBe(etag);
        await expectWhole("large");
      },
    );

    it(`stores, reads, lists and deletes small objects in spite of ${name}`, async () => {
      for (const operation of ["PutObject", "GetObject", "HeadObject", "ListObjectsV2", "DeleteObject"] as const)
        proxy.inject(operation, fault, 2);
      await store.put("small", Buffer.from("x"), ifAbsent);
      expect((await collect((await store.get("small")).body)).toString()).toBe("x");
      expect((await store.head("small"))?.bytes).toBe(1);
      expect(await toList(store.list(""))).toHaveLength(1);
      await store.delete("small");
      expect(await direct.head("small")).toBeUndefined();
    });
  }

  it("sends a part again to a server that fell silent", async () => {
    proxy.inject("UploadPart", { silent: true }, 1);
    await store.put("large", large(), ifAbsent);
    await expectWhole("large");
  });

  it("reads on where a connection was cut, however often, as long as it gets on", async () => {
    await direct.put("large", large());
    proxy.inject("GetObject", { cutAnswerAfter: 3_000_000 });
    const { object, body } = await store.get("large");
    expect(object.bytes).toBe(largeBytes);
    expect(await sha256Of(body)).toBe(await sha256Of(large()));
    expect(proxy.requests.filter((operation) => operation === "GetObject").length).toBeGreaterThan(8);
  });

  it("reads on within a range, too", async () => {
    await direct.put("large", large());
    const whole = await collect(large());
    proxy.inject("GetObject", { cutAnswerAfter: 70_000 }, 3);
    const { body } = await store.get("large", { range: { start: 100_001, end: 1_000_000 } });
    expect((await collect(body)).equals(whole.subarray(100_001, 1_000_001))).toBe(true);
  });

  it("reads on where a server fell silent", async () => {
    await direct.put("large", large());
    proxy.inject("GetObject", { silentAfter: 100_000 }, 1);
    expect(await sha256Of((await store.get("large")).body)).toBe(await sha256Of(large()));
  });

  it("bears a slow server that is never silent for long", async () => {
    await direct.put("slow", patternedBytes(200_000, 1));
    proxy.inject("GetObject", { pauseMs: 400, pieceBytes: 33_000 }, 1);
    const started = performance.now();
    expect((await collect((await store.get("slow")).body)).length).toBe(200_000);
    expect(performance.now() - started).toBeGreaterThan(timeouts.silenceMs);
    expect(proxy.requests).toEqual(["GetObject"]);
  });

  it("runs a race again that the server could not decide", async () => {
    proxy.inject("PutObject", { answer: 409, code: "ConditionalRequestConflict" }, 2);
    await store.put("raced", Buffer.from("x"), ifAbsent);
    expect((await direct.head("raced"))?.bytes).toBe(1);
  });
});

describe("answers that get lost", () => {
  it.each([1, 3])("knows its own small object again when the answer is lost %i times", async (times) => {
    proxy.inject("PutObject", { loseAnswer: true }, times);
    const { etag } = await store.put("small", Buffer.from("x"), ifAbsent);
    expect((await direct.head("small"))?.etag).toBe(etag);
  });

  it("knows its own small object again when no answer ever comes", async () => {
    proxy.inject("PutObject", { loseAnswer: true });
    await store.put("small", Buffer.from("x"), ifAbsent);
    expect((await direct.head("small"))?.bytes).toBe(1);
  });

  it("knows its own replacement again", async () => {
    const { etag } = await direct.put("lease", Buffer.from("1"));
    proxy.inject("PutObject", { loseAnswer: true }, 1);
    const next = await store.put("lease", Buffer.from("2"), { ifMatch: etag });
    expect((await direct.head("lease"))?.etag).toBe(next.etag);
  });

  it.each([1, Number.POSITIVE_INFINITY])(
    "knows its own large object again when the answer to its completion is lost %d times",
    async (times) => {
      proxy.inject("CompleteMultipartUpload", { loseAnswer: true }, times);
      const { bytes } = await store.put("large", large(), ifAbsent);
      expect(bytes).toBe(largeBytes);
      await expectWhole("large");
    },
  );

  it("does not take another writer's object for its own", async () => {
    await direct.put("taken", Buffer.from("other"));
    proxy.inject("PutObject", { loseAnswer: true }, 1);
    await expect(store.put("taken", Buffer.from("mine"), ifAbsent)).rejects.toMatchObject({ name: "ObjectExists" });
    await expect(store.put("taken", large(), ifAbsent)).rejects.toMatchObject({ name: "ObjectExists" });
    expect((await collect((await direct.get("taken")).body)).toString()).toBe("other");
    expect(await server.countUploads(bucket)).toBe(0);
  });

  it("leaves an upload whose beginning was lost to the sweep, which takes it back", async () => {
    proxy.inject("CreateMultipartUpload", { loseAnswer: true }, 1);
    await store.put("large", large(), ifAbsent);
    expect((await direct.head("large"))?.bytes).toBe(largeBytes);
    expect(await server.countUploads(bucket)).toBe(1);
    expect(await store.abortStaleUploads(new Date(Date.now() - 3_600_000))).toBe(0);
    expect(await store.abortStaleUploads(new Date(Date.now() + 3_600_000))).toBe(1);
    await expectWhole("large");
  });
});

describe("faults that stay", () => {
  it.each([
    ["CreateMultipartUpload", { answer: 500, code: "InternalError" }],
    ["UploadPart", { answer: 503, code: "SlowDown" }],
    ["UploadPart", { cutRequestAfter: 1_000_000 }],
    ["UploadPart", { silent: true }],
    ["CompleteMultipartUpload", { answer: 500, code: "InternalError" }],
    ["CompleteMultipartUpload", { silent: true }],
  ] as const)("leaves no half object and no upload when %s always fails with %j", async (operation, fault) => {
    proxy.inject(operation, fault);
    await expect(store.put("large", large(), ifAbsent)).rejects.toMatchObject({
      name: "StoreUnavailable",
      message: expect.stringContaining("large"),
    });
    await expectNothing("large");
  });

  it("stops its producer when a part cannot be stored", async () => {
    proxy.inject("UploadPart", { answer: 500, code: "InternalError" });
    let sent = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        yield Buffer.alloc(1_000_000);
        sent += 1_000_000;
      }
    }
    await expect(store.put("large", endless(), ifAbsent)).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect(sent).toBeLessThan(200_000_000);
    await expectNothing("large");
  });

  it("gives up reading when connections are cut before a single byte", async () => {
    await direct.put("large", large());
    proxy.inject("GetObject", { cutAnswerAfter: 1_000_000 }, 1);
    const { body } = await store.get("large");
    proxy.inject("GetObject", { cutAnswerAfter: 0 });
    await expect(collect(body)).rejects.toMatchObject({
      name: "StoreUnavailable",
      message: expect.stringContaining("was cut after"),
    });
  });

  it("does not go on with another object when the one it reads is replaced", async () => {
    await direct.put("large", large());
    proxy.inject("GetObject", { cutAnswerAfter: 1_000_000 }, 1);
    const { body } = await store.get("large");
    await direct.put("large", patternedBytes(largeBytes, 6));
    await expect(collect(body)).rejects.toMatchObject({ name: "StoreUnavailable", message: expect.stringContaining("replaced") });
  });

  it.each([
    [403, "AccessDenied", "StoreAccessDenied"],
    [403, "RequestTimeTooSkewed", "StoreAccessDenied"],
    [301, "PermanentRedirect", "VaultInvalid"],
    [501, "NotImplemented", "VaultInvalid"],
    [400, "InvalidRequest", "VaultInvalid"],
    [507, "InsufficientStorage", "DiskFull"],
    [404, "NoSuchBucket", "BucketNotFound"],
    [503, "SlowDown", "StoreUnavailable"],
  ])("calls %i %s by the name of %s", async (status, code, name) => {
    proxy.inject("PutObject", { answer: status, code });
    await expect(store.put("small", Buffer.from("x"))).rejects.toMatchObject({
      name,
      message: expect.stringContaining(code === "NoSuchBucket" ? "no such bucket" : "small"),
    });
    proxy.inject("UploadPart", { answer: status, code });
    await expect(store.put("large", large())).rejects.toMatchObject({ name });
    await expectNothing("large");
  });

  it("says that nobody answers at the endpoint", async () => {
    const config = await server.makeBucket();
    const nowhere = openS3Store({ ...config, endpoint: "http://127.0.0.1:9" }, { timeouts: { ...timeouts, firstContactMs: 500 } });
    await expect(nowhere.head("x")).rejects.toMatchObject({
      name: "StoreUnavailable",
      message: expect.stringContaining("ECONNREFUSED"),
    });
    nowhere.close();
  });

  it("loses a race of completions to whoever was faster", async () => {
    await direct.put("raced", Buffer.from("other"));
    proxy.inject("CompleteMultipartUpload", { answer: 409, code: "ConditionalRequestConflict" });
    await expect(store.put("raced", large(), ifAbsent)).rejects.toMatchObject({ name: "ObjectExists" });
    await expect(store.put("free", large(), ifAbsent)).rejects.toMatchObject({ name: "StoreConflict" });
    await expectNothing("free");
  });

  it("says what does not fit into the parts that a provider allows", async () => {
    const config = await server.makeBucket();
    const place = openPlace(config, { timeouts });
    const partBytes = 5 * 1024 * 1024;
    const plan = { partsLimit: 3, capacityBytes: 3 * partBytes, partBytes: () => partBytes, concurrency: () => 1 };
    const parts = Array.from({ length: 4 }, () => Buffer.alloc(partBytes));
    const writing = { place, key: "large", conditions: {}, mark: "m", signal: new AbortController().signal };
    async function* rest(count: number): AsyncGenerator<Buffer> {
      yield* parts.slice(0, count);
    }
    const source = (count: number) => ({
      first: Buffer.alloc(partBytes),
      rest: rest(count),
      plan,
      buffers: makePartBuffers(),
      stop: new AbortController(),
    });
    expect((await uploadParts(writing, source(2))).bytes).toBe(3 * partBytes);
    await expect(uploadParts({ ...writing, key: "larger" }, source(3))).rejects.toMatchObject({
      name: "VaultInvalid",
      message: expect.stringContaining("too large"),
    });
    expect(await server.countUploads(config.bucket)).toBe(0);
    place.client.destroy();
  });
});
