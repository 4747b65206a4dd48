/**
 * People erased from a database do not come back with a restore of an older backup: by the command
 * line, against a server, as a person and an application would record them.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { resolveConnection } from "../../../src/engines/postgres/connection/connection.ts";
import { connect } from "../../../src/engines/postgres/connection/driver.ts";
import { eraseRows } from "../../../src/engines/postgres/place/erase-rows.ts";
import type { RowErasure } from "../../../src/proof/erasure.ts";
import { createProject, type Project, postgresSource } from "../../support/holdfast.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { makeContext } from "./dump-context.ts";

vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

let server: PostgresServer;
let project: Project;

/** Ada is to be erased; her address is what no file and no output may have. */
const email = "ada.lovelace@analytical.example";

beforeAll(async () => {
  server = await startPostgres({ major: 17 });
  await server.sql("create database shop");
  await server.sql(
    `create extension citext;
     create table users (id int primary key, email citext unique, name varchar(5) not null);
     create table orders (id int primary key, user_id int references users on delete cascade);
     create table reviews (id int primary key, user_id int references users, author text);
     create materialized view buyers as select u.email from users u join orders o on o.user_id = u.id;
     insert into users values (1, '${email}', 'Ada'), (2, 'bob@b.example', 'Bob'), (3, 'eve@e.example', 'Eve');
     insert into orders values (1, 1), (2, 2), (3, 1);
     insert into reviews values (1, 1, 'Ada'), (2, 2, 'Bob');
     refresh materialized view buyers`,
    "shop",
  );
  project = await createProject({
    sources: postgresSource("shop", "SHOP_DB"),
    env: { SHOP_DB: server.urlOf("shop") },
    majors: [17],
  });
  expect((await project.holdfast(["backup", "shop"])).code).toBe(0);
});

afterAll(async () => {
  await project?.[Symbol.asyncDispose]();
  await server?.remove();
});

const restored = async () =>
  (await server.sql("select string_agg(datname, ' ' order by datname) from pg_database where datname ~ '^copy'"))
    .split(" ")
    .filter(Boolean);
afterEach(async () => {
  for (const name of await restored()) await server.sql(`drop database "${name}" with (force)`);
});

test("an erased user does not come back", async () => {
  const reason = ["--reason", "GDPR Art. 17", "--reference", "ticket 1234"];
  // Reviews point to users, and no foreign key takes them along.
  const values = join(project.directory, "email.txt");
  await writeFile(values, `${email.toUpperCase()}\n`);
  const add = await project.holdfast([
    "erase",
    "add",
    "shop",
    "--table",
    "public.users",
    "--where",
    "email",
    "--values",
    values,
    ...reason,
  ]);
  expect(add.code).toBe(0);

  const refused = await project.holdfast(["restore", "shop@latest", "--to", "copy"]);
  expect(refused.code).toBe(5);
  expect(refused.json.error).toMatchObject({
    class: "ErasuresRefused",
    details: [
      expect.stringMatching(
        /^table public\.users \(1 erasure\): rows of public\.reviews still point to it \(foreign key reviews_user_id_fkey\)/,
      ),
    ],
  });
  expect(await restored()).toEqual([]);

  // What the message asks for; the order in which they were recorded does not matter.
  const set = ["--set", "author=deleted user", "--null", "user_id"];
  const more = await project.holdfast([
    "erase",
    "add",
    "shop",
    "--table",
    "public.reviews",
    "--where",
    "user_id=1",
    ...set,
    ...reason,
  ]);
  expect(more.json.recorded).toMatchObject([{ number: 2, repeated: false }]);
  const done = await project.holdfast(["restore", "shop@latest", "--to", "copy"]);
  expect(done.code).toBe(0);
  expect(done.json.erasures).toEqual({
    entries: 2,
    replayed: 2,
    problems: [],
    objects: [
      { object: "table public.users", erased: 1, notFound: 0 },
      { object: "table public.reviews", erased: 1, notFound: 0 },
    ],
    notApplicable: [],
    refused: [],
    stillThere: [],
  });
  expect(done.json.comparison.equal).toBe(true);
  expect(await server.sql("select string_agg(name, ' ' order by id) from users", "copy")).toBe("Bob Eve");
  expect(await server.sql("select string_agg(id::text, ' ') from orders", "copy")).toBe("2");
  expect(await server.sql("select string_agg(format('%s %s', user_id, author), ', ' order by id) from reviews", "copy")).toBe(
    " deleted user, 2 Bob",
  );
  // A materialized view is a copy of rows.
  expect(await server.sql("select string_agg(email::text, ' ') from buyers", "copy")).toBe("bob@b.example");

  const list = await project.holdfast(["erase", "list", "shop"]);
  expect(list.json).toMatchObject({ entriesChecked: 2, problems: [] });
  const shown = await project.holdfast(["erase", "list", "shop", "--show-values"]);
  expect(JSON.stringify(shown.json)).toContain(email.toUpperCase());

  // The key's value is in no output, and in nothing of the vault that is not sealed.
  const said = [add, refused, more, done, list].map(({ stdout, stderr }) => stdout + stderr).join("\n");
  const stored: string[] = [];
  for (const room of ["erasures", "erasure-ids", "audit", "evidence", "manifests"]) {
    const files = await readdir(join(project.vault, room), { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile()))
      stored.push(await readFile(join(file.parentPath, file.name), "latin1"));
  }
  expect(stored.length).toBeGreaterThan(5);
  for (const text of [said, ...stored]) expect(text.toLowerCase()).not.toContain(email);
  expect(stored.join("\n")).toContain('"erasures":"2 replayed, 2 erased"');
});

