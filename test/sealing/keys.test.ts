import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openKeys } from "../../src/sealing/keys.ts";
import { isSameKey } from "../../src/sealing/kms-key.ts";
import { arn, fakeKms, kmsKeys } from "./fake-kms.ts";
import { context, failureOf, type KeyPlace, keysOfFiles, makeKeyPlace, open, seal } from "./sealing-fixture.ts";

let place: KeyPlace;
beforeAll(async () => {
  place = await makeKeyPlace();
});
afterAll(() => place.remove());

const plain = randomBytes(1000);
describe("the keys of a policy entry", () => {
  it("seal with the first and open with all: a new key seals new backups, older ones still open", async () => {
    const [older, newer] = [await place.makeKey("older.key"), await place.makeKey("newer.key")];
    const before = await seal(plain, { keys: await keysOfFiles(older.path) });
    const rotated = await keysOfFiles(newer.path, older.path);
    const after = await seal(plain, { keys: rotated });
    expect([before.figures.keyId, after.figures.keyId]).toEqual([older.keyId, newer.keyId]);
    expect(await rotated.sealingKeyId()).toBe(newer.keyId);
    for (const { bytes, figures } of [before, after])
      expect((await open(bytes, figures, { keys: rotated })).equals(plain)).toBe(true);
  });

  it("can be used again and again", async () => {
    const { path } = await place.makeKey("again.key");
    const keys = await keysOfFiles(path);
    for (let run = 0; run < 3; run += 1) {
      const { bytes, figures } = await seal(plain, { keys });
      expect((await open(bytes, figures, { keys })).equals(plain)).toBe(true);
    }
    const copy = await keysOfFiles(path);
    const { bytes, figures } = await seal(plain, { keys });
    expect((await open(bytes, figures, { keys: copy })).equals(plain)).toBe(true);
  });

  it("load nothing before it is needed, and a broken key hinders only what needs it", async () => {
    const [gone, kept] = [await place.makeKey("gone.key"), await place.makeKey("kept.key")];
    const sealed = await seal(plain, { keys: await keysOfFiles(kept.path) });
    await rm(gone.path);
    const keys = await keysOfFiles(gone.path, kept.path);
    expect((await open(sealed.bytes, sealed.figures, { keys })).equals(plain)).toBe(true);
    expect((await failureOf(keys.sealingKeyId())).name).toBe("KeyFileInvalid");
  });

  it("say which key is needed, which there are, and which could not be loaded", async () => {
    const { path, keyId } = await place.makeKey("have.key");
    const missing = join(place.directory, "missing.key");
    const keys = await openKeys({
      name: "offsite",
      keys: [
        { type: "file", path },
        { type: "file", path: missing },
        { type: "kms", keyId: arn },
      ],
    });
    const failure = await failureOf(keys.openingKeyring("file:0011223344556677"));
    expect(failure.name).toBe("KeyUnavailable");
    expect(failure.message).toBe(
      `this backup is sealed with key file:0011223344556677, and keys.offsite has only ${keyId}, kms:${arn}`,
    );
    expect(failure.details).toEqual([expect.stringContaining(`${missing} does not exist`)]);
  });

  it("ask KMS for nothing that a key file sealed, and read no key file for what KMS sealed", async () => {
    const denied = fakeKms({ describeKey: "AccessDeniedException" });
    const keys = await kmsKeys(denied, "alias/holdfast");
    expect(await failureOf(keys.openingKeyring("file:0011223344556677"))).toMatchObject({
      name: "KeyMissing",
      message: "this backup is sealed with key file:0011223344556677, and keys.main has only kms:alias/holdfast",
      details: [],
    });
    const files = await keysOfFiles("/nowhere/main.key");
    expect(await failureOf(files.openingKeyring(`kms:${arn}`))).toMatchObject({
      name: "KeyMissing",
      message: `this backup is sealed with key kms:${arn}, and keys.main has only the key file /nowhere/main.key`,
    });
  });

  it("say that none is usable where none can be loaded, and why each cannot, with what to do", async () => {
    const keys = await keysOfFiles("/nowhere/one.key", "/nowhere/two.key");
    const error = await keys.openingKeyring("file:0011223344556677").catch((failure: unknown) => failure);
    expect(error).toMatchObject({
      name: "KeyUnavailable",
      message: "this backup is sealed with key file:0011223344556677, and no key under keys.main is usable",
      details: [
        expect.stringMatching(/^the key file \/nowhere\/one.key does not exist; .*holdfast init/),
        expect.stringMatching(/two.key does not exist; /),
      ],
      cause: { name: "KeyFileInvalid" },
    });
  });

  it("pass on what is no answer of a key: a fault of the program", async () => {
    const fault = new TypeError("a fault");
    const keys = await openKeys({ name: "main", keys: [{ type: "kms", keyId: arn }] }, { connectKms: () => Promise.reject(fault) });
    await expect(keys.openingKeyring(`kms:${arn}`)).rejects.toBe(fault);
  });

  it("find a key file that is put in its place later", async () => {
    const path = join(place.directory, "later.key");
    const keys = await keysOfFiles(path);
    expect((await failureOf(keys.sealingKeyId())).name).toBe("KeyFileInvalid");
    const { keyId } = await place.makeKey("later.key");
    expect(await keys.sealingKeyId()).toBe(keyId);
  });
});

