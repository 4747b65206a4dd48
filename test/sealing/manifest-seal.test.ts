/** The seal of a manifest: what it vouches for, and that nothing else passes for one. */
import { randomBytes } from "node:crypto";
import { buildEncrypt } from "@aws-crypto/encrypt-node";
import { describe, expect, it } from "vitest";
import { findManifestSealProblem, openManifestSeal, sealManifest } from "../../src/sealing/manifest-seal.ts";
import { manifestSealName as nameInContext } from "../../src/sealing/message.ts";
import { sealSmallMessage } from "../../src/sealing/small-message.ts";
import { isVaultId, newVaultId } from "../../src/vault/documents/vault-id.ts";
import { keyOf, manifestSealName as nameOfObject } from "../../src/vault/layout.ts";
import { memoryKeys } from "../support/sealed-backups.ts";
import { fakeKms, kmsKeys } from "./fake-kms.ts";
import { context as artifactContext, failureOf, seal } from "./sealing-fixture.ts";

const keys = memoryKeys();
const inKms = await kmsKeys(fakeKms());
const { artifact: _artifact, ...context } = artifactContext;
const sha256 = "0123456789abcdef".repeat(4);
const sealed = await sealManifest(sha256, { keys, context });
const problemOf = (bytes: Uint8Array, change: Partial<typeof context> = {}, digest = sha256) =>
  findManifestSealProblem(bytes, digest, { keys, context: { ...context, ...change } });

describe("the seal of a manifest", () => {
  it("says which manifest, of which backup, source and vault", async () => {
    expect(await openManifestSeal(sealed, keys)).toEqual({ sha256, context });
    expect(await problemOf(sealed)).toBeUndefined();
    expect(sealed.length).toBeLessThan(600);
  });

  it.each([
    ["another vault", { vaultId: "7".repeat(26) }, /^its seal was made for another vault \(/],
    ["another source", { source: "billing" }, /^its seal was made as manifest of taskmaster's backup/],
    [
      "another backup",
      { backupId: "20261121T020000Z-full-7k3f9a" },
      /^its seal was made as manifest of .* 20261120T020000Z-full-7k3f9a/,
    ],
  ])("vouches for no manifest of %s", async (_, change, says) => {
    expect(await problemOf(sealed, change)).toMatch(says);
  });

  it("vouches for no other manifest of the backup", async () => {
    expect(await problemOf(sealed, {}, "f".repeat(64))).toMatch(/^its seal is of a manifest with SHA-256 0123/);
  });

  it("is none with any bit of it flipped, cut off anywhere, or with a key that nobody has", async () => {
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const found = await problemOf(changed).catch((error: Error) => error.name);
      expect(found, `byte ${at}`).toMatch(/^(its seal does not open|its seal was made|KeyMissing)/);
      expect(await problemOf(sealed.subarray(0, at)), `${at} bytes`).toMatch(/^its seal does not open/);
    }
  });

  it("that no key at hand opens is not judged: nothing is known of the manifest", async () => {
    const options = { keys: memoryKeys(2), context };
    expect((await failureOf(openManifestSeal(sealed, options.keys))).name).toBe("KeyMissing");
    expect((await failureOf(findManifestSealProblem(sealed, sha256, options))).name).toBe("KeyMissing");
  });

  // With KMS, the signed suite keeps those who may only decrypt from making a seal.
  it.each([
    ["a key file", keys, 0x0478, 0x0578],
    ["a key in KMS", inKms, 0x0578, 0x0478],
  ] as const)("is one with the suite of its key alone: %s", async (_, given, right, wrong) => {
    const named = { ...context, artifact: nameInContext };
    const sealAs = (suite: number) => sealSmallMessage(Buffer.from(sha256), { keys: given, context: named, suiteOf: () => suite });
    expect(await openManifestSeal(await sealManifest(sha256, { keys: given, context }), given)).toEqual({ sha256, context });
    expect(await openManifestSeal(await sealAs(right), given)).toEqual({ sha256, context });
    expect(await failureOf(openManifestSeal(await sealAs(wrong), given))).toMatchObject({
      name: "SealInvalid",
      message: "it was sealed as something else",
    });
  });

  it("is no artifact, and no artifact is one", async () => {
    const { bytes } = await seal(Buffer.from(sha256), { keys, context: { ...context, artifact: "archive.dump" } });
    expect(await problemOf(bytes)).toBe("its seal does not open: it was sealed as something else");
    const { result } = await buildEncrypt().encrypt(await keys.sealingKeyring(), Buffer.from(sha256), { suiteId: 0x0478 });
    expect(await problemOf(result)).toBe("its seal does not open: it was sealed as something else");
    expect(nameInContext).toBe(nameOfObject);
    expect(() => keyOf.artifact(context.source, context.backupId, nameInContext)).toThrow(/cannot be the name of an artifact/);
  });
});

describe("a vault's id", () => {
  it("is 128 bits in 26 characters, the number that the bytes are", () => {
    expect(newVaultId((count) => Buffer.alloc(count, 0))).toBe("0".repeat(26));
    expect(newVaultId((count) => Buffer.alloc(count, 255))).toBe(`7${"z".repeat(25)}`);
    expect(newVaultId((count) => Buffer.from("1".padStart(count * 2, "0"), "hex"))).toBe(`${"0".repeat(25)}1`);
    const ids = new Set(Array.from({ length: 1000 }, () => newVaultId((count) => randomBytes(count))));
    expect(ids.size).toBe(1000);
    expect([...ids].every(isVaultId)).toBe(true);
  });

  it.each(["", "8".repeat(26), "0".repeat(25), "0".repeat(27), "i".repeat(26), "A".repeat(26), `${"0".repeat(26)}\n`])(
    "is not %j",
    (text) => {
      expect(isVaultId(text)).toBe(false);
    },
  );
});
