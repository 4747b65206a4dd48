/**
 * A dump locks first and takes its snapshot then: no statement that moves rows to where a snapshot
 * does not look comes between.
 */
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openPostgresDump } from "../../../src/engines/postgres/dump/dump.ts";
import type { LockLimits } from "../../../src/engines/postgres/dump/lock-tables.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { archiveRows, dumpTo, makeContext, makeSource, readDump, rowsOf } from "./dump-context.ts";

let server: PostgresServer;
let directory: string;
let slowBin: string;
let databases = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-locks-"));
  server = await startPostgres({ major: 17, settings: { max_prepared_transactions: 2 } });
  slowBin = await makeSlowPrograms();
});
afterAll(async () => {
  await server.remove();
  await rm(directory, { recursive: true, force: true });
});

/**
 * The server's client programs, but with a pg_dump that lets two seconds pass before it connects.
 */
async function makeSlowPrograms(): Promise<string> {
  const bin = join(directory, "slow");
  await mkdir(bin);
  for (const program of ["pg_dumpall", "pg_restore", "psql"]) await symlink(join(server.binDir, program), join(bin, program));
  const real = join(server.binDir, "pg_dump");
  const script = `#!/bin/sh\ncase "$*" in *--snapshot*) sleep 2 ;; esac\nexec ${real} "$@"\n`;
  await writeFile(join(bin, "pg_dump"), script);
  await chmod(join(bin, "pg_dump"), 0o755);
  return bin;
}

/** A database of its own, and the context of its backups. */
async function prepare(setup: string, bin = server.binDir) {
  const name = `locks_${databases++}`;
  await server.sql(`CREATE DATABASE ${name}`);
  await server.sql(setup, name);
  return { name, context: makeContext([bin], { SHOP_DB: server.urlOf(name) }) };
}

const rows = "generate_series(1, 2000) n";

it.each([
  ["TRUNCATE with reload", `TRUNCATE t; INSERT INTO t SELECT n, 'w' FROM ${rows}`],
  ["ALTER TABLE that rewrites", "ALTER TABLE t ALTER COLUMN id TYPE bigint"],
  ["DROP and CREATE", `DROP TABLE t; CREATE TABLE t (id int, v text); INSERT INTO t SELECT n, 'w' FROM ${rows}`],
  ["a swap of names", "ALTER TABLE t RENAME TO t_old; ALTER TABLE spare RENAME TO t; ALTER TABLE t_old RENAME TO spare"],
  ["CLUSTER", "CLUSTER t USING t_id"],
  ["TRUNCATE of a partition", `TRUNCATE p; INSERT INTO p SELECT n FROM ${rows}`],
  ["DETACH and ATTACH", "ALTER TABLE p DETACH PARTITION p1; ALTER TABLE p ATTACH PARTITION p1 DEFAULT"],
  [
    "TRUNCATE CASCADE of all",
    `TRUNCATE t, spare, p CASCADE; INSERT INTO t SELECT n FROM ${rows}; INSERT INTO spare SELECT n FROM ${rows}; INSERT INTO p SELECT n FROM ${rows}`,
  ],
])("%s that is open when a dump begins leaves no table empty", async (_name, change) => {
  const { name, context } = await prepare(`
    CREATE TABLE t (id int, v text); CREATE INDEX t_id ON t (id); CREATE TABLE spare (id int, v text);
    CREATE TABLE p (id int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p DEFAULT;
    INSERT INTO t SELECT n, 'v' FROM ${rows}; INSERT INTO spare SELECT n, 's' FROM ${rows}; INSERT INTO p SELECT n FROM ${rows};`);
  const writing = server.sql(`BEGIN; ${change}; SELECT pg_sleep(2); COMMIT`, name);
  await sleep(500);
  const dump = await dumpTo(directory, makeSource(), context);
  await writing;
  const expected = { "table public.t": 2000, "table public.spare": 2000, "table public.p1": 2000 };
  expect(rowsOf(dump.check)).toEqual(expected);
  expect(await archiveRows(server.binDir, dump.archive)).toEqual(expected);
});

