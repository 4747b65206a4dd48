/**
 * What the policy excludes may be missing, with what needs it; nothing else may, and no rows of
 * what it does not exclude.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PostgresFacts } from "../../../src/engines/postgres/backup-facts.ts";
import { checkPostgres } from "../../../src/engines/postgres/check.ts";
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { openPostgresTarget } from "../../../src/engines/postgres/place/restore.ts";
import { planPostgresRestore } from "../../../src/engines/postgres/place/restore-plan.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { prove, proven } from "./prove.ts";
import { type TakenBackup, takeBackup } from "./taken-backup.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-exclusions-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

const notExcluded = { tables: [] as string[], data: [] as string[] };

/**
 * Every kind of definition that can need a table, directly or through others; none of them holds
 * rows.
 */
const definitions = `
  create schema audit; create table audit.log (id int primary key, x text); insert into audit.log values (1, 'a');
  create table gone (id int primary key, v text); insert into gone values (1, 'g'); create sequence counter owned by gone.id;
  create table refs (id int primary key, g int references gone, a int references audit.log); insert into refs values (1, 1, 1), (2, null, null);
  create table late (g int, foreign key (g) references gone not valid); insert into late values (1);
  create view direct as select * from gone; comment on view direct is 'x'; comment on column direct.v is 'c'; grant select on direct to public;
  create view over_it as select r.id, d.v from refs r join direct d on d.id = r.g;
  create materialized view summary as select * from over_it; create index on summary (id);
  create function body() returns bigint begin atomic select count(*) from gone; end; create view by_body as select body();
  create function takes(g gone) returns int language sql as 'select 1'; create function gives() returns setof gone language sql as 'select * from public.gone';
  create function takes_all(gone[]) returns int language sql as 'select 1'; create function only_text() returns int language sql as 'select 1 from public.gone';
  create type with_gone as (g gone); create domain gone_domain as gone; create view by_domain as select null::gone_domain as d;
  create cast (gone as text) with inout;
  create policy seen on refs using (exists (select from gone where gone.id = g)); alter table refs enable row level security;
  create rule also as on insert to late do also select * from gone;
  create function on_change() returns trigger language plpgsql as 'begin perform 1 from public.gone; return new; end';
  create trigger plain after insert on late for each row execute function on_change();
  create constraint trigger from_gone after insert on late from gone for each row execute function on_change();
  create trigger on_view instead of insert on direct for each row execute function suppress_redundant_updates_trigger();
  create publication pub for table refs, gone;
  create foreign data wrapper w; create server s foreign data wrapper w; create foreign table far (g gone, a int) server s;
  create statistics kept on id, g from refs;`;

const leftOut = [
  "cast from gone to text",
  "constraint refs_a_fkey on table refs",
  "constraint refs_g_fkey on table refs",
  "constraint late_g_fkey on table late",
  "composite type with_gone",
  "foreign table far",
  "function body()",
  "function gives()",
  "function takes(gone)",
  "function takes_all(gone[])",
  "materialized view summary",
  "policy seen on table refs",
  "rule also on table late",
  "trigger from_gone on table late",
  "type gone_domain",
  "view by_body",
  "view by_domain",
  "view direct",
  "view over_it",
].sort();

