import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KeyReference } from "../../src/policy/policy.ts";
import { publicKeyOf } from "../../src/sealing/file-signer.ts";
import { readKeyFile } from "../../src/sealing/key-file.ts";
import { openSigner, openVerifier, publicKeyOfFirst } from "../../src/sealing/signing.ts";
import { type KeyPlace, makeKeyPlace } from "./sealing-fixture.ts";

interface SignatureVectors {
  readonly secret: string;
  readonly publicKeys: { readonly ed25519: string; readonly p256: string };
  readonly documents: readonly {
    readonly statement: string;
    readonly names: { readonly ed25519: string; readonly p256: string };
  }[];
}

const vectors = JSON.parse(readFileSync(new URL("../vectors/vault/signatures.json", import.meta.url), "utf8")) as SignatureVectors;
const message = Buffer.from("holdfast-statement-1\n");

let place: KeyPlace;
beforeAll(async () => {
  place = await makeKeyPlace();
});
afterAll(() => place.remove());

const entry = (...keys: readonly [KeyReference, ...KeyReference[]]) => ({ name: "main", keys });
const file = (path: string, publicKey?: string): KeyReference => ({
  type: "file",
  path,
  ...(publicKey === undefined ? {} : { publicKey }),
});
const kms = (publicKey?: string): KeyReference => ({
  type: "kms",
  keyId: "alias/holdfast",
  ...(publicKey === undefined ? {} : { signing: { key: "alias/holdfast-signing", publicKey } }),
});
const signatureOf = (name: string) => Buffer.from(name.slice(-91, -5), "base64url");

describe("a key file's signing key", () => {
  it("is the one that another tool derives, and signs as that one does", async () => {
    const secret = Buffer.from(vectors.secret, "base64");
    expect(publicKeyOf(secret)).toBe(vectors.publicKeys.ed25519);
    const { fileSigner } = await import("../../src/sealing/file-signer.ts");
    for (const { statement, names } of vectors.documents) {
      expect(await fileSigner(secret).sign(Buffer.from(statement))).toEqual(signatureOf(names.ed25519));
    }
  });

  it("has an id that is a digest of its public half, and so tells nothing of the key", async () => {
    const secret = Buffer.from(vectors.secret, "base64");
    const { fileSigner } = await import("../../src/sealing/file-signer.ts");
    const digest = createHash("sha256").update(Buffer.from(vectors.publicKeys.ed25519, "base64")).digest("hex");
    expect(fileSigner(secret).keyId).toBe(`ed25519:${digest.slice(0, 16)}`);
  });

  it("signs where the policy gives its own public key, too", async () => {
    const { path } = await place.makeKey("own-public.key");
    const publicKey = publicKeyOf((await readKeyFile(path)).key);
    const signature = await (await openSigner(entry(file(path, publicKey)))).sign(message);
    expect((await openVerifier([entry(file(path, publicKey))])).verify(message, signature)).toBe("genuine");
  });

  it("signs what its public half alone verifies, on a machine without the file", async () => {
    const { path } = await place.makeKey("signs.key");
    const publicKey = publicKeyOf((await readKeyFile(path)).key);
    const signature = await (await openSigner(entry(file(path)))).sign(message);
    const elsewhere = await openVerifier([entry(file("/nowhere/signs.key", publicKey))]);
    expect(elsewhere.lacking).toBeUndefined();
    expect(elsewhere.verify(message, signature)).toBe("genuine");
  });

  it("is refused where the policy gives another public key: nobody would count what it signs", async () => {
    const { path } = await place.makeKey("other-public.key");
    await expect(openSigner(entry(file(path, vectors.publicKeys.ed25519)))).rejects.toMatchObject({
      name: "KeyUnavailable",
      hint: expect.stringContaining("Write publicKey: "),
    });
  });
});

