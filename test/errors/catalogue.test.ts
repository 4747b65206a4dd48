/** What documentation and support rely on: a code is one error's, and a hint is a sentence. */
import { expect, test } from "vitest";
import { catalogue } from "../../src/errors/catalogue.ts";

const entries = Object.entries(catalogue);

test("no two errors have one code", () => {
  const codes = entries.map(([, { code }]) => code);
  expect(codes.filter((code, place) => codes.indexOf(code) !== place)).toEqual([]);
});

test("they stand in the order of their names", () => {
  const names = entries.map(([name]) => name);
  expect(names).toEqual(names.toSorted());
});

test("each says what to do in sentences", () => {
  expect(entries.filter(([, { hint }]) => !/^[A-Z].*[.)]$/s.test(hint)).map(([name]) => name)).toEqual([]);
});
