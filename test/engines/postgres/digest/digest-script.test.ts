import { describe, expect, test } from "vitest";
import { createScriptDigester, type ScriptDigestOptions } from "../../../../src/engines/postgres/digest/digest-script.ts";
import { routedSha256 } from "../../../../src/engines/postgres/digest/digest-tables.ts";

const entry = (type: string, schema: string, name: string, body: string, tablespace = ""): string =>
  `--\n-- ${type === "TABLE DATA" ? "Data for " : ""}Name: ${name}; Type: ${type}; Schema: ${schema}; Owner: o${tablespace}\n--\n\n${body}\n\n`;

function digest(script: string, options: ScriptDigestOptions = {}): Record<string, string> {
  const digester = createScriptDigester(options);
  digester.write(Buffer.from(script));
  return Object.fromEntries(
    digester.end().map(({ object, rows, sha256 }) => [object, rows === undefined ? sha256 : `${rows} ${sha256}`]),
  );
}

const names = (script: string): string[] => Object.keys(digest(script)).sort();

describe("the digest of a script", () => {
  test("does not depend on comments, tokens, session settings, or the order of definitions", () => {
    const table = entry("TABLE", "public", "t", "CREATE TABLE public.t (\n    a integer\n);\n\n\nALTER TABLE public.t OWNER TO o;");
    const index = entry("INDEX", "public", "i", "CREATE INDEX i ON public.t USING btree (a);");
    const first = `\\restrict abc\nSET statement_timeout = 0;\nSET default_tablespace = '';\n${table}${index}\\unrestrict abc\n`;
    const second = `-- Dumped by pg_dump version 18\n${index}SET default_tablespace = '';\n${table}`;
    expect(digest(first)).toEqual(digest(second));
    expect(names(first)).toEqual(["owner TABLE public.t", "schema INDEX public.i", "schema TABLE public.t"]);
  });

  test("tells a changed definition, owner, tablespace or access method", () => {
    const make = (body: string, owner = "o", space = "", method = "heap"): Record<string, string> =>
      digest(
        `SET default_table_access_method = ${method};\n${entry("TABLE", "public", "t", `CREATE TABLE public.t (\n    ${body}\n);\nALTER TABLE public.t OWNER TO ${owner};`, space)}`,
      );
    const base = make("a integer");
    expect(make("a bigint")["schema TABLE public.t"]).not.toBe(base["schema TABLE public.t"]);
    expect(make("a integer", "p")).toEqual({
      ...base,
      "owner TABLE public.t": expect.not.stringMatching(base["owner TABLE public.t"] ?? ""),
    });
    expect(Object.keys(make("a integer", "o", "; Tablespace: fast"))).toContain("tablespace TABLE public.t");
    expect(make("a integer", "o", "", "columnar")["schema TABLE public.t"]).not.toBe(base["schema TABLE public.t"]);
  });

  test("combines entries of one name, whatever their order", () => {
    const one = entry("ACL", "public", "TABLE t", "GRANT SELECT ON TABLE public.t TO a;");
    const two = entry("ACL", "public", "TABLE t", "GRANT INSERT ON TABLE public.t TO b;");
    expect(digest(one + two)).toEqual(digest(two + one));
    expect(digest(one + two)).not.toEqual(digest(one + one));
  });

  test("takes rights in any order, with those of another grantor in their frame", () => {
    const grants = [
      "GRANT SELECT ON TABLE t TO a",
      "SET SESSION AUTHORIZATION b;\nGRANT SELECT ON TABLE t TO c;\nRESET SESSION AUTHORIZATION",
    ];
    const acl = (list: readonly string[]): Record<string, string> =>
      digest(entry("ACL", "public", "TABLE t", `${list.join(";\n")};`));
    expect(acl(grants)).toEqual(acl([...grants].reverse()));
    expect(acl(grants)).not.toEqual(acl(["GRANT SELECT ON TABLE t TO a", "GRANT SELECT ON TABLE t TO c"]));
  });

  test("leaves the database's name out, and its settings in", () => {
    const script = (name: string, setting: string): string =>
      entry(
        "DATABASE",
        "-",
        name,
        `CREATE DATABASE ${name} WITH TEMPLATE = template0;\nALTER DATABASE ${name} OWNER TO o;\n\\connect ${name}`,
      ) +
      entry("DATABASE PROPERTIES", "-", name, `ALTER DATABASE ${name} SET work_mem TO '${setting}';`) +
      entry("COMMENT", "-", `DATABASE ${name}`, `COMMENT ON DATABASE ${name} IS 'DATABASE ${name}';`);
    const twin = (name: string): string => script(name, "1MB").replace(/IS 'DATABASE .*'/, "IS 'x'");
    expect(digest(twin('"my db"'))).toEqual(digest(twin("shop")));
    expect(names(twin("shop"))).toEqual([
      "owner DATABASE",
      "schema COMMENT DATABASE",
      "schema DATABASE",
      "schema DATABASE PROPERTIES",
    ]);
    expect(digest(script("shop", "1MB"))).not.toEqual(digest(script("shop", "2MB")));
  });

  test("takes no other object for the database, whatever its names say", () => {
    const create = (name: string): string => entry("DATABASE", "-", name, `CREATE DATABASE ${name} WITH TEMPLATE = template0;`);
    // The schema's name makes the comment above its table say that the entry is about the database.
    const schemas = ["FOO", "COMMENT", "DATABASE", "DATABASE PROPERTIES"].map((type) => `DATABASE s; Type: ${type}; Schema: -`);
    for (const schema of schemas) {
      const table = `CREATE TABLE "${schema}"."DATABASE x" (\n    a text DEFAULT ' DATABASE shop '::text\n);`;
      const hostile = entry("TABLE", schema, "DATABASE x", table);
      expect(digest(create("shop") + hostile)).toEqual(digest(create("shop_restored") + hostile));
      expect(digest(create("shop") + hostile)).not.toEqual(digest(create("shop") + hostile.replace("a text", "a name")));
    }
    const about = (database: string): string =>
      entry("DATABASE PROPERTIES", "-", database, `ALTER ROLE "x IN DATABASE shop" IN DATABASE ${database} SET work_mem TO '1MB';`);
    expect(digest(create("shop") + about("shop"))).toEqual(digest(create('"a b"') + about('"a b"')));
  });

  test("digests rows of inheritance children and of extensions' own tables in the first dump's column order", () => {
    const child = (columns: string, rows: string): string =>
      entry(
        "TABLE",
        "public",
        "child",
        `CREATE TABLE public.child (\n    ${columns.replace(", ", ",\n    ")}\n)\nINHERITS (public.parent);`,
      ) +
      entry(
        "TABLE DATA",
        "public",
        "child",
        `COPY public.child (${columns.replaceAll(/ \w+(,|$)/g, "$1")}) FROM stdin;\n${rows}\\.\n`,
      );
    const first = child("b text, a integer", "x\\ty\t1\n\\N\t2\n");
    const second = child("a integer, b text", "1\tx\\ty\n2\t\\N\n");
    const expected = digest(first)["table public.child"];
    const columnOrder = new Map([["table public.child", ["b", "a"]]]);
    expect(digest(second)["table public.child"]).not.toEqual(expected);
    expect(digest(second, { columnOrder })["table public.child"]).toEqual(expected);
    // An extension makes its tables itself: the script has their rows only.
    const rowsOnly = (script: string): string => script.slice(script.indexOf("--\n-- Data for"));
    expect(digest(rowsOnly(second), { columnOrder })["table public.child"]).toEqual(digest(rowsOnly(first))["table public.child"]);
    const columns = (script: string): unknown => {
      const digester = createScriptDigester();
      digester.write(Buffer.from(script));
      return digester.end().find(({ object }) => object === "table public.child")?.columns;
    };
    expect(columns(first)).toEqual(["b", "a"]);
    expect(columns(rowsOnly(first))).toEqual(["b", "a"]);
    expect(columns(first.replace("\nINHERITS (public.parent)", ""))).toBeUndefined();
  });

  test("counts and digests large objects one by one, however they are grouped", () => {
    const content = (oid: number, ...parts: string[]): string =>
      [
        `SELECT pg_catalog.lo_open('${oid}', 131072)`,
        ...parts.map((hex) => `SELECT pg_catalog.lowrite(0, '\\x${hex}')`),
        "SELECT pg_catalog.lo_close(0)",
      ].join(";\n");
    const old =
      entry("BLOB", "-", "5", "SELECT pg_catalog.lo_create('5');\nALTER LARGE OBJECT 5 OWNER TO o;") +
      entry("BLOB", "-", "6", "SELECT pg_catalog.lo_create('6');\nALTER LARGE OBJECT 6 OWNER TO o;") +
      entry("ACL", "-", "LARGE OBJECT 5", "GRANT SELECT ON LARGE OBJECT 5 TO r;") +
      entry("BLOBS", "-", "BLOBS", `BEGIN;\n${content(5, "0102", "03")};\n${content(6)};\nCOMMIT;`);
    const grouped =
      entry(
        "BLOB METADATA",
        "-",
        "5..6",
        "SELECT pg_catalog.lo_create('6');\nSELECT pg_catalog.lo_create('5');\nALTER LARGE OBJECT 5 OWNER TO o;\nALTER LARGE OBJECT 6 OWNER TO o;",
      ) +
      entry("BLOBS", "-", "5..6", `BEGIN;\n${content(6)};\n${content(5, "01", "0203")};\nCOMMIT;`) +
      entry("ACL", "-", "LARGE OBJECTS 5..6", "GRANT SELECT ON LARGE OBJECT 5 TO r;");
    expect(digest(grouped)).toEqual(digest(old));
    expect(digest(old)["large objects 0..999"]).toMatch(/^2 /);
    expect(digest(old.replace("'\\x03'", "'\\x04'"))).not.toEqual(digest(old));
  });

  test("compares partitions that are loaded through their parent as a whole", () => {
    const leaf = (name: string, rows: string): string =>
      entry("TABLE DATA", "public", name, `COPY public.whole (a) FROM stdin;\n${rows}\\.\n`);
    const first = digest(leaf("one", "1\n2\n") + leaf("two", "3\n"));
    const second = digest(leaf("one", "3\n") + leaf("two", "2\n1\n"));
    expect(first).toMatchObject({ "table public.one": `2 ${routedSha256}`, "table public.two": `1 ${routedSha256}` });
    expect(second["routed rows of table public.whole"]).toBe(first["routed rows of table public.whole"]);
  });

  test("spells names so that two tables never share one", () => {
    const rows = (target: string): string[] => names(`COPY ${target} (a) FROM stdin;\n1\n\\.\n`);
    expect(rows('public."select"')).toEqual(["table public.select"]);
    expect(rows('public."a.b"')).toEqual(['table public."a.b"']);
    expect(rows('"public.a".b')).toEqual(['table "public.a".b']);
    expect(rows('public."with\nnewline ""🦓"""')).toEqual(['table public."with\nnewline ""🦓"""']);
  });
});
