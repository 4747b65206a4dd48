/**
 * Whatever ends a process of a restore test from outside says nothing of the backup: it is never
 * called damaged for it.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { openPostgresTarget } from "../../../src/engines/postgres/place/restore.ts";
import type { ContentDigest } from "../../../src/proof/content.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { killSession, proveWhileKilling, victims } from "./kill-during-test.ts";
import { proven } from "./prove.ts";
import { type TakenBackup, takeBackup } from "./taken-backup.ts";

/** Some hundredths of a second for each of its steps: a kill hits any of them. */
const content = `
  create role app_owner;
  create table numbers as select n as id, md5(n::text) as hash, n % 97 as part from generate_series(1, 60000) n;
  alter table numbers add primary key (id);
  create table parts (part int primary key, note text); insert into parts select n, 'x' from generate_series(0, 96) n;
  alter table numbers add foreign key (part) references parts; create index on numbers (hash); create index on numbers (part, hash);
  create materialized view per_part as select part, count(*) from numbers group by part; create index on per_part (part);
  create view shown as select * from numbers;
  create function doubled(int) returns int language sql immutable as 'select $1 * 2'; create index on numbers (doubled(id));`;

/** What says that the test could not be made; any other error would be the backup's. */
const untested = ["ThrowawayFailed", "ToolKilled", "DiskFull"];

describe.each([14, 18])("a restore test on PostgreSQL %i", (major) => {
  let server: PostgresServer;
  let directory: string;
  let taken: TakenBackup;
  let digest: ContentDigest;
  beforeAll(async () => {
    server = await startPostgres({ major });
    directory = await mkdtemp(join(tmpdir(), "hf-killed-"));
    await server.sql("create database shop");
    await server.sql(content, "shop");
    taken = await takeBackup(server, "shop", directory);
    digest = await digestPostgresBackup(taken.backup, taken.context);
  });
  afterAll(async () => {
    await server?.remove();
    await rm(directory, { recursive: true, force: true });
  });

  const killed = new Set<string>();

  test.each(Object.entries(victims))("that loses %s is no judgement of the backup", async (name, choose) => {
    // At once, which hits each; and at any moment of its life.
    const afterMs = major === 14 ? 0 : Math.floor(Math.random() * 300);
    const outcome = await proveWhileKilling(taken, digest, choose, afterMs);
    if (outcome.killed) killed.add(name);
    if (outcome.error === undefined) expect({ afterMs, ...outcome }).toMatchObject({ verdict: proven });
    else expect(untested, JSON.stringify({ afterMs, ...outcome })).toContain(outcome.error);
  });

  test("was really hit", () => {
    // These live as long as the server; others may have ended before anybody saw them.
    for (const name of ["postmaster", "checkpointer", "the writer of the log"]) expect([...killed]).toContain(name);
  });

  test("nor is a restore that loses a session of the target's server: it fails, and says nothing of the backup", async () => {
    const postmaster = Number((await readFile(join(server.dataDir, "postmaster.pid"), "utf8")).split("\n")[0]);
    const request = { target: "copy", overwrite: false };
    const target = await openPostgresTarget(taken.backup, taken.source, request, taken.context);
    let over = false;
    const killing = killSession(postmaster, /^postgres: \S+ copy\S* .*(?:COPY|CREATE INDEX|ALTER TABLE)/, () => over);
    const restoring = (async () => {
      await target.load();
      return (await target.compare(digest)).differences;
    })();
    const outcome = await restoring.then(
      (differences) => ({ differences }),
      (error: Error) => ({ error: error.name }),
    );
    over = true;
    const wasKilled = await killing;
    await target.close();
    expect(outcome).toEqual(wasKilled ? { error: "RestoreFailed" } : { differences: [] });
  });
});
