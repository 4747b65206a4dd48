/**
 * Every function, type and table of the server's own in our SQL is named with its schema: no object
 * of a database's owner can answer instead.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const directory = new URL("../../../src/engines/postgres/", import.meta.url);
/**
 * Types that the search path, which is pinned before anything is asked, finds in pg_catalog;
 * written short for their number.
 */
const plainTypes = new Set(["text", "int", "bigint", "boolean", "oid"]);
/** Syntax that looks like a function. */
const syntax = new Set(["coalesce", "nullif", "greatest", "least", "extract"]);

/** The template and string literals of a program that hold SQL. */
function sqlTexts(program: string): string[] {
  const code = program.replaceAll(/\/\*.*?\*\//gs, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const literals = [...code.matchAll(/`(?:[^`\\]|\\.)*`|"(?:[^"\\\n]|\\.)*"/gs)].map(([text]) => text.slice(1, -1));
  return literals.filter((text) => /(?:^|\s|\()(?:SELECT|FROM pg_|JOIN pg_)/.test(text));
}

/** What in a text is not named with its schema. */
function unqualified(sql: string): string[] {
  const text = sql
    .replaceAll(/\$\$.*?\$\$/gs, "")
    .replaceAll(/\$\{[^}]*\}/g, "?")
    .replaceAll(/'(?:[^']|'')*'/g, "''");
  const calls = [...text.matchAll(/(?<![\w."?])([a-z_][a-z0-9_]*)\s*\(/g)].map(([, name]) => name as string);
  const casts = [...text.matchAll(/::\s*([a-z_][\w.]*)/g)]
    .map(([, name]) => name as string)
    .filter((name) => !name.startsWith("pg_catalog.") && !plainTypes.has(name));
  const tables = [...text.matchAll(/\b(?:FROM|JOIN)\s+(?:ONLY\s+)?(pg_\w+)(?![\w.])/g)].map(([, name]) => name as string);
  const named = [/\bAS\s+([a-z_]\w*)\s*\(/g, /(?:\bWITH(?: RECURSIVE)?|\),)\s+([a-z_]\w*)\s*\([\w, ]*\)\s+AS\b/g];
  const aliases = new Set(named.flatMap((pattern) => [...text.matchAll(pattern)].map(([, name]) => name as string)));
  return [
    ...calls.filter((name) => !syntax.has(name) && !aliases.has(name)).map((name) => `function ${name}`),
    ...casts.map((name) => `type ${name}`),
    ...tables.map((name) => `table ${name}`),
  ];
}

it.each([
  ["SELECT current_setting('x')", ["function current_setting"]],
  ["SELECT pg_catalog.current_setting('x')::regclass", ["type regclass"]],
  ["SELECT 1 FROM pg_class c JOIN pg_catalog.pg_namespace n ON true", ["table pg_class"]],
  ["SELECT coalesce(pg_catalog.count(*), 0)::pg_catalog.int4 FROM pg_catalog.unnest(x) AS u(a)", []],
])("finds what is not qualified in %s", (sql, expected) => {
  expect(unqualified(sql)).toEqual(expected);
});

/** Their statements are advice, for people to type. */
const advising = new Set(["place/restore-checks.ts"]);
const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter(
  (name) => name.endsWith(".ts") && !advising.has(name),
);
it("looks into every folder", () => {
  expect(files.length).toBeGreaterThan(100);
});

it.each(files)("%s names the schema of everything", (file) => {
  const found = sqlTexts(readFileSync(new URL(file, directory), "utf8")).flatMap((sql) =>
    unqualified(sql).map((what) => `${what} in ${sql.trim().slice(0, 80)}`),
  );
  expect(found).toEqual([]);
});
