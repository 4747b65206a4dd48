import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findUnprivilegedUser, type UnprivilegedUser } from "../../../scripts/unprivileged-user.ts";
import { checkPostgres } from "../../../src/engines/postgres/check.ts";
import { resolveConnection } from "../../../src/engines/postgres/connection/connection.ts";
import { connect } from "../../../src/engines/postgres/connection/driver.ts";
import { captureGlobals } from "../../../src/engines/postgres/dump/globals.ts";
import { findClientTools } from "../../../src/engines/postgres/tools.ts";
import type { RunContext } from "../../../src/runtime/run-context.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { runAs } from "../../support/run-as.ts";
import { archiveRows, dumpTo, makeContext, makeSource, rowsOf } from "./dump-context.ts";

const password = "p%w/d@secret";
let server: PostgresServer;
let directory: string;

/** A role of its own, a database of its own, and the context of a backup with that role. */
async function prepare(name: string, setup: string): Promise<RunContext> {
  await server.sql(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'; CREATE DATABASE db_${name};`);
  await server.sql(setup, `db_${name}`);
  return makeContext([server.binDir], { SHOP_DB: server.urlOf(`db_${name}`, name, password) });
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-dump-"));
  server = await startPostgres({ major: 17 });
}, 60_000);
afterAll(async () => {
  await server.remove();
  await rm(directory, { recursive: true, force: true });
});

