import fc from "fast-check";
import { expect, test } from "vitest";
import { spellQualified } from "../../src/engines/postgres/script/script-identifiers.ts";
import { compileTableName } from "../../src/policy/engines/postgres/table-name.ts";

test.each([
  ["orders", "table public.orders", true],
  ["Orders", "table public.orders", true],
  ["orders", "table shop.orders", true],
  ["public.orders", "table shop.orders", false],
  ["PUBLIC.orders", "table public.orders", true],
  ['"Orders"', 'table public."Orders"', true],
  ["orders", 'table public."Orders"', false],
  ["Order Items", 'table public."Order Items"', true],
  ['shop."a""b"', 'table shop."a""b"', true],
  ["orders", 'table public."old.orders"', false],
  ["orders", "table public.old_orders", false],
  ["orders", "schema TABLE public.orders", false],
  ["orders", "sequence public.orders", false],
  ["", "table public.orders", false],
  ['"', "table public.orders", false],
])("%s and %s: %s", (given, object, expected) => {
  expect(compileTableName(given)(object)).toBe(expected);
});

test("a name in quotes, with its schema or without, means the table that a backup lists under it", () => {
  const name = fc.string({ minLength: 1, maxLength: 6 }).filter((text) => !text.includes("\0"));
  const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  fc.assert(
    fc.property(name, name, name, (schema, table, other) => {
      const object = `table ${spellQualified(schema, table)}`;
      expect(compileTableName(`${quote(schema)}.${quote(table)}`)(object)).toBe(true);
      expect(compileTableName(quote(table))(object)).toBe(true);
      expect(compileTableName(quote(other))(object)).toBe(other === table);
    }),
  );
});