describe.each([14, 18])("a database of PostgreSQL %i of which the policy excludes tables", (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major });
  });
  afterAll(() => server?.remove());

  async function take(name: string, sql: string, exclude: Partial<typeof notExcluded>): Promise<TakenBackup> {
    await server.sql(`create database ${name}`);
    await server.sql(sql, name);
    return takeBackup(server, name, directory, { exclude: { ...notExcluded, ...exclude } });
  }
  const effectsOf = ({ backup }: TakenBackup): PostgresFacts["exclusionEffects"] =>
    (backup.facts as unknown as PostgresFacts).exclusionEffects;
  const namesOf = (taken: TakenBackup, loses: string): string[] =>
    effectsOf(taken)
      .filter((effect) => effect.loses === loses)
      .map(({ object }) => object.replaceAll("public.", ""))
      .sort();

  test("is proven but for what needs them, which backup, check, plan and restore name", async () => {
    const taken = await take("defined", definitions, { tables: ["public.gone", "audit.*"] });
    expect(namesOf(taken, "definition")).toEqual(leftOut);
    expect(namesOf(taken, "rows")).toEqual([]);
    const { verdict, comparison, findings } = await prove(taken);
    expect(verdict).toEqual(proven);
    expect(comparison.leftOut?.rows).toBe(0);
    const subjects = findings.filter((finding) => finding.class === "excepted").map(({ subject }) => subject);
    expect(subjects).toEqual(expect.arrayContaining(["FK CONSTRAINT public.refs refs_g_fkey", "VIEW public.over_it"]));
    const found = await checkPostgres(taken.source, taken.context);
    expect(found.filter(({ subject }) => subject === "exclusions")).toHaveLength(leftOut.length);
    expect(found.filter(({ level }) => level === "error")).toEqual([]);
    const request = { target: "defined_again", overwrite: false };
    const { steps } = await planPostgresRestore(taken.backup, taken.source, request, taken.context);
    expect(steps.join("\n")).toMatch(/left out, because the policy excludes what they need: .*\(public\.gone\).* and 9 more/);
    const place = await openPostgresTarget(taken.backup, taken.source, request, taken.context);
    try {
      expect((await place.load()).findings.filter(({ class: kind }) => kind !== "benign" && kind !== "excepted")).toEqual([]);
      const digest = await digestPostgresBackup(taken.backup, taken.context);
      expect(await place.compare(digest)).toMatchObject({ equal: true, leftOut: { count: comparison.leftOut?.count } });
      // What is missing for another reason is a difference beside it.
      await server.sql("drop trigger plain on late; drop statistics kept", "defined_again");
      expect((await place.compare(digest)).differences).toEqual([
        { object: "owner STATISTICS public.kept", problem: "missing after the restore" },
        { object: "schema STATISTICS public.kept", problem: "missing after the restore" },
        { object: "schema TRIGGER public.late plain", problem: "missing after the restore" },
      ]);
    } finally {
      await place.close();
    }
  });

  test("is not proven when rows of others go with them, which check calls an error beforehand", async () => {
    const taken = await take(
      "rows_lost",
      `create table gone (id int primary key, v text); create sequence counter;
       create table holds (a int, g gone); insert into holds values (1, row(1, 'x')); create view over_holds as select a from holds;
       create table child (z int) inherits (gone); insert into child values (5, 'c', 6);
       create table counted (a int default nextval('counter')); insert into counted values (1);
       create function known(int) returns boolean immutable begin atomic select true from (select count(*) from gone) x; end;
       create table checked (a int check (known(a))); insert into checked values (1);
       create table kept (a int); insert into kept values (1);`,
      { tables: ["public.gone", "public.counter"] },
    );
    expect(namesOf(taken, "rows")).toEqual(["table checked", "table child", "table counted", "table holds"]);
    const { verdict } = await prove(taken);
    expect(verdict).toMatchObject({ check: "unproven", differences: [] });
    const subjects = new Set(verdict.against.map(({ class: kind, subject }) => `${kind} ${subject}`));
    for (const table of ["holds", "child", "counted", "checked"]) {
      expect(subjects).toContain(`lacking TABLE public.${table}`);
      expect(subjects).toContain(`lacking TABLE DATA public.${table}`);
    }
    expect(subjects).toContain("lacking VIEW public.over_holds");
    const errors = (await checkPostgres(taken.source, taken.context)).filter(({ level }) => level === "error");
    expect(errors.map(({ subject }) => subject)).toEqual(["exclusions", "exclusions", "exclusions", "exclusions"]);
  });

  test("or their rows only, is proven but for the foreign keys of rows that refer to those", async () => {
    const taken = await take(
      "thin",
      `create table par (id int primary key); insert into par values (1), (2);
       create table refers (p int references par); insert into refers values (1);
       create table refers_not (p int references par); insert into refers_not values (null);
       create table par_too (p int references par); insert into par_too values (1);
       create table ev (id int, d int, primary key (id, d)) partition by list (d); create table ev_1 partition of ev for values in (1);
       create table ev_2 partition of ev for values in (2); insert into ev values (1, 1), (2, 2);
       create table to_ev (a int, b int, foreign key (a, b) references ev); insert into to_ev values (2, 2);
       create table to_ev_1 (a int, b int, foreign key (a, b) references ev_1); insert into to_ev_1 values (1, 1);
       create view shown as select * from par;`,
      { data: ["public.par", "public.par_too", "public.ev_2"] },
    );
    expect(namesOf(taken, "reference")).toEqual([
      "constraint refers_not_p_fkey on table refers_not",
      "constraint refers_p_fkey on table refers",
      "constraint to_ev_a_b_fkey on table to_ev",
    ]);
    const { verdict, comparison } = await prove(taken);
    expect(verdict).toEqual(proven);
    expect(comparison.leftOut?.objects).toEqual([
      "schema FK CONSTRAINT public.refers refers_p_fkey",
      "schema FK CONSTRAINT public.to_ev to_ev_a_b_fkey",
    ]);
  });
});
