/**
 * What a restore may run in the maintenance database: nothing but statements about the one
 * database, whatever names and texts say.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createDatabaseCollector,
  writeCreateDatabase,
  writeDatabaseStatement,
} from "../../../../src/engines/postgres/script/database-statements.ts";
import { readGlobalStatement } from "../../../../src/engines/postgres/script/global-statements.ts";
import { readTokens } from "../../../../src/engines/postgres/script/sql-tokens.ts";
import { hostileText, literalAsPgDump as literal, quoteAsPgDump as quote } from "../hostile-names.ts";

const runs = { numRuns: 500 };

/** Statements about the database and what they mean, as words, names and texts. */
function aboutDatabase(database: string, name: string, text: string, standard: boolean): string[] {
  const on = `DATABASE ${quote(database)}`;
  return [
    `ALTER ${on} OWNER TO ${quote(name)}`,
    `ALTER ${on} SET ${quote(name)} TO ${literal(text, standard)}, ${literal(name, standard)}`,
    `ALTER ${on} CONNECTION LIMIT = 3`,
    `ALTER ${on} IS_TEMPLATE = true`,
    `COMMENT ON ${on} IS ${literal(text, standard)}`,
    `SECURITY LABEL FOR ${quote(name)} ON ${on} IS ${literal(text, standard)}`,
    `REVOKE CONNECT,TEMPORARY ON ${on} FROM PUBLIC`,
    `GRANT ALL ON ${on} TO ${quote(name)} WITH GRANT OPTION`,
    `REVOKE GRANT OPTION FOR ALL ON ${on} FROM ${quote(name)}`,
    `ALTER ROLE ${quote(name)} IN ${on} SET work_mem TO ${literal(text, standard)}`,
  ];
}

/** Statements of everything else, whose names and texts imitate those. */
function aboutOthers(database: string, name: string, text: string, standard: boolean): string[] {
  const [n, t, on] = [quote(name), literal(text, standard), `DATABASE ${quote(database)}`];
  return [
    `CREATE SCHEMA ${n}`,
    `CREATE TABLE ${n}.${n} (\n    a text DEFAULT ${t}::text,\n    b text DEFAULT ${t}::text\n)`,
    `COMMENT ON TABLE ${n}.${n} IS ${t}`,
    `ALTER TABLE ${n}.${n} OWNER TO ${n}`,
    `GRANT ALL ON SCHEMA ${n} TO ${n}`,
    `ALTER ROLE ${n} SET search_path TO ${t}`,
    `SECURITY LABEL FOR ${n} ON TABLE ${n}.${n} IS ${t}`,
    `CREATE FUNCTION ${n}.f() RETURNS void\n    LANGUAGE sql\n    AS $_$ALTER ${on} OWNER TO x$_$`,
    `ALTER ${on}2 OWNER TO ${n}`,
    `ALTER DATABASE ${quote(`${database} `)} OWNER TO ${n}`,
    `ALTER DATABASE ${quote(database)}.${n} OWNER TO x`,
    `ALTER ${on} RENAME TO ${n}`,
    `DROP ${on}`,
    `ALTER ${on} OWNER TO x; ALTER ROLE x SUPERUSER`,
    `ALTER ${on} OWNER TO x -- ${n}`,
    `GRANT SELECT ON ${on} TO ${n}`,
    `GRANT ${n} TO ${quote(database)}`,
  ];
}

/** The statement's meaning: its tokens without the way they are spelled. */
const meaning = (statement: string, backslashes: boolean) =>
  readTokens(statement, { backslashes })?.map(({ kind, text }) => `${kind === "word" ? "name" : kind} ${text}`);

test("statements about the database are taken, renamed at the name alone, and mean the same under any setting", () => {
  fc.assert(
    fc.property(hostileText, hostileText, hostileText, hostileText, fc.boolean(), (database, target, name, text, standard) => {
      const collector = createDatabaseCollector();
      const options = { backslashes: !standard };
      expect(collector.take(`CREATE DATABASE ${quote(database)} WITH TEMPLATE = template0 ENCODING = 'UTF8'`, options)).toBe(true);
      const statements = aboutDatabase(database, name, text, standard);
      for (const statement of statements) expect(collector.take(statement, options), statement).toBe(true);
      const written = collector.statements().map((statement) => writeDatabaseStatement(statement, target));
      const wanted = aboutDatabase(target, name, text, standard);
      expect(written.map((statement) => meaning(statement, false))).toEqual(wanted.map((s) => meaning(s, !standard)));
      // Read by a server that takes backslashes for escapes, they mean that too.
      expect(written.map((statement) => meaning(statement, true))).toEqual(wanted.map((s) => meaning(s, !standard)));
    }),
    runs,
  );
});

