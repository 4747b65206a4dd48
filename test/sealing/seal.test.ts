/** What is inside a seal, for anyone who opens it with public tools alone. */
import { createHash, randomBytes } from "node:crypto";
import { zstdDecompressSync } from "node:zlib";
import { buildDecrypt } from "@aws-crypto/decrypt-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SealingKeys } from "../../src/sealing/keys.ts";
import { type KeyPlace, keysOfFiles, makeKeyPlace, type SealedBytes, seal } from "./sealing-fixture.ts";

let place: KeyPlace;
let keys: SealingKeys;
beforeAll(async () => {
  place = await makeKeyPlace();
  keys = await keysOfFiles((await place.makeKey("main.key")).path);
});
afterAll(() => place.remove());

async function openWithPublicLibrary({ bytes, figures }: SealedBytes): Promise<Buffer> {
  const { plaintext } = await buildDecrypt({ maxEncryptedDataKeys: 1 }).decrypt(await keys.openingKeyring(figures.keyId), bytes);
  return Buffer.from(plaintext);
}

describe("the zstd frame of a compressed artifact", () => {
  it("has a checksum: zstd alone finds any byte that is changed, and gives out no other bytes", async () => {
    // Bytes that do not compress lie in the frame as they are: without a checksum, changing one
    // would go unnoticed.
    const plain = randomBytes(2000);
    const frame = await openWithPublicLibrary(await seal(plain, { keys, compress: true }));
    expect(zstdDecompressSync(frame).equals(plain)).toBe(true);
    for (let at = 0; at < frame.length; at += 1) {
      const changed = Buffer.from(frame);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      let given: Buffer | undefined;
      try {
        given = zstdDecompressSync(changed);
      } catch {
        continue;
      }
      expect(given.equals(plain), `byte ${at}`).toBe(true);
    }
  });

  it("is one, however the source was cut, and compresses", async () => {
    const plain = Buffer.from("insert into users values (1, 'someone');\n".repeat(40_000));
    for (const size of [1000, 64 * 1024, plain.length]) {
      const { bytes, figures } = await seal(plain, { keys, compress: true, size });
      const frame = await openWithPublicLibrary({ bytes, figures });
      expect(frame.length).toBeLessThan(plain.length / 50);
      expect(zstdDecompressSync(frame).equals(plain)).toBe(true);
      expect(frame.indexOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), 1)).toBe(-1);
    }
  });
});

it("what is not compressed is inside as it was", async () => {
  const plain = randomBytes(5000);
  const sealed = await seal(plain, { keys });
  expect((await openWithPublicLibrary(sealed)).equals(plain)).toBe(true);
  expect(sealed.figures).toMatchObject({
    compression: "none",
    plainBytes: plain.length,
    plainSha256: createHash("sha256").update(plain).digest("hex"),
  });
});
