import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createScriptSplitter } from "../../../../src/engines/postgres/script/script-splitter.ts";

type Event = string;

/**
 * What the splitter says of a script that arrives in pieces of the given sizes; rows are joined per
 * table.
 */
function split(script: string, sizes: readonly number[] = [script.length]): Event[] {
  const events: Event[] = [];
  let rows = "";
  const splitter = createScriptSplitter({
    entry: ({ type, schema, name, tablespace }) =>
      events.push(`entry ${type} ${schema} ${name}${tablespace ? ` in ${tablespace}` : ""}`),
    statement: (text) => events.push(`statement ${Buffer.from(text, "latin1").toString()}`),
    copyStart: ({ schema, table, columns }) => {
      events.push(`copy ${schema}|${table} (${columns.join("|")})`);
      rows = "";
    },
    copyData: (bytes) => {
      rows += bytes.toString();
    },
    copyEnd: () => events.push(`rows ${JSON.stringify(rows)}`),
  });
  const bytes = Buffer.from(script);
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const size = Math.max(1, sizes[index % sizes.length] ?? 1);
    splitter.write(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  splitter.end();
  return events;
}

const tricky = `--
-- PostgreSQL database dump
--
\\restrict abc
SET statement_timeout = 0;
--
-- Name: f(text); Type: FUNCTION; Schema: public; Owner: o
--

CREATE FUNCTION public.f(a text) RETURNS text
    LANGUAGE plpgsql
    AS $_$
begin
--
-- Name: fake; Type: TABLE; Schema: public; Owner: o
--
COPY x FROM stdin;
1
\\.
  return $1 || $$;$$ || E'it\\'s; -- "no';
end $_$;

COMMENT ON TABLE public."a;b" IS 'COPY public.users (id) FROM stdin;
-- Name: fake; Type: TABLE; Schema: public; Owner: o
it''s';
CREATE RULE r AS ON INSERT TO public.v DO INSTEAD (INSERT INTO public.t VALUES (1); INSERT INTO public.t VALUES (2));
SELECT $1, a/b, a-b /* ; /* nested ' */ ; */ -- ; comment
  , E'\\\\', U&'\\0041', 'ends with backslash\\';
--
-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: o
--

COPY public."t ""x"", y" (id, "select", "a, b (c)") FROM stdin;
1\t\\\\.\tCREATE TABLE x ();
2\t\\N\t-- Name: fake; Type: TABLE; Schema: public; Owner: o
\\\\.
\\.


--
-- Name: i; Type: INDEX; Schema: public; Owner: o; Tablespace: fast
--

CREATE INDEX i ON public.t USING btree (id);

COPY public.empty (a) FROM stdin;
\\.


COPY public.none  FROM stdin;


\\.

\\unrestrict abc
--
-- PostgreSQL database dump complete
--
`;

describe("splitting a script", () => {
  test("finds entries, statements and rows, and nothing that only looks like them", () => {
    expect(split(tricky)).toMatchInlineSnapshot(`
      [
        "statement SET statement_timeout = 0",
        "entry FUNCTION public f(text)",
        "statement CREATE FUNCTION public.f(a text) RETURNS text
          LANGUAGE plpgsql
          AS $_$
      begin
      --
      -- Name: fake; Type: TABLE; Schema: public; Owner: o
      --
      COPY x FROM stdin;
      1
      \\.
        return $1 || $$;$$ || E'it\\'s; -- "no';
      end $_$",
        "statement COMMENT ON TABLE public."a;b" IS 'COPY public.users (id) FROM stdin;
      -- Name: fake; Type: TABLE; Schema: public; Owner: o
      it''s'",
        "statement CREATE RULE r AS ON INSERT TO public.v DO INSTEAD (INSERT INTO public.t VALUES (1); INSERT INTO public.t VALUES (2))",
        "statement SELECT $1, a/b, a-b /* ; /* nested ' */ ; */ -- ; comment
        , E'\\\\', U&'\\0041', 'ends with backslash\\'",
        "entry TABLE DATA public t",
        "copy public|t "x", y (id|select|a, b (c))",
        "rows "1\\t\\\\\\\\.\\tCREATE TABLE x ();\\n2\\t\\\\N\\t-- Name: fake; Type: TABLE; Schema: public; Owner: o\\n\\\\\\\\.\\n"",
        "entry INDEX public i in fast",
        "statement CREATE INDEX i ON public.t USING btree (id)",
        "copy public|empty (a)",
        "rows """,
        "copy public|none ()",
        "rows "\\n\\n"",
      ]
    `);
  });

  test("gives the same in chunks of any size", () => {
    const whole = split(tricky);
    for (let size = 1; size < 70; size++) expect(split(tricky, [size])).toEqual(whole);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
        expect(split(tricky, sizes)).toEqual(whole);
      }),
    );
  });

  test("reads backslashes in strings as escapes where the script says that they are", () => {
    const script = "SET standard_conforming_strings = off;\nSELECT 'it\\'s; one';\nSELECT 2;\n";
    expect(split(script)).toEqual([
      "statement SET standard_conforming_strings = off",
      "statement SELECT 'it\\'s; one'",
      "statement SELECT 2",
    ]);
  });

  test("takes rows that end with the marker's characters for rows", () => {
    const rows = ["a\\\\.", "\\\\.", ".", "\\\\", ""];
    const script = `COPY public.t (a) FROM stdin;\n${rows.map((row) => `${row}\n`).join("")}\\.\n`;
    for (let size = 1; size < 20; size++) {
      expect(split(script, [size]).at(-1)).toBe(`rows ${JSON.stringify(`${rows.join("\n")}\n`)}`);
    }
  });

  test.each([
    ["within rows", "COPY public.t (a) FROM stdin;\n1\n", "a table's rows"],
    ["within a marker", "COPY public.t (a) FROM stdin;\n1\n\\.", "a table's rows"],
    ["after COPY", "COPY public.t (a) FROM stdin;", "a table's rows"],
    ["within a statement", "CREATE TABLE x (\n", "a statement"],
    ["within a string", "COMMENT ON TABLE x IS 'abc; \n", "a statement"],
    ["within a dollar quote", "DO $x$ begin; $x", "a statement"],
    ["within a block comment", "/* abc", "a statement"],
  ])("refuses a script that is cut off %s", (_where, script, words) => {
    expect(() => split(script)).toThrow(words);
    expect(() => split(script, [1])).toThrow(words);
  });
});
