/**
 * A role that may create no database restores into an empty one: definitions are judged elsewhere,
 * or said not to be judged.
 */
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { reprintElsewhere } from "../../../src/engines/postgres/digest/reprint-elsewhere.ts";
import type { ArchiveLoad } from "../../../src/engines/postgres/load/archive-load.ts";
import { openPostgresTarget } from "../../../src/engines/postgres/place/restore.ts";
import { planPostgresRestore } from "../../../src/engines/postgres/place/restore-plan.ts";
import type { Comparison, ContentDigest } from "../../../src/proof/content.ts";
import type { RunContext } from "../../../src/runtime/run-context.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { expressions } from "./expressions.ts";
import { describeLive } from "./live-trials.ts";
import { type TakenBackup, takeBackup } from "./taken-backup.ts";

let directory: string;
let server: PostgresServer;
let newer: PostgresServer;
let taken: TakenBackup;
let digest: ContentDigest;

/**
 * Beside the expressions: a policy for a role, a column of an extension's type, and what BETWEEN,
 * IN and UNION become.
 */
const shop = `${expressions}
  create extension citext;
  create table stock (id int primary key, low int, high int, code citext, check (id between 1 and 5 and low < high));
  insert into stock select n, n, n + 1, 'a' from generate_series(1, 5) n;
  create view both_kinds as select id, 'low' as kind from stock union select id, 'high' from stock where id between 2 and 3 and low > 0
    union select id, 'none' from stock;
  alter table stock enable row level security;
  create policy reading on stock to app_reader using (id between 1 and 3 and code in ('a', 'b'));`;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-unprivileged-"));
  [server, newer] = await Promise.all([startPostgres({ major: 14 }), startPostgres({ major: 18 })]);
  await Promise.all([server, newer].map((on) => on.sql("create role app_reader")));
  await server.sql("create database shop");
  await server.sql(shop, "shop");
  taken = await takeBackup(server, "shop", directory, { binDirs: [server.binDir, newer.binDir] });
  digest = await digestPostgresBackup(taken.backup, taken.context);
  for (const target of [server, newer]) await target.sql("create role weak login nocreatedb password 'weak-secret'");
});

afterAll(async () => {
  await Promise.all([server?.remove(), newer?.remove()]);
  await rm(directory, { recursive: true, force: true });
});

interface Compared {
  readonly untouched: Comparison;
  readonly changed: Comparison;
}

const change = `alter table stock drop constraint stock_check, add constraint stock_check check (id between 1 and 6 and low < high);
  update stock set high = 99 where id = 5;
  drop view w4`;

/**
 * Restores into an empty database of the role's own, and compares before and after somebody changed
 * it.
 */
async function restore(target: PostgresServer, options: Partial<RunContext> = {}): Promise<Compared> {
  await target.sql("create database empty owner weak");
  const url = target.urlOf("empty", "weak", "weak-secret");
  const context = { ...taken.context, ...options, environment: { ...taken.context.environment, TARGET: url } };
  const place = await openPostgresTarget(taken.backup, taken.source, { target: "env:TARGET", overwrite: false }, context);
  try {
    expect((await place.load()).findings.filter((finding) => finding.class !== "benign")).toEqual([]);
    const untouched = await place.compare(digest);
    await target.sql(change, "empty");
    return { untouched, changed: await place.compare(digest) };
  } finally {
    await place.close();
    await target.sql("drop database empty");
    expect(await target.sql("select count(*) from pg_database where datname ~ 'definitions'")).toBe("0");
  }
}

/** Found as any other, and of no use: what the machine has besides is not looked at then. */
const brokenInitdb = (major: number): string =>
  `#!/bin/sh\n[ "$1" = --version ] && echo "initdb (PostgreSQL) ${major}.0" && exit 0\nexit 1\n`;

const others = [
  { object: "schema VIEW public.w4", problem: "missing after the restore" },
  { object: "table public.stock", problem: expect.stringContaining("different content") },
];

describe.each([14, 18])("into PostgreSQL %i", (major) => {
  test("definitions are judged in a throwaway server, and what changed is found", async () => {
    const { untouched, changed } = await restore(major === 14 ? server : newer);
    expect(untouched).toMatchObject({ equal: true, differences: [] });
    expect(untouched.unjudged).toBeUndefined();
    expect(untouched.printOnly?.objects).toEqual(
      expect.arrayContaining(["schema TABLE public.stock", "schema VIEW public.both_kinds", "schema POLICY public.stock reading"]),
    );
    const altered = { object: "schema TABLE public.stock", problem: "different definition" };
    expect(changed.differences).toEqual(expect.arrayContaining([altered, ...others]));
    expect(changed.differences).toHaveLength(3);
  });

  test("the plan says so before", async () => {
    const target = major === 14 ? server : newer;
    await target.sql("create database planned owner weak");
    const url = target.urlOf("planned", "weak", "weak-secret");
    const planWith = async (toolPath: readonly string[]): Promise<string> => {
      const environment = { ...taken.context.environment, TARGET: url };
      const context = { ...taken.context, environment, toolPath };
      const request = { target: "env:TARGET", overwrite: false };
      return (await planPostgresRestore(taken.backup, taken.source, request, context)).steps.join("\n");
    };
    expect(await planWith(taken.context.toolPath)).toContain(`a throwaway server of PostgreSQL ${target.major} on this machine`);
    await target.sql("alter role weak createdb");
    expect(await planWith(taken.context.toolPath)).toMatch(/the database "planned_definitions_[0-9a-f]{6}" on that server/);
    await target.sql("alter role weak nocreatedb; drop database planned");
  });

  test("where none starts they are named as not judged; rows and what is missing are compared all the same", async () => {
    const target = major === 14 ? server : newer;
    const own = join(directory, `programs-${major}`);
    await cp(dirname(target.binDir), own, { recursive: true });
    await writeFile(join(own, "bin", "initdb"), brokenInitdb(major));
    const { untouched, changed } = await restore(target, { toolPath: [join(own, "bin")] });
    expect(untouched).toMatchObject({ equal: true, differences: [] });
    expect(untouched.printOnly).toBeUndefined();
    expect(untouched.unjudged?.objects).toEqual(
      expect.arrayContaining(["schema TABLE public.stock", "schema VIEW public.both_kinds", "schema POLICY public.stock reading"]),
    );
    expect(untouched.unjudged?.reason).toContain("initdb could not make a data directory");
    expect(untouched.unjudged?.reason).toContain('user "weak" may not create a database');
    expect(changed.differences).toEqual(expect.arrayContaining(others));
    expect(changed.differences).toHaveLength(2);
    expect(changed.unjudged?.objects).toContain("schema TABLE public.stock");
  });
});

test("without programs of the target's major the reason names them, and nothing fails", async () => {
  const context = { ...taken.context, toolPath: [], environment: {} };
  const outline = { createDatabase: undefined, roles: new Set<string>() };
  const settings = { host: "localhost", port: 5432, user: "weak", database: "empty", sslmode: "disable", variables: {} } as const;
  const load = { settings: { ...settings, connectTimeoutSeconds: 1 } } as unknown as ArchiveLoad;
  // No directory of a machine is looked at for a major that old.
  const reprint = await reprintElsewhere({ load, outline, dumping: { pgDump: "" }, database: "d", tablespace: false }, 13, context);
  expect(reprint).toMatchObject({
    reason: expect.stringMatching(/user "weak" may not .* no server programs of PostgreSQL 13 were found/),
  });
});

describeLive(() => ({ server, newer, directory }));
