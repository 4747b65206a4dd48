/** A database with names and data that hurt: what breaks parsers, quoting, counters and memory. */
import type { PostgresServer } from "./postgres-server.ts";

export interface HurtfulOptions {
  /** How many small tables, each with a key, an index and a comment; default 1,000. */
  readonly tables?: number;
  /** Size of the one large table's COPY text, in bytes; default 200 MB. */
  readonly largeBytes?: number;
}

/** A database name that must be quoted in SQL, in a shell, in a connection string and in a URL. */
export const hurtfulDatabase = "hurtful \"db\" 'x' %20 $1 🦓";

const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const quoteLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const hurtfulNames = [
  "select",
  'with "quotes"',
  "with 'apostrophes'",
  "with\nnewline",
  "with\ttab and\rreturn",
  "with \\ backslash \\n",
  "emoji 🦓👩‍👩‍👧‍👦",
  "Ünïcödé ﷽ עברית",
  "  spaces around  ",
  "a.b.c",
  "--comment /* here */",
  "$1 $$ {x} `id` %s",
  "COPY x FROM stdin;",
  "\\.",
  "*",
  "x".repeat(63),
  "CamelCase",
  "camelcase",
  "-- Data for Name: x; Type: TABLE DATA; Schema: public; Owner: -",
  "name; drop table users; --",
];

/** Texts that COPY's own format, line-based parsers and SQL literals trip over. */
const hurtfulTexts = [
  "",
  "\\N",
  "\\.",
  "\n\\.\n",
  "a\tb\nc\rd\\e\bf\fg\vh",
  "'; drop table users; --",
  "COPY public.users (id) FROM stdin;\n1\n\\.\n\n",
  "--\n-- PostgreSQL database dump complete\n--\n",
  "\\restrict abc\n\\unrestrict abc",
  "\u2028\u2029\u0085\ufeff",
  "🦓👩‍👩‍👧‍👦 e\u0301 \u202eright to left",
  "\u0001\u001a\u007f\u{10ffff}",
  "x".repeat(1_000_000),
];

/**
 * Creates the database `hurtfulDatabase` on the server. With the defaults it takes some seconds.
 * Numbers are the same every time: made by md5 of counters, no randomness.
 */
export async function createHurtfulDatabase(server: PostgresServer, options: HurtfulOptions = {}): Promise<void> {
  await server.sql(`create database ${quoteIdentifier(hurtfulDatabase)} template template0`);
  const parts = [
    hurtfulTables(),
    hurtfulBytes(),
    manyTables(options.tables ?? 1000),
    largeTable(options.largeBytes ?? 200_000_000),
  ];
  for (const part of parts) await server.sql(`set client_min_messages = warning;\n${part}`, hurtfulDatabase);
}

/** Tables, columns, constraints, indexes and schemas with these names, filled with these texts. */
function hurtfulTables(): string {
  const texts = hurtfulTexts.map((text, index) => `(${index}, ${quoteLiteral(text)})`).join(",\n");
  const lines = hurtfulNames.map((name, index) => {
    const part = (suffix: string): string => quoteIdentifier(`${name.slice(0, 20)} ${suffix}`);
    const [table, text] = [quoteIdentifier(name), name === "select" ? '"from"' : '"select"'];
    return `create schema ${quoteIdentifier(index === 0 ? "select" : `schema ${index} ${name.slice(0, 10)}`)};
      create table ${table} (${table} integer constraint ${part("key")} primary key, ${text} text);
      insert into ${table} values ${texts}, (-1, null);
      create index ${part("index")} on ${table} (md5(${text}));
      comment on table ${table} is ${quoteLiteral(name)};`;
  });
  return lines.join("\n");
}

/**
 * Every byte value, in every position, and bytes that look like NUL in text forms; wide rows; null
 * in every place.
 */
function hurtfulBytes(): string {
  const columns = Array.from({ length: 400 }, (_, index) => `c${index} integer`).join(", ");
  return `
    create table bytes (id integer primary key, data bytea, escaped bytea, empty bytea not null default '');
    insert into bytes select n, decode(string_agg(lpad(to_hex((n + k) % 256), 2, '0'), '' order by k), 'hex'), '\\x005c783030', ''
      from generate_series(0, 255) n, generate_series(0, 255) k group by n;
    insert into bytes select 1000 + n, decode(repeat('00', n * 1000), 'hex'), null from generate_series(0, 50) n;
    create table wide (${columns});
    insert into wide default values;
    insert into wide (c0, c399) values (1, 2);
    create table one_big_value (id integer, value text);
    insert into one_big_value select 1, string_agg(md5(n::text), '') from generate_series(1, 600000) n;
    create table no_rows_at_all (a text);
    create table duplicates (a integer, b text);
    insert into duplicates select 1, 'same' from generate_series(1, 10000);
    create table floats (a double precision, b real, c numeric);
    insert into floats values ('NaN', '-Infinity', 'NaN'), (0.1, 0.1, 0.1), (1e308, 1e38, 1e1000), ('-0', '-0', 0.000);`;
}

function manyTables(count: number): string {
  return `
    create schema crowd;
    do $$ begin
      for n in 1..${count} loop
        execute format('create table crowd.t%s (id integer primary key, what text default %L)', n, 'it''s ' || n);
        execute format('insert into crowd.t%s select k, md5(k::text) from generate_series(1, %s) k', n, n % 7);
        execute format('create index on crowd.t%s (what)', n);
        execute format('comment on table crowd.t%s is %L', n, 'number ' || n);
      end loop;
    end $$;`;
}

/** Rows of about 960 bytes of COPY text. */
function largeTable(bytes: number): string {
  const rowBytes = 960;
  return `
    create table large (id bigint primary key, filler text, numbers integer[]);
    insert into large select n, repeat(md5(n::text), 29), array[n, n * 2, n * 3] from generate_series(1, ${Math.ceil(bytes / rowBytes)}) n;`;
}
