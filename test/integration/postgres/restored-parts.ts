/** Restores of parts of a backup: what is loaded, what comes along, what is left out. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { engine } from "../../../src/engines/postgres/engine.ts";
import { openPostgresTarget } from "../../../src/engines/postgres/place/restore.ts";
import { planPostgresRestore } from "../../../src/engines/postgres/place/restore-plan.ts";
import type { ContentDigest } from "../../../src/proof/content.ts";
import type { PostgresServer } from "../../support/postgres-server.ts";
import { type TakenBackup, takeBackup } from "./taken-backup.ts";

interface Servers {
  readonly server: PostgresServer;
  readonly newer: PostgresServer;
  readonly directory: string;
  /** A backup of the object zoo on `server`. */
  readonly taken: TakenBackup;
  readonly digest: ContentDigest;
}

interface Part {
  readonly taken: TakenBackup;
  readonly digest: ContentDigest;
  readonly on: PostgresServer;
}

const tables = `select coalesce(string_agg(format('%I.%I %s', schemaname, tablename,
    (xpath('/row/c/text()', query_to_xml(format('select count(*) as c from only %I.%I', schemaname, tablename), false, true, '')))[1]), ', '
    order by schemaname collate "C", tablename collate "C"), '')
  from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`;

/** Uses the servers of a file whose set-up takes a backup of the zoo on one of them. */
export function describeParts(servers: () => Servers): void {
  let low: Part;
  let high: Part;
  let number = 0;

  beforeAll(async () => {
    const { server, newer, directory } = servers();
    const sql = await readFile(join(import.meta.dirname, "../../support/selected-parts.sql"), "utf8");
    const take = async (on: PostgresServer): Promise<Part> => {
      await on.sql("create database parts");
      await on.sql(sql, "parts");
      const place = join(directory, `parts-${on.major}`);
      await mkdir(place);
      const taken = await takeBackup(on, "parts", place, { binDirs: [server.binDir, newer.binDir] });
      return { taken, digest: await digestPostgresBackup(taken.backup, taken.context), on };
    };
    low = await take(server);
    high = await take(newer);
  });

  /** Restores to a new database, and gives what was said and what is there. */
  async function restore(
    { taken, digest, on }: Part,
    only: readonly string[] | undefined,
    flags: readonly string[] = [],
    target = `part_${number++}`,
  ) {
    const context = { ...taken.context, environment: { ...taken.context.environment, TARGET: on.urlOf(target) } };
    const request = { target: "env:TARGET", overwrite: false, only, flags: new Set(flags) };
    const plan = await engine.planRestore([taken.backup], taken.source, request, context);
    const place = await engine.openTarget([taken.backup], taken.source, request, context);
    try {
      const { findings } = await place.load();
      const comparison = await place.compare(digest);
      await place.commit();
      const said = plan.checks.filter(({ subject }) => subject === "selection").flatMap(({ details = [] }) => details);
      const counted = place.selection?.count(digest);
      const cutOff = place.selection?.cutOff;
      return {
        findings,
        comparison,
        said,
        counted,
        cutOff,
        target,
        there: await on.sql(tables, target),
        ask: (sql: string) => on.sql(sql, target),
      };
    } finally {
      await place.close();
    }
  }

  const leftOut = (findings: readonly { class: string; subject: string }[]): string[] =>
    findings.flatMap(({ class: kind, subject }) => (kind === "excepted" ? [subject] : []));

  describe.each([
    ["the low major", () => low],
    ["the high major", () => high],
    ["the low major's backup on the high one", () => ({ ...low, on: high.on })],
  ])("a part of a backup, on %s", (_, part) => {
    test("a table comes with all that is part of it; a foreign key to another table is left out, and named", async () => {
      const { findings, comparison, said, counted, there, ask } = await restore(part(), ["public.orders"]);
      expect(comparison).toMatchObject({ equal: true, differences: [], rowsCompared: 100 });
      expect(counted?.objects).toBe(comparison.objectsCompared);
      expect(counted?.of).toBeGreaterThan(100);
      expect(there).toBe("public.orders 100");
      expect(leftOut(findings)).toEqual(["foreign key public.orders orders_customer_fkey"]);
      expect(said).toEqual([
        "table public.orders",
        "type public.status (table public.orders needs it)",
        "function public.plus(integer) (table public.orders needs it)",
        "function public.touch() (trigger public.orders touch_it needs it)",
        "sequence public.shared_seq (table public.orders needs it)",
        "foreign key public.orders orders_customer_fkey (needs table crm.customers)",
      ]);
      expect(
        await ask(
          "select string_agg(conname, ' ' order by conname) from pg_constraint where conrelid = 'orders'::regclass and contype <> 'n'",
        ),
      ).toBe("orders_n_check orders_pkey");
      expect(
        await ask(
          "select string_agg(indexrelid::regclass::text, ' ' order by 1) from pg_index where indrelid = 'orders'::regclass",
        ),
      ).toMatch(/orders_pkey.*orders_plus|orders_plus.*orders_pkey/);
      expect(await ask("select count(*) from pg_policies where policyname = 'only_new'")).toBe("1");
      expect(await ask("select relrowsecurity from pg_class where relname = 'orders'")).toBe("t");
      expect(
        await ask("select obj_description('orders'::regclass) || '; ' || has_table_privilege('parts_reader', 'orders', 'select')"),
      ).toBe("orders; Type: TABLE; true");
      expect(await ask("select nextval('orders_id_seq') || ' ' || nextval('shared_seq')")).toBe("101 4322");
      expect(await ask("insert into orders (customer) values (1) returning note, twice")).toContain("t|8646");
    });

    test("a partitioned table is its partitions, attached, with their keys", async () => {
      const { findings, comparison, there, ask } = await restore(part(), ["billing.invoices"]);
      expect(comparison).toMatchObject({ equal: true, rowsCompared: 50 });
      expect(leftOut(findings)).toEqual([]);
      expect(there).toBe("billing.invoices 0, billing.invoices_2025 21, billing.invoices_2026 0, billing.invoices_2026_0 29");
      expect(await ask("select count(*) from billing.invoices where at >= '2026-01-01'")).toBe("29");
      expect(await ask("select count(*) from pg_index where indisvalid and indrelid = 'billing.invoices'::regclass")).toBe("2");
    });

    test("names that look like options, patterns or entries mean themselves alone", async () => {
      const only = ['"--all"', '"public.orders"', '"a""b"', "select", '"Mixed Case"', '"new\nline"', '"Odd ""S".*'];
      const { comparison, there } = await restore(part(), only);
      expect(comparison).toMatchObject({ equal: true, rowsCompared: 8 });
      expect(there).toBe(
        [
          '"Odd ""S"."x; Type: TABLE; Schema: public; Owner: postgres" 1',
          'public."--all" 1',
          'public."Mixed Case" 1',
          'public."a""b" 1',
          'public."new\nline" 2',
          'public."public.orders" 1',
          'public."select" 1',
        ].join(", "),
      );
    });
  });

  test("a schema is all that stands in it; what queries of it read elsewhere comes along or is named", async () => {
    const { findings, comparison, there } = await restore(high, ["schema billing", 'schema "Odd ""S"']);
    expect(comparison).toMatchObject({ equal: true, rowsCompared: 58 });
    expect(leftOut(findings)).toEqual([]);
    expect(there.split(", ").map((table) => table.split(".")[0])).toEqual([
      '"Odd ""S"',
      ...Array.from({ length: 6 }, () => "billing"),
    ]);
  });

  test("a table that inherits brings its parent along without rows; a partition alone is a table", async () => {
    const only = ["billing.child", "billing.invoices_2025", "public.order_lines"];
    const { findings, comparison, there, cutOff } = await restore(low, only);
    expect(comparison).toMatchObject({ equal: true, rowsCompared: 75 });
    expect(there).toBe("billing.base 0, billing.child 4, billing.invoices_2025 21, public.order_lines 50");
    expect(leftOut(findings)).toEqual([
      "table attach billing.invoices_2025",
      "foreign key public.order_lines order_lines_order_id_fkey",
    ]);
    // An erased order would take its lines with it.
    expect(cutOff).toEqual(expect.arrayContaining(["table public.orders"]));
    expect(findings.map(({ subject, message }) => `${subject}: ${message}`)).toContain(
      "table billing.base: came along WITHOUT its rows: table billing.child needs it",
    );
  });

  test("definitions alone: every object, no row", async () => {
    const { findings, comparison, there, ask } = await restore(high, undefined, ["schema-only"]);
    expect(comparison).toMatchObject({ equal: true, differences: [], rowsCompared: 0 });
    expect(leftOut(findings)).toEqual([]);
    expect(there.split(", ").every((table) => table.endsWith(" 0"))).toBe(true);
    expect(await ask("select count(*) from pg_constraint where contype = 'f'")).toBe("2");
    const { there: chosen } = await restore(high, ["public.orders", "crm.customers"], ["schema-only"]);
    expect(chosen).toBe("crm.customers 0, public.orders 0");
  });

  test("rows alone fill tables that are there and empty, with triggers and keys silent", async () => {
    const { target, ask } = await restore(high, undefined, ["schema-only"]);
    await ask(`create table fired (what text);
      create function note_it() returns trigger language plpgsql as 'begin insert into public.fired values (tg_table_name); return new; end';
      create trigger note_it after insert on crm.customers for each row execute function note_it()`);
    const { comparison, findings, there } = await restore(high, undefined, ["data-only"], target);
    expect(comparison).toMatchObject({ equal: true, differences: [], rowsCompared: 236 });
    expect(findings.filter(({ class: kind }) => kind !== "benign")).toEqual([]);
    expect(there.replace("public.fired 0, ", "")).toBe(await high.on.sql(tables, "parts"));
    expect(await ask("select nextval('shared_seq')")).toBe("4322");
    await expect(restore(high, ["public.orders"], ["data-only"], target)).rejects.toMatchObject({
      name: "RestoreRefused",
      message: expect.stringContaining("tables that are not empty: public.orders"),
    });
  });

  test("rows that refer to rows which were not chosen are named, and stay", async () => {
    const { on } = low;
    await on.sql("create database rows_dangling");
    await on.sql("create table orders (id bigint primary key)", "rows_dangling");
    await on.sql("create table order_lines (id int primary key, order_id bigint references orders)", "rows_dangling");
    const { findings, comparison } = await restore(low, ["public.order_lines"], ["data-only"], "rows_dangling");
    expect(comparison).toMatchObject({ equal: true, rowsCompared: 50 });
    expect(findings.filter(({ class: kind }) => kind !== "benign")).toEqual([
      {
        class: "lacking",
        subject: "foreign key public.order_lines order_lines_order_id_fkey",
        message: "50 rows refer to rows of public.orders that are not there; restore those too",
      },
    ]);
  });

  test("rows that a table does not take change nothing, and tables that are missing are named", async () => {
    const { on } = low;
    await on.sql("create database rows_refused");
    await on.sql(
      `create schema crm; create table "select" (a int);
       create table crm.customers (id bigint generated always as identity, mail text, name text check (name <> 'n7'))`,
      "rows_refused",
    );
    await expect(restore(low, ["crm.customers", "select"], ["data-only"], "rows_refused")).rejects.toMatchObject({
      name: "RestoreFailed",
      message: expect.stringContaining("is as it was"),
    });
    expect(await on.sql(tables, "rows_refused")).toBe('crm.customers 0, public."select" 0');
    await expect(restore(low, ["billing.base"], ["data-only"], "rows_refused")).rejects.toMatchObject({
      message: expect.stringContaining("missing in the database: billing.base"),
    });
  });

  test("what was changed in the chosen part is a difference, and what is not chosen is none", async () => {
    const { taken, digest, on } = low;
    const request = { target: "part_changed", overwrite: false, only: ["public.order_lines", "public.orders"] };
    const place = await openPostgresTarget(taken.backup, taken.source, request, taken.context);
    try {
      await place.load();
      expect(await place.compare(digest)).toMatchObject({ equal: true });
      await on.sql(
        "delete from order_lines where id = 7; alter table orders drop constraint orders_n_check; create table extra ()",
        "part_changed",
      );
      const { equal, differences } = await place.compare(digest);
      expect([equal, differences.map(({ object }) => object).sort()]).toEqual([
        false,
        ["owner TABLE public.extra", "schema TABLE public.extra", "schema TABLE public.orders", "table public.order_lines"],
      ]);
    } finally {
      await place.close();
    }
    expect(await on.sql("select count(*) from pg_database where datname = 'part_changed'")).toBe("0");
  });

  test("a name that means nothing is refused with those that are near, and nothing is made", async () => {
    const { taken, on } = low;
    const request = (only: readonly string[]) => ({ target: "part_none", overwrite: false, only });
    const planning = (only: readonly string[]) => planPostgresRestore(taken.backup, taken.source, request(only), taken.context);
    await expect(planning(["orders", "public.customers"])).rejects.toMatchObject({
      name: "SelectionNotFound",
      exitCode: 3,
      message: expect.stringContaining('"public.customers"'),
      details: expect.arrayContaining(["near: crm.customers"]),
    });
    await expect(planning(["public.ordres"])).rejects.toMatchObject({ details: expect.arrayContaining(["near: public.orders"]) });
    await expect(planning(["a.b.c"])).rejects.toMatchObject({ name: "UsageInvalid" });
    expect(await on.sql("select count(*) from pg_database where datname = 'part_none'")).toBe("0");
  });

  test("a part does not replace a whole database", async () => {
    const { taken, on } = low;
    const request = { target: "parts", overwrite: true, only: ["public.orders"] };
    const opening = openPostgresTarget(taken.backup, taken.source, request, taken.context);
    await expect(opening).rejects.toMatchObject({ name: "RestoreRefused", message: expect.stringContaining("replace all of it") });
    expect(await on.sql("select count(*) from crm.customers", "parts")).toBe("20");
  });

  test("every relation of a schema with one object of every kind is equal to the backup's", async () => {
    const { taken, digest, server } = servers();
    const { findings, comparison } = await restore({ taken, digest, on: server }, ["zoo.*"]);
    expect(comparison).toMatchObject({ equal: true, differences: [] });
    expect(findings.filter(({ class: kind }) => kind === "damage" || kind === "lacking")).toEqual([]);
    expect(comparison.rowsCompared).toBeGreaterThan(500);
  });
}
