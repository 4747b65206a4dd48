/**
 * Behind a connection pooler nothing is left in the sessions that the application gets next, and no
 * dump reads from several of them.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkPostgres } from "../../../src/engines/postgres/check.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { type PoolerOptions, startPooler } from "../../support/session-pooler.ts";
import { archiveRows, dumpTo, makeContext, makeSource } from "./dump-context.ts";

let server: PostgresServer;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(`${tmpdir()}/hf-pooler-`);
  server = await startPostgres({ major: 17, hbaLines: ["host all app 127.0.0.1/32 trust"] });
  await server.sql(`CREATE ROLE app LOGIN; GRANT pg_read_all_data TO app; CREATE DATABASE shop; \\c shop
    CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 10);`);
});
afterAll(async () => {
  await server.remove();
  await rm(directory, { recursive: true, force: true });
});

const poolerOf = (mode: PoolerOptions["mode"], sessions: number) =>
  startPooler({ serverPort: server.port, database: "shop", user: "app", mode, sessions });
const contextOf = (port: number) => makeContext([server.binDir], { SHOP_DB: `postgresql://app@127.0.0.1:${port}/shop` });

/** What the sessions of the pool were asked to keep: settings that are not the server's own. */
async function settingsLeft(port: number): Promise<string> {
  const { default: pg } = await import("pg");
  const clients = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const client = new pg.Client({ host: "127.0.0.1", port, user: "app", database: "shop" });
      await client.connect();
      return client;
    }),
  );
  try {
    const answers: import("pg").QueryResult[] = [];
    for (const client of clients)
      answers.push(await client.query("SELECT current_setting('search_path') AS path, count(*)::int AS rows FROM t"));
    return answers.map(({ rows }) => `${rows[0].path} ${rows[0].rows}`).join("; ");
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}
const untouched = Array.from({ length: 3 }, () => '"$user", public 10').join("; ");

it.each([1, 2, 5])("a pooler in transaction mode with %i sessions is refused, and left as it was", async (sessions) => {
  await using pooler = await poolerOf("transaction", sessions);
  expect(await settingsLeft(pooler.port)).toBe(untouched);
  const findings = await checkPostgres(makeSource(), contextOf(pooler.port));
  expect(findings).toEqual([
    expect.objectContaining({ level: "error", subject: "connection", message: expect.stringContaining("connection pooler") }),
  ]);
  expect(await settingsLeft(pooler.port)).toBe(untouched);
  await expect(dumpTo(directory, makeSource(), contextOf(pooler.port))).rejects.toMatchObject({
    name: "SourceUnsupported",
    retryable: false,
  });
  expect(await settingsLeft(pooler.port)).toBe(untouched);
});

it("a pooler in session mode is used with a warning, and its sessions come back clean", async () => {
  await using pooler = await poolerOf("session", 12);
  const findings = await checkPostgres(makeSource(), contextOf(pooler.port));
  expect(findings.filter(({ level }) => level !== "ok")).toEqual([
    expect.objectContaining({ level: "warning", subject: "connection", message: expect.stringContaining("pooler or proxy") }),
  ]);
  expect(await settingsLeft(pooler.port)).toBe(untouched);
  // What pg_dump itself sets is cleared by the pooler, as PgBouncer's server_reset_query does in
  // this mode.
  const dump = await dumpTo(directory, makeSource(), contextOf(pooler.port));
  expect(await archiveRows(server.binDir, dump.archive)).toEqual({ "table public.t": 10 });
  expect(dump.notices.map(({ code }) => code)).toContain("connection-through-proxy");
});
