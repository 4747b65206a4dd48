import { describe, expect, test } from "vitest";
import { classifyErrors, isEnvironmental, parseRestoreErrors } from "../../../src/engines/postgres/load-errors.ts";
import type { ScriptEntry } from "../../../src/engines/postgres/script-entry.ts";

const statements: Readonly<Record<string, ScriptEntry>> = {
  "CREATE SCHEMA public": { type: "SCHEMA", schema: "-", name: "public" },
  "CREATE EXTENSION IF NOT EXISTS pg_cron WITH SCHEMA pg_catalog": { type: "EXTENSION", schema: "-", name: "pg_cron" },
  "COMMENT ON EXTENSION plpgsql IS 'x'": { type: "COMMENT", schema: "-", name: "EXTENSION plpgsql" },
  "CREATE TABLE public.places (\n    at public.geometry\n)": { type: "TABLE", schema: "public", name: "places" },
  "CREATE INDEX i ON public.t USING btree (a)": { type: "INDEX", schema: "public", name: "i" },
};
const finder = {
  entryOf: (statement: string) => statements[statement],
  tablesNamed: (name: string) => [{ type: "TABLE", schema: "public", name }],
};
const everything = { missingExtensions: [], superuser: true };

function judge(stderr: string, circumstances: Parameters<typeof classifyErrors>[1] = everything): string[] {
  return classifyErrors(parseRestoreErrors(stderr, finder), circumstances).findings.map(
    (finding) => `${finding.class} ${finding.subject}`,
  );
}

const failed = (message: string, command: string): string =>
  `pg_restore: error: could not execute query: ERROR:  ${message}\nDETAIL:  more\nCommand was: ${command};\n\n\n`;

describe("pg_restore's errors", () => {
  test("are told apart as rivals' users asked for", () => {
    expect(judge(failed('schema "public" already exists', "CREATE SCHEMA public"))).toEqual(["benign SCHEMA public"]);
    expect(judge(failed("must be owner of extension plpgsql", "COMMENT ON EXTENSION plpgsql IS 'x'"))).toEqual([
      "benign COMMENT EXTENSION plpgsql",
    ]);
    expect(judge(failed('unrecognized configuration parameter "transaction_timeout"', "SET transaction_timeout = 0"))).toEqual([
      "benign archive",
    ]);
    expect(
      judge(failed('extension "pg_cron" is not available', "CREATE EXTENSION IF NOT EXISTS pg_cron WITH SCHEMA pg_catalog")),
    ).toEqual(["lacking EXTENSION pg_cron"]);
  });

  test("that nobody knows are damage", () => {
    expect(judge(failed("could not create unique index", "CREATE INDEX i ON public.t USING btree (a)"))).toEqual([
      "damage INDEX public.i",
    ]);
    expect(
      judge('pg_restore: error: COPY failed for table "t": ERROR:  invalid input syntax for type integer: "x"\nCONTEXT:  COPY t\n'),
    ).toEqual(["damage TABLE DATA public.t"]);
    expect(judge("pg_restore: error: could not read from input file: end of file\n")).toEqual(["damage archive"]);
    expect(judge(failed("duplicate key value", "SELECT 1"))).toEqual(["damage archive"]);
  });

  test("that follow from a missing extension are lacking, and damage without one", () => {
    const error = failed('type "public.geometry" does not exist', "CREATE TABLE public.places (\n    at public.geometry\n)");
    expect(judge(error)).toEqual(["damage TABLE public.places"]);
    const circumstances = { missingExtensions: ["postgis"], superuser: true };
    expect(judge(error, circumstances)).toEqual(["lacking TABLE public.places"]);
    const { lackingObjects } = classifyErrors(parseRestoreErrors(error, finder), circumstances);
    expect([...lackingObjects]).toEqual(
      expect.arrayContaining(["schema TABLE public.places", "owner TABLE public.places", "table public.places"]),
    );
    // A row that does not fit has nothing to do with any extension.
    expect(
      judge(
        `${error}${failed("value too long for type character varying(3)", "CREATE INDEX i ON public.t USING btree (a)")}`,
        circumstances,
      ),
    ).toEqual(["lacking TABLE public.places", "damage INDEX public.i"]);
  });

  test("of what refers to excluded tables or rows are lacking", () => {
    const exclude = { tables: ["public.sessions"], data: [] };
    const missing = failed('relation "public.sessions" does not exist', "ALTER TABLE x");
    expect(judge(missing)).toEqual(["damage archive"]);
    expect(judge(missing, { ...everything, exclude })).toEqual(["lacking archive"]);
    expect(judge(missing, { ...everything, exclude: { tables: [], data: ["public.sessions"] } })).toEqual(["damage archive"]);
    const dangling = failed('insert or update on table "x" violates foreign key constraint "y"', "ALTER TABLE x");
    expect(judge(dangling)).toEqual(["damage archive"]);
    expect(judge(dangling, { ...everything, exclude: { tables: [], data: ["public.sessions"] } })).toEqual(["lacking archive"]);
  });

  test("of missing rights are lacking for an ordinary role, and damage for a superuser", () => {
    const error = failed("must be superuser to create an event trigger", "CREATE EVENT TRIGGER e");
    expect(judge(error)).toEqual(["damage archive"]);
    expect(judge(error, { missingExtensions: [], superuser: false })).toEqual(["lacking archive"]);
  });

  test("that say that the server gave way are no judgement at all", () => {
    const [error] = parseRestoreErrors(failed('could not extend file "base/1": No space left on device', "COPY x"), finder);
    expect(error !== undefined && isEnvironmental(error)).toBe(true);
  });

  test("are found among verbose output, with the entry's number", () => {
    const stderr = `pg_restore: creating TABLE "public.places"\npg_restore: while PROCESSING TOC:\npg_restore: from TOC entry 215; 1259 16400 TABLE places o\n${failed("x", "CREATE TABLE public.places (\n    at public.geometry\n)")}pg_restore: warning: errors ignored on restore: 1\n`;
    expect(parseRestoreErrors(stderr, finder)).toMatchObject([{ dumpId: 215, message: "x", entry: { name: "places" } }]);
  });
});
