/** The bench's database: realistic rows (uuid, jsonb, words, numbers), the same on every run. */
import type { PostgresServer } from "../test/support/postgres-server.ts";

const schema = `
  create table customers (id uuid primary key, name text not null, email text not null, profile jsonb not null, created_at timestamptz not null);
  create table orders (id bigint primary key, customer_id uuid not null, status text not null, lines jsonb not null, total numeric(12, 2) not null,
    note text, created_at timestamptz not null);
  create table events (id uuid not null, customer_id uuid not null, happened_at timestamptz not null, kind text not null, payload jsonb not null, words text not null);`;

/**
 * Words of a vocabulary of 4,096, picked by hashes, some far more often than others, as in people's
 * own texts: the smaller of two picks. What pg_dump -Fc --compress=zstd:3 makes of all this is
 * about a third, much as it does with real application data.
 */
const words = (seed: string, count: number): string =>
  `(select string_agg(word, ' ' order by k) from generate_series(1, ${count}) k join vocabulary on place =
    least(abs(hashint8extended((${seed}) * 131 + k, ${count})) % 4096, abs(hashint8extended((${seed}) * 137 + k, ${count})) % 4096))`;

/**
 * SQL for `n` from `first` to `last`: 1 customer, 2 orders and 4 events per n, some 2 kB of COPY
 * text.
 */
const rows = (first: number, last: number): string => `
  insert into customers select md5('c' || n)::uuid, initcap(${words("n", 2)}), 'user' || n || '@example.org',
    jsonb_build_object('plan', (array['free', 'team', 'company'])[1 + n % 3], 'address', ${words("n + 1", 6)}, 'score', (n * 7919) % 1000, 'beta', n % 5 = 0),
    '2024-01-01Z'::timestamptz + n * interval '97 seconds' from generate_series(${first}::bigint, ${last}) n;
  insert into orders select n * 2 + k, md5('c' || n)::uuid, (array['new', 'paid', 'sent', 'returned'])[1 + (n + k) % 4],
    jsonb_build_array(jsonb_build_object('sku', left(md5('s' || (n + k) % 5000), 10), 'quantity', 1 + n % 9, 'price', round(((n * 31 + k) % 100000) / 100.0, 2)),
      jsonb_build_object('sku', left(md5('t' || (n * k) % 5000), 10), 'quantity', 1 + k, 'price', round(((n * 17 + k) % 100000) / 100.0, 2))),
    ((n * 113 + k) % 1000000) / 100.0, case when n % 3 = 0 then ${words("n + 2", 8)} end, '2025-01-01Z'::timestamptz + n * interval '53 seconds'
    from generate_series(${first}::bigint, ${last}) n, generate_series(0, 1) k;
  insert into events select md5('e' || n || '-' || k)::uuid, md5('c' || (n * 31 + k) % 100000)::uuid, '2025-06-01Z'::timestamptz + (n * 4 + k) * interval '11 seconds', (array['view', 'click', 'search', 'buy'])[1 + (n * k) % 4],
    jsonb_build_object('session', md5('x' || n), 'path', '/' || replace(${words("n * 4 + k", 3)}, ' ', '/'), 'ms', (n * 37 + k) % 4000), ${words("n * 4 + k", 12)}
    from generate_series(${first}::bigint, ${last}) n, generate_series(0, 3) k;`;

/** What `n` costs in COPY text, measured; the number of rows follows from it. */
const bytesPerUnit = 1_742;
const unitsPerBatch = 10_000;

export interface BenchDatabase {
  readonly name: string;
  readonly rows: number;
  /** On the server's disk, indexes included. */
  readonly databaseBytes: number;
}

/** Creates `name` with about `copyBytes` of COPY text (which is what a dump reads and moves). */
export async function createBenchDatabase(server: PostgresServer, name: string, copyBytes: number): Promise<BenchDatabase> {
  await server.sql(`create database ${name} template template0`);
  await server.sql(schema, name);
  const units = Math.ceil(copyBytes / bytesPerUnit);
  const vocabulary = `create temporary table vocabulary as select n as place, syllable[1 + n % 16] || case when n % 3 > 0 then syllable[1 + n / 16 % 16] else '' end
    || ending[1 + n / 256 % 16] as word from generate_series(0, 4095) n, (select
      array['re', 'in', 'o', 'de', 'ver', 'un', 'per', 'su', 'form', 'ta', 'por', 'jec', 'view', 'pre', 'du', 'mi'] as syllable,
      array['', 'ed', 'ing', 'er', 'ion', 's', 'able', 't', 'ly', 'n', 'al', 'ous', 'y', 'th', 'ck', 'm'] as ending) parts;
    create unique index on vocabulary (place) include (word); analyze vocabulary;`;
  // Two halves at once: two cores.
  const middle = Math.floor(units / 2);
  const fill = async (from: number, to: number): Promise<void> => {
    const batches = Array.from({ length: Math.ceil((to - from) / unitsPerBatch) }, (_, index) => {
      const first = from + index * unitsPerBatch;
      return rows(first, Math.min(first + unitsPerBatch, to) - 1);
    });
    await server.sql(vocabulary + batches.join("\n"), name);
  };
  await Promise.all([fill(0, middle), fill(middle, units)]);
  await server.sql("create index on orders (customer_id); create index on events (happened_at); vacuum analyze; checkpoint", name);
  return { name, rows: units * 7, databaseBytes: Number(await server.sql(`select pg_database_size('${name}')`)) };
}