test("a server's refusal is said without values; with the word the copy is handed over, freed of the rest", async () => {
  const line = (table: string, key: object, more: object = {}) => JSON.stringify({ table, key, reason: "GDPR Art. 17", ...more });
  const file = join(project.directory, "many.jsonl");
  await writeFile(
    file,
    [
      line("public.users", { id: 3 }),
      // 'bob' would be cut to fit another column; a number is compared as a number.
      line("public.users", { id: "abc" }),
      line("public.users", { name: "Ada Lovelace" }),
      line("public.gone", { id: 1 }),
      line("public.users", { birthday: "1815-12-10" }),
      line("public.users", { id: 2 }, { set: { name: null } }),
      line("public.users; drop table users", { "id = id or true --": "1" }),
      "",
    ].join("\n"),
  );
  expect((await project.holdfast(["erase", "add", "shop", "--file", file])).json.recorded).toHaveLength(7);
  const refused = await project.holdfast(["restore", "shop@latest", "--to", "copy"]);
  expect(refused.json.error).toMatchObject({ class: "ErasuresRefused", details: [expect.stringMatching(/name.* takes no NULL/)] });
  const done = await project.holdfast(["restore", "shop@latest", "--to", "copy", "--without-erasures"]);
  expect(done.code).toBe(0);
  expect(done.json.erasures).toMatchObject({
    entries: 9,
    replayed: 9,
    refused: [{ object: "table public.users", count: 1 }],
    notApplicable: expect.arrayContaining([
      { object: "table public.gone", count: 1, reason: "the backup has no such table" },
      { object: "table public.users", count: 1, reason: "the backup's table has no column birthday" },
      { object: "table public.users", count: 1, reason: "the value is not one that the column can hold: id (integer)" },
    ]),
  });
  expect(await server.sql("select string_agg(name, ' ' order by id) from users", "copy")).toBe("Bob");
  const said = [refused, done].map(({ stdout, stderr }) => stdout + stderr).join("\n");
  for (const value of ["abc", "1815-12-10", "Lovelace"]) expect(said).not.toContain(value);
});

