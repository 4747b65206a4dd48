/**
 * Restores into servers of the user's: new, empty and occupied databases, other majors, other
 * roles.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { openPostgresTarget } from "../../../src/engines/postgres/place/restore.ts";
import { planPostgresRestore } from "../../../src/engines/postgres/place/restore-plan.ts";
import type { RestoreRequest } from "../../../src/engines/restore-request.ts";
import type { Comparison, ContentDigest, LoadFinding } from "../../../src/proof/content.ts";
import type { RunContext } from "../../../src/runtime/run-context.ts";
import { createObjectZoo } from "../../support/object-zoo.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { describeParts } from "./restored-parts.ts";
import { type TakenBackup, takeBackup } from "./taken-backup.ts";

let server: PostgresServer;
let newer: PostgresServer;
let directory: string;
let taken: TakenBackup;
let digest: ContentDigest;

beforeAll(async () => {
  server = await startPostgres({ major: 15 });
  newer = await startPostgres({ major: 18 });
  directory = await mkdtemp(join(tmpdir(), "hf-restore-"));
  await createObjectZoo(server);
  taken = await takeBackup(server, "zoo", directory, { sourceCheck: "content", binDirs: [server.binDir, newer.binDir] });
  digest = await digestPostgresBackup(taken.backup, taken.context);
});

afterAll(async () => {
  await Promise.all([server?.remove(), newer?.remove()]);
  await rm(directory, { recursive: true, force: true });
});

interface Restored {
  readonly findings: readonly LoadFinding[];
  readonly comparison: Comparison;
  readonly sourceCheck: Comparison;
}

const contextFor = (target?: string): RunContext => ({
  ...taken.context,
  environment: { ...taken.context.environment, ...(target === undefined ? {} : { TARGET: target }) },
});

async function restore(request: RestoreRequest, context: RunContext, commit = true): Promise<Restored> {
  const place = await openPostgresTarget(taken.backup, taken.source, request, context);
  try {
    const { findings } = await place.load();
    const comparison = await place.compare(digest);
    const sourceCheck = await place.compareSourceCheck(taken.backup.sourceCheck);
    if (commit) await place.commit();
    return { findings, comparison, sourceCheck };
  } finally {
    await place.close();
  }
}

/** But for the server's own, and what the restores of parts share (restored-parts.ts). */
const databases = (on: PostgresServer): Promise<string> =>
  on.sql(`select string_agg(datname, ' ' order by datname) from pg_database
    where not datistemplate and datname not in ('postgres', 'parts')`);

/** Drops a restored database: its subscription, which keeps it, first. */
async function drop(database: string): Promise<void> {
  await server.sql("alter subscription zoo_subscription set (slot_name = none); drop subscription zoo_subscription", database);
  await server.sql(`drop database "${database}"`);
}

describe("a bare name", () => {
  test("is a new database on the source's own server, equal in every object, with statistics", async () => {
    const plan = await planPostgresRestore(taken.backup, taken.source, { target: "zoo_copy", overwrite: false }, contextFor());
    expect(plan).toMatchObject({ occupied: false, steps: expect.arrayContaining(['create the database "zoo_copy"']) });
    expect(await databases(server)).toBe("zoo");
    const { findings, comparison, sourceCheck } = await restore({ target: "zoo_copy", overwrite: false }, contextFor());
    expect(findings).toEqual([]);
    expect(comparison).toMatchObject({ equal: true, differences: [] });
    expect(sourceCheck).toMatchObject({ equal: true });
    expect(await server.sql("select count(*) > 0 from pg_statistic where starelid >= 16384", "zoo_copy")).toBe("t");
    expect(await server.sql("select shobj_description(oid, 'pg_database') from pg_database where datname = 'zoo_copy'")).toBe(
      'a zoo; it\'s "open"',
    );
    await drop("zoo_copy");
  });

  test("is taken back when it was not committed", async () => {
    await restore({ target: "zoo_copy", overwrite: false }, contextFor(), false);
    expect(await databases(server)).toBe("zoo");
  });

  test.each(["", "x".repeat(64), "template1"])("%j is refused", async (target) => {
    await expect(planPostgresRestore(taken.backup, taken.source, { target, overwrite: false }, contextFor())).rejects.toMatchObject(
      { name: "UsageInvalid" },
    );
  });

  test("without a source has no server", async () => {
    const planning = planPostgresRestore(taken.backup, undefined, { target: "copy", overwrite: false }, contextFor());
    await expect(planning).rejects.toMatchObject({ name: "UsageInvalid", hint: expect.stringContaining("env:NAME") });
  });
});

