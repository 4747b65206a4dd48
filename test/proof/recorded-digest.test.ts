/** Digests and source checks, taken apart for a document and put together again. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ContentDigest, SourceCheckResult } from "../../src/proof/content.ts";
import { countsOf, joinDigest, joinSourceCheck, splitDigest, splitSourceCheck } from "../../src/proof/recorded-digest.ts";

const count = fc.nat(1_000_000_000);
const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const sample = fc.record({
  bytes: fc.integer({ min: 1024, max: 999_999_999 }),
  compressedBytes: fc.integer({ min: 1, max: 999_999_999 }),
});
const name = fc.string({ unit: "grapheme" });
const object = fc.record(
  { object: name, rows: count, bytes: count, sha256: hex, columns: fc.array(name), sample },
  { requiredKeys: ["object", "bytes", "sha256"] },
);
const group = fc.record({ object: name, rows: count, bytes: count, sample }, { requiredKeys: ["object", "rows", "bytes"] });
const digests = fc.record(
  {
    algorithm: name,
    objectCount: count,
    rows: count,
    bytes: count,
    sha256: hex,
    objects: fc.array(object),
    groups: fc.array(group),
  },
  { requiredKeys: ["algorithm", "objectCount", "rows", "bytes", "sha256"] },
) as fc.Arbitrary<ContentDigest>;
const hash = fc.bigInt({ min: -(2n ** 90n), max: 2n ** 90n }).map(String);
const checks = fc.record({
  mode: fc.constantFrom("content" as const),
  objects: fc.dictionary(name, fc.record({ rows: count, hash })),
}) as fc.Arbitrary<SourceCheckResult>;

describe("a content digest", () => {
  it("is whole again when it is put together", () => {
    fc.assert(
      fc.property(digests, (digest) => {
        const { clear, texts } = splitDigest(digest);
        expect(joinDigest(clear, texts)).toEqual(digest);
        expect(joinDigest(clear, [...texts, ""])).toBeUndefined();
        expect(joinDigest(clear, texts.slice(1))).toBeUndefined();
      }),
    );
  });

  it("has nothing but counts and sizes in clear, and texts whose lengths say no more", () => {
    fc.assert(
      fc.property(digests, hex, sample, (digest, otherHex, otherSample) => {
        const changed: ContentDigest = {
          ...digest,
          sha256: otherHex,
          ...(digest.objects && {
            objects: digest.objects.map((each) => ({ ...each, sha256: otherHex, ...(each.sample && { sample: otherSample }) })),
          }),
          ...(digest.groups && { groups: digest.groups.map((each) => ({ ...each, ...(each.sample && { sample: otherSample }) })) }),
        };
        const [first, second] = [splitDigest(digest), splitDigest(changed)];
        expect(second.clear).toEqual(first.clear);
        expect(second.texts.map((text) => text.length)).toEqual(first.texts.map((text) => text.length));
      }),
    );
  });
});

describe("a source check", () => {
  it("is whole again when it is put together, and without its texts has its counts", () => {
    fc.assert(
      fc.property(checks, (check) => {
        const { clear, texts } = splitSourceCheck(check);
        expect(joinSourceCheck(clear, texts)).toEqual(check);
        expect(joinSourceCheck(clear, [...texts, ""])).toBeUndefined();
        const counts = Object.fromEntries(Object.entries(check.objects).map(([object, { rows }]) => [object, { rows }]));
        expect(clear.objects).toEqual(counts);
        expect(countsOf(clear)).toEqual({ mode: "counts", objects: counts });
        expect(new Set(texts.map((text) => text.length)).size).toBeLessThan(2);
      }),
    );
  });

  it("that asked nothing stays one that asked nothing", () => {
    expect(countsOf({ mode: "none", objects: {} })).toEqual({ mode: "none", objects: {} });
  });
});
