/**
 * Digests under a digest key as another program made them (test/vectors/vault/digests.json, by
 * Python). A vector that no longer opens is a broken promise: fix the code, never the vector.
 */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { openDigest, openSourceCheck, recordDigest, recordSourceCheck } from "../../src/pipeline/opening/digest-keys.ts";
import type { ContentDigest, SourceCheckResult } from "../../src/proof/content.ts";
import type { RecordedDigest, RecordedSourceCheck } from "../../src/proof/recorded-digest.ts";
import { digestKeyOf } from "../../src/sealing/digest-key.ts";

interface Vectors {
  readonly key: string;
  readonly id: string;
  readonly artifacts: readonly { readonly name: string; readonly plainSha256: string; readonly plainDigest: string }[];
  readonly contentDigests: readonly { readonly digest: ContentDigest; readonly recorded: RecordedDigest }[];
  readonly sourceChecks: readonly { readonly check: SourceCheckResult; readonly recorded: RecordedSourceCheck }[];
}

const file = new URL("../vectors/vault/digests.json", import.meta.url);
const vectors = JSON.parse(await readFile(file, "utf8")) as Vectors;
const key = digestKeyOf(Buffer.from(vectors.key, "hex"));
/** The nonce that a vector was sealed with. */
const nonceOf = (sealed: readonly string[] = []) => Buffer.from(sealed.join(""), "base64").subarray(0, 12);

describe("vector:", () => {
  it("a digest key's id", () => {
    expect(key.id).toBe(vectors.id);
  });

  it.each(vectors.artifacts)("the digest of artifact $name", ({ name, plainSha256, plainDigest }) => {
    expect(key.plainDigestOf(name, plainSha256)).toBe(plainDigest);
  });

  it.each(vectors.contentDigests)("a content digest of $digest.algorithm, opened and sealed", ({ digest, recorded }) => {
    expect(openDigest(recorded, key)).toEqual(digest);
    expect(recordDigest(digest, key, () => nonceOf(recorded.sealed))).toEqual(recorded);
  });

  it.each(vectors.sourceChecks)("a source check, opened and sealed", ({ check, recorded }) => {
    expect(openSourceCheck(recorded, key)).toEqual(check);
    expect(recordSourceCheck(check, key, () => nonceOf(recorded.sealed))).toEqual(recorded);
  });
});
