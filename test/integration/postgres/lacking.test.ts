/**
 * What a server lacks is named and never damage; what is lost is never excused by it; nothing of
 * the backup acts while it is loaded.
 */
import { chmod, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensurePostgres } from "../../../scripts/postgres-binaries.ts";
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { openPostgresTarget } from "../../../src/engines/postgres/place/restore.ts";
import { planPostgresRestore } from "../../../src/engines/postgres/place/restore-plan.ts";
import type { PostgresSource } from "../../../src/policy/engines/postgres/source.ts";
import type { ContentDigest, LoadFinding } from "../../../src/proof/content.ts";
import { createProject, postgresSource } from "../../support/holdfast.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { prove, proven, type Tested } from "./prove.ts";
import { type TakenBackup, takeBackup } from "./taken-backup.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-lacking-"));
  await chmod(directory, 0o755);
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

const digests = new WeakMap<TakenBackup, Promise<ContentDigest>>();

/** The backup's digest, made once. */
function digestOf(taken: TakenBackup): Promise<ContentDigest> {
  const digest = digests.get(taken) ?? digestPostgresBackup(taken.backup, taken.context);
  digests.set(taken, digest);
  return digest;
}

async function testRestore(taken: TakenBackup, restoreTest: Partial<PostgresSource["restoreTest"]> = {}): Promise<Tested> {
  return prove(taken, restoreTest, await digestOf(taken));
}

/** The verdict of a backup that is lacking something here, and is not damaged. */
const unproven = (against: readonly LoadFinding[]): unknown => ({
  check: "unproven",
  against: lackingOf(against),
  differences: [],
});
const lackingOf = (findings: readonly LoadFinding[]): readonly LoadFinding[] =>
  findings.filter((finding) => finding.class === "lacking");

const subjects = (findings: readonly LoadFinding[], kind: LoadFinding["class"]): string[] =>
  [...new Set(findings.filter((finding) => finding.class === kind).map(({ subject }) => subject))].sort();

