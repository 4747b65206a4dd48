import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { spellQualified } from "../../../../src/engines/postgres/script/script-identifiers.ts";
import { type ArchiveEntry, isPart, isRelation, isTable } from "../../../../src/engines/postgres/selection/archive-entry.ts";
import { cutOffTables } from "../../../../src/engines/postgres/selection/cut-off-tables.ts";
import { parseObjectPattern } from "../../../../src/engines/postgres/selection/object-pattern.ts";
import { type EntrySelection, selectEntries } from "../../../../src/engines/postgres/selection/select-entries.ts";
import { archivePlans, writeArchive } from "./random-archive.ts";

/** Names as people and attackers choose them, many of them alike. */
const names = fc.uniqueArray(
  fc.oneof(
    fc.constantFrom("orders", "orders x", "Orders", "select", 'a"b', "new\nline", "new line", "--all", "public.orders", "*", "a?"),
    fc.constantFrom("x; Type: TABLE; Schema: public; Owner: o", "TABLE orders", "; 1 2 TABLE public orders", "-L", "schema s1"),
    fc.stringMatching(/^[a-z]{1,4}$/),
  ),
  { minLength: 8, maxLength: 8 },
);

const spell = ({ schema, name }: Pick<ArchiveEntry, "schema" | "name">): string => spellQualified(schema, name);

const archives = fc.tuple(archivePlans, names).map(([plan, given]) => writeArchive(plan, given));
/** An archive, and the spelled names of some of its relations and schemas. */
const choices = archives.chain((archive) => {
  const named = archive.entries.filter((entry) => isRelation(entry) || entry.type === "SCHEMA");
  return fc
    .subarray(named, { minLength: 1, maxLength: Math.min(4, named.length) })
    .map((chosen) => ({ archive, chosen, patterns: chosen.map((e) => (e.type === "SCHEMA" ? `schema ${e.name}` : spell(e))) }));
});

const choose = (entries: readonly ArchiveEntry[], patterns: readonly string[]): EntrySelection =>
  selectEntries(entries, patterns.map(parseObjectPattern));

const namesOf = (entries: readonly ArchiveEntry[]): string[] =>
  entries.map(({ type, schema, name }) => `${type} ${schema}.${name}`);