describe("least privilege", () => {
  it("pg_read_all_data is enough for a dump, and the check says so", async () => {
    const context = await prepare(
      "reader",
      `CREATE SCHEMA private; REVOKE ALL ON SCHEMA private FROM PUBLIC; CREATE TABLE private.t (id serial); INSERT INTO private.t DEFAULT VALUES;
       CREATE TABLE u (a int); CREATE MATERIALIZED VIEW m AS SELECT * FROM u; GRANT pg_read_all_data TO reader;`,
    );
    const findings = await checkPostgres(makeSource(), context);
    expect(findings.filter(({ level }) => level !== "ok")).toEqual([]);
    const dump = await dumpTo(directory, makeSource(), context);
    expect(rowsOf(dump.check)).toEqual({ "table private.t": 1, "table public.u": 0 });
    expect(await archiveRows(server.binDir, dump.archive)).toEqual(rowsOf(dump.check));
    expect(dump.facts.globalsCaptured).toBe("all");
    expect(dump.globals).toContain("CREATE ROLE reader");
  });

  it("names the tables that cannot be read, with the GRANT, and refuses the dump likewise", async () => {
    const context = await prepare(
      "poor",
      `CREATE TABLE t1 (id serial); CREATE TABLE "T 2" (a int); CREATE TABLE t3 (a int); GRANT SELECT ON t3 TO poor;`,
    );
    const findings = await checkPostgres(makeSource(), context);
    const errors = findings.filter(({ level }) => level === "error");
    expect(errors).toHaveLength(1);
    expect(errors[0]?.message).toContain('3 tables or sequences cannot be read: public."T 2", public.t1, public.t1_id_seq');
    expect(errors[0]?.remedy).toContain('GRANT pg_read_all_data TO "poor";');
    await expect(dumpTo(directory, makeSource(), context)).rejects.toMatchObject({
      name: "SourceAccessDenied",
      hint: expect.stringContaining('GRANT pg_read_all_data TO "poor"'),
      details: expect.arrayContaining([expect.stringContaining("permission denied for table")]),
    });
  });

  it("refuses a dump that row-level security would thin out", async () => {
    const context = await prepare(
      "tenant",
      `CREATE TABLE orders (owner text); INSERT INTO orders VALUES ('a'), ('b'); ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
       CREATE POLICY p ON orders USING (owner = 'a'); GRANT pg_read_all_data TO tenant;`,
    );
    const errors = (await checkPostgres(makeSource(), context)).filter(({ level }) => level === "error");
    expect(errors).toEqual([
      expect.objectContaining({
        message: expect.stringContaining("public.orders"),
        remedy: expect.stringContaining('ALTER ROLE "tenant" BYPASSRLS'),
      }),
    ]);
    await expect(dumpTo(directory, makeSource(), context)).rejects.toMatchObject({
      name: "SourceAccessDenied",
      hint: expect.stringContaining("BYPASSRLS"),
    });
    await server.sql("ALTER ROLE tenant BYPASSRLS");
    expect(rowsOf((await dumpTo(directory, makeSource(), context)).check)).toEqual({ "table public.orders": 2 });
  });

  it.each([17, 18])("finds large objects that it may not read, and both remedies work (%i)", async (major) => {
    await using other = await startPostgres({ major });
    await other.sql(`CREATE ROLE blobs LOGIN PASSWORD 'pw'; SELECT lo_from_bytea(0, 'abc'); GRANT pg_read_all_data TO blobs;`);
    const context = makeContext([other.binDir], { SHOP_DB: other.urlOf("postgres", "blobs", "pw") });
    const check = async () => (await checkPostgres(makeSource(), context)).filter(({ level }) => level === "error");
    const [finding] = await check();
    expect(finding?.message).toContain("1 of 1 large objects");
    await expect(dumpTo(directory, makeSource(), context)).rejects.toMatchObject({ name: "SourceAccessDenied" });
    for (const [remedy, undo] of [
      [/DO \$\$.*\$\$;/, "REVOKE ALL ON LARGE OBJECT %s FROM blobs"],
      [/ALTER ROLE [^;]*;/, "ALTER ROLE blobs RESET ALL"],
    ] as const) {
      await other.sql(remedy.exec(finding?.remedy ?? "")?.[0] ?? "no remedy");
      expect(await check()).toEqual([]);
      await dumpTo(directory, makeSource(), context);
      await other.sql(`SELECT format('${undo}', oid) FROM pg_largeobject_metadata \\gexec`);
      expect(await check()).toHaveLength(1);
    }
  });

  it("keeps password hashes only when the policy asks and the role may see them", async () => {
    const context = await prepare("plain", "CREATE TABLE t (a int); GRANT SELECT ON t TO plain");
    const refused = await dumpTo(directory, makeSource({ rolePasswords: true }), context);
    expect(refused.facts.rolePasswords).toBe(false);
    expect(refused.globals).not.toContain("SCRAM-SHA-256");
    expect(refused.notices.map(({ code }) => code)).toEqual(["role-passwords-not-visible"]);
    const own = makeContext([server.binDir], { SHOP_DB: server.url });
    const allowed = await dumpTo(directory, makeSource({ rolePasswords: true }), own);
    expect(allowed.facts.rolePasswords).toBe(true);
    expect(allowed.globals).toContain("SCRAM-SHA-256");
  });

  it("captures what is visible when pg_dumpall is refused, and names what is not", async () => {
    const context = await prepare("managed", "CREATE TABLE t (a int); GRANT SELECT ON t TO managed");
    // As managed services do that hide one tenant's roles from another.
    await server.sql("REVOKE SELECT ON pg_auth_members FROM PUBLIC", "db_managed");
    const hidden = await dumpTo(directory, makeSource(), context);
    expect(hidden.facts.globalsCaptured).toBe("visible-roles");
    expect(hidden.globals).toContain('CREATE ROLE "managed";');
    expect(hidden.notices).toEqual([
      expect.objectContaining({
        code: "globals-partly-visible",
        message: expect.stringContaining("permission denied for table pg_auth_members"),
      }),
    ]);
  });
});

