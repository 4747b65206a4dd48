import { describe, expect, it } from "vitest";
import type { Connection } from "../../../../src/engines/postgres/connection/driver.ts";
import { parsePattern, resolveExclusions } from "../../../../src/engines/postgres/dump/exclusions.ts";

/** A database with these relations: `schema.name`, or `schema.name<parent` for a partition. */
function databaseOf(...names: string[]): Connection {
  const relations = names.map((text) => {
    const [full = "", parent] = text.split("<");
    const dot = full.indexOf(".");
    return { oid: full, schema: full.slice(0, dot), name: full.slice(dot + 1), parent: parent ?? null };
  });
  const rows = async (sql: string) => (sql.includes("pg_constraint") ? [] : relations);
  return { rows } as unknown as Connection;
}

describe("resolveExclusions", () => {
  const matches = async (pattern: string, schema: string, name: string) =>
    (await resolveExclusions({ tables: [pattern], data: [] }, databaseOf(`${schema}.${name}`))).excludesTable({ schema, name });

  it.each([
    ["public.users", "public", "users", true],
    ["public.users", "audit", "users", false],
    ["users", "public", "users", true],
    ["users", "audit", "users", false],
    ["*.users", "audit", "users", true],
    ["Public.USERS", "public", "users", true],
    ['public."USERS"', "public", "USERS", true],
    ['public."USERS"', "public", "users", false],
    ["public.cache_?", "public", "cache_1", true],
    ["public.cache_?", "public", "cache_10", false],
    ["public.cache_*", "public", "cache_", true],
    ["public.a.b", "public", "a.b", "refused"],
    ['public."a.b"', "public", "a.b", true],
    ['public."a""b"', "public", 'a"b', true],
    ['public."a*"', "public", "ab", false],
    ['public."a*"', "public", "a*", true],
    ["public.a(b|c)+", "public", "a(b|c)+", true],
    ["public.a(b|c)+", "public", "ab", false],
    ["public.x*", "public", "x\ny", true],
    ["public.?", "public", "😀", true],
    ["", "public", "x", "refused"],
    ['public."open', "public", "open", "refused"],
    ["public.", "public", "", "refused"],
  ])("%s on %s.%s: %s", async (pattern, schema, name, expected) => {
    if (expected === "refused") expect(() => parsePattern(pattern)).toThrow(/is not of the form/);
    else expect(await matches(pattern, schema, name)).toBe(expected);
  });

  it("quotes all but wildcards for pg_dump", async () => {
    const { args } = await resolveExclusions({ tables: ["public.a+*z"], data: ['App."X y"'] }, databaseOf());
    expect(args).toEqual(['--exclude-table="public"."a+"*"z"', '--exclude-table-data="app"."X y"']);
  });

  it("takes partitions along, level by level", async () => {
    const database = databaseOf("public.log", "public.log_1<public.log", "other.log_1a<public.log_1", "public.keep");
    const { args, excludesRows, excludesTable } = await resolveExclusions({ tables: [], data: ["public.log"] }, database);
    expect(args).toEqual([
      '--exclude-table-data="public"."log"',
      '--exclude-table-data="public"."log_1"',
      '--exclude-table-data="other"."log_1a"',
    ]);
    expect(excludesRows({ schema: "other", name: "log_1a" })).toBe(true);
    expect(excludesTable({ schema: "other", name: "log_1a" })).toBe(false);
    expect(excludesRows({ schema: "public", name: "keep" })).toBe(false);
  });

  it("says which patterns match nothing", async () => {
    const { notices } = await resolveExclusions({ tables: ["public.none"], data: ["public.some"] }, databaseOf("public.some"));
    expect(notices).toEqual([
      { code: "exclusion-matches-nothing", subject: "public.none", message: "the exclusion public.none matches no table" },
    ]);
  });
});