describe("a source with an extension and a library that no other server has", () => {
  let server: PostgresServer;
  let plain: string;
  let queued: TakenBackup;

  beforeAll(async () => {
    plain = (await ensurePostgres(17)).binDir;
    const own = join(directory, "programs");
    await cp(dirname(plain), own, { recursive: true });
    const share = join(own, "share", "extension");
    await writeFile(
      join(share, "queue.control"),
      "comment = 'a queue'\ndefault_version = '1.0'\nrelocatable = false\nschema = queue\n",
    );
    await writeFile(
      join(share, "queue--1.0.sql"),
      `create table queue.message (id int primary key, body text);
       select pg_catalog.pg_extension_config_dump('queue.message', '');
       create type queue.state as enum ('new', 'done');
       create function queue.size(int) returns int language sql immutable as 'select $1';`,
    );
    await cp(join(own, "lib", "seg.so"), join(own, "lib", "gadget.so"));
    server = await startPostgres({ major: 17, binDir: join(own, "bin") });
    queued = await take("queued", withQueue);
  });
  afterAll(() => server?.remove());

  async function take(database: string, sql: string, options: Partial<PostgresSource> = {}): Promise<TakenBackup> {
    await server.sql(`create database ${database}`);
    await server.sql(sql, database);
    const target = await mkdtemp(join(directory, "backup-"));
    return takeBackup(server, database, target, { ...options, binDirs: [plain] });
  }

  const withQueue = `create schema queue; create extension queue; insert into queue.message values (1, 'a'), (2, 'b');
    create table jobs (id int primary key, state queue.state); insert into jobs values (1, 'new');
    create view open_jobs as select * from jobs where state = 'new';
    create function sized(int) returns int language plpgsql immutable as $$ begin return queue.size($1); end $$;
    create table plain (id int primary key); insert into plain select generate_series(1, 100);
    create index by_size on plain (sized(id));`;

  test("is unproven without its name in the policy, and every object that needs it is named", async () => {
    const { verdict, findings } = await testRestore(queued);
    expect(verdict).toEqual(unproven(findings));
    expect(subjects(findings, "lacking")).toEqual(
      expect.arrayContaining(["EXTENSION queue", "TABLE public.jobs", "VIEW public.open_jobs", "INDEX public.by_size"]),
    );
  });

  test("is proven but for those objects with it, which are counted with their rows", async () => {
    const { verdict, comparison } = await testRestore(queued, { withoutExtensions: ["queue"] });
    expect(verdict).toEqual(proven);
    expect(comparison.leftOut?.rows).toBe(3);
    expect(comparison.leftOut?.objects).toEqual(
      expect.arrayContaining([
        "schema EXTENSION queue",
        "table queue.message",
        "table public.jobs",
        "schema VIEW public.open_jobs",
      ]),
    );
    expect(comparison.leftOut?.objects).not.toContain("table public.plain");
    expect(comparison.leftOut?.count).toBe(comparison.leftOut?.objects.length);
  });

  const losing = `create table zz_codes (code text primary key); insert into zz_codes values ('a');
    create function known(c text) returns boolean language sql stable as 'select exists (select 1 from zz_codes where code = c)';
    create table items (id int primary key, code text check (known(code))); insert into items values (1, 'a');`;

  test("excuses no other table that loses its rows, named or not", async () => {
    const taken = await take("losing", `create schema queue; create extension queue; ${losing}`);
    for (const restoreTest of [{}, { withoutExtensions: ["queue", "other"] }]) {
      const { verdict, comparison } = await testRestore(taken, restoreTest);
      const lost = [{ object: "table public.items", problem: "1 row fewer (0 instead of 1)" }];
      expect({ ...verdict, compared: comparison.differences }).toMatchObject({ check: "disproven", compared: lost });
    }
  });

  test("has a base type in C: what needs the library is lacking, down to the rows, and nothing differs", async () => {
    const sql = `create type widget;
      create function widget_in(cstring) returns widget language c strict immutable as '$libdir/gadget', 'seg_in';
      create function widget_out(widget) returns cstring language c strict immutable as '$libdir/gadget', 'seg_out';
      create type widget (input = widget_in, output = widget_out, internallength = 12);
      create table w (id int, at widget); insert into w values (1, '1.5');
      create view widgets as select at from w;
      comment on type widget is 'a thing';
      create table plain (id int primary key); insert into plain values (1);`;
    const { verdict, findings } = await testRestore(await take("widgets", sql));
    expect(verdict).toEqual(unproven(findings));
    expect(findings.some(({ message }) => message.includes("gadget"))).toBe(true);
    expect(subjects(findings, "lacking")).toEqual(
      expect.arrayContaining(["TABLE public.w", "TYPE public.widget", "VIEW public.widgets"]),
    );
  });

  test("is said to be proven but for its objects, in each place where a person reads it", async () => {
    const more = "    restoreTest: { withoutExtensions: [queue] }\n";
    await using project = await createProject({
      sources: postgresSource("shop", "SHOP_DB", more),
      env: { SHOP_DB: server.urlOf("queued") },
      majors: [17],
    });
    expect((await project.holdfast(["backup", "shop"])).code).toBe(0);
    const tested = await project.say(["restore-test", "shop@latest"]);
    expect(tested.code).toBe(0);
    expect(tested.stdout).toMatch(/proven.* but for \d+ objects with 3 rows/s);
    expect((await project.say(["list"])).stdout).toMatch(/proven.* but for \d+ objects/);
    expect((await project.say(["status"])).stdout).toMatch(/proven but for \d+ objects/);
  });

  test("is restored elsewhere as far as it goes, kept beside the target, and the plan says so before", async () => {
    const taken = queued;
    await using other = await startPostgres({ major: 17 });
    const context = { ...taken.context, environment: { ...taken.context.environment, TARGET: other.urlOf("app") } };
    const request = { target: "env:TARGET", overwrite: false };
    const plan = await planPostgresRestore(taken.backup, taken.source, request, context);
    expect(plan.steps.join("\n")).toMatch(
      /extensions missing on this server: queue 1\.0;.* exit code 4, and what loads is kept as "app_differs_/,
    );
    const place = await openPostgresTarget(taken.backup, taken.source, request, context);
    await place.load();
    expect((await place.compare(await digestOf(taken))).differences).toEqual([]);
    const kept = await place.keepBeside();
    await place.close();
    const names = await other.sql(
      "select string_agg(datname, ' ') from pg_database where not datistemplate and datname <> 'postgres'",
    );
    expect(names).toMatch(/^app_differs_\d{8}t\d{6}z$/);
    expect(kept).toBe(`database "${names}"`);
    expect(await other.sql("select count(*) from plain", names)).toBe("100");
    const allowed = { ...taken.source, restoreTest: { assertions: [], withoutExtensions: ["queue"] } };
    const excepted = await planPostgresRestore(taken.backup, allowed, request, context);
    expect(excepted.steps.join("\n")).toMatch(/which the policy allows: queue 1\.0/);
    expect(excepted.steps.join("\n")).not.toContain("exit code 4");
  });
});

