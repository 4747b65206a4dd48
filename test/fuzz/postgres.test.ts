/**
 * Scripts, rows and texts that the PostgreSQL engine reads: how a stream is cut changes nothing,
 * and nothing ends in a crash.
 */
import { describe, expect, it } from "vitest";
import { parseConnectionString } from "../../src/engines/postgres/connection/connection-string.ts";
import { columnPermutation, createColumnReorder } from "../../src/engines/postgres/digest/copy-columns.ts";
import { countNewlines } from "../../src/engines/postgres/digest/copy-rows.ts";
import { createScriptDigester } from "../../src/engines/postgres/digest/digest-script.ts";
import { parsePattern } from "../../src/engines/postgres/dump/exclusions.ts";
import { createScriptSplitter } from "../../src/engines/postgres/script/script-splitter.ts";
import { HoldfastError, isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { fuzz } from "../support/fuzz.ts";
import type { Random } from "../support/mutate.ts";

const comment = (type: string, name: string) =>
  `--\n-- TOC entry 215 (class 1259 OID 16385)\n-- ${type === "TABLE DATA" ? "Data for " : ""}Name: ${name}; Type: ${type}; Schema: public; Owner: o\n--\n\n`;

const script =
  `--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\nSET client_encoding = 'UTF8';\n` +
  `${comment("TABLE", "t")}CREATE TABLE public.t (\n    a integer DEFAULT 1,\n    b text\n);\n\n\nALTER TABLE public.t OWNER TO o;\n\n` +
  `${comment("FUNCTION", "f()")}CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$ select ';' || $$ -- $$ $_$;\n\n` +
  `${comment("SEQUENCE SET", "s")}SELECT pg_catalog.setval('public.s', 7, true);\n\n` +
  `${comment("TABLE DATA", "t")}COPY public.t (a, b) FROM stdin;\n1\tx\\ty\n2\t\\N\n\\.\n\n\n` +
  `${comment("COMMENT", "TABLE t")}COMMENT ON TABLE public.t IS 'it''s; /* no */ E\\';\n\n` +
  `${comment("BLOB", "1")}SELECT pg_catalog.lo_create('1');\nSELECT pg_catalog.lo_open('1', 131072);\nSELECT pg_catalog.lowrite(0, '\\x00');\nSELECT pg_catalog.lo_close(0);\n`;

const words = [
  ...[
    "'",
    "''",
    '"',
    "$$",
    "$a$",
    "$_$",
    "--",
    "/*",
    "*/",
    ";",
    "\\.",
    "\n\\.\n",
    "\\",
    "E'",
    "U&'",
    "(",
    ")",
    "BEGIN ATOMIC",
    "END",
    "CASE",
  ],
  ...[
    "COPY public.t (a) FROM stdin;\n",
    "\n-- Name: x; Type: TABLE; Schema: s; Owner: o\n",
    "CREATE DATABASE d;",
    "\\connect x\n",
    "\t",
    "\\N",
  ],
];

/** Pieces of up to 1, 2 … bytes: small ones cut every token of a script somewhere. */
function* pieces(bytes: Buffer, random: Random): Generator<Buffer> {
  const max = random.pick([1, 2, 3, 7, 100, 5_000]);
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(max);
    // A copy: the chunk is only lent, and is overwritten to see that nobody keeps it.
    const chunk = Buffer.from(bytes.subarray(at, at + size));
    yield chunk;
    chunk.fill(0x58);
    at += size;
  }
}

/** What `work` gives, or ContentInvalid. */
function outcome<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    if (isHoldfastError(error, "ContentInvalid")) return "ContentInvalid";
    throw error;
  }
}

function splitScript(chunks: Iterable<Buffer>): string[] {
  const events: string[] = [];
  let rows: Buffer[] = [];
  const splitter = createScriptSplitter({
    entry: (entry) => events.push(`entry ${JSON.stringify(entry)}`),
    statement: (text) => events.push(`statement ${text}`),
    copyStart: (target) => events.push(`copy ${JSON.stringify(target)}`),
    copyData: (bytes) => rows.push(Buffer.from(bytes)),
    copyEnd: () => {
      events.push(`rows ${Buffer.concat(rows).toString("latin1")}`);
      rows = [];
    },
  });
  for (const chunk of chunks) splitter.write(chunk);
  splitter.end();
  return events;
}

function digestScript(chunks: Iterable<Buffer>): unknown {
  const digester = createScriptDigester();
  for (const chunk of chunks) digester.write(chunk);
  return digester.end();
}

describe("fuzz", () => {
  it("script: any text is the same entries, statements and rows however it is cut", async () => {
    await fuzz({
      name: "script",
      seeds: [script],
      dictionary: words,
      run(input, random) {
        const whole = outcome(() => splitScript([Buffer.from(input)]));
        expect(outcome(() => splitScript(pieces(input, random)))).toEqual(whole);
      },
    });
  });

  it("digest: any text has one digest however it is cut", async () => {
    await fuzz({
      name: "digest",
      seeds: [script],
      dictionary: words,
      run(input, random) {
        const whole = outcome(() => digestScript([Buffer.from(input)]));
        expect(outcome(() => digestScript(pieces(input, random)))).toEqual(whole);
      },
    });
  });

  it("rows: newlines and columns are the same however rows are cut", async () => {
    await fuzz({
      name: "rows",
      seeds: ["1\tx\ty\n2\t\\N\t\\\\\n"],
      dictionary: ["\t", "\n", "\\t", "\\n", "\\\\", "\\N"],
      run(input, random) {
        const permutation = columnPermutation(["a", "b", "c"], ["c", "a", "b"]) ?? [];
        // Rows of three columns: what COPY gives.
        const rows = Buffer.from(
          input
            .toString("latin1")
            .split("\n")
            .map((line) => `${[...line.split("\t"), "", ""].slice(0, 3).join("\t")}\n`)
            .join(""),
          "latin1",
        );
        const whole = Buffer.from(createColumnReorder(permutation)(Buffer.from(rows)));
        const reorder = createColumnReorder(permutation);
        const parts: Buffer[] = [];
        for (const piece of pieces(rows, random)) parts.push(Buffer.from(reorder(piece)));
        expect(Buffer.concat(parts).equals(whole)).toBe(true);
        const at = random.below(rows.length);
        expect(countNewlines(rows.subarray(at))).toBe(rows.toString("latin1", at).split("\n").length - 1);
      },
    });
  });

  it("connections: any text is keywords, or a problem that does not repeat the password", async () => {
    await fuzz({
      name: "connection",
      seeds: ["postgresql://app:hunter2hunter2@db:5432/shop?sslmode=require", "host=db password='hunter2hunter2' dbname=shop"],
      dictionary: ["=", "'", "\\", "%", "%41", "@", ":", "/", "?", "&", "[::1]", "postgres://", "host", "password", ","],
      maxBytes: 2_048,
      run(input) {
        try {
          parseConnectionString(input.toString("utf8"), "env:SHOP_URL");
        } catch (error) {
          if (!(error instanceof HoldfastError)) throw error;
          expect([error.message, error.hint, ...error.details].join("\n")).not.toContain("hunter2hunter2");
        }
      },
    });
  });

  it("exclusions: any text is a pattern, or a problem", async () => {
    await fuzz({
      name: "exclusions",
      seeds: ["public.sessions", '"A b".c*', "audit.*_?"],
      dictionary: [".", '"', '""', "*", "?"],
      maxBytes: 512,
      run(input) {
        try {
          parsePattern(input.toString("utf8"));
        } catch (error) {
          if (!isHoldfastError(error, "PolicyInvalid")) throw error;
        }
      },
    });
  });
});