it("lets a statement go first that comes between its own locks and those of pg_dump", async () => {
  const { name, context } = await prepare(`CREATE TABLE t (id int); INSERT INTO t SELECT n FROM ${rows}`, slowBin);
  const opening = dumpTo(directory, makeSource(), context);
  // Our own locks are there once the snapshot's session is idle in its transaction; pg_dump still
  // sleeps.
  await expect
    .poll(() => server.sql(`SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND mode = 'AccessShareLock'`, name))
    .toBe("1");
  await server.sql("ALTER TABLE t ALTER COLUMN id TYPE bigint", name);
  const during = await server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'holdfast%'", name);
  expect(Number(during)).toBeGreaterThan(0);
  const dump = await opening;
  expect(rowsOf(dump.check)).toEqual({ "table public.t": 2000 });
  expect(await archiveRows(server.binDir, dump.archive)).toEqual({ "table public.t": 2000 });
});

it("counts while a statement waits for the end of the dump", async () => {
  const { name, context } = await prepare(
    `CREATE TABLE t (id int); INSERT INTO t SELECT n FROM ${rows}; CREATE TABLE u AS SELECT * FROM t`,
  );
  const session = await openPostgresDump(makeSource(), { kind: "full", backupId: "b" }, context);
  const altering = server.sql("ALTER TABLE t ALTER COLUMN id TYPE bigint; ALTER TABLE u ALTER COLUMN id TYPE bigint", name);
  try {
    await expect.poll(() => server.sql("SELECT count(*) FROM pg_locks WHERE NOT granted", name)).not.toBe("0");
    expect(rowsOf(await session.sourceCheck())).toEqual({ "table public.t": 2000, "table public.u": 2000 });
    await readDump(session);
  } finally {
    await session.close();
  }
  await altering;
});

it("copies an extension's own table as it was, though pg_dump does not lock it before", async () => {
  const { name, context } = await prepare("CREATE EXTENSION earthdistance CASCADE; CREATE TABLE t (id int)");
  // What pg_extension_config_dump does for a table that an extension declares.
  await server.sql(
    `CREATE TABLE conf (id int); INSERT INTO conf SELECT n FROM ${rows}; ALTER EXTENSION cube ADD TABLE conf;
     UPDATE pg_extension SET extconfig = ARRAY['conf'::regclass::oid], extcondition = ARRAY[''] WHERE extname = 'cube'`,
    name,
  );
  const session = await openPostgresDump(makeSource(), { kind: "full", backupId: "b" }, context);
  try {
    const attempt = server.sql("SET lock_timeout = '300ms'; TRUNCATE conf", name);
    await expect(attempt).rejects.toThrow("lock timeout");
    expect(rowsOf(await session.sourceCheck())).toMatchObject({ "table public.conf": 2000 });
  } finally {
    await session.close();
  }
});

it("fails when pg_dump comes to wait behind a statement that waits for the dump: neither would ever end", async () => {
  const noise =
    "SELECT n, encode(sha512(n::text::bytea), 'hex') || encode(sha512((-n)::text::bytea), 'hex') FROM generate_series(1, 150000) n";
  const { name, context } = await prepare(`CREATE EXTENSION cube; CREATE TABLE big AS ${noise}; CREATE TABLE conf (id int)`);
  await server.sql(
    `ALTER EXTENSION cube ADD TABLE conf;
     UPDATE pg_extension SET extconfig = ARRAY['conf'::regclass::oid], extcondition = ARRAY[''] WHERE extname = 'cube'`,
    name,
  );
  const session = await openPostgresDump(makeSource(), { kind: "full", backupId: "b" }, context);
  // pg_dump cannot go on before it is read, and comes to the extension's table after the large one.
  const truncating = server.sql("TRUNCATE conf", name);
  try {
    await expect.poll(() => server.sql("SELECT count(*) FROM pg_locks WHERE NOT granted", name)).not.toBe("0");
    await expect(readDump(session)).rejects.toMatchObject({
      name: "DumpFailed",
      retryable: true,
      message: expect.stringContaining("TRUNCATE conf"),
    });
  } finally {
    await session.close();
  }
  await truncating;
});

