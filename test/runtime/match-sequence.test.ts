import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyNumber, matchSequence } from "../../src/runtime/match-sequence.ts";
import { propertyParameters } from "../support/fuzz.ts";

/** Matches a word with `*`, and counts how often a character is looked at. */
function matchWord(pattern: string, word: string): { matched: boolean; looks: number } {
  let looks = 0;
  const parts = [...pattern].map((character) => (character === "*" ? anyNumber : character));
  const matched = matchSequence(parts, word.length, (part, index) => {
    looks++;
    return part === "?" || part === word[index];
  });
  return { matched, looks };
}

/** The same by backtracking: slow, and obviously right. */
function matchSlowly(pattern: string, word: string): boolean {
  if (pattern === "") return word === "";
  const [first, rest] = [pattern[0], pattern.slice(1)];
  if (first === "*") return matchSlowly(rest, word) || (word !== "" && matchSlowly(pattern, word.slice(1)));
  return word !== "" && (first === "?" || first === word[0]) && matchSlowly(rest, word.slice(1));
}

describe("matching a sequence", () => {
  it("agrees with backtracking on words of few letters", () => {
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 9 });
    const word = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
    fc.assert(
      fc.property(pattern, word, (p, w) => matchWord(p, w).matched === matchSlowly(p, w)),
      propertyParameters(20_000),
    );
  });

  it.each([
    ["*-*-*-*.bak", "-".repeat(250)],
    ["*-*-*-*-*-*-*-*-*-*.bak", "-".repeat(250)],
    [`${"*a".repeat(60)}b`, "a".repeat(255)],
    ["**************b", "a".repeat(255)],
    [`${"*?".repeat(100)}b`, "a".repeat(255)],
  ])("looks at each character once for each part at most: %s", (pattern, word) => {
    const { matched, looks } = matchWord(pattern, word);
    expect(matched).toBe(false);
    expect(looks).toBeLessThanOrEqual(pattern.length * (word.length + 1));
  });
});