test("a file with one wrong line records nothing, and neither its message nor a bad option repeats a value", async () => {
  const secret = "grace-hopper";
  const file = join(project.directory, "wrong.jsonl");
  await writeFile(file, `{"table":"public.users","key":{"id":"9"}}\n{"table":"users","key":{"email":"${secret}"}}\n${secret}\n`);
  const before = (await project.holdfast(["erase", "list", "shop"])).json.entriesChecked;
  const failed = await project.holdfast(["erase", "add", "shop", "--file", file, "--reason", "x"]);
  expect(failed.code).toBe(2);
  expect(failed.json.error.details).toEqual([expect.stringMatching(/^line 2: /), expect.stringMatching(/^line 3: /)]);
  expect(failed.stdout + failed.stderr).not.toContain(secret);
  expect((await project.holdfast(["erase", "list", "shop"])).json.entriesChecked).toBe(before);
});

/** Takes rows out of a database as it stands. */
async function erase(database: string, targets: readonly RowErasure[], user?: string) {
  const { settings } = await resolveConnection(
    { from: "env", name: "DB" },
    makeContext([], { DB: user === undefined ? server.urlOf(database) : server.urlOf(database, user, user) }),
  );
  const connection = await connect(settings, new AbortController().signal);
  try {
    return await eraseRows(connection, targets, []);
  } finally {
    await connection.close();
  }
}

const row = (table: string, key: Record<string, string>, set?: Record<string, string | null>): RowErasure => ({
  schema: "public",
  table,
  key,
  ...(set === undefined ? {} : { set }),
});

test("keys are compared as their columns' types, whole, and never as SQL", async () => {
  await server.sql("create database types");
  await server.sql(
    `create extension citext; create type mood as enum ('sad', 'ok'); create domain code as varchar(3);
     create table t (n int, v varchar(3), c char(5), d code, e mood, u uuid, at timestamptz, m numeric(10,2), ci citext, b bool, arr int[], "a ""b" text);
     insert into t values (42, 'ada', 'ada', 'ada', 'ok', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2026-11-28 12:00+01', 1.50, 'Ada', true, '{1,2}', 'x');
     create table parts (id int, name text) partition by range (id);
     create table part_1 partition of parts for values from (0) to (10);
     insert into parts values (1, 'a'), (2, 'b')`,
    "types",
  );
  const count = () => server.sql("select count(*) from t", "types");
  const misses: Record<string, string>[] = [
    { v: "ada lovelace" },
    { c: "adalovelace" },
    { d: "adalovelace" },
    { e: "angry" },
    { n: "forty-two" },
    { n: "42 or true" },
    { u: "ada" },
    { 'a "b': "x' or true --" },
    { n: "42", v: "bob" },
    { m: "1.5000001" },
  ];
  for (const key of misses) {
    const { objects, notApplicable, refused } = await erase("types", [row("t", key)]);
    expect([objects[0]?.erased ?? 0, refused], JSON.stringify(key)).toEqual([0, []]);
    expect(JSON.stringify(notApplicable)).not.toContain("lovelace");
    expect(await count()).toBe("1");
  }
  const hits: Record<string, string>[] = [
    { n: "42" },
    { v: "ada" },
    { c: "ada" },
    { d: "ada" },
    { e: "ok" },
    { u: "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11" },
    { at: "2026-11-28T11:00:00Z" },
    { m: "1.5" },
    { ci: "ADA" },
    { b: "t" },
    { arr: "{1,2}" },
    { 'a "b': "x" },
  ];
  for (const key of hits) {
    const changed = await erase("types", [row("t", key, { v: "deleted" })]);
    // An overwritten text is cut to what its column takes.
    expect(changed.refused, JSON.stringify(key)).toEqual([]);
    expect(changed.objects, JSON.stringify(key)).toEqual([{ object: "table public.t", erased: 1, notFound: 0 }]);
    expect(await server.sql("update t set v = 'ada' where v = 'del' returning v", "types")).toMatch(/^ada/);
  }
  // One statement for many; those that are none hide no other.
  const many = [...Array(2_000).keys()].map((n) => row("t", { n: String(n) }));
  const outcome = await erase("types", [...many, row("t", { n: "many" }), row("parts", { id: "1" })]);
  expect(outcome.refused).toEqual([]);
  expect(outcome.objects).toEqual([
    { object: "table public.t", erased: 1, notFound: 1_999 },
    { object: "table public.parts", erased: 1, notFound: 0 },
  ]);
  expect(await server.sql("select string_agg(name, '') from parts", "types")).toBe("b");
});