describe("a KMS key", () => {
  it("seals and opens, under its own ARN even when the policy names an alias", async () => {
    const keys = await kmsKeys(fakeKms(), "alias/holdfast");
    const { bytes, figures } = await seal(plain, { keys });
    expect(figures.keyId).toBe(`kms:${arn}`);
    expect((await open(bytes, figures, { keys })).equals(plain)).toBe(true);
  });

  it("opens what a replica of the same multi-Region key sealed, and no other key of that region", async () => {
    const replica = arn.replace("eu-central-1", "eu-west-1");
    const { bytes, figures } = await seal(plain, { keys: await kmsKeys(fakeKms()) });
    const there = await kmsKeys(fakeKms({}, replica), replica);
    expect((await open(bytes, figures, { keys: there })).equals(plain)).toBe(true);
    for (const other of [replica.replace("cdef", "cdee"), replica.replace("1111", "2222"), arn.replace("mrk-", "")]) {
      const failure = await failureOf(open(bytes, figures, { keys: await kmsKeys(fakeKms({}, other), other) }));
      expect(failure.name, other).toBe("KeyMissing");
    }
  });

  it("of one region only is not the key of the same id in another region", () => {
    const single = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef";
    expect(isSameKey(single, single)).toBe(true);
    expect(isSameKey(single, single.replace("eu-central-1", "eu-west-1"))).toBe(false);
    expect(isSameKey(arn, arn.replace("eu-central-1", "eu-west-1"))).toBe(true);
    expect(isSameKey(arn, arn.replace("arn:aws:", "arn:aws-cn:"))).toBe(false);
    expect(isSameKey(arn, "alias/holdfast")).toBe(false);
  });

  it("opens beside a key file that took over", async () => {
    const { path, keyId } = await place.makeKey("successor.key");
    const { bytes, figures } = await seal(plain, { keys: await kmsKeys(fakeKms()) });
    const keys = await openKeys(
      {
        name: "main",
        keys: [
          { type: "file", path },
          { type: "kms", keyId: arn },
        ],
      },
      { connectKms: async () => fakeKms() },
    );
    expect(await keys.sealingKeyId()).toBe(keyId);
    expect((await open(bytes, figures, { keys })).equals(plain)).toBe(true);
  });

  it.each([
    ["AccessDeniedException", "denies this identity"],
    ["DisabledException", "disabled"],
    ["KMSInvalidStateException", "pending deletion"],
    ["NotFoundException", "does not know it"],
    ["TimeoutError", "could not be asked"],
  ])("that KMS refuses with %s is unavailable, and that is no damage", async (fault, words) => {
    const sealed = await seal(plain, { keys: await kmsKeys(fakeKms()) });
    const opening = await failureOf(open(sealed.bytes, sealed.figures, { keys: await kmsKeys(fakeKms({ decrypt: fault })) }));
    expect(opening.name).toBe("KeyUnavailable");
    expect(opening.message).toContain(words);
    expect(opening.message).toContain("kms:Decrypt");
    const sealing = await failureOf(seal(plain, { keys: await kmsKeys(fakeKms({ generateDataKey: fault })) }));
    expect(sealing.name).toBe("KeyUnavailable");
    expect(sealing.message).toContain("kms:GenerateDataKey");
    const looking = await failureOf((await kmsKeys(fakeKms({ describeKey: fault }), "alias/holdfast")).sealingKeyId());
    expect(looking.name).toBe("KeyUnavailable");
    expect(looking.message).toContain("alias/holdfast");
  });

  it("does not excuse damage: what KMS cannot unwrap is the artifact's fault", async () => {
    const keys = await kmsKeys(fakeKms());
    const sealed = await seal(plain, { keys });
    const faulty = await kmsKeys(fakeKms({ decrypt: "InvalidCiphertextException" }));
    expect((await failureOf(open(sealed.bytes, sealed.figures, { keys: faulty }))).name).toBe("SealInvalid");
    const bytes = Buffer.from(sealed.bytes);
    const at = bytes.indexOf(context.artifact);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    expect((await failureOf(open(bytes, sealed.figures, { keys }))).name).toBe("ArtifactDamaged");
  });

  it("that is named twice in different ways is looked up once each", async () => {
    let lookups = 0;
    const connection = {
      ...fakeKms(),
      async describeKey() {
        lookups += 1;
        return { $metadata: {}, KeyMetadata: { KeyId: arn, Arn: arn } };
      },
    };
    const keys = await kmsKeys(connection, "alias/holdfast");
    const first = await seal(plain, { keys });
    await open(first.bytes, first.figures, { keys });
    await seal(plain, { keys });
    expect(lookups).toBe(1);
  });
});
