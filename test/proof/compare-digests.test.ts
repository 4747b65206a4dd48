import { describe, expect, test } from "vitest";
import { compareCounts } from "../../src/proof/compare-counts.ts";
import { compareDigests, maxListedDifferences } from "../../src/proof/compare-digests.ts";
import type { ObjectDigest } from "../../src/proof/content.ts";
import { digestOfObjects } from "../../src/proof/digest-root.ts";

const table = (name: string, rows: number, sha256 = "a"): ObjectDigest => ({
  object: `table ${name}`,
  rows,
  bytes: rows * 10,
  sha256,
});
const schema = (name: string, sha256 = "a"): ObjectDigest => ({ object: `schema TABLE ${name}`, bytes: 5, sha256 });
const digest = (...objects: readonly ObjectDigest[]) => digestOfObjects("test-1", objects);

describe("the root of a digest", () => {
  test("does not depend on the order in which objects were found", () => {
    expect(digest(table("b", 2), table("a", 1))).toEqual(digest(table("a", 1), table("b", 2)));
    expect(digest(table("a", 1), table("b", 2))).toMatchObject({ objectCount: 2, rows: 3, bytes: 30 });
  });

  test("is the SHA-256 of the listing that docs describe", () => {
    // printf '"schema TABLE x" - 5 a\n"table y\\nz" 1 10 b\n' | sha256sum
    expect(digest(table("y\nz", 1, "b"), schema("x")).sha256).toBe(
      "b35489dca4d91c6164ddc27592a18e9fd78e25fb689f6c41a8c047dee4a1c468",
    );
  });

  test("changes with any figure", () => {
    const roots = [digest(table("a", 1)), digest(table("a", 2)), digest(table("a", 1, "b")), digest(table("b", 1)), digest()].map(
      (d) => d.sha256,
    );
    expect(new Set(roots).size).toBe(roots.length);
  });
});

describe("comparing two digests", () => {
  test("finds nothing between equals, and says how much it compared", () => {
    const content = digest(table("a", 1200), schema("a"));
    expect(compareDigests(content, content)).toEqual({
      equal: true,
      objectsCompared: 2,
      rowsCompared: 1200,
      bytesCompared: 12_005,
      differenceCount: 0,
      differences: [],
    });
  });

  test("names each difference in plain words", () => {
    const first = digest(table("fewer", 1207), table("more", 1), table("other", 5), table("gone", 3), schema("ddl"), {
      object: "sequence s",
      bytes: 1,
      sha256: "a",
    });
    const second = digest(table("fewer", 1204), table("more", 2), table("other", 5, "b"), table("new", 3), schema("ddl", "b"), {
      object: "sequence s",
      bytes: 1,
      sha256: "b",
    });
    expect(Object.fromEntries(compareDigests(first, second).differences.map(({ object, problem }) => [object, problem]))).toEqual({
      "table fewer": "3 rows fewer (1,204 instead of 1,207)",
      "table more": "1 row more (2 instead of 1)",
      "table other": "same number of rows (5), different content",
      "table gone": "missing after the restore",
      "table new": "not in the backup",
      "schema TABLE ddl": "different definition",
      "sequence s": "different value",
    });
  });

  test("lists some and counts all", () => {
    const objects = Array.from({ length: 250 }, (_, index) => table(`t${index}`, 1));
    const comparison = compareDigests(digest(...objects), digest());
    expect(comparison).toMatchObject({ equal: false, differenceCount: 250 });
    expect(comparison.differences).toHaveLength(maxListedDifferences);
  });

  test("follows its rules: what is ignored, and what must only be there", () => {
    const first = digest(schema("a"), schema("b"), table("t", 1));
    const second = digest(schema("a", "x"), table("t", 2));
    const ignore = (object: string): boolean => object === "table t";
    expect(compareDigests(first, second, { ignore, presenceOnly: (object) => object.startsWith("schema ") })).toMatchObject({
      objectsCompared: 2,
      differences: [{ object: "schema TABLE b", problem: "missing after the restore" }],
    });
  });

  test("does not take digests of different rules, or without a list, for equal", () => {
    const one = digest(table("a", 1));
    expect(compareDigests(one, { ...one, algorithm: "test-2" }).equal).toBe(false);
    const { objects: _objects, ...bare } = one;
    expect(compareDigests(bare, bare).equal).toBe(false);
  });
});

describe("comparing a source's counts", () => {
  const content = digest(table("a", 5), table("b", 0), schema("a"));

  test("finds rows that the backup has not, and objects that it has not", () => {
    const check = { mode: "counts" as const, objects: { "table a": { rows: 6 }, "table b": { rows: 0 }, "table c": { rows: 0 } } };
    expect(compareCounts(content, check)).toMatchObject({
      equal: false,
      objectsCompared: 3,
      rowsCompared: 6,
      differences: [
        { object: "table a", problem: "1 row fewer (5 instead of 6)" },
        { object: "table c", problem: "missing in the backup" },
      ],
    });
  });

  test("compares nothing where nothing was counted", () => {
    expect(compareCounts(content, { mode: "none", objects: {} })).toMatchObject({ equal: true, objectsCompared: 0 });
  });
});
