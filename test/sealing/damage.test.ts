import { randomBytes } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { buildEncrypt } from "@aws-crypto/encrypt-node";
import { MultiKeyringNode } from "@aws-crypto/material-management-node";
import { RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from "@aws-crypto/raw-aes-keyring-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SealingKeys } from "../../src/sealing/keys.ts";
import { encryptionContext as encryptionContextOf } from "../../src/sealing/message.ts";
import { openStream } from "../../src/sealing/open.ts";
import {
  context,
  failureOf,
  flipped,
  forged,
  type KeyPlace,
  keysOfFiles,
  makeKeyPlace,
  neverAborted,
  open,
  partsOf,
  type SealedBytes,
  seal,
  sha256,
  streamOf,
} from "./sealing-fixture.ts";

const frame = 1024 * 1024;
let place: KeyPlace;
let keys: SealingKeys;
let keyPath: string;
let keyId: string;
let plain: Buffer;
let small: SealedBytes;
let large: SealedBytes;

beforeAll(async () => {
  place = await makeKeyPlace();
  ({ path: keyPath, keyId } = await place.makeKey("main.key"));
  keys = await keysOfFiles(keyPath);
  plain = randomBytes(2 * frame + 1000);
  small = await seal(plain.subarray(0, 50), { keys });
  large = await seal(plain, { keys });
});
afterAll(() => place.remove());

describe("a damaged artifact", () => {
  it("is found and named for every single byte of a small message, however it is flipped and cut into chunks", async () => {
    for (let at = 0; at < small.bytes.length; at += 1) {
      const bytes = flipped(small.bytes, at, 1 << (at % 8));
      const failure = await failureOf(open(bytes, small.figures, { keys, size: (at % 3) * 40 + 1 }));
      expect(failure.name, `byte ${at}`).toBe("ArtifactDamaged");
      expect(failure.message).toContain(sha256(bytes));
      expect(failure.message).toContain(small.figures.storedSha256);
    }
  });

  it("does not open when the manifest was forged to match it, for every single byte", async () => {
    for (let at = 0; at < small.bytes.length; at += 1) {
      const bytes = flipped(small.bytes, at, 0xff);
      const failure = await failureOf(open(bytes, forged(small.figures, bytes), { keys, size: (at % 2) * 400 + 1 }));
      expect(failure.name, `byte ${at}`).toBe("SealInvalid");
      // Why, in the library's words.
      expect(failure.details).toEqual([expect.stringMatching(/^.+$/)]);
    }
    const bytes = flipped(small.bytes, small.bytes.length - 1, 1);
    await expect(open(bytes, forged(small.figures, bytes), { keys })).rejects.toHaveProperty("cause", expect.any(Error));
    await expect(open(bytes, small.figures, { keys })).rejects.toHaveProperty("cause", expect.any(Error));
  });

  it("is found where the manifest says another length of what is inside", async () => {
    const failure = await failureOf(open(small.bytes, { ...small.figures, plainBytes: 51 }, { keys }));
    expect(failure).toMatchObject({ name: "ArtifactDamaged", message: expect.stringContaining("50 bytes, not 51") });
  });

  it("is found where the manifest says another length of what is stored", async () => {
    const { storedBytes } = small.figures;
    for (const other of [storedBytes - 1, storedBytes + 1]) {
      const failure = await failureOf(open(small.bytes, { ...small.figures, storedBytes: other }, { keys }));
      expect(failure).toMatchObject({ name: "ArtifactDamaged", message: expect.stringContaining(`says ${other} bytes`) });
    }
  });

  it("is found when whole frames are missing, doubled or exchanged", async () => {
    const { version: _, ...parts } = partsOf(large);
    const last = parts.finalMark ?? 0;
    const frameSize = 4 + 12 + frame + 16;
    const header = large.bytes.subarray(0, last - 2 * frameSize);
    const [first, second] = [large.bytes.subarray(header.length, last - frameSize), large.bytes.subarray(last - frameSize, last)];
    const rest = large.bytes.subarray(last);
    for (const order of [[first, rest], [second, first, rest], [first, first, second, rest], [first, second], [rest]]) {
      const bytes = Buffer.concat([header, ...order]);
      expect((await failureOf(open(bytes, large.figures, { keys }))).name).toBe("ArtifactDamaged");
      expect((await failureOf(open(bytes, forged(large.figures, bytes), { keys }))).name).toBe("SealInvalid");
    }
  });

  it.each([1, 40, 3 * frame])("is found when %i bytes were appended", async (count) => {
    const bytes = Buffer.concat([large.bytes, randomBytes(count)]);
    const failure = await failureOf(open(bytes, large.figures, { keys }));
    expect(failure.name).toBe("ArtifactDamaged");
    expect(failure.message).toContain(`is stored as ${bytes.length} bytes`);
  });

  it("is found when a second message was appended, which the format by itself accepts", async () => {
    const failure = await failureOf(open(Buffer.concat([large.bytes, small.bytes]), large.figures, { keys }));
    expect(failure.name).toBe("ArtifactDamaged");
  });

  it("is found when it was sealed again with the same key and other content", async () => {
    const other = await seal(randomBytes(plain.length), { keys });
    expect((await failureOf(open(other.bytes, large.figures, { keys }))).name).toBe("ArtifactDamaged");
    const failure = await failureOf(open(other.bytes, forged(large.figures, other.bytes), { keys }));
    expect(failure.name).toBe("ArtifactDamaged");
    expect(failure.message).toContain("does not hold what its manifest says: as many bytes, with another digest");
  });

  it("gives out only bytes that belong to it, and never ends", async () => {
    const bytes = flipped(large.bytes, large.bytes.length - 1, 1);
    const stream = openStream(streamOf(bytes), large.figures, { keys, context, signal: neverAborted });
    const chunks: Buffer[] = [];
    let ended = false;
    const failed = new Promise<Error>((resolve) => stream.on("error", resolve));
    stream.on("end", () => {
      ended = true;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    expect((await failed).name).toBe("ArtifactDamaged");
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(false);
    const released = Buffer.concat(chunks);
    expect(released.equals(plain.subarray(0, released.length))).toBe(true);
    expect(released.length).toBeLessThanOrEqual(2 * frame);
  });
});

describe("another artifact in its place", () => {
  const others = [
    { ...context, source: "payroll" },
    { ...context, backupId: "20261121T020000Z-full-aaaaaa" },
    { ...context, artifact: "globals.sql" },
  ];
  it.each(others)("is refused and named: %o", async (other) => {
    const swapped = await seal(plain, { keys, context: other });
    for (const record of [large.figures, swapped.figures]) {
      const failure = await failureOf(open(swapped.bytes, record, { keys }));
      expect(failure.name).toBe("SealInvalid");
      expect(failure.message).toContain(`was sealed as ${other.artifact} of ${other.source}'s backup ${other.backupId}`);
      expect(failure.details).toEqual([]);
    }
  });

  it("gives out none of its bytes", async () => {
    const swapped = await seal(plain, { keys, context: others[2] as typeof context });
    const stream = openStream(streamOf(swapped.bytes), swapped.figures, { keys, context, signal: neverAborted });
    let released = 0;
    stream.on("data", (chunk: Buffer) => {
      released += chunk.length;
    });
    await new Promise((resolve) => stream.on("close", resolve));
    expect(released).toBe(0);
  });

  it.each([
    ["without a context", {}],
    ["with more in its context", { ...encryptionContextOf(context), extra: "1" }],
  ])("is refused when it was sealed elsewhere with the same key, %s", async (_, encryptionContext) => {
    const { encrypt } = buildEncrypt();
    const { result } = await encrypt(await keys.sealingKeyring(), plain, {
      suiteId: 0x0478,
      frameLength: frame,
      encryptionContext: encryptionContext as Record<string, string>,
    });
    const failure = await failureOf(open(result, forged(large.figures, result), { keys }));
    expect(failure.name).toBe("SealInvalid");
  });

  it("is refused when two keys open it", async () => {
    const { encrypt } = buildEncrypt();
    const keyring = await keys.sealingKeyring();
    const twice = new MultiKeyringNode({ generator: keyring, children: [keyring] });
    const encryptionContext = encryptionContextOf(context);
    const { result } = await encrypt(twice, plain, { suiteId: 0x0478, frameLength: frame, encryptionContext });
    expect((await failureOf(open(result, forged(large.figures, result), { keys }))).name).toBe("SealInvalid");
  });

  it.each([0x0578, 0x0378])("is refused when it was sealed with another suite (%i)", async (suiteId) => {
    const { encrypt } = buildEncrypt(suiteId === 0x0378 ? { commitmentPolicy: "FORBID_ENCRYPT_ALLOW_DECRYPT" as never } : {});
    const encryptionContext = encryptionContextOf(context);
    const { result } = await encrypt(await keys.sealingKeyring(), plain, { suiteId, frameLength: frame, encryptionContext });
    expect((await failureOf(open(result, forged(large.figures, result), { keys }))).name).toBe("SealInvalid");
  });
});

describe("compressed content", () => {
  it.each([
    ["two frames", (body: Buffer) => Buffer.concat([zstdCompressSync(body), zstdCompressSync(body)])],
    ["a frame and something else", (body: Buffer) => Buffer.concat([zstdCompressSync(body), Buffer.from("more")])],
    ["a frame that is cut off", (body: Buffer) => zstdCompressSync(body).subarray(0, -3)],
    ["no frame", (body: Buffer) => body],
    ["nothing", () => Buffer.alloc(0)],
  ])("is refused when the seal holds %s", async (_, make) => {
    const inside = make(plain.subarray(0, 300_000));
    const { bytes, figures } = await seal(inside, { keys });
    const failure = await failureOf(open(bytes, { ...figures, compression: "zstd" }, { keys }));
    expect(failure.name).toBe("SealInvalid");
  });
});

describe("the wrong key", () => {
  it("is named, with the keys that there are, when the policy has others", async () => {
    const other = await place.makeKey("other.key");
    const failure = await failureOf(open(small.bytes, small.figures, { keys: await keysOfFiles(other.path) }));
    expect(failure.name).toBe("KeyMissing");
    expect(failure.message).toContain(keyId);
    expect(failure.message).toContain(other.keyId);
  });

  it("does not open what another key sealed, even under the same id", async () => {
    const impostor = new RawAesKeyringNode({
      keyNamespace: "holdfast",
      keyName: keyId,
      unencryptedMasterKey: new Uint8Array(randomBytes(32)),
      wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
    });
    const failure = await failureOf(open(small.bytes, small.figures, { keys: { ...keys, openingKeyring: async () => impostor } }));
    expect(failure.name).toBe("SealInvalid");
  });

  it("does not open when the manifest names another key of the policy", async () => {
    const other = await place.makeKey("third.key");
    const both = await keysOfFiles(keyPath, other.path);
    const failure = await failureOf(open(small.bytes, { ...small.figures, keyId: other.keyId }, { keys: both }));
    expect(failure.name).toBe("SealInvalid");
  });
});