describe("an occupied target", () => {
  test("is refused without --overwrite and not touched", async () => {
    await server.sql("create database occupied");
    await server.sql("create view only_a_view as select 1 as one", "occupied");
    await expect(restore({ target: "occupied", overwrite: false }, contextFor())).rejects.toMatchObject({ name: "RestoreRefused" });
    expect(await server.sql("select one from only_a_view", "occupied")).toBe("1");
    expect(await databases(server)).toBe("occupied zoo");
  });

  test("keeps its place until the copy is loaded, and is kept under another name", async () => {
    const plan = await planPostgresRestore(taken.backup, taken.source, { target: "occupied", overwrite: true }, contextFor());
    expect(plan.occupied).toBe(true);
    expect(plan.steps.at(-2)).toMatch(/^rename "occupied" to "occupied_before_\d{8}t\d{6}z"$/);
    const { comparison } = await restore({ target: "occupied", overwrite: true }, contextFor());
    expect(comparison.differences).toEqual([]);
    const names = (await databases(server)).split(" ");
    const before = names.find((name) => /^occupied_before_\d{8}t\d{6}z$/.test(name)) ?? "";
    expect(names).toEqual(["occupied", before, "zoo"]);
    expect(await server.sql("select count(*) from zoo.people", "occupied")).toBe("500");
    expect(await server.sql("select one from only_a_view", before)).toBe("1");
    await server.sql(`drop database "${before}"`);
  });

  test("with somebody connected stays as it is, and the copy is kept", async () => {
    const session = await import("pg").then(({ default: pg }) => new pg.Client({ connectionString: server.urlOf("occupied") }));
    await session.connect();
    try {
      await expect(restore({ target: "occupied", overwrite: true }, contextFor())).rejects.toMatchObject({
        name: "RestoreRefused",
        message: expect.stringMatching(/^1 sessions? (?:is|are) connected to "occupied"/),
      });
    } finally {
      await session.end();
    }
    const kept = (await databases(server)).split(" ").find((name) => name.startsWith("occupied_holdfast_")) ?? "";
    expect(await server.sql("select count(*) from zoo.people", kept)).toBe("500");
    await drop(kept);
    await drop("occupied");
  });
});

describe("an empty database", () => {
  test("is used as it is", async () => {
    await server.sql("create database prepared");
    await server.sql("alter database prepared set work_mem = '7MB'");
    const { comparison } = await restore({ target: "env:TARGET", overwrite: false }, contextFor(server.urlOf("prepared")));
    expect(comparison.differences).toEqual([]);
    expect(await server.sql("show work_mem", "prepared")).toBe("7MB");
    await drop("prepared");
  });

  test("is emptied again when the restore was not committed", async () => {
    await server.sql("create database prepared");
    await server.sql("grant create on schema public to public", "prepared");
    const rights = await server.sql("select nspowner::regrole, nspacl from pg_namespace where nspname = 'public'", "prepared");
    await restore({ target: "prepared", overwrite: false }, contextFor(), false);
    const plan = await planPostgresRestore(taken.backup, taken.source, { target: "prepared", overwrite: false }, contextFor());
    expect(plan.occupied).toBe(false);
    expect(await server.sql("select nspowner::regrole, nspacl from pg_namespace where nspname = 'public'", "prepared")).toBe(
      rights,
    );
    await server.sql("drop database prepared");
  });
});

describe("a server of another major", () => {
  test("that is newer takes it: rows, sequences and large objects compared strictly, missing roles named", async () => {
    const { findings, comparison, sourceCheck } = await restore(
      { target: "env:TARGET", overwrite: false },
      contextFor(newer.urlOf("from_15")),
    );
    expect(findings.filter((finding) => finding.class === "damage")).toEqual([]);
    expect(findings.map(({ message }) => message)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^roles missing on this server: zoo_owner/)]),
    );
    expect(comparison).toMatchObject({ equal: true, differences: [] });
    expect(sourceCheck).toMatchObject({ equal: true, differences: [] });
    expect(await newer.sql("select count(*) from zoo.people", "from_15")).toBe("500");
  });

  test("that has the roles keeps owners and rights", async () => {
    await newer.sql("create role zoo_owner; create role zoo_reader; create role zoo_writer");
    const { findings, comparison } = await restore(
      { target: "env:TARGET", overwrite: false },
      contextFor(newer.urlOf("with_roles")),
    );
    expect(findings.filter((finding) => finding.class !== "benign")).toEqual([]);
    expect(comparison.differences).toEqual([]);
    expect(await newer.sql("select tableowner from pg_tables where tablename = 'people'", "with_roles")).toBe("zoo_owner");
    expect(await newer.sql("select has_table_privilege('zoo_reader', 'zoo.secrets', 'select')", "with_roles")).toBe("t");
  });

  test("that is older is refused before anything is touched", async () => {
    const facts = { ...taken.backup.facts, serverMajor: 18 };
    const opening = openPostgresTarget(
      { ...taken.backup, facts },
      taken.source,
      { target: "older", overwrite: false },
      contextFor(),
    );
    await expect(opening).rejects.toMatchObject({ name: "RestoreRefused", message: expect.stringContaining("runs 15") });
    expect(await databases(server)).toBe("zoo");
  });
});