describe("what is chosen of a random archive", () => {
  test("can be loaded: a server that has nothing else refuses none of it", () => {
    fc.assert(
      fc.property(choices, ({ archive, patterns }) => {
        const { loaded } = choose(archive.entries, patterns);
        const there = new Set<number>();
        for (const { dumpId } of archive.entries) {
          if (!loaded.has(dumpId)) continue;
          const missing = archive.serverNeeds.get(dumpId)?.filter((need) => !there.has(need));
          expect(missing, JSON.stringify(archive.entries.find((entry) => entry.dumpId === dumpId))).toEqual([]);
          there.add(dumpId);
        }
      }),
    );
  });

  test("is all that was asked for, and of nothing else more than a definition", () => {
    fc.assert(
      fc.property(choices, ({ archive, chosen, patterns }) => {
        const { loaded, asked, along, unmatched } = choose(archive.entries, patterns);
        expect(unmatched).toEqual([]);
        for (const { dumpId } of chosen) expect(loaded.has(dumpId)).toBe(true);
        const accounted = new Set([...asked, ...along.map(({ entry }) => entry)].map(({ dumpId }) => dumpId));
        const askedIds = new Set(asked.map(({ dumpId }) => dumpId));
        for (const entry of archive.entries.filter(({ dumpId }) => loaded.has(dumpId))) {
          if (!isPart(entry)) expect(accounted.has(entry.dumpId)).toBe(true);
          else expect(entry.dependencies.some((dumpId) => loaded.has(dumpId))).toBe(true);
          if (entry.type === "TABLE DATA") expect(askedIds.has(entry.dependencies[0] as number)).toBe(true);
        }
        // Rows of every chosen table are there.
        const rows = archive.entries.filter(({ type, dependencies: [id] }) => type === "TABLE DATA" && askedIds.has(id as number));
        expect(rows.length).toBe(asked.filter(isTable).length);
        expect(rows.every(({ dumpId }) => loaded.has(dumpId))).toBe(true);
      }),
    );
  });

  test("lacks no part silently: each part of a chosen table is loaded, or named with what it needs", () => {
    fc.assert(
      fc.property(choices, ({ archive, patterns }) => {
        const { loaded, asked, leftOut } = choose(archive.entries, patterns);
        const named = new Set(leftOut.map(({ entry }) => entry.dumpId));
        for (const { entry, other } of leftOut) {
          expect(loaded.has(entry.dumpId)).toBe(false);
          expect(isTable(other) || other.type === "PUBLICATION" || other.type === "VIEW").toBe(true);
        }
        const owners = new Set(asked.filter(isTable).map(({ dumpId }) => dumpId));
        const parts = ["TABLE DATA", "DEFAULT", "CONSTRAINT", "ROW SECURITY", "POLICY", "TRIGGER"];
        for (const entry of archive.entries.filter(({ type }) => parts.includes(type))) {
          const owner = archive.entries.find(({ dumpId, schema, name }) => {
            const printed = name.replaceAll("\n", " ");
            const isOwn = entry.name === printed || entry.name.startsWith(`${printed} `);
            return owners.has(dumpId) && entry.dependencies.includes(dumpId) && schema === entry.schema && isOwn;
          });
          if (owner !== undefined && !named.has(entry.dumpId) && !loaded.has(entry.dumpId)) {
            // Of two tables whose names begin alike the longer one may be meant.
            expect(archive.entries.some(({ name }) => name.length > owner.name.length && entry.name.startsWith(name))).toBe(true);
          }
        }
      }),
    );
  });

  test("does not depend on the order or repetition of patterns, and choosing more loads no less", () => {
    fc.assert(
      fc.property(choices, ({ archive, patterns }) => {
        const all = [...choose(archive.entries, patterns).loaded].sort();
        expect([...choose(archive.entries, [...patterns].reverse().concat(patterns)).loaded].sort()).toEqual(all);
        const [first = ""] = patterns;
        for (const dumpId of choose(archive.entries, [first]).loaded) expect(all).toContain(dumpId);
      }),
    );
  });

  test("names one table by its spelled name, whatever the others are called", () => {
    fc.assert(
      fc.property(archives, fc.nat(), (archive, index) => {
        const tables = archive.entries.filter(isTable);
        const table = tables[index % tables.length] as ArchiveEntry;
        const { asked } = choose(archive.entries, [`table ${spell(table)}`]);
        const partitions = new Set(
          archive.entries.filter(({ type }) => type === "TABLE ATTACH").map(({ dependencies: [id] }) => id),
        );
        expect(asked.filter((entry) => isTable(entry) && !partitions.has(entry.dumpId)).map(spell)).toEqual(
          partitions.has(table.dumpId) ? [] : [spell(table)],
        );
        expect(asked).toContain(table);
      }),
    );
  });
});

const entry = (dumpId: number, type: string, schema: string, name: string, ...dependencies: number[]): ArchiveEntry => ({
  dumpId,
  type,
  schema,
  name,
  dependencies,
});

