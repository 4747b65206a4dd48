import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { didYouMean, editDistance, nearestName } from "../../src/policy/nearest-name.ts";

describe("the nearest name", () => {
  const keys = ["version", "timezone", "vaults", "keys", "sources", "alerts"];

  it.each([
    ["timezon", "timezone"],
    ["TimeZone", "timezone"],
    ["vualts", "vaults"],
    ["vault", "vaults"],
    ["key", "keys"],
    ["kesy", "keys"],
    ["soruces", "sources"],
    ["alert", "alerts"],
  ])("of %s is %s", (typo, meant) => {
    expect(nearestName(typo, keys)).toBe(meant);
  });

  it.each(["retention", "x", "", "connection"])("of %j is none", (typo) => {
    expect(nearestName(typo, keys)).toBeUndefined();
    expect(didYouMean(typo, keys)).toBe("");
  });

  it("is found for a beginning of a name", () => {
    expect(nearestName("postgresql", ["postgres", "files"])).toBe("postgres");
    expect(nearestName("crit", ["critical", "important"])).toBe("critical");
  });

  it("counts a swap of neighbours as one edit", () => {
    expect(editDistance("ab", "ba")).toBe(1);
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("", "abc")).toBe(3);
  });

  it("is symmetrical, zero for equals only, and never more than the longer text", () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });

  it("is not looked for in a long text", () => {
    expect(nearestName("x".repeat(1_000_000), ["x"])).toBeUndefined();
  });
});