const audit = `create table ddl_log (at timestamptz default now(), tag text);
  create function log_ddl() returns event_trigger language plpgsql as $$ begin insert into public.ddl_log (tag) values (tg_tag); end $$;
  create function refuse_ddl() returns event_trigger language plpgsql as $$ begin raise exception 'no %', tg_tag; end $$;
  create table t (id int primary key, k text); insert into t values (1, 'a');
  create materialized view per_k as select k, count(*) from t group by k; create index on per_k (k);
  create event trigger ddl_is_logged on ddl_command_end execute function log_ddl();
  create event trigger drops_are_logged on sql_drop execute function log_ddl();
  create event trigger ddl_is_refused on ddl_command_start execute function refuse_ddl();
  alter event trigger ddl_is_logged enable always; comment on event trigger ddl_is_logged is 'every command';`;
const login = `create event trigger at_login on login execute function log_ddl(); alter event trigger at_login enable always;`;

/**
 * The oldest, which knows no setting that keeps event triggers still, is tried again and again:
 * what fires in a parallel load fires now and then.
 */
const timesOn = (major: number): number => (major === 14 ? 2 : 1);

describe.each([14, 15, 16, 17, 18])("on PostgreSQL %i", (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major });
  });
  afterAll(() => server?.remove());

  test("event triggers fire in no session of a restore test or a restore, each time", async () => {
    await server.sql("create role app_owner; create database app");
    await server.sql(
      `${audit} ${major >= 17 ? `alter event trigger ddl_is_refused disable;${login}alter event trigger ddl_is_refused enable;` : ""}`,
      "app",
    );
    const taken = await takeBackup(server, "app", await mkdtemp(join(directory, "backup-")));
    const digest = await digestOf(taken);
    for (let time = 0; time < timesOn(major); time++) {
      expect((await testRestore(taken)).verdict).toEqual(proven);
    }
    for (let time = 0; time < timesOn(major); time++) {
      const place = await openPostgresTarget(taken.backup, taken.source, { target: "copy", overwrite: false }, taken.context);
      try {
        expect(subjects((await place.load()).findings, "damage")).toEqual([]);
        expect((await place.compare(digest)).differences).toEqual([]);
      } finally {
        await place.close();
      }
      expect(await server.sql("select count(*) from pg_database where datname ~ 'copy'")).toBe("0");
    }
  });

  // Nothing in it depends on the major: the oldest and the newest stand for all.
  if (major !== 14 && major !== 18) return;

  test("a view that cannot be refreshed, or reads foreign tables, is named and stays empty", async () => {
    const list = join(await mkdtemp(join(tmpdir(), "hf-list-")), "list.csv");
    await chmod(dirname(list), 0o755);
    await writeFile(list, "1,a\n", { mode: 0o644 });
    await server.sql("create database views; create role reader");
    await server.sql(
      `create extension file_fdw; create server files foreign data wrapper file_fdw; create user mapping for public server files;
       create foreign table list (id int, what text) server files options (filename '${list}', format 'csv');
       create materialized view list_copy as select * from list; create view over as select * from list_copy;
       create materialized view second as select * from over;
       set app.tenant = '7'; create table tenants (id int); insert into tenants values (7);
       create materialized view mine as select * from tenants where id = current_setting('app.tenant')::int;
       create materialized view fine as select * from tenants; create index on fine (id);`,
      "views",
    );
    const taken = await takeBackup(server, "views", await mkdtemp(join(directory, "backup-")));
    const { verdict, findings } = await testRestore(taken);
    expect(verdict).toEqual(unproven(findings));
    expect(subjects(findings, "lacking")).toEqual(
      ["list_copy", "mine", "second"].map((view) => `MATERIALIZED VIEW DATA public.${view}`),
    );
    const digest = await digestOf(taken);
    const source = { ...taken.source, restoreTest: { assertions: [], foreignServers: true } };
    for (const [from, missing] of [
      [taken.source, ["list_copy", "mine", "second"]],
      [source, ["mine"]],
    ] as const) {
      const place = await openPostgresTarget(taken.backup, from, { target: "views_copy", overwrite: false }, taken.context);
      try {
        const loaded = await place.load();
        expect(subjects(loaded.findings, "lacking").concat(subjects(loaded.findings, "damage"))).toEqual([]);
        const named = subjects(loaded.findings, "benign").filter((subject) => subject.startsWith("MATERIALIZED VIEW DATA"));
        expect(named).toEqual(missing.map((view) => `MATERIALIZED VIEW DATA public.${view}`));
        expect((await place.compare(digest)).differences).toEqual([]);
        expect(await server.sql("select count(*) from fine", "views_copy")).toBe("1");
      } finally {
        await place.close();
      }
    }
    await rm(dirname(list), { recursive: true });
  });
});