it("fails when a schema is renamed meanwhile, which no lock on tables prevents", async () => {
  const { name, context } = await prepare("CREATE SCHEMA s; CREATE TABLE s.t (id int); CREATE TABLE u (id int)");
  const session = await openPostgresDump(makeSource(), { kind: "full", backupId: "b" }, context);
  try {
    await server.sql("ALTER SCHEMA s RENAME TO s_old; CREATE SCHEMA s; CREATE TABLE s.t (id int)", name);
    await expect(readDump(session)).rejects.toMatchObject({ name: "DumpFailed", message: expect.stringContaining('schema "s"') });
  } finally {
    await session.close();
  }
});

const short: LockLimits = { maxWaitMs: 1_500, tryMs: 300, pauseMs: 50 };

it("names the statement that stands in the way, without its values, and may be tried again", async () => {
  const { name, context } = await prepare("CREATE TABLE t (id int, v text); CREATE ROLE worker LOGIN SUPERUSER PASSWORD 'w'");
  const said: string[] = [];
  const log = { info: (message: string) => void said.push(message), warn: () => {} };
  const holding = server.sql("BEGIN; LOCK TABLE t; SELECT pg_sleep(4), 'a secret value', 123456; COMMIT", name);
  await sleep(300);
  const error = await openPostgresDump(makeSource(), { kind: "full", backupId: "b" }, { ...context, log }, { limits: short }).catch(
    (caught) => caught,
  );
  expect(error).toMatchObject({ name: "DumpFailed", retryable: true, message: expect.stringContaining("table public.t of") });
  expect(error.message).toMatch(
    /process \d+ \(user "postgres", active, transaction open for \d+ s\): SELECT pg_sleep\(4\), '…', …/,
  );
  expect(said.join()).toContain("waiting for table public.t");
  await holding;
});

it("names a prepared transaction", async () => {
  const { name, context } = await prepare("CREATE TABLE t (id int)");
  await server.sql("BEGIN; TRUNCATE t; PREPARE TRANSACTION 'forgotten'", name);
  const error = await openPostgresDump(makeSource(), { kind: "full", backupId: "b" }, context, { limits: short }).catch(
    (caught) => caught,
  );
  expect(error.message).toContain("a prepared transaction");
  await server.sql("ROLLBACK PREPARED 'forgotten'", name);
});

it("holds no lock on what it waits with: others are let through between its tries", async () => {
  const { name, context } = await prepare("CREATE TABLE a (id int); CREATE TABLE b (id int)");
  const holding = server.sql("BEGIN; LOCK TABLE b; SELECT pg_sleep(2); TRUNCATE a; COMMIT", name);
  await sleep(300);
  const dump = await dumpTo(directory, makeSource(), context);
  // The migration that holds b and then wants a was not the victim of a deadlock with the dump.
  await holding;
  expect(rowsOf(dump.check)).toEqual({ "table public.a": 0, "table public.b": 0 });
});

it("leaves what the policy excludes unlocked", async () => {
  const { name, context } = await prepare("CREATE TABLE t (id int); CREATE TABLE scratch (id int)");
  const holding = server.sql("BEGIN; LOCK TABLE scratch; SELECT pg_sleep(3); COMMIT", name);
  await sleep(300);
  const source = makeSource({ exclude: { tables: ["public.scratch"], data: [] } });
  const session = await openPostgresDump(source, { kind: "full", backupId: "b" }, context, { limits: short });
  await session.close();
  await holding;
});

it("says what to raise when the server has no room for the locks", async () => {
  const small = await startPostgres({ major: 17, settings: { max_locks_per_transaction: 10, max_connections: 20 } });
  try {
    await small.sql("CREATE DATABASE many");
    for (let part = 0; part < 20; part++) {
      await small.sql(
        `DO $$ BEGIN FOR i IN 1..100 LOOP EXECUTE format('CREATE TABLE t_${part}_%s (id int)', i); COMMIT; END LOOP; END $$`,
        "many",
      );
    }
    const context = makeContext([small.binDir], { SHOP_DB: small.urlOf("many") });
    const error = await openPostgresDump(makeSource(), { kind: "full", backupId: "b" }, context).catch((caught) => caught);
    expect(error).toMatchObject({ name: "DumpFailed", hint: expect.stringContaining("max_locks_per_transaction") });
    expect(error.message).toContain("2000 tables");
  } finally {
    await small.remove();
  }
});
