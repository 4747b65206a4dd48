/** A backup's digest key as it is stored: what opens as one, and what does not. */
import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestKeyOf, makeDigestKey, openDigestKey } from "../../src/sealing/digest-key.ts";
import { digestKeyName as nameInContext } from "../../src/sealing/message.ts";
import { openTexts, sealTexts } from "../../src/sealing/sealed-texts.ts";
import { sealSmallMessage } from "../../src/sealing/small-message.ts";
import { digestKeyName as nameOfObject } from "../../src/vault/layout.ts";
import { memoryKeys } from "../support/sealed-backups.ts";
import { context as artifactContext } from "./sealing-fixture.ts";

const keys = memoryKeys();
const { artifact: _artifact, ...context } = artifactContext;
const { key, sealed } = await makeDigestKey(randomBytes, { keys, context });
const open = (bytes: Uint8Array, { id = key.id, ...change }: Partial<typeof context> & { id?: string } = {}) =>
  openDigestKey(bytes, id, { keys, context: { ...context, ...change } });
const problemOf = async (...given: Parameters<typeof open>) => {
  const opened = await open(...given);
  return "problem" in opened ? opened.problem : undefined;
};

describe("a digest key", () => {
  it("is the same key when it is opened", async () => {
    const opened = await open(sealed);
    if ("problem" in opened) throw new Error(opened.problem);
    expect(opened.id).toBe(key.id);
    expect(opened.plainDigestOf("a", "b")).toBe(key.plainDigestOf("a", "b"));
    expect(opened.derive("x")).toEqual(key.derive("x"));
  });

  it("has a name that is one in the seal and in the vault", () => {
    expect(nameInContext).toBe(nameOfObject);
  });

  it.each([
    ["another vault's", { vaultId: "7".repeat(26) }, /^was sealed for another vault \(/],
    ["another source's", { source: "billing" }, /^was sealed as digest-key of taskmaster's backup/],
    ["another backup's", { backupId: "20261121T020000Z-full-7k3f9a" }, /^was sealed as digest-key of taskmaster's backup/],
    ["of another id", { id: "0".repeat(16) }, /^is not the one that the manifest names$/],
  ])("that is %s is none", async (_, change, problem) => {
    expect(await problemOf(sealed, change)).toMatch(problem);
  });

  it.each([
    ["shorter", 31],
    ["longer", 33],
  ])("that is %s is none", async (_, length) => {
    const options = { keys, context: { ...context, artifact: nameInContext }, suiteOf: () => 0x0478 };
    expect(await problemOf(await sealSmallMessage(new Uint8Array(length), options))).toBe("was sealed as something else");
    expect(() => digestKeyOf(new Uint8Array(length))).toThrow("a digest key of");
  });

  it("that was sealed as an artifact or with another suite is none", async () => {
    const bytes = new Uint8Array(32).fill(3);
    const { id } = digestKeyOf(bytes);
    const sealAs = (artifact: string, suite: number) =>
      sealSmallMessage(bytes, { keys, context: { ...context, artifact }, suiteOf: () => suite });
    expect(await problemOf(await sealAs(nameInContext, 0x0478), { id })).toBeUndefined();
    expect(await problemOf(await sealAs("manifest", 0x0478), { id })).toMatch(/^was sealed as manifest of/);
    expect(await problemOf(await sealAs(nameInContext, 0x0578), { id })).toBe("was sealed as something else");
  });

  it("of which any bit is another is none, and neither is what is cut or anything else", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(sealed.length * 8 - 1), async (bit) => {
        const changed = Buffer.from(sealed);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const outcome = await open(changed).catch((error: unknown) => error);
        // A bit of the key's id in the header: that key is missing.
        if (outcome instanceof Error) expect(outcome.name).toBe("KeyMissing");
        else expect(outcome).toHaveProperty("problem");
      }),
      { numRuns: 200 },
    );
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(600), sealed.subarray(0, -1)]) {
      expect(await problemOf(bytes)).toBeDefined();
    }
  });

  it("needs the sealing key", async () => {
    await expect(openDigestKey(sealed, key.id, { keys: memoryKeys(2), context })).rejects.toMatchObject({ name: "KeyMissing" });
  });

  it("gives each artifact's name, each content and each purpose values of their own", () => {
    const other = digestKeyOf(randomBytes(32));
    const sha256 = createHash("sha256").update("12345").digest("hex");
    const values = [
      key.plainDigestOf("a", sha256),
      key.plainDigestOf("b", sha256),
      key.plainDigestOf("a", "0".repeat(64)),
      other.plainDigestOf("a", sha256),
      Buffer.from(key.derive("a")).toString("hex"),
      Buffer.from(key.derive("b")).toString("hex"),
      Buffer.from(other.derive("a")).toString("hex"),
      sha256,
    ];
    expect(new Set(values).size).toBe(values.length);
  });
});

describe("sealed texts", () => {
  const clear = Buffer.from("what stands beside them");
  const given = { purpose: "test", clear };

  it("open to what they were, in pieces that a document may hold", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (texts) => {
        const pieces = sealTexts(key, { ...given, texts }, randomBytes);
        expect(openTexts(key, { ...given, sealed: pieces })).toEqual(texts);
      }),
    );
    const many = Array.from({ length: 50_000 }, () => "x".repeat(64));
    const pieces = sealTexts(key, { ...given, texts: many }, randomBytes);
    expect(pieces.length).toBeGreaterThan(4);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(1024 * 1024);
    expect(openTexts(key, { ...given, sealed: pieces })).toEqual(many);
  });

  it("do not open under another key, for another purpose, beside something else, or changed", () => {
    const texts = ["secret"];
    const pieces = sealTexts(key, { ...given, texts }, randomBytes);
    expect(openTexts(digestKeyOf(randomBytes(32)), { ...given, sealed: pieces })).toBeUndefined();
    expect(openTexts(key, { ...given, purpose: "other", sealed: pieces })).toBeUndefined();
    expect(openTexts(key, { ...given, clear: Buffer.from("else"), sealed: pieces })).toBeUndefined();
    const bytes = Buffer.from(pieces.join(""), "base64");
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(openTexts(key, { ...given, sealed: [changed.toString("base64")] })).toBeUndefined();
    }
    for (const sealedTexts of [[], [""], ["AAAA"], ["%"], [pieces[0]?.slice(0, -4) ?? ""]]) {
      expect(openTexts(key, { ...given, sealed: sealedTexts })).toBeUndefined();
    }
  });

  it("are sealed differently each time", () => {
    const seals = Array.from({ length: 20 }, () => sealTexts(key, { ...given, texts: ["a"] }, randomBytes).join(""));
    expect(new Set(seals).size).toBe(20);
  });
});
