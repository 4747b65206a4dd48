import { generateKeyPairSync, sign, verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { derToP1363 } from "../../src/sealing/ecdsa-signature.ts";

const part = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((bytes) => bytes.some((byte) => byte !== 0));
/** Small numbers are as rare as leading zeros, and as likely to be written wrongly. */
const smallPart = fc.tuple(fc.integer({ min: 0, max: 31 }), part).map(([zeros, bytes]) => {
  const small = Buffer.from(bytes);
  small.fill(0, 0, zeros);
  small[31] ||= 1;
  return new Uint8Array(small);
});
const anyPart = fc.oneof(part, smallPart);

/** DER of an integer, written from X.690, section 8.3. */
function integer(bytes: Uint8Array): Buffer {
  const digits = Buffer.from(bytes.subarray(bytes.findIndex((byte) => byte !== 0)));
  const content = (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits;
  return Buffer.concat([Buffer.from([0x02, content.length]), content]);
}

function encode(r: Uint8Array, s: Uint8Array): Buffer {
  const content = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.from([0x30, content.length]), content]);
}

describe("a signature in DER", () => {
  it("has its two numbers in 32 bytes each, however small they are", () => {
    fc.assert(
      fc.property(anyPart, anyPart, (r, s) => {
        expect(Buffer.from(derToP1363(encode(r, s)) ?? [])).toEqual(Buffer.concat([r, s]));
      }),
    );
  });

  it("that OpenSSL made is verified in the other form", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    fc.assert(
      fc.property(fc.uint8Array(), (message) => {
        const converted = derToP1363(sign("sha256", message, privateKey)) ?? new Uint8Array();
        expect(verify("sha256", message, { key: publicKey, dsaEncoding: "ieee-p1363" }, converted)).toBe(true);
      }),
    );
  });

  it("has one form: no changed, cut or longer one gives the same signature", () => {
    fc.assert(
      fc.property(anyPart, anyPart, fc.nat(), fc.integer({ min: 1, max: 255 }), (r, s, at, flip) => {
        const der = encode(r, s);
        const changed = Buffer.from(der);
        changed[at % der.length] = (changed[at % der.length] ?? 0) ^ flip;
        const same = Buffer.concat([r, s]);
        for (const other of [changed, der.subarray(0, at % der.length), Buffer.concat([der, Buffer.from([flip])])]) {
          const read = derToP1363(other);
          expect(read === undefined || !same.equals(read)).toBe(true);
          expect(read === undefined || read.length === 64).toBe(true);
        }
      }),
    );
  });

  it("has the first bit of a number cleared by one zero, and by no zero that nothing asks for", () => {
    const content = (...bytes: readonly number[]) => Buffer.from([0x02, bytes.length, ...bytes]);
    const one = content(1);
    const read = (number: Buffer) =>
      [Buffer.concat([number, one]), Buffer.concat([one, number])].map(
        (both) => derToP1363(Buffer.concat([Buffer.from([0x30, both.length]), both]))?.length,
      );
    for (const bytes of [[1], [0x7f], [0, 0x80], [0, 0xff], [0x7f, ...Array<number>(31).fill(0xff)]])
      expect(read(content(...bytes)), `${bytes}`).toEqual([64, 64]);
    for (const bytes of [
      [],
      [0],
      [0, 0],
      [0, 1],
      [0, 0x7f],
      [0x80],
      [0xff],
      [0x80, ...Array<number>(31).fill(1)],
      [1, ...Array<number>(32).fill(0)],
    ])
      expect(read(content(...bytes)), `${bytes}`).toEqual([undefined, undefined]);
  });

  it("is none with another tag anywhere, and none that its numbers do not fill", () => {
    const whole = encode(new Uint8Array(32).fill(5), new Uint8Array(32).fill(6));
    for (const at of [0, 2, 2 + 2 + 32]) {
      const changed = Buffer.from(whole);
      changed[at] = 0x04;
      expect(derToP1363(changed), `tag at ${at}`).toBeUndefined();
    }
    for (let length = 0; length < whole.length; length++) {
      const cut = Buffer.from(whole.subarray(0, length));
      expect(derToP1363(cut)).toBeUndefined();
      if (length > 1) cut[1] = length - 2;
      expect(derToP1363(cut), `${length} bytes that say so`).toBeUndefined();
    }
  });

  it("is none where bytes are anything", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => [undefined, 64].includes(derToP1363(bytes)?.length)));
    for (const hex of [
      "",
      "30",
      "3000",
      "300602010002",
      "3006020100020101",
      "30080202008002010100",
      "3007020200010201",
      "300702020001020101",
    ])
      expect(derToP1363(Buffer.from(hex, "hex")), hex).toBeUndefined();
  });
});
