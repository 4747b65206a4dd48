import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutBytes, keyOf, type NameRequest, planNames } from "../../../../src/engines/postgres/live/object-names.ts";

const users = { schema: "public", name: "users" };
const inPublic = (...names: string[]) => names.map((name) => ({ schema: "public", name }));
const taken = (...names: string[]) => new Set(inPublic(...names).map(keyOf));
const plan = (request: Partial<NameRequest>) => planNames({ table: users, objects: [], taken: new Set(), ...request });
const newNames = (request: Partial<NameRequest>) => [...plan(request).objects.values()];

describe("the names of a table beside the live one", () => {
  test("the table's own name, with what belongs to it under that name", () => {
    const objects = inPublic("users_pkey", "users_id_seq", "by_mail", "usersx");
    expect(plan({ objects }).table).toBe("users_restored");
    expect(newNames({ objects })).toEqual([
      "users_restored_pkey",
      "users_restored_id_seq",
      "users_restored_by_mail",
      "users_restored_usersx",
    ]);
    expect(newNames({ as: "old", objects })).toEqual(["old_pkey", "old_id_seq", "old_by_mail", "old_usersx"]);
  });

  test("a name that is taken gets a number; one that was asked for is refused", () => {
    expect(plan({ taken: taken("users_restored", "users_restored_2") }).table).toBe("users_restored_3");
    expect(() => plan({ as: "old", taken: taken("old") })).toThrow(/has public\.old already/);
    expect(plan({ as: "old", taken: new Set([keyOf({ schema: "other", name: "old" })]) }).table).toBe("old");
  });

  test("what cannot be a name is refused in words", () => {
    expect(() => plan({ as: "" })).toThrow(/is empty/);
    expect(() => plan({ as: "ä".repeat(32) })).toThrow(/it has 64 bytes, and PostgreSQL keeps 63/);
    expect(plan({ as: "ä".repeat(31) }).table).toBe("ä".repeat(31));
  });

  test("a long name is cut before the suffix, and within no character", () => {
    const long = { schema: "public", name: "ü".repeat(31) };
    expect(plan({ table: long }).table).toBe(`${"ü".repeat(27)}_restored`);
    const once = new Set([keyOf({ schema: "public", name: `${"ü".repeat(27)}_restored` })]);
    expect(plan({ table: long, taken: once }).table).toBe(`${"ü".repeat(26)}_restored_2`);
    expect(cutBytes("aä", 2)).toBe("a");
  });
});

const name = fc.oneof(
  fc.constantFrom(
    "users",
    "users_pkey",
    "users_restored",
    "users_restored_pkey",
    'a"b',
    "Ä",
    " ",
    "x".repeat(63),
    `users_${"y".repeat(57)}`,
  ),
  fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    .filter((text) => !text.includes("\0") && Buffer.byteLength(text) <= 63),
  fc.string({ unit: fc.constantFrom("ä", "b", "😀", "_"), minLength: 15, maxLength: 60 }).map((text) => cutBytes(text, 63)),
);
const qualified = fc.record({ schema: fc.constantFrom("public", "other"), name });

test("property: every object has a name of its own, that is free, fits, and is derived again the same", () => {
  fc.assert(
    fc.property(
      qualified,
      fc.uniqueArray(qualified, { selector: keyOf, maxLength: 30 }),
      fc.uniqueArray(qualified, { selector: keyOf, maxLength: 60 }),
      (table, others, names) => {
        const objects = others.filter((object) => keyOf(object) !== keyOf(table));
        const occupied = new Set([...names, table, ...objects].map(keyOf));
        const request = { table, objects, taken: occupied };
        const planned = planNames(request);
        const all = [
          keyOf({ schema: table.schema, name: planned.table }),
          ...objects.map((object) => keyOf({ schema: object.schema, name: planned.objects.get(keyOf(object)) as string })),
        ];
        expect(planned.objects.size).toBe(objects.length);
        expect(new Set(all).size).toBe(all.length);
        for (const key of all) {
          expect(occupied.has(key)).toBe(false);
          const bytes = Buffer.byteLength(JSON.parse(key)[1]);
          expect(bytes).toBeGreaterThan(0);
          expect(bytes).toBeLessThanOrEqual(63);
        }
        expect(planNames(request)).toEqual(planned);
      },
    ),
    { numRuns: 500 },
  );
});
