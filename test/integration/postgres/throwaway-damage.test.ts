/** Every kind of damage to a loaded copy is found, and named. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Place } from "../../../src/engines/place.ts";
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { openPostgresThrowaway } from "../../../src/engines/postgres/place/throwaway.ts";
import { throwawaySuperuser } from "../../../src/engines/postgres/place/throwaway-server.ts";
import type { ContentDigest, SourceCheckResult } from "../../../src/proof/content.ts";
import { createObjectZoo } from "../../support/object-zoo.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { runOk } from "../../support/processes.ts";
import { takeBackup } from "./taken-backup.ts";

let server: PostgresServer;
let directory: string;
let place: Place;
let digest: ContentDigest;
let check: SourceCheckResult;

beforeAll(async () => {
  server = await startPostgres({ major: 17 });
  directory = await mkdtemp(join(tmpdir(), "hf-damage-"));
  await createObjectZoo(server);
  const { backup, context } = await takeBackup(server, "zoo", directory, { sourceCheck: "content" });
  check = backup.sourceCheck;
  digest = await digestPostgresBackup(backup, context);
  place = await openPostgresThrowaway(backup, context);
  await place.load();
});

afterAll(async () => {
  await place?.close();
  await server?.remove();
  await rm(directory, { recursive: true, force: true });
});

/** Runs SQL in the loaded copy, behind the test's back. */
async function meddle(sql: string): Promise<void> {
  const args = [
    "-X",
    "-q",
    "-v",
    "ON_ERROR_STOP=1",
    "-h",
    join(String(place.facts["directory"]), "s"),
    "-U",
    throwawaySuperuser,
    "-d",
    "zoo",
    "-c",
    sql,
  ];
  await runOk(join(server.binDir, "psql"), args, { env: { PATH: "/usr/bin:/bin" } });
}

async function differences(): Promise<Record<string, string>> {
  const comparison = await place.compare(digest);
  expect(comparison.equal).toBe(comparison.differenceCount === 0);
  return Object.fromEntries(comparison.differences.map(({ object, problem }) => [object, problem]));
}

test.each<[string, string, string, Record<string, string>]>([
  [
    "one changed row",
    "update zoo.tree set parent_id = 3 where id = 60",
    "update zoo.tree set parent_id = 30 where id = 60",
    { "table zoo.tree": "same number of rows (60), different content" },
  ],
  [
    "one missing row",
    "truncate zoo.no_columns; insert into zoo.no_columns default values",
    "insert into zoo.no_columns default values",
    { "table zoo.no_columns": "1 row fewer (1 instead of 2)" },
  ],
  [
    "a dropped index",
    "drop index zoo.people_brin",
    "create index people_brin on zoo.people using brin (created_at) with (pages_per_range = 8)",
    { "schema INDEX zoo.people_brin": "missing after the restore" },
  ],
  [
    "another sequence value",
    "select nextval('zoo.never_used')",
    "select setval('zoo.never_used', 42, false)",
    { "sequence zoo.never_used": "different value" },
  ],
  [
    "a changed function",
    "create or replace function zoo.refuse() returns trigger language plpgsql as $$ begin raise exception 'allowed'; end $$",
    "create or replace function zoo.refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$",
    { "schema FUNCTION zoo.refuse()": "different definition" },
  ],
  [
    "a dropped comment",
    "comment on type zoo.mood is null",
    "comment on type zoo.mood is 'how one feels'",
    { "schema COMMENT zoo.TYPE mood": "missing after the restore" },
  ],
  [
    "a new table",
    "create table zoo.extra (a integer)",
    "drop table zoo.extra",
    { "owner TABLE zoo.extra": "not in the backup", "schema TABLE zoo.extra": "not in the backup" },
  ],
  [
    "another owner",
    "alter table zoo.tree owner to zoo_writer",
    "alter table zoo.tree owner to postgres",
    { "owner TABLE zoo.tree": "different definition" },
  ],
  [
    "a right too many",
    "grant delete on zoo.secrets to zoo_reader",
    "revoke delete on zoo.secrets from zoo_reader",
    { "schema ACL zoo.TABLE secrets": "different definition" },
  ],
  [
    "a large object's byte",
    "select lo_put(910001, 0, 'A')",
    "select lo_put(910001, 0, 'a')",
    { "large objects 910000..910999": "same number of rows (4), different content" },
  ],
  [
    "a missing large object",
    "select lo_unlink(910004)",
    "select lo_create(910004); alter large object 910004 owner to postgres",
    {
      "large objects 910000..910999": "1 row fewer (3 instead of 4)",
      "owner LARGE OBJECTS 910000..910999": "different definition",
    },
  ],
  [
    "a setting of the database",
    "alter database zoo set timezone = 'UTC'",
    "alter database zoo set timezone = 'Europe/Berlin'",
    { "schema DATABASE PROPERTIES": "different definition" },
  ],
  [
    "a role's right",
    "alter role zoo_reader superuser",
    "alter role zoo_reader nosuperuser",
    { "globals role zoo_reader": "different definition" },
  ],
  [
    "a lost membership",
    "revoke zoo_reader from zoo_writer",
    "grant zoo_reader to zoo_writer with inherit false",
    { "globals membership of zoo_writer in zoo_reader": "missing after the restore" },
  ],
  [
    "a row of an inheritance child",
    "truncate only zoo.late_child; insert into zoo.late_child (fuel, extra, name, wheels, id) values ('steam', 'whistle', 'train', 25, 99)",
    "truncate only zoo.late_child; insert into zoo.late_child (fuel, extra, name, wheels, id, added_later) values ('steam', 'whistle', 'train', 24, 99, '2026-02-03')",
    { "table zoo.late_child": "same number of rows (1), different content" },
  ],
])("%s", async (_what, damage, repair, expected) => {
  await meddle(damage);
  const found = await differences();
  await meddle(repair);
  expect(found).toEqual(expected);
});

test("rows in another order are the same rows", async () => {
  await meddle("update zoo.tree set id = id where id % 3 = 0");
  expect(await differences()).toEqual({});
});

test("the source's own hashes find a changed row without a second dump", async () => {
  expect((await place.compareSourceCheck(check)).differences).toEqual([]);
  await meddle("update zoo.secrets set secret = 'other' where id = 1");
  expect((await place.compareSourceCheck(check)).differences).toEqual([
    { object: "table zoo.secrets", problem: "same number of rows, different content by the server's own hash" },
  ]);
  await meddle("update zoo.secrets set secret = 'secret 1' where id = 1");
});