describe("what comes along and what is left out", () => {
  const shop = [
    entry(1, "SCHEMA", "-", "crm"),
    entry(2, "EXTENSION", "-", "citext"),
    entry(3, "COMMENT", "-", "EXTENSION citext", 2),
    entry(4, "DOMAIN", "public", "email"),
    entry(5, "FUNCTION", "public", "touch()"),
    entry(10, "TABLE", "crm", "customers", 4, 2, 1),
    entry(11, "SEQUENCE", "crm", "customers_id_seq", 10, 1),
    entry(12, "SEQUENCE", "public", "numbers"),
    entry(13, "TABLE", "public", "orders", 12),
    entry(14, "TABLE", "public", "lines"),
    entry(15, "TABLE", "public", "late_orders", 13),
    entry(20, "TABLE DATA", "crm", "customers", 10),
    entry(21, "TABLE DATA", "public", "orders", 13),
    entry(22, "TABLE DATA", "public", "lines", 14),
    entry(23, "SEQUENCE SET", "crm", "customers_id_seq", 11),
    entry(24, "SEQUENCE SET", "public", "numbers", 12),
    entry(30, "CONSTRAINT", "crm", "customers customers_pkey", 10),
    entry(31, "CONSTRAINT", "public", "orders orders_pkey", 13),
    entry(32, "TRIGGER", "public", "orders touch_it", 5, 13),
    entry(33, "FK CONSTRAINT", "public", "orders orders_customer_fkey", 13, 10, 30),
    entry(34, "FK CONSTRAINT", "public", "lines lines_order_fkey", 31, 13, 14),
    entry(35, "PUBLICATION", "-", "pub"),
    entry(36, "PUBLICATION TABLE", "public", "pub orders", 35, 13),
    entry(37, "BLOBS", "-", "4711"),
  ];

  test("a foreign key to a table that is not chosen, and a publication, are left out; a trigger's function comes along", () => {
    const { loaded, along, leftOut, heirs } = choose(shop, ["public.orders"]);
    expect([...loaded].sort((a, b) => a - b)).toEqual([5, 12, 13, 21, 24, 31, 32]);
    expect(along.map(({ entry: { name }, other }) => [name, other.name])).toEqual([
      ["touch()", "orders touch_it"],
      ["numbers", "orders"],
    ]);
    expect(leftOut.map(({ entry: { name }, other }) => [name, other.name])).toEqual([
      ["orders orders_customer_fkey", "customers"],
      ["pub orders", "pub"],
    ]);
    expect(heirs.map(({ entry: { name } }) => name)).toEqual(["late_orders"]);
  });

  test("a foreign key between chosen tables is kept", () => {
    const { loaded, leftOut } = choose(shop, ["orders", "crm.*"]);
    expect(loaded.has(33)).toBe(true);
    expect(leftOut.map(({ entry: { name } }) => name)).toEqual(["pub orders"]);
  });

  test("a schema is all that stands in it, with itself, and an extension comes along with its comment", () => {
    const { loaded, asked, along } = choose(shop, ["schema crm"]);
    expect([...loaded].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 10, 11, 20, 23, 30]);
    expect(namesOf(asked)).toEqual(["SCHEMA -.crm", "TABLE crm.customers", "SEQUENCE crm.customers_id_seq"]);
    expect(along.map(({ entry: { name } }) => name)).toEqual(["citext", "email"]);
  });

  test("an inherited table comes along without its rows, keys and triggers", () => {
    const { loaded } = choose(shop, ["late_orders"]);
    expect([...loaded].sort((a, b) => a - b)).toEqual([12, 13, 15, 24]);
  });

  test("what the archive's names claim of another schema is not in it", () => {
    const evil = [
      entry(1, "SCHEMA", "-", "x; Type: FUNCTION; Schema: public"),
      // As its comment reads when the schema's name is taken at its word.
      entry(2, "FUNCTION", "public", "evil()", 1),
      entry(3, "TABLE", "public", "orders"),
    ];
    expect(namesOf(choose(evil, ["schema public"]).asked)).toEqual(["TABLE public.orders"]);
  });

  test("tables whose erased rows would take chosen rows with them are known, through tables between", () => {
    const cascading = (dumpId: number, name: string, ...dependencies: number[]): ArchiveEntry => ({
      ...entry(dumpId, "FK CONSTRAINT", "public", name, ...dependencies),
      changesOnDelete: true,
    });
    const entries = [
      entry(1, "TABLE", "public", "users"),
      entry(2, "TABLE", "public", "posts"),
      entry(3, "TABLE", "public", "comments"),
      entry(4, "TABLE", "public", "audits"),
      entry(5, "TABLE", "public", "comments_1", 3),
      entry(6, "TABLE ATTACH", "public", "comments_1", 5, 3),
      cascading(11, "posts posts_user", 2, 1),
      cascading(12, "comments comments_post", 3, 2),
      entry(13, "FK CONSTRAINT", "public", "audits audits_user", 4, 1),
    ];
    const cutOff = (...only: string[]) => cutOffTables(entries, choose(entries, only));
    expect(cutOff("comments")).toEqual(["table public.posts", "table public.users"]);
    expect(cutOff("comments_1")).toEqual(["table public.comments", "table public.posts", "table public.users"]);
    expect(cutOff("comments", "posts")).toEqual(["table public.users"]);
    expect(cutOff("audits")).toEqual([]);
    expect(cutOff("public.*")).toEqual([]);
  });

  test("patterns that match nothing are named, each", () => {
    expect(choose(shop, ["public.ordes", "orders", "schema billing", "sequence orders"]).unmatched).toEqual([
      "public.ordes",
      "schema billing",
      "sequence orders",
    ]);
  });
});
