import { expect, test } from "vitest";
import { readLiveRequest } from "../../../../src/engines/postgres/live/live-request.ts";

interface Given {
  readonly only?: readonly string[];
  readonly values?: Readonly<Record<string, string>>;
  readonly overwrite?: boolean;
}

const read = (flags: readonly string[], { only = ["public.users"], values = {}, overwrite = false }: Given = {}) =>
  readLiveRequest({ flags: new Set(flags), values: new Map(Object.entries(values)), overwrite, only });

test("a restore of a database is none, and what only a live one takes is not forgotten silently", () => {
  expect(read([])).toBeUndefined();
  expect(read(["no-owner"], { only: [] })).toBeUndefined();
  for (const flag of ["yes", "no-triggers", "with-needed"]) expect(() => read([flag])).toThrow(`--${flag} means nothing without`);
  for (const value of ["as", "where"])
    expect(() => read([], { values: { [value]: "x" } })).toThrow(`--${value} means nothing without`);
});

test("beside is always meant; rows are only counted until the word", () => {
  expect(read(["beside"])).toMatchObject({ mode: "beside", table: "public.users", confirmed: true, triggers: true });
  expect(read(["into-live"])).toMatchObject({ mode: "rows", confirmed: false, triggers: true });
  expect(read(["into-live", "yes", "no-triggers"])).toMatchObject({ confirmed: true, triggers: false });
  expect(read(["into-live"], { only: ["a", "b"] })).toMatchObject({ table: "a" });
});

test.each([
  [["beside", "into-live"], {}, /are two restores/],
  [["beside"], { only: [] }, /needs the table/],
  [["into-live"], { values: { as: "x" } }, /--as means nothing with --into-live/],
  [["beside", "yes"], {}, /--yes means nothing with --beside/],
  [["beside"], { overwrite: true }, /--overwrite means nothing with --beside/],
  [["into-live", "schema-only"], {}, /--schema-only means nothing/],
  [["into-live"], { values: { role: "x" } }, /--role means nothing/],
  [["into-live"], { values: { where: "true; drop table users" } }, /condition after --where/],
  [["beside"], { values: { as: "x".repeat(64) } }, /has 64 bytes/],
] as const)("refused before anything is read: %j %j", (flags, given, problem) => {
  expect(() => read(flags, given as Given)).toThrow(problem);
});
