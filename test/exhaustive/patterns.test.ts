/** Every short pattern against every short path. */
import { describe, expect, it } from "vitest";
import type { EntryPath } from "../../src/engines/files/entry-path.ts";
import { compileSelection } from "../../src/engines/files/patterns.ts";
import { matchesReference } from "../support/reference-glob.ts";

function wordsUpTo(length: number, alphabet: readonly string[]): string[] {
  const words = [""];
  for (let begin = 0, size = 0; size < length; size++) {
    const end = words.length;
    for (; begin < end; begin++) for (const letter of alphabet) words.push(`${words[begin]}${letter}`);
  }
  return words.slice(1);
}

const isWellFormed = (pattern: string) =>
  pattern
    .replace(/^\//, "")
    .split("/")
    .every((part) => part !== "" && (part === "**" || !part.includes("**")));

describe("patterns", () => {
  it("agree with the reference on all patterns of up to 6 characters and all paths of up to 6", () => {
    const patterns = wordsUpTo(6, ["a", "b", "*", "?", "/"]).filter(isWellFormed);
    const paths = wordsUpTo(6, ["a", "b", "/"]).filter((path) => path.split("/").every((name) => name !== ""));
    const wrong: string[] = [];
    for (const pattern of patterns) {
      const selection = compileSelection([], [pattern]);
      for (const path of paths) {
        const excluded = !selection.judge(path as EntryPath, false, false).included;
        if (excluded !== matchesReference(pattern, path)) wrong.push(`${pattern} on ${path}`);
      }
    }
    expect(patterns.length * paths.length).toBeGreaterThan(1_000_000);
    expect(wrong).toEqual([]);
  });
});
