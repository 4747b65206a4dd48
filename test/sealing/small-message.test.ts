/** Small messages: what they are sealed with, and that only what a key of the policy made opens. */
import { randomBytes } from "node:crypto";
import { buildEncrypt } from "@aws-crypto/encrypt-node";
import { MultiKeyringNode } from "@aws-crypto/material-management-node";
import { RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from "@aws-crypto/raw-aes-keyring-node";
import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import type { SealingKeys } from "../../src/sealing/keys.ts";
import { encryptionContext } from "../../src/sealing/message.ts";
import { maxSmallMessageBytes, openSmallMessage, sealSmallMessage } from "../../src/sealing/small-message.ts";
import { memoryKeys } from "../support/sealed-backups.ts";
import { arn, fakeKms, kmsKeys } from "./fake-kms.ts";
import { context, failureOf } from "./sealing-fixture.ts";

const keys = memoryKeys();
const inKms = await kmsKeys(fakeKms());
const plaintext = Buffer.from("sealed whole");
const unsigned = 0x0478;
const signed = 0x0578;
const sealWith = (given: SealingKeys, suiteId = unsigned) =>
  sealSmallMessage(plaintext, { keys: given, context, suiteOf: () => suiteId });

/** A keyring of any provider and name; what it wraps opens with the same bytes. */
const ring = (keyNamespace: string, keyName: string) =>
  new RawAesKeyringNode({
    keyNamespace,
    keyName,
    unencryptedMasterKey: new Uint8Array(32).fill(7),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  });

/** Keys that note which id is asked for, and have none. */
function askedFor(): { readonly ids: string[]; readonly keys: SealingKeys } {
  const ids: string[] = [];
  const openingKeyring = async (id: string) => {
    ids.push(id);
    throw new HoldfastError("KeyMissing", "none here");
  };
  return { ids, keys: { ...keys, openingKeyring } };
}

describe("a small message", () => {
  it.each([
    ["a key file", unsigned, keys],
    ["a key file", signed, keys],
    ["a key in KMS", unsigned, inKms],
    ["a key in KMS", signed, inKms],
  ])("says what was sealed, with which key, suite and context: %s, suite %i", async (_, suiteId, given) => {
    const bytes = await sealWith(given, suiteId);
    expect(bytes.length).toBeLessThan(maxSmallMessageBytes);
    expect(await openSmallMessage(bytes, given)).toEqual({
      plaintext,
      suiteId,
      keyId: await given.sealingKeyId(),
      context: encryptionContext(context),
    });
  });

  it("is read up to 16 KiB", () => {
    expect(maxSmallMessageBytes).toBe(16_384);
  });

  it("is sealed with the suite that belongs to the key", async () => {
    const asked: string[] = [];
    const suiteOf = (keyId: string) => {
      asked.push(keyId);
      return signed;
    };
    const bytes = await sealSmallMessage(plaintext, { keys, context, suiteOf });
    expect(asked).toEqual([await keys.sealingKeyId()]);
    expect((await openSmallMessage(bytes, keys)).suiteId).toBe(signed);
  });

  it("is for one key: neither sealed for two nor opened with two", async () => {
    const own = await keys.sealingKeyring();
    const two = new MultiKeyringNode({ generator: own, children: [ring("holdfast", "file:0123456789abcdef")] });
    const refused = await failureOf(sealWith({ ...keys, sealingKeyring: async () => two }));
    expect(refused.name).not.toBe("resolved");
    expect(refused.message).toContain("maxEncryptedDataKeys");
    const { result } = await buildEncrypt().encrypt(two, plaintext, { suiteId: unsigned });
    expect((await failureOf(openSmallMessage(result, keys))).name).toBe("SealInvalid");
  });

  it("without a key commitment does not open", async () => {
    const { encrypt } = buildEncrypt("FORBID_ENCRYPT_ALLOW_DECRYPT" as never);
    const { result } = await encrypt(await keys.sealingKeyring(), plaintext, { suiteId: 0x0178 });
    expect((await failureOf(openSmallMessage(result, keys))).name).toBe("SealInvalid");
  });
});

describe("a small message that does not open", () => {
  it("says why in one line, and keeps the library's own error", async () => {
    const bytes = await sealWith(inKms);
    const refusing = await kmsKeys(fakeKms({ decrypt: "InvalidCiphertextException" }));
    for (const [given, by] of [
      [bytes, refusing],
      [Buffer.alloc(600), inKms],
      [bytes.subarray(0, -1), inKms],
    ] as const) {
      const error = await openSmallMessage(given, by).catch((failure: unknown) => failure);
      expect(error).toMatchObject({ name: "SealInvalid", message: expect.stringMatching(/^[^\n]+$/), cause: expect.any(Error) });
    }
  });

  it("passes on that a key is missing or cannot be used", async () => {
    const bytes = await sealWith(inKms);
    const denied = await kmsKeys(fakeKms({ decrypt: "AccessDeniedException" }));
    expect((await failureOf(openSmallMessage(bytes, denied))).name).toBe("KeyUnavailable");
    expect((await failureOf(openSmallMessage(bytes, askedFor().keys))).name).toBe("KeyMissing");
  });

  it("survives whatever its keys fail with", async () => {
    const bytes = await sealWith(keys);
    const odd = { ...keys, openingKeyring: () => Promise.reject("no error at all") };
    const long = { ...keys, openingKeyring: () => Promise.reject(new Error("one line\nand its stack\nof more")) };
    expect(await failureOf(openSmallMessage(bytes, long))).toMatchObject({ name: "SealInvalid", message: "one line" });
    expect(await failureOf(openSmallMessage(bytes, odd))).toMatchObject({ name: "SealInvalid", message: "no error at all" });
  });

  it.each([
    ["of another provider", "elsewhere", "file:0123456789abcdef"],
    ["without a key file's id", "holdfast", "main"],
    ["with something before the id", "holdfast", "xfile:0123456789abcdef"],
    ["with an id that is too short", "holdfast", "file:0123456789abcde"],
    ["with an id in capitals", "holdfast", "file:0123456789ABCDEF"],
    ["of another provider, with an ARN", "elsewhere", arn],
    ["of key files, with an ARN", "holdfast", arn],
  ])("names no key: a name %s", async (_, provider, name) => {
    const { result } = await buildEncrypt().encrypt(ring(provider, name), plaintext, { suiteId: unsigned });
    const { ids, keys: asked } = askedFor();
    expect(await failureOf(openSmallMessage(result, asked))).toMatchObject({ name: "SealInvalid", message: "it names no key" });
    expect(ids).toEqual([]);
  });
});

describe("the ARN that a small message names", () => {
  /** The message with another name of its key: the name's length stands before it in two bytes. */
  function renamed(bytes: Uint8Array, name: string): Buffer {
    const message = Buffer.from(bytes);
    const at = message.indexOf(arn);
    const text = Buffer.from(name, "utf8");
    const length = Buffer.alloc(2);
    length.writeUInt16BE(text.length);
    return Buffer.concat([message.subarray(0, at - 2), length, text, message.subarray(at + arn.length)]);
  }
  const outcomeOf = async (name: string) => {
    const { ids, keys: asked } = askedFor();
    const { name: error } = await failureOf(openSmallMessage(renamed(await sealWith(inKms), name), asked));
    return { ids, error };
  };

  it("is one of KMS alone", async () => {
    const bytes = Buffer.from(await sealWith(inKms));
    bytes.write("aws-kmz", bytes.indexOf("aws-kms"));
    const { ids, keys: asked } = askedFor();
    expect(await failureOf(openSmallMessage(bytes, asked))).toMatchObject({ name: "SealInvalid", message: "it names no key" });
    expect(ids).toEqual([]);
  });

  it.each([arn, `arn:${"x".repeat(500)}`, "arn:!~"])("is asked for as it is: %s", async (name) => {
    expect(await outcomeOf(name)).toEqual({ ids: [`kms:${name}`], error: "KeyMissing" });
  });

  it.each([
    ["empty", ""],
    ["of no key", "arn:"],
    ["too long", `arn:${"x".repeat(501)}`],
    ["not at the beginning", ` ${arn}`],
    ["followed by a line break", `${arn}\n`],
    ["with a space", arn.replace("key/", "key /")],
    ["with a control character", arn.replace("key/", "key/\u001b")],
    ["with another script", arn.replace("key/", "kéy/")],
    ["an alias", "alias/holdfast"],
  ])("is none and is not asked for: %s", async (_, name) => {
    expect(await outcomeOf(name)).toEqual({ ids: [], error: "SealInvalid" });
  });
});

it("small messages of the same bytes differ", async () => {
  const plain = randomBytes(32);
  const seals = await Promise.all([1, 2].map(() => sealSmallMessage(plain, { keys, context, suiteOf: () => unsigned })));
  expect(Buffer.from(seals[0] ?? []).equals(Buffer.from(seals[1] ?? []))).toBe(false);
});