test("what triggers, rules, foreign servers, deferred keys and row-level security do is seen, and said without values", async () => {
  await server.sql("create database odd; create role clerk login password 'clerk'");
  await server.sql(
    `create table kept (id int, name text); insert into kept values (1, 'ada');
     create function keep() returns trigger language plpgsql as 'begin return null; end';
     create trigger keep before delete on kept for each row execute function keep();
     create table loud (id int); insert into loud values (1);
     create function shout() returns trigger language plpgsql as $$ begin raise exception 'no: % ada', old.id; end $$;
     create trigger shout before delete on loud for each row execute function shout();
     create table trail (what text);
     create table ruled (id int); insert into ruled values (1);
     create rule nothing as on delete to ruled do instead nothing;
     create table hen (id int primary key, egg int); create table egg (id int primary key, hen int references hen deferrable initially deferred);
     alter table hen add foreign key (egg) references egg deferrable initially deferred;
     begin; insert into hen values (1, 1); insert into egg values (1, 1); commit;
     create table secured (id int, name text); insert into secured values (1, 'ada'); alter table secured owner to clerk;
     alter table secured enable row level security; alter table secured force row level security;
     create policy none on secured using (false);
     create foreign data wrapper elsewhere; create server there foreign data wrapper elsewhere;
     create foreign table far (id int) server there;
     create table mixed (id int) partition by range (id); create foreign table mixed_far partition of mixed for values from (0) to (9) server there;
     create table logged (id int); insert into logged values (1);
     create function note() returns trigger language plpgsql as 'begin insert into trail values (''gone''); return old; end';
     create trigger note after delete on logged for each row execute function note()`,
    "odd",
  );
  const outcome = await erase(
    "odd",
    ["kept", "loud", "ruled", "far", "mixed"].map((table) => row(table, { id: "1" })),
  );
  const refused = Object.fromEntries(outcome.refused.map(({ object, reason }) => [object.slice("table public.".length), reason]));
  expect(Object.keys(refused).sort()).toEqual(["loud", "mixed", "ruled"]);
  expect(refused["loud"]).toMatch(/SQLSTATE P0001/);
  expect(refused["mixed"]).toMatch(/another server/);
  expect(JSON.stringify(outcome)).not.toContain("ada");
  expect(outcome.notApplicable).toEqual([
    { object: "table public.far", count: 1, reason: expect.stringMatching(/another server/) },
  ]);

  const silent = await erase("odd", [row("kept", { id: "1" })]);
  expect(silent.refused).toEqual([
    { object: "table public.kept", count: 1, reason: expect.stringMatching(/a trigger or a rule keeps them/) },
  ]);
  // Either alone leaves a key that points nowhere; both together are one erasure.
  expect((await erase("odd", [row("hen", { id: "1" })])).refused).toMatchObject([{ reason: expect.stringMatching(/foreign key/) }]);
  expect((await erase("odd", [row("hen", { id: "1" }), row("egg", { id: "1" })])).refused).toEqual([]);
  expect(await server.sql("select (select count(*) from hen) + (select count(*) from egg)", "odd")).toBe("0");
  // Triggers find their tables as in production.
  expect((await erase("odd", [row("logged", { id: "1" })])).objects).toMatchObject([{ erased: 1 }]);
  expect(await server.sql("select count(*) from trail", "odd")).toBe("1");
  const hidden = await erase("odd", [row("secured", { id: "1" })], "clerk");
  expect(hidden.refused).toMatchObject([{ reason: expect.stringMatching(/row-level security/) }]);
});
