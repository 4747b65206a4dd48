import { describe, expect, test } from "vitest";
import { classifyErrors } from "../../../../src/engines/postgres/load/classify-errors.ts";
import { isEnvironmental, parseRestoreErrors } from "../../../../src/engines/postgres/load/load-errors.ts";
import type { ScriptEntry } from "../../../../src/engines/postgres/script/script-entry.ts";

const entries: Readonly<Record<string, ScriptEntry>> = {
  "CREATE SCHEMA public": { type: "SCHEMA", schema: "-", name: "public", dumpId: 1 },
  "CREATE EXTENSION IF NOT EXISTS pg_cron WITH SCHEMA pg_catalog": { type: "EXTENSION", schema: "-", name: "pg_cron", dumpId: 2 },
  "CREATE EXTENSION IF NOT EXISTS postgis": { type: "EXTENSION", schema: "-", name: "postgis", dumpId: 3 },
  "COMMENT ON EXTENSION plpgsql IS 'x'": { type: "COMMENT", schema: "-", name: "EXTENSION plpgsql", dumpId: 4 },
  "CREATE TABLE public.spots (\n    at public.geometry\n)": {
    type: "TABLE",
    schema: "public",
    name: "spots",
    dumpId: 5,
    dependencies: [3],
  },
  "CREATE VIEW public.near AS SELECT 1": { type: "VIEW", schema: "public", name: "near", dumpId: 6, dependencies: [5] },
  "CREATE TABLE public.t (\n    a integer\n)": { type: "TABLE", schema: "public", name: "t", dumpId: 7, dependencies: [1] },
  "CREATE INDEX i ON public.t USING btree (a)": { type: "INDEX", schema: "public", name: "i", dumpId: 8, dependencies: [7] },
  "CREATE MATERIALIZED VIEW public.mv AS SELECT 1": { type: "MATERIALIZED VIEW", schema: "public", name: "mv", dumpId: 9 },
  "CREATE TABLE public.codes (\n    a integer\n)": { type: "TABLE", schema: "public", name: "codes", dumpId: 10 },
};
const finder = {
  entryOf: (statement: string) => entries[statement],
  tablesNamed: (name: string) => [{ type: "TABLE", schema: name === "message" ? "queue" : "public", name }],
};
const definitions = {
  find: (type: string, schema: string, name: string) =>
    Object.values(entries).find((entry) => entry.type === type && entry.schema === schema && entry.name === name),
  defines: (name: string) => Object.values(entries).some((entry) => entry.name === name),
};
const everything = { missingExtensions: [], superuser: true, definitions };

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

  test("of a build without ICU say where there is one with it", () => {
    const stderr = failed("ICU is not supported in this build", "CREATE COLLATION public.german (provider = icu, locale = 'de')");
    const [finding] = classifyErrors(parseRestoreErrors(stderr, finder), everything).findings;
    expect(finding?.class).toBe("lacking");
    expect(finding?.message).toMatch(
      /^ICU is not supported in this build; a server that was built with ICU is needed, .*containers of a stack/,
    );
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

  const noPostgis = failed('could not open extension control file "x"', "CREATE EXTENSION IF NOT EXISTS postgis");
  const noTable = failed('type "public.geometry" does not exist', "CREATE TABLE public.spots (\n    at public.geometry\n)");
  const noView = failed('relation "public.spots" does not exist', "CREATE VIEW public.near AS SELECT 1");
  const copyFailed = (table: string, message: string): string =>
    `pg_restore: error: COPY failed for table "${table}": ERROR:  ${message}\nCONTEXT:  COPY ${table}, line 1\n`;

  test("follow from a missing extension by the archive's dependencies, in whatever order they come", () => {
    expect(judge(noTable)).toEqual(["damage TABLE public.spots"]);
    const circumstances = { ...everything, missingExtensions: ["postgis"] };
    const expected = ["lacking VIEW public.near", "lacking TABLE public.spots", "lacking EXTENSION postgis"];
    expect(judge(noView + noTable + noPostgis, circumstances)).toEqual(expected);
    // The rows of a table that could not be made are as lacking as the table.
    const rows = failed('relation "public.spots" does not exist', "COPY public.spots (at) FROM stdin");
    expect(judge(noPostgis + noTable + rows, circumstances)[2]).toBe("lacking TABLE DATA public.spots");
    const { lackingObjects } = classifyErrors(parseRestoreErrors(noPostgis + noTable, finder), circumstances);
    expect([...lackingObjects]).toEqual(
      expect.arrayContaining([
        "schema EXTENSION postgis",
        "schema TABLE public.spots",
        "owner TABLE public.spots",
        "table public.spots",
      ]),
    );
  });

  test.each([
    ["a relation that the backup has", 'relation "codes" does not exist'],
    ["a function that the backup has not", "function public.st_area(integer) does not exist"],
    ["a type", 'type "geometry" does not exist'],
    ["a value", "value too long for type character varying(3)"],
    ["a check", 'new row for relation "t" violates check constraint "c"'],
  ])("are never excused by an extension where a table that was made loses rows: %s", (_what, message) => {
    const circumstances = { ...everything, missingExtensions: ["postgis"] };
    expect(judge(noPostgis + copyFailed("t", message), circumstances)).toEqual([
      "lacking EXTENSION postgis",
      "damage TABLE DATA public.t",
    ]);
    const excepted = { ...circumstances, exceptedExtensions: ["postgis"] };
    expect(judge(noPostgis + copyFailed("t", message), excepted)[1]).toBe("damage TABLE DATA public.t");
    const exclude = { tables: ["public.scratch"], data: ["public.sessions"] };
    expect(judge(copyFailed("t", message), { ...everything, exclude })).toEqual(["damage TABLE DATA public.t"]);
  });

  test("of an index that has nothing to do with the extension are damage beside it", () => {
    const circumstances = { ...everything, missingExtensions: ["postgis"] };
    const index = (message: string): string => failed(message, "CREATE INDEX i ON public.t USING btree (a)");
    expect(judge(noPostgis + index('relation "codes" does not exist'), circumstances)[1]).toBe("damage INDEX public.i");
    // What nothing in the backup defines was the extension's, though only the body of a function
    // names it.
    expect(judge(noPostgis + index("function st_area(integer) does not exist"), circumstances)[1]).toBe("lacking INDEX public.i");
    expect(judge(index("function st_area(integer) does not exist"))).toEqual(["damage INDEX public.i"]);
  });

  test("of an extension's own table are the extension's", () => {
    const rows = failed('relation "queue.message" does not exist', "COPY queue.message (id, body) FROM stdin");
    expect(judge(rows, { ...everything, missingExtensions: ["queue"] })).toEqual(["lacking TABLE DATA queue.message"]);
    expect(judge(rows)).toEqual(["damage TABLE DATA queue.message"]);
  });

  test("are excepted where the policy names the extension, and only then", () => {
    const both = { ...everything, missingExtensions: ["postgis", "pg_cron"], exceptedExtensions: ["postgis"] };
    expect(judge(noPostgis + noTable + noView, both)).toEqual([
      "excepted EXTENSION postgis",
      "excepted TABLE public.spots",
      "excepted VIEW public.near",
    ]);
    const cron = failed('extension "pg_cron" is not available', "CREATE EXTENSION IF NOT EXISTS pg_cron WITH SCHEMA pg_catalog");
    expect(judge(cron, both)).toEqual(["lacking EXTENSION pg_cron"]);
    const { lackingObjects, exceptedObjects } = classifyErrors(parseRestoreErrors(noTable + noPostgis, finder), both);
    expect([...lackingObjects]).toEqual(["schema EXTENSION pg_cron"]);
    expect([...exceptedObjects]).toEqual(expect.arrayContaining(["schema EXTENSION postgis", "table public.spots"]));
  });

  test.each([
    'could not connect to server "warehouse"',
    'could not open file "/srv/list.csv" for reading: No such file or directory',
    'unrecognized configuration parameter "app.tenant"',
    'user mapping not found for user "postgres", server "warehouse"',
    "server closed the connection unexpectedly",
    "canceling statement due to statement timeout",
    "division by zero",
    'relation "codes" does not exist',
    'permission denied for table "codes"',
    'materialized view "base" has not been populated',
  ])("of a view's query are lacking, and call nothing off: %s", (message) => {
    const stderr = failed(message, "REFRESH MATERIALIZED VIEW public.mv");
    expect(judge(stderr)).toEqual(["lacking MATERIALIZED VIEW DATA public.mv"]);
    expect(parseRestoreErrors(stderr, finder).some(isEnvironmental)).toBe(false);
  });

  test("of a lost server call the load off, while it refreshes a view too", () => {
    const lost = `pg_restore: error: could not execute query: server closed the connection unexpectedly\nCommand was: REFRESH MATERIALIZED VIEW public.mv;\n\n`;
    expect(parseRestoreErrors(lost, finder).some(isEnvironmental)).toBe(true);
    const full = failed('could not write to file "base/1": No space left on device', "REFRESH MATERIALIZED VIEW public.mv");
    expect(parseRestoreErrors(full, finder).some(isEnvironmental)).toBe(true);
  });

  test("of a base type without its library are followed to what uses the type", () => {
    const widgets: Readonly<Record<string, ScriptEntry>> = {
      "CREATE FUNCTION public.widget_in(cstring) RETURNS public.widget": {
        type: "FUNCTION",
        schema: "public",
        name: "widget_in(cstring)",
        dumpId: 21,
        dependencies: [20],
      },
      "CREATE TYPE public.widget (x)": { type: "TYPE", schema: "public", name: "widget", dumpId: 22, dependencies: [21] },
      "CREATE TABLE public.w (x)": { type: "TABLE", schema: "public", name: "w", dumpId: 23, dependencies: [22] },
    };
    const stderr =
      failed(
        'could not access file "$libdir/regress": No such file or directory',
        "CREATE FUNCTION public.widget_in(cstring) RETURNS public.widget",
      ) +
      failed("function public.widget_in(cstring) does not exist", "CREATE TYPE public.widget (x)") +
      failed('type "public.widget" is only a shell', "CREATE TABLE public.w (x)");
    const errors = parseRestoreErrors(stderr, { ...finder, entryOf: (statement) => widgets[statement] });
    const { findings, lackingObjects } = classifyErrors(errors, {
      ...everything,
      definitions: { ...definitions, defines: () => true },
    });
    expect(findings.map((finding) => finding.class)).toEqual(["lacking", "lacking", "lacking"]);
    expect(findings[2]?.message).toContain("follows from TYPE public.widget");
    expect(lackingObjects.has("schema SHELL TYPE public.widget")).toBe(true);
  });

  const exclude = { tables: ["public.sessions"], data: ["public.cache_*"] };
  const effect = (loses: "definition" | "reference" | "rows", name: string) => ({
    object: "x",
    needs: { schema: "public", name },
    loses,
  });
  const excluding = {
    ...everything,
    exclude,
    exclusionEffects: [effect("definition", "sessions"), effect("reference", "cache_1")],
  };

  test("are searched once, however long a function of the source makes them, and its statements", () => {
    const long = 2_000_000;
    const index = "CREATE INDEX i ON public.t USING btree (a)";
    for (const message of [
      `function ${"(".repeat(long)}`,
      `function x${"() ".repeat(long / 3)}`,
      `relation "${'" does not exis'.repeat(long / 15)}`,
      `type "${"[]".repeat(long / 2)}x" does not exist`,
      `violates foreign key constraint${' snapshot "'.repeat(long / 11)}`,
    ]) {
      expect(judge(failed(message, index), excluding)).toHaveLength(1);
    }
    const command = `ALTER TABLE x CHECK ('${" FOREIGN KEY (".repeat(long / 14)}')`;
    expect(judge(failed("violates foreign key constraint", command), excluding)).toHaveLength(1);
  });

  test("of what needs excluded tables or rows are excepted, by the names that the backup gives", () => {
    const missing = (what: string, name: string): string =>
      failed(`${what} "${name}" does not exist`, "CREATE VIEW public.near AS SELECT 1");
    for (const [what, name] of [
      ["relation", "public.sessions"],
      ["type", "public.sessions"],
      ["type", "public.sessions[]"],
    ] as const) {
      expect(judge(missing(what, name))).toEqual(["damage VIEW public.near"]);
      expect(judge(missing(what, name), excluding)).toEqual(["excepted VIEW public.near"]);
    }
    // Of these the backup does not say that anything needs them.
    for (const name of ["public.codes", "public.sessionsx"])
      expect(judge(missing("relation", name), { ...excluding, exclude: { tables: [], data: [] } })).toEqual([
        "damage VIEW public.near",
      ]);
    const key = (table: string): string =>
      failed(
        'insert or update on table "x" violates foreign key constraint "y"',
        `ALTER TABLE ONLY public.x\n    ADD CONSTRAINT y FOREIGN KEY (a) REFERENCES public.${table}(id)`,
      );
    expect(judge(key("cache_1"))).toEqual(["damage archive"]);
    expect(judge(key("cache_1"), excluding)).toEqual(["excepted archive"]);
    for (const table of ["sessions", "cache_2", "t"]) expect(judge(key(table), excluding)).toEqual(["damage archive"]);
  });

  test("of tables are never excepted because of an exclusion, nor what needs them", () => {
    const noTableHere = failed('type "public.sessions" does not exist', "CREATE TABLE public.spots (\n    at public.geometry\n)");
    expect(judge(noTableHere + noView, excluding)).toEqual(["lacking TABLE public.spots", "lacking VIEW public.near"]);
  });

  test("of missing rights are lacking for an ordinary role, and damage for a superuser", () => {
    const error = failed("must be superuser to create an event trigger", "CREATE EVENT TRIGGER e");
    expect(judge(error)).toEqual(["damage archive"]);
    expect(judge(error, { ...everything, superuser: false })).toEqual(["lacking archive"]);
  });

  test("that say that the server failed are no judgement at all", () => {
    const [error] = parseRestoreErrors(failed('could not extend file "base/1": No space left on device', "COPY x"), finder);
    expect(error !== undefined && isEnvironmental(error)).toBe(true);
  });

  test.each([
    "could not create worker process: Resource temporarily unavailable",
    "a worker process died unexpectedly",
    "could not execute query: no connection to the server",
    "could not execute query: FATAL:  something new",
    "what no version says today",
  ])("without an answer of the server call the load off: %s", (message) => {
    const errors = parseRestoreErrors(`pg_restore: error: ${message}\n`, finder);
    expect(errors.map(isEnvironmental)).toEqual([true]);
  });

  test("of an archive that cannot be read are its own, and an answer is one behind a name of two lines", () => {
    const read = (text: string): boolean[] => parseRestoreErrors(text, finder).map(isEnvironmental);
    expect(read("pg_restore: error: could not read from input file: end of file\n")).toEqual([false]);
    expect(read('pg_restore: error: COPY failed for table "a\nb": ERROR:  invalid input syntax\nCONTEXT:  COPY x\n')).toEqual([
      false,
    ]);
    expect(read(failed('could not open file "base/5/1259": No such file or directory', "COPY x"))).toEqual([true]);
  });

  test("are found among verbose output, with the entry's number", () => {
    const stderr = `pg_restore: creating TABLE "public.spots"\npg_restore: while PROCESSING TOC:\npg_restore: from TOC entry 215; 1259 16400 TABLE spots o\n${failed("x", "CREATE TABLE public.spots (\n    at public.geometry\n)")}pg_restore: warning: errors ignored on restore: 1\n`;
    expect(parseRestoreErrors(stderr, finder)).toMatchObject([{ dumpId: 215, message: "x", entry: { name: "spots" } }]);
  });
});
