import { describe, expect, it } from "vitest";
import type { DatabaseFacts } from "../../../src/engines/postgres/backup-facts.ts";
import type { Connection } from "../../../src/engines/postgres/connection/driver.ts";
import { dumpWarnings } from "../../../src/engines/postgres/dump/dump-warnings.ts";
import { readDatabaseFacts } from "../../../src/engines/postgres/facts.ts";
import { dumpError } from "../../../src/engines/postgres/run-tool.ts";
import { Secret } from "../../../src/runtime/secret.ts";

const settings = {
  host: "db",
  port: 5432,
  user: "backup",
  database: "shop",
  password: new Secret("hunter2"),
  sslmode: "prefer" as const,
  connectTimeoutSeconds: 30,
  variables: {},
};

describe("dumpError", () => {
  const errorFor = (stderr: string) => dumpError("/usr/bin/pg_dump", { exitCode: 1, stderr }, settings);

  it("searches words of any length once", () => {
    expect(errorFor(`pg_dump: error: ${'snapshot "'.repeat(300_000)}`).name).toBe("DumpFailed");
  });

  it.each([
    ['pg_dump: error: query would be affected by row-level security policy for table "t"', "SourceAccessDenied", "BYPASSRLS"],
    ["pg_dump: error: query failed: ERROR:  permission denied for schema s", "SourceAccessDenied", "pg_read_all_data"],
    ["pg_dump: error: aborting because of server version mismatch", "ToolMissing", "not older"],
    ["ERROR:  canceling statement due to conflict with recovery", "DumpFailed", "standby"],
    ["ERROR:  canceling statement due to lock timeout", "DumpFailed", "pg_locks"],
    ['ERROR:  snapshot "00000004-1" does not exist', "DumpFailed", "pooler"],
    ["pg_dump: error: connection failed: FATAL:  sorry, too many clients already", "SourceUnreachable", "max_connections"],
    ['FATAL:  too many connections for role "backup"', "SourceUnreachable", "connection limit"],
    ['FATAL:  too many connections for database "shop"', "SourceUnreachable", "five connections"],
    [
      "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
      "SourceUnreachable",
      "max_connections",
    ],
    ["FATAL:  remaining connection slots are reserved for non-replication superuser connections", "SourceUnreachable", "max_"],
    ["pg_dump: error: out of memory", "DumpFailed", "cause named above"],
  ])("%s: %s", (stderr, name, hint) => {
    const error = errorFor(stderr);
    expect(error).toMatchObject({
      name,
      message: 'pg_dump ended with exit code 1 while dumping database "shop" on db:5432',
      details: [stderr],
    });
    expect(error.hint).toContain(hint);
  });

  it("takes passwords out of the tool's words", () => {
    expect(errorFor("connection to postgresql://u:hunter2@db failed").details).toEqual([
      "connection to postgresql://u:[redacted]@db failed",
    ]);
  });

  it("names a signal", () => {
    expect(dumpError("pg_dump", { exitCode: 137, signal: "SIGKILL", stderr: "" }, settings).message).toContain(
      "was ended by SIGKILL",
    );
  });
});

describe("dumpWarnings", () => {
  it("joins details and hints to their warning", () => {
    const stderr = `pg_dump: warning: there are circular foreign-key constraints on this table:
pg_dump: detail: employees
pg_dump: hint: You might not be able to restore the dump without using --disable-triggers.
pg_dump: warning: subscriptions not dumped because current user is not a superuser
`;
    expect(dumpWarnings(stderr).map(({ message }) => message)).toEqual([
      "there are circular foreign-key constraints on this table:; employees; You might not be able to restore the dump without using --disable-triggers.",
      "subscriptions not dumped because current user is not a superuser",
    ]);
    expect(dumpWarnings("")).toEqual([]);
  });

  it("counts what it does not list", () => {
    const many = Array.from({ length: 60 }, (_, at) => `pg_dump: warning: number ${at}`).join("\n");
    const notices = dumpWarnings(many);
    expect(notices).toHaveLength(51);
    expect(notices.at(-1)?.message).toBe("10 further warnings are not listed");
  });
});

describe("readDatabaseFacts", () => {
  const factsOf = (database: Record<string, unknown>): Promise<DatabaseFacts> => {
    const row = {
      server_version: "17.1",
      server_major: 17,
      standby: false,
      data_checksums: true,
      owner: "o",
      encoding: "UTF8",
      size: "1",
      table_bytes: "1",
      large_objects: "0",
      can_see_system: false,
    };
    const rows = async (sql: string) => (sql.includes("to_jsonb") ? [{ ...row, database }] : []);
    const first = async (sql: string) => (await rows(sql))[0];
    return readDatabaseFacts({ rows, row: first } as unknown as Connection);
  };
  const base = { datname: "d", datcollate: "de_DE.UTF-8", datctype: "de_DE.UTF-8" };

  it.each([
    [{ ...base }, { localeProvider: "libc", collate: "de_DE.UTF-8" }],
    [
      { ...base, datlocprovider: "i", daticulocale: "de", datcollversion: "153.1" },
      { localeProvider: "icu", locale: "de", collationVersion: "153.1" },
    ],
    [
      { ...base, datlocprovider: "i", datlocale: "und", daticurules: "&a < b" },
      { localeProvider: "icu", locale: "und", icuRules: "&a < b" },
    ],
    [
      { ...base, datlocprovider: "b", datlocale: "C.UTF-8", daticurules: null },
      { localeProvider: "builtin", locale: "C.UTF-8" },
    ],
  ])("reads every major's locale columns", async (database, expected) => {
    const facts = await factsOf(database);
    expect(facts).toMatchObject(expected);
    expect(facts.icuRules !== undefined).toBe("icuRules" in expected);
  });
});