test("no statement about anything else is taken, whatever its names and texts say", () => {
  fc.assert(
    fc.property(hostileText, hostileText, hostileText, fc.boolean(), (database, name, text, standard) => {
      const collector = createDatabaseCollector();
      const options = { backslashes: !standard };
      collector.take(`CREATE DATABASE ${quote(database)} WITH TEMPLATE = template0`, options);
      for (const statement of aboutOthers(database, name, text, standard)) {
        expect(collector.take(statement, options), statement).toBe(false);
      }
      expect(collector.statements()).toEqual([]);
    }),
    runs,
  );
});

test("CREATE DATABASE is written anew from its clauses", () => {
  fc.assert(
    fc.property(hostileText, hostileText, hostileText, (database, target, text) => {
      const collector = createDatabaseCollector();
      const clauses = (name: string) =>
        `CREATE DATABASE ${quote(name)} WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = icu LOCALE = ${literal(text, true)} ICU_RULES = ${literal(text, true)} TABLESPACE = ${quote(database)}`;
      expect(collector.take(clauses(database), {})).toBe(true);
      const created = collector.created();
      expect(created?.name).toBe(database);
      expect(meaning(writeCreateDatabase(target, created?.options ?? []), false)).toEqual(meaning(clauses(target), false));
    }),
    runs,
  );
});

test("a frame of another grantor goes with what it frames, and only with that", () => {
  const collector = createDatabaseCollector();
  for (const statement of [
    "CREATE DATABASE shop WITH TEMPLATE = template0",
    "SET SESSION AUTHORIZATION granter",
    "GRANT SELECT ON TABLE public.t TO reader",
    "RESET SESSION AUTHORIZATION",
    'SET SESSION AUTHORIZATION "a b"',
    "GRANT CONNECT ON DATABASE shop TO reader",
    "RESET SESSION AUTHORIZATION",
  ]) {
    collector.take(statement, {});
  }
  expect(collector.statements().map((statement) => writeDatabaseStatement(statement, "other"))).toEqual([
    'SET SESSION AUTHORIZATION "a b"',
    'GRANT CONNECT ON DATABASE "other" TO reader',
    "RESET SESSION AUTHORIZATION",
  ]);
});

test("statements of globals are known by their form, and a tablespace's directory is replaced where it stands", () => {
  fc.assert(
    fc.property(hostileText, hostileText, hostileText, (name, role, text) => {
      const [n, r, t] = [quote(name), quote(role), literal(text, true)];
      const known = [
        `CREATE ROLE ${n}`,
        `ALTER ROLE ${n} WITH SUPERUSER INHERIT NOLOGIN PASSWORD ${t}`,
        `ALTER ROLE ${n} SET search_path TO ${t}`,
        `COMMENT ON ROLE ${n} IS ${t}`,
        `SECURITY LABEL FOR ${r} ON ROLE ${n} IS ${t}`,
        `COMMENT ON TABLESPACE ${n} IS ${t}`,
        `ALTER TABLESPACE ${n} SET (seq_page_cost=2)`,
        `GRANT CREATE ON TABLESPACE ${n} TO ${r}`,
        `GRANT SET,ALTER SYSTEM ON PARAMETER ${n}.${r} TO ${r}`,
      ];
      for (const statement of known)
        expect(meaning(readGlobalStatement(statement)?.text ?? "", true)).toEqual(meaning(statement, false));
      const made = readGlobalStatement(`CREATE TABLESPACE ${n} OWNER ${r} LOCATION ${t}`)?.tablespace;
      expect(made?.name).toBe(name);
      expect(meaning(made?.at("/own") ?? "", false)).toEqual(meaning(`CREATE TABLESPACE ${n} OWNER ${r} LOCATION '/own'`, false));
      const grant = readGlobalStatement(`GRANT ${n} TO ${r} WITH INHERIT TRUE GRANTED BY ${n}`);
      expect(meaning(grant?.withoutGrantor ?? "", false)).toEqual(meaning(`GRANT ${n} TO ${r} WITH INHERIT TRUE`, false));
      const others = [
        `CREATE TABLE ${n} (a text)`,
        `CREATE ROLE ${n} SUPERUSER`,
        `CREATE ROLE ${n}; DROP ROLE ${r}`,
        `ALTER ROLE ${n} RENAME TO ${r}`,
        `DROP ROLE ${n}`,
        `DO ${t}`,
        `COPY ${n} TO PROGRAM ${t}`,
        `CREATE TABLESPACE ${n} LOCATION ${t} WITH (a=1)`,
        `GRANT ALL ON DATABASE ${n} TO ${r}`,
        `ALTER SYSTEM SET archive_command TO ${t}`,
        `LOAD ${t}`,
      ];
      for (const statement of others) expect(readGlobalStatement(statement), statement).toBeUndefined();
    }),
    runs,
  );
});
