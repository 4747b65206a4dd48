/**
 * Rights that others than the owner granted come back, with their grantors, whatever the grantors
 * lost since; and nothing else is opened.
 */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestPostgresBackup } from "../../../src/engines/postgres/digest/digest.ts";
import { openPostgresTarget } from "../../../src/engines/postgres/place/restore.ts";
import type { LoadFinding } from "../../../src/proof/content.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { allRights, delegatedGlobals, delegatedGrants, grantingRoles } from "./delegated-grants.ts";
import { prove, proven } from "./prove.ts";
import { randomGrants } from "./random-grants.ts";
import { type TakenBackup, takeBackup } from "./taken-backup.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-rights-"));
  await chmod(directory, 0o755);
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

const notBenign = (findings: readonly LoadFinding[]): readonly LoadFinding[] =>
  findings.filter((finding) => finding.class !== "benign");

describe.each([14, 18])("on PostgreSQL %i", (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major });
    await server.sql(grantingRoles);
    // In every backup of this server: these come back with its roles.
    await server.sql(delegatedGlobals(major));
  });
  afterAll(() => server?.remove());

  async function take(database: string, sql: string): Promise<TakenBackup> {
    await server.sql(`create database ${database}`);
    await server.sql(sql, database);
    return takeBackup(server, database, await mkdtemp(join(directory, "backup-")));
  }

  /**
   * Restores into a new database of the server; gives the rights in it, and what the restore says.
   */
  async function restore({ backup, source, context }: TakenBackup, isStreamed = false): Promise<{ rights: string; said: unknown }> {
    const artifacts = backup.artifacts.map((one) => ({ ...one, plainBytes: isStreamed ? 2 ** 50 : one.plainBytes }));
    const digest = await digestPostgresBackup(backup, context);
    const target = await openPostgresTarget({ ...backup, artifacts }, source, { target: "copy", overwrite: false }, context);
    try {
      const { findings } = await target.load();
      const { differences } = await target.compare(digest);
      const [name] = (await server.sql("select datname from pg_database where datname ~ 'copy'")).split("\n");
      return { rights: await server.sql(allRights, name), said: { findings: notBenign(findings), differences } };
    } finally {
      await target.close();
    }
  }

  test("every right of a grantor without USAGE on the schema comes back, in restore tests and restores, on disk and streamed", async () => {
    const taken = await take("granted", delegatedGrants("granted"));
    const before = await server.sql(allRights, "granted");
    expect(before.split("\n").filter((line) => /[/]("?Grantor|b_|c_)/.test(line)).length).toBeGreaterThan(15);
    expect((await prove(taken)).verdict).toEqual(proven);
    for (const isStreamed of [false, true]) {
      const { rights, said } = await restore(taken, isStreamed);
      expect(said).toEqual({ findings: [], differences: [] });
      expect(rights.split("\n")).toEqual(before.split("\n"));
    }
  });

  test("any history of grants and revokes comes back", async () => {
    const taken = await take("history", randomGrants(20261128));
    const before = await server.sql(allRights, "history");
    expect((await prove(taken)).verdict).toEqual(proven);
    const { rights, said } = await restore(taken);
    expect(said).toEqual({ findings: [], differences: [] });
    expect(rights.split("\n")).toEqual(before.split("\n"));
  });

  test("a right of a column that no server takes again is lacking, and never silently lost", async () => {
    for (const name of ["warned", "denied"]) {
      const taken = await take(
        name,
        `create table t (a int); grant select on t to x_ with grant option; ${name === "warned" ? "grant update (a) on t to x_;" : ""}
         set role x_; grant select (a) on t to b_; reset role; revoke select on t from x_ cascade`,
      );
      expect((await prove(taken)).verdict).toEqual({
        check: "unproven",
        against: [expect.objectContaining({ class: "lacking", message: expect.stringMatching(/^its grantor may no longer/) })],
        differences: [],
      });
    }
  });

  test("where a role is missing, the rights of the others come back all the same", async () => {
    await server.sql("create role gone_");
    const taken = await take(
      "partly",
      `create table t (a int); grant select (a) on t to b_ with grant option;
      set role b_; grant select (a) on t to c_; grant select (a) on t to gone_; reset role; revoke all on schema public from public`,
    );
    const before = await server.sql(allRights, "partly");
    await server.sql("alter role gone_ rename to other_");
    const { rights } = await restore(taken);
    expect(before).toContain("c_=r/b_");
    expect(rights).toBe(before.replace("column t.a gone_=r/b_\n", ""));
  });
});
