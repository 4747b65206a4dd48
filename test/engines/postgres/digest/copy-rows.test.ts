import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { columnPermutation, createColumnReorder } from "../../../../src/engines/postgres/digest/copy-columns.ts";
import { createRowSum } from "../../../../src/engines/postgres/digest/copy-row-sum.ts";
import { countNewlines } from "../../../../src/engines/postgres/digest/copy-rows.ts";

/** Any bytes, with newlines and their neighbours often. */
const bytes = fc.array(fc.oneof(fc.constantFrom(10, 9, 11, 0x8a, 0, 255), fc.nat(255)), { maxLength: 3000 });

describe("counting newlines", () => {
  test("agrees with a plain count at every alignment", () => {
    fc.assert(
      fc.property(bytes, fc.nat(7), (values, offset) => {
        const backing = new Uint8Array(values.length + offset);
        backing.set(values, offset);
        expect(countNewlines(backing.subarray(offset))).toBe(values.filter((byte) => byte === 10).length);
      }),
    );
  });

  test("does not overflow where every byte is a newline", () => {
    expect(countNewlines(new Uint8Array(100_003).fill(10))).toBe(100_003);
  });

  test.each([0, 1, 2, 3, 4, 5])("counts %i bytes that begin at an odd place", (length) => {
    expect(countNewlines(new Uint8Array(64).fill(10).subarray(1, 1 + length))).toBe(length);
  });
});

describe("reordering columns", () => {
  const cells = fc.array(fc.tuple(fc.string({ maxLength: 6 }), fc.string({ maxLength: 6 }), fc.string({ maxLength: 6 })), {
    maxLength: 40,
  });
  const clean = (cell: string): string => cell.replaceAll(/[\t\n]/g, "");

  test("puts every row's columns into the wanted order, in chunks of any size", () => {
    fc.assert(
      fc.property(cells, fc.integer({ min: 1, max: 30 }), (table, size) => {
        const rows = table.map((row) => row.map(clean));
        const permutation = columnPermutation(["a", "b", "c"], ["c", "a", "b"]);
        const reorder = createColumnReorder(permutation ?? []);
        const input = Buffer.from(rows.map((row) => `${row.join("\t")}\n`).join(""));
        const output: Buffer[] = [];
        for (let at = 0; at < input.length; at += size) output.push(reorder(input.subarray(at, at + size)));
        expect(Buffer.concat(output).toString()).toBe(rows.map(([a, b, c]) => `${c}\t${a}\t${b}\n`).join(""));
      }),
    );
  });

  test("asks for nothing where the order is the same, or the columns differ", () => {
    expect(columnPermutation(["a", "b"], ["a", "b"])).toBeUndefined();
    expect(columnPermutation(["a", "b"], ["a", "c"])).toBeUndefined();
    expect(columnPermutation(["a", "b"], ["b"])).toBeUndefined();
    expect(columnPermutation(["a", "a"], ["a", "b"])).toBeUndefined();
    expect(columnPermutation(["b", "a"], ["a", "b"])).toEqual([1, 0]);
  });
});

describe("a row sum", () => {
  const sumOf = (rows: readonly string[], size: number): string => {
    const sum = createRowSum();
    const input = Buffer.from(rows.map((row) => `${row}\n`).join(""));
    for (let at = 0; at < input.length; at += size) sum.update(input.subarray(at, at + size));
    return sum.digest();
  };

  test("does not depend on the rows' order nor on the chunks", () => {
    fc.assert(
      fc.property(fc.array(fc.string().map((text) => text.replaceAll("\n", ""))), fc.integer({ min: 1, max: 20 }), (rows, size) => {
        expect(sumOf([...rows].reverse(), size)).toBe(sumOf(rows, 1000));
      }),
    );
  });

  test("notices a duplicate, a missing row, and a changed one", () => {
    const sums = [["a", "b"], ["a", "b", "b"], ["a"], ["a", "c"], [], ["b", "b"]].map((rows) => sumOf(rows, 3));
    expect(new Set(sums).size).toBe(sums.length);
    expect(sumOf(["a"], 9)).toBe("87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7");
  });
});
