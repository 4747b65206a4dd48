import { createHash, randomBytes } from "node:crypto";
import { zstdDecompressSync } from "node:zlib";
import { buildDecrypt } from "@aws-crypto/decrypt-node";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gather } from "../../src/sealing/byte-measure.ts";
import type { SealingKeys } from "../../src/sealing/keys.ts";
import { openStream } from "../../src/sealing/open.ts";
import { context, type KeyPlace, keysOfFiles, makeKeyPlace, neverAborted, open, seal, streamOf } from "./sealing-fixture.ts";

const frame = 1024 * 1024;
let place: KeyPlace;
let keys: SealingKeys;
let keyId: string;

beforeAll(async () => {
  place = await makeKeyPlace();
  const made = await place.makeKey("main.key");
  keyId = made.keyId;
  keys = await keysOfFiles(made.path);
});
afterAll(() => place.remove());

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("sealing and opening", () => {
  const sizes = [0, 1, frame - 1, frame, frame + 1, 2 * frame, 3 * frame + 17];
  for (const compress of [false, true]) {
    it.each(sizes)(`gives back %i bytes as they were, compress ${compress}`, async (size) => {
      const plain = randomBytes(size);
      const sealed = await seal(plain, { keys, compress });
      expect((await open(sealed.bytes, sealed.figures, { keys })).equals(plain)).toBe(true);
      expect(sealed.figures).toMatchObject({
        keyId,
        compression: compress ? "zstd" : "none",
        storedBytes: sealed.bytes.length,
        storedSha256: sha256(sealed.bytes),
      });
    });
  }

  it("gives back any bytes, however they are cut into chunks", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc.integer({ min: 0, max: 2 * frame + 5 }).map((size) => new Uint8Array(size).fill(7)),
    );
    const property = fc.asyncProperty(bytes, fc.boolean(), fc.integer({ min: 1, max: 5000 }), async (plain, compress, factor) => {
      const size = plain.length > 10_000 ? factor * 101 : factor;
      const sealed = await seal(plain, { keys, compress, size });
      const opened = await open(sealed.bytes, sealed.figures, { keys, size });
      expect(opened.equals(plain)).toBe(true);
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it("opens what was compressed in pieces of 128 KiB: a small archive does not cost a large one's memory", async () => {
    const sealed = await seal(Buffer.alloc(3 * frame), { keys, compress: true });
    const lengths: number[] = [];
    for await (const piece of openStream(streamOf(sealed.bytes), sealed.figures, { keys, context, signal: neverAborted })) {
      lengths.push((piece as Buffer).length);
    }
    expect(Math.max(...lengths)).toBe(128 * 1024);
  });

  it("records what is inside the seal, which is one zstd frame when it compresses", async () => {
    const plain = Buffer.from("create table t ();\n".repeat(200_000));
    const sealed = await seal(plain, { keys, compress: true });
    const { decrypt } = buildDecrypt();
    const { plaintext } = await decrypt(await keys.openingKeyring(keyId), sealed.bytes);
    expect(sealed.figures.plainBytes).toBe(plaintext.length);
    expect(sealed.figures.plainSha256).toBe(sha256(plaintext));
    expect(sealed.figures.storedBytes).toBeLessThan(plain.length / 100);
    expect(zstdDecompressSync(plaintext).equals(plain)).toBe(true);
  });

  it("is an AWS Encryption SDK message of the documented shape", async () => {
    const sealed = await seal(randomBytes(10), { keys });
    const { messageHeader } = await buildDecrypt().decrypt(await keys.openingKeyring(keyId), sealed.bytes);
    expect(messageHeader).toMatchObject({
      suiteId: 0x0478,
      frameLength: frame,
      encryptionContext: {
        "holdfast:source": context.source,
        "holdfast:backup": context.backupId,
        "holdfast:artifact": context.artifact,
      },
    });
    expect(messageHeader.encryptedDataKeys.map((key) => key.providerId)).toEqual(["holdfast"]);
  });

  it("never gives two seals of the same bytes the same stored bytes", async () => {
    const plain = randomBytes(100);
    const [first, second] = await Promise.all([seal(plain, { keys }), seal(plain, { keys })]);
    expect(first.bytes.equals(second.bytes)).toBe(false);
    expect(first.figures.plainSha256).toBe(second.figures.plainSha256);
  });

  it("seals and opens several artifacts at once", async () => {
    const plains = Array.from({ length: 8 }, (_, index) => randomBytes(index * 300_000));
    const opened = await Promise.all(
      plains.map(async (plain, index) => {
        const own = { ...context, artifact: `part-${index}` };
        const sealed = await seal(plain, { keys, context: own, compress: index % 2 === 0 });
        return open(sealed.bytes, sealed.figures, { keys, context: own });
      }),
    );
    expect(opened.map((bytes, index) => bytes.equals(plains[index] ?? Buffer.alloc(0)))).toEqual(plains.map(() => true));
  });
});

describe("gathering", () => {
  it("keeps the bytes and cuts them into pieces of the given size, the last one shorter", async () => {
    const property = fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 60 }),
      async (chunks, size) => {
        const pieces: Buffer[] = [];
        for await (const piece of gather(
          (async function* () {
            yield* chunks;
          })(),
          size,
        ))
          pieces.push(piece);
        expect(Buffer.concat(pieces).equals(Buffer.concat(chunks))).toBe(true);
        expect(pieces.slice(0, -1).every((piece) => piece.length === size)).toBe(true);
        expect(pieces.every((piece) => piece.length > 0)).toBe(true);
      },
    );
    await fc.assert(property);
  });

  it("takes a stream's chunks too", async () => {
    const bytes = randomBytes(1000);
    const pieces: Buffer[] = [];
    for await (const piece of gather(streamOf(bytes, 7), 64)) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });
});