describe("a role that is no superuser", () => {
  test("restores what it may, and is told of the rest", async () => {
    await newer.sql("create role plain login createdb bypassrls password 'plain-secret'");
    const place = await openPostgresTarget(
      taken.backup,
      taken.source,
      { target: "env:TARGET", overwrite: false },
      contextFor(newer.urlOf("by_plain", "plain", "plain-secret")),
    );
    try {
      const { findings } = await place.load();
      expect(findings.filter((finding) => finding.class === "damage")).toEqual([]);
      expect(findings.map(({ subject }) => subject)).toEqual(
        expect.arrayContaining(["EVENT TRIGGER zoo_ddl", "PUBLICATION zoo_all"]),
      );
      expect(JSON.stringify(findings)).not.toContain("plain-secret");
      const comparison = await place.compare(digest);
      expect(comparison.differences.filter(({ object }) => object.startsWith("table "))).toEqual([]);
    } finally {
      await place.close();
    }
  });

  test("that may not create databases is refused", async () => {
    await newer.sql("create role weak login password 'weak-secret'");
    const planning = planPostgresRestore(
      taken.backup,
      taken.source,
      { target: "env:TARGET", overwrite: false },
      contextFor(newer.urlOf("x", "weak", "weak-secret")),
    );
    const remedy = expect.stringContaining("CREATEDB");
    expect((await planning).checks).toContainEqual(expect.objectContaining({ level: "error", subject: "privileges", remedy }));
  });
});

describe("before anything is loaded", () => {
  test("an occupied target that the role does not own is refused, with --overwrite too", async () => {
    await newer.sql("create database theirs");
    await newer.sql("create table t (id int)", "theirs");
    await newer.sql("create role guest login createdb password 'guest-secret'");
    const context = contextFor(newer.urlOf("theirs", "guest", "guest-secret"));
    const planning = planPostgresRestore(taken.backup, taken.source, { target: "env:TARGET", overwrite: true }, context);
    const message = expect.stringContaining("does not own");
    expect((await planning).checks).toContainEqual(expect.objectContaining({ level: "error", subject: "privileges", message }));
    const opening = openPostgresTarget(taken.backup, taken.source, { target: "env:TARGET", overwrite: true }, context);
    await expect(opening).rejects.toMatchObject({ name: "RestoreRefused", message });
  });

  test("a plan says that owners and grants are not restored, and --roles is refused to such a role", async () => {
    await newer.sql("create role modest login createdb password 'modest-secret'");
    const context = contextFor(newer.urlOf("by_modest", "modest", "modest-secret"));
    const request = { target: "env:TARGET", overwrite: false };
    const { steps } = await planPostgresRestore(taken.backup, taken.source, request, context);
    expect(steps.join("\n")).toMatch(/owners(?: and grants)? NOT restored/);
    const withRoles = planPostgresRestore(taken.backup, taken.source, { ...request, flags: new Set(["roles"]) }, context);
    const message = expect.stringContaining("not a superuser");
    expect((await withRoles).checks).toContainEqual(expect.objectContaining({ level: "error", subject: "roles", message }));
  });
});

test("--roles creates the backup's roles first, with which owners and rights are restored", async () => {
  await using fresh = await startPostgres({ major: 15 });
  const request = { target: "env:TARGET", overwrite: false, flags: new Set(["roles"]) };
  const { findings, comparison } = await restore(request, contextFor(fresh.urlOf("zoo_again")));
  expect(findings.filter((finding) => finding.class !== "benign")).toEqual([]);
  expect(findings.map(({ subject }) => subject)).toEqual(expect.arrayContaining(["role zoo_owner"]));
  expect(comparison.differences).toEqual([]);
  expect(await fresh.sql("select tableowner from pg_tables where tablename = 'people'", "zoo_again")).toBe("zoo_owner");
  expect(await fresh.sql("select pg_has_role('zoo_writer', 'zoo_reader', 'member')")).toBe("t");
});

test("a URI with a password is refused, because everybody may read it in the command line", async () => {
  const planning = planPostgresRestore(
    taken.backup,
    taken.source,
    { target: "postgresql://u:geheim@localhost/x", overwrite: false },
    contextFor(),
  );
  await expect(planning).rejects.toMatchObject({ name: "UsageInvalid", message: expect.not.stringContaining("geheim") });
});

describeParts(() => ({ server, newer, directory, taken, digest }));
