import { spawn } from "node:child_process";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findUnprivilegedUser } from "../../../scripts/unprivileged-user.ts";
import { checkPostgres } from "../../../src/engines/postgres/check.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { ending, runOk, waitFor } from "../../support/processes.ts";
import { archiveRows, dumpTo, makeContext, makeSource, rowsOf } from "./dump-context.ts";

let primary: PostgresServer;
let directory: string;
let standby: ReturnType<typeof spawn>;
let stopped: Promise<unknown>;

beforeAll(async () => {
  primary = await startPostgres({ major: 17, hbaLines: ["host replication postgres 127.0.0.1/32 scram-sha-256"] });
  await primary.sql("CREATE TABLE t AS SELECT generate_series(1, 100) AS a; CREATE UNLOGGED TABLE cache AS SELECT 1 AS a");
  const owner = findUnprivilegedUser();
  directory = await mkdtemp(join(tmpdir(), "hf-standby-"));
  if (owner !== undefined) await chown(directory, owner.uid, owner.gid);
  const data = join(directory, "data");
  await runOk(join(primary.binDir, "pg_basebackup"), ["-D", data, "-R", "-c", "fast"], {
    ...owner,
    env: primary.env,
    cwd: directory,
  });
  const settings = ["listen_addresses=", `unix_socket_directories=${directory}`, "hot_standby=on"].flatMap((setting) => [
    "-c",
    setting,
  ]);
  standby = spawn(join(primary.binDir, "postgres"), ["-D", data, "-p", "5432", ...settings], {
    ...owner,
    cwd: directory,
    stdio: "ignore",
    // The replication client is a plug-in of the server's: it must find this libpq, not an older
    // one of the system's.
    env: { LD_LIBRARY_PATH: join(primary.binDir, "../lib") },
  });
  stopped = ending(standby);
}, 60_000);
afterAll(async () => {
  standby.kill("SIGQUIT");
  await stopped;
  await primary.remove();
  await rm(directory, { recursive: true, force: true });
});

it("a hot standby is dumped as far as it has replayed", async () => {
  const url = `postgresql://postgres:${encodeURIComponent(primary.password)}@${encodeURIComponent(directory)}/postgres`;
  const context = makeContext([primary.binDir], { SHOP_DB: url });
  await waitFor("the standby", async () => (await checkPostgres(makeSource(), context)).every(({ level }) => level !== "error"));
  await primary.sql("INSERT INTO t VALUES (101)");
  const count = ["-h", directory, "-p", "5432", "-At", "-c", "SELECT count(*) FROM t"];
  await waitFor(
    "the insert to arrive",
    async () => (await runOk(join(primary.binDir, "psql"), count, { env: primary.env })).trim() === "101",
  );
  const dump = await dumpTo(directory, makeSource(), context);
  expect(dump.facts.standby).toBe(true);
  expect(dump.coverage.to.mark).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
  // A standby has no rows of unlogged tables.
  expect(rowsOf(dump.check)).toEqual({ "table public.t": 101 });
  expect(await archiveRows(primary.binDir, dump.archive)).toEqual(rowsOf(dump.check));
});