describe("the check", () => {
  it("notes a superuser, with the statements for a role that may only read, and is passed all the same", async () => {
    const findings = await checkPostgres(makeSource(), makeContext([server.binDir], { SHOP_DB: server.url }));
    expect(findings.filter(({ level }) => level === "note")).toEqual([
      {
        level: "note",
        subject: "privileges",
        message: expect.stringContaining("a dump needs only pg_read_all_data"),
        remedy: expect.stringMatching(/CREATE ROLE holdfast LOGIN.*GRANT pg_read_all_data TO holdfast;/),
      },
    ]);
    expect(findings.filter(({ level }) => level === "error")).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)("finds beforehand that initdb will refuse a user without an account", async () => {
    const script = fileURLToPath(new URL("check-as-this-user.ts", import.meta.url));
    const findingsAs = async (user: UnprivilegedUser) =>
      JSON.parse(await runAs(user, script, [server.url, server.binDir])) as { level: string; message: string; remedy?: string }[];
    const [, missing] = await findingsAs({ uid: 31_234, gid: 31_234 });
    expect(missing).toMatchObject({ level: "warning", remedy: expect.stringContaining("Backups need none") });
    expect(missing?.message).toContain("needs an account for this user");
    const nobody = findUnprivilegedUser();
    if (nobody !== undefined) expect((await findingsAs(nobody)).map(({ level }) => level)).toEqual(["ok"]);
  });
});

describe("roles and their settings", () => {
  it("are waited for while the server has no connection left", async () => {
    const context = await prepare(
      "crowded",
      "GRANT pg_read_all_data TO crowded; ALTER ROLE crowded CONNECTION LIMIT 2; ALTER ROLE crowded SET work_mem = '5MB';",
    );
    const { settings } = await resolveConnection(makeSource().connection, context);
    const tools = await findClientTools(17, context);
    const others = await Promise.all([connect(settings, context.signal), connect(settings, context.signal)]);
    let refused = false;
    const release = setInterval(() => {
      void server.log().then(async (log) => {
        if (refused || !log.includes('too many connections for role "crowded"')) return;
        refused = true;
        await Promise.all(others.map((other) => other.close()));
      });
    }, 50);
    try {
      const globals = await captureGlobals(tools, settings, false, context);
      expect(refused).toBe(true);
      expect(globals).toMatchObject({ captured: "all", notices: [] });
      expect(globals.sql).toContain("ALTER ROLE crowded SET work_mem TO '5MB'");
    } finally {
      clearInterval(release);
    }
  });

  it("are an error of the source when pg_dump gets no connection, which says how many are needed", async () => {
    const context = await prepare("narrow", "GRANT pg_read_all_data TO narrow; ALTER ROLE narrow CONNECTION LIMIT 2;");
    await expect(dumpTo(directory, makeSource(), context)).rejects.toMatchObject({
      name: "SourceUnreachable",
      retryable: true,
      hint: expect.stringContaining("up to five connections"),
    });
  });
});

describe("the check of a source that cannot be reached", () => {
  const findingsOf = (url: string) => checkPostgres(makeSource(), makeContext([server.binDir], { SHOP_DB: url }));

  it("is one error, with how to fix it", async () => {
    expect(await findingsOf("postgresql://u:p@127.0.0.1:1/shop")).toEqual([
      {
        level: "error",
        subject: "connection",
        message: expect.stringContaining("ECONNREFUSED"),
        remedy: expect.stringContaining("source runs"),
      },
    ]);
    expect(await findingsOf("")).toEqual([
      expect.objectContaining({ level: "error", message: expect.stringContaining("SHOP_DB") }),
    ]);
  });

  it("warns of a pooler", async () => {
    const [pooler] = await findingsOf("postgresql://u:p@127.0.0.1:6432/shop");
    expect(pooler).toMatchObject({ level: "warning", message: expect.stringContaining("pooler") });
  });

  it("names missing programs", async () => {
    const context = { ...makeContext([], { SHOP_DB: server.url, PATH: "" }), toolPath: [] };
    const findings = await checkPostgres(makeSource(), context);
    expect(findings.filter(({ level }) => level === "warning" || level === "error")).toEqual([
      expect.objectContaining({ level: "error", subject: "tools", remedy: expect.stringContaining("postgresql-client-17") }),
      expect.objectContaining({ level: "warning", subject: "restore test", remedy: expect.stringContaining("postgresql-17") }),
    ]);
  });
});