describe("a verifier", () => {
  it("takes both kinds of signature, made by another tool", async () => {
    const verifier = await openVerifier([entry(kms(vectors.publicKeys.p256), file("/nowhere", vectors.publicKeys.ed25519))]);
    for (const { statement, names } of vectors.documents) {
      for (const name of [names.ed25519, names.p256]) {
        expect(verifier.verify(Buffer.from(statement), signatureOf(name))).toBe("genuine");
      }
    }
  });

  it("takes no other statement, and no other signature", async () => {
    const { path } = await place.makeKey("property.key");
    const [signer, verifier] = [await openSigner(entry(file(path))), await openVerifier([entry(file(path))])];
    const signature = await signer.sign(message);
    const changed = (bytes: Uint8Array, at: number, by: number) =>
      bytes.map((byte, index) => (index === at % bytes.length ? byte ^ by : byte));
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.uint8Array({ maxLength: 80 }), (at, by, random) => {
        expect(verifier.verify(changed(message, at, by), signature)).toBe("forged");
        expect(verifier.verify(message, changed(signature, at, by))).toBe("forged");
        expect(verifier.verify(message, random)).toBe("forged");
      }),
    );
  });

  it("takes what any key of the policy signed, in any entry, and nothing of a key that left it", async () => {
    const [old, young, gone] = [await place.makeKey("old.key"), await place.makeKey("young.key"), await place.makeKey("gone.key")];
    const verifier = await openVerifier([{ ...entry(file(young.path)), name: "other" }, entry(file(old.path))]);
    const verdictOn = async (path: string) => verifier.verify(message, await (await openSigner(entry(file(path)))).sign(message));
    expect(await Promise.all([old, young, gone].map(({ path }) => verdictOn(path)))).toEqual(["genuine", "genuine", "forged"]);
  });

  it("cannot tell a signature that may be of a key which is not at hand, and says why", async () => {
    const [here, away] = [await place.makeKey("here.key"), await place.makeKey("away.key")];
    const [ours, theirs] = await Promise.all(
      [here, away].map(async ({ path }) => (await openSigner(entry(file(path)))).sign(message)),
    );
    await rm(away.path);
    const verifier = await openVerifier([entry(file(here.path), file(away.path))]);
    expect(verifier.lacking).toMatchObject({ name: "KeyFileInvalid" });
    expect(verifier.verify(message, ours as Uint8Array)).toBe("genuine");
    expect(verifier.verify(message, theirs as Uint8Array)).toBe("unknown");
  });

  it.each([
    ["no key can sign", kms(), "signing: { key: alias/NAME }"],
    ["its public key is of another kind", kms(otherKind()), "SubjectPublicKeyInfo in base64"],
    ["its public key is none", kms(Buffer.from("no key").toString("base64")), "SubjectPublicKeyInfo in base64"],
    ["its public key is followed by something", kms(`${vectors.publicKeys.p256}\n`), "SubjectPublicKeyInfo in base64"],
    ["its public key lacks a letter", kms(vectors.publicKeys.p256.slice(0, -1)), "SubjectPublicKeyInfo in base64"],
    ["its public key has more bytes", kms(`${vectors.publicKeys.ed25519.slice(0, -1)}AAAA`), "SubjectPublicKeyInfo in base64"],
  ] as const)("knows nothing where %s, and says what to do", async (_what, reference, hint) => {
    const verifier = await openVerifier([entry(reference)]);
    expect(verifier.lacking).toMatchObject({ name: "KeyUnavailable", hint: expect.stringContaining(hint) });
    expect(verifier.verify(message, new Uint8Array(64))).toBe("unknown");
  });

  it.each(["ed25519", "p256"] as const)("takes no signature of another length than 64 bytes: %s", async (kind) => {
    const verifier = await openVerifier([entry(kms(vectors.publicKeys[kind]))]);
    for (const { statement, names } of vectors.documents) {
      const signature = signatureOf(names[kind]);
      for (const other of [
        signature.subarray(0, 63),
        Buffer.concat([signature, Buffer.alloc(1)]),
        Buffer.alloc(0),
        Buffer.alloc(72),
      ])
        expect(verifier.verify(Buffer.from(statement), other), `${other.length} bytes`).toBe("forged");
    }
  });

  it("says of several keys that are not at hand what the first lacks", async () => {
    const verifier = await openVerifier([entry(file("/nowhere/first.key"), file("/nowhere/second.key"))]);
    expect(verifier.lacking?.message).toContain("/nowhere/first.key");
  });

  it("lacks nothing for a KMS key that signs nothing, beside one that does", async () => {
    const { path } = await place.makeKey("beside.key");
    const verifier = await openVerifier([entry(file(path), kms())]);
    expect(verifier.lacking).toBeUndefined();
    expect(verifier.verify(message, new Uint8Array(64))).toBe("forged");
  });

  it("takes no signature of a key on another curve, whatever the policy says", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
    const text = publicKey.export({ format: "der", type: "spki" }).toString("base64");
    const signature = sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" });
    expect((await openVerifier([entry(kms(text))])).verify(message, signature)).toBe("unknown");
  });
});

describe("the public key of an entry", () => {
  it("is that of its first key: the policy's, or the key file's own", async () => {
    const { path } = await place.makeKey("first.key");
    const own = publicKeyOf((await readKeyFile(path)).key);
    expect(await publicKeyOfFirst(entry(file(path), file("/nowhere")))).toBe(own);
    expect(await publicKeyOfFirst(entry(file("/nowhere", vectors.publicKeys.ed25519)))).toBe(vectors.publicKeys.ed25519);
    expect(await publicKeyOfFirst(entry(kms(vectors.publicKeys.p256)))).toBe(vectors.publicKeys.p256);
    await expect(publicKeyOfFirst(entry(kms(), file(path)))).rejects.toMatchObject({
      name: "KeyUnavailable",
      message: "kms:alias/holdfast under keys.main has no signing key",
    });
  });
});

describe("a key that cannot sign", () => {
  it("is a KMS key without a signing key, by name and with what to do", async () => {
    await expect(openSigner(entry(kms()))).rejects.toMatchObject({
      name: "KeyUnavailable",
      hint: expect.stringContaining("ECC_NIST_P256"),
    });
  });

  it("is a key file that was damaged", async () => {
    const path = join(place.directory, "damaged.key");
    writeFileSync(path, "no key\n", { mode: 0o600 });
    await expect(openSigner(entry(file(path)))).rejects.toMatchObject({ name: "KeyFileInvalid" });
  });
});

function otherKind(): string {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return publicKey.export({ format: "der", type: "spki" }).toString("base64");
}
