/** What a second print says of definitions that are printed differently. */
import { describe, expect, test } from "vitest";
import { differingDefinitions, judgeDefinitions } from "../../../../src/engines/postgres/digest/definition-meaning.ts";
import type { ObjectDigest } from "../../../../src/proof/content.ts";
import { digestOfObjects } from "../../../../src/proof/digest-root.ts";

const view = (sha256: string): ObjectDigest => ({ object: "schema VIEW public.v", bytes: 5, sha256 });
const digest = (...objects: readonly ObjectDigest[]) => digestOfObjects("test-1", objects);
const differing = ["schema VIEW public.v"];

describe("a definition that is printed differently", () => {
  test.each([
    ["a fresh database prints as the copy does", "a", "b", "print only"],
    ["a fresh database prints in a third way", "a", "c", "different"],
    ["a fresh database prints as the backup does, for then the copy was changed", "a", "a", "different"],
    ["is another in the archive than in what was verified", "x", "b", "different"],
  ])("that %s: %s, %s: %s", (_, archive, printed, verdict) => {
    const reprint = { archive: [view(archive)], reprinted: [view(printed)] };
    const { printOnly, unjudged } = judgeDefinitions(differing, digest(view("a")), digest(view("b")), reprint);
    expect([...printOnly]).toEqual(verdict === "print only" ? differing : []);
    expect([...unjudged]).toEqual([]);
  });

  test("is not judged where no fresh database takes it, or there is none", () => {
    const [first, second] = [digest(view("a")), digest(view("b"))];
    for (const reprint of [{ archive: [view("a")], reprinted: [] }, { reason: "no programs" }]) {
      const { printOnly, unjudged, reason } = judgeDefinitions(differing, first, second, reprint);
      expect([[...printOnly], [...unjudged]]).toEqual([[], differing]);
      expect(reason).toMatch(/no programs|does not take/);
    }
  });

  test("is compared as printed where it is the database's own, which no archive loads into another one", () => {
    const settings = (sha256: string): ObjectDigest => ({ object: "schema DATABASE PROPERTIES", bytes: 5, sha256 });
    expect(differingDefinitions(digest(settings("a"), view("a")), digest(settings("b"), view("b")))).toEqual(differing);
  });

  test("is looked for among those that both sides have; rows are none", () => {
    const rows = (sha256: string): ObjectDigest => ({ object: "table public.t", rows: 1, bytes: 5, sha256 });
    expect(differingDefinitions(digest(view("a"), rows("a")), digest(view("b"), rows("b")))).toEqual(differing);
    expect(differingDefinitions(digest(view("a")), digest())).toEqual([]);
    expect(differingDefinitions(digest(view("a")), digest(view("a")))).toEqual([]);
  });
});
