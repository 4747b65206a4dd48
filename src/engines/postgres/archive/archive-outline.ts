/**
 * What an archive asks of the place it is loaded into: roles, extensions, tablespaces, and the
 * database's own settings.
 */
import { hash } from "node:crypto";
import type { RunContext } from "../../../runtime/run-context.ts";
import { isSessionStatement, readOwner } from "../digest/ddl-normalise.ts";
import { createScriptDigester } from "../digest/digest-script.ts";
import { openScript } from "../script/archive-script.ts";
import { type CreateDatabase, createDatabaseCollector, type DatabaseStatement } from "../script/database-statements.ts";
import type { ScriptEntry } from "../script/script-entry.ts";
import { readIdentifiers } from "../script/script-identifiers.ts";
import { decodeName, decodeStatement, readEncoding } from "../script/script-text.ts";
import type { ArchiveEntry } from "../selection/archive-entry.ts";
import { nameEntry } from "../selection/name-entry.ts";
import { createRightsCollector, type DelegatedRights } from "./archive-rights.ts";
import type { ArchiveSource } from "./archive-source.ts";
import { type ArchiveDefinitions, createStructure, type LoadOrder } from "./archive-structure.ts";

export interface ArchiveOutline {
  /** The database's name in the source. */
  readonly database: string;
  /** What CREATE DATABASE says in the archive; undefined when it is not there. */
  readonly createDatabase: CreateDatabase | undefined;
  /**
   * ALTER, COMMENT, GRANT and SECURITY LABEL statements about the database itself, in their order.
   */
  readonly databaseStatements: readonly DatabaseStatement[];
  /** Roles that own something, are granted something, or are named by a policy or a mapping. */
  readonly roles: ReadonlySet<string>;
  readonly tablespaces: ReadonlySet<string>;
  readonly extensions: readonly string[];
  /**
   * The entry that a statement is from; for statements in pg_restore's errors, as bytes in a latin1
   * string.
   */
  entryOf(statement: string): ScriptEntry | undefined;
  /** Tables of this name, in any schema. */
  tablesNamed(name: string): readonly ScriptEntry[];
  readonly definitions: ArchiveDefinitions;
  readonly order: LoadOrder;
  /**
   * What follows the rows is keys and indexes over plain columns, and no table is a partition: none
   * of it looks at other tables' rows or changes them.
   */
  readonly plainKeysOnly: boolean;
  /** Owners, then rights, in their order; only when they were asked for. */
  readonly rights: readonly string[];
  /**
   * Rights that others than the owner granted, by entry, in their order; not those on the database.
   */
  readonly delegated: readonly DelegatedRights[];
  /** All entries but those of rows, as a selection sees them, in the archive's order. */
  readonly entries: readonly OutlinedEntry[];
}

export interface OutlinedEntry extends ArchiveEntry {
  /** Roles that it names. */
  readonly roles: readonly string[];
}

export interface OutlineOptions {
  /** Whether owners and rights are kept. */
  readonly rights?: boolean;
  /** Roles, tablespaces, extensions and rights of the entries with these numbers alone. */
  readonly only?: ReadonlySet<number> | undefined;
  /** Reads the table of contents alone; a streamed archive's checks at its end are not made. */
  readonly headOnly?: boolean;
}

const role = String.raw`"(?:[^"]|"")+"|[\w$\x80-\xff]+`;
const roleList = `(?:${role})(?:, (?:${role}))*`;
/** Where a statement names roles; the first group holds them. */
const rolePatterns: readonly RegExp[] = [
  new RegExp(`^GRANT .* TO (${roleList})(?: WITH [A-Z ]+)?$`, "s"),
  new RegExp(`^REVOKE .* FROM (${roleList})(?: CASCADE)?$`, "s"),
  new RegExp(`^SET SESSION AUTHORIZATION (${role})$`, "s"),
  new RegExp(`^ALTER DEFAULT PRIVILEGES FOR ROLE (${role}) .* (?:TO|FROM) (?:${role})(?: WITH GRANT OPTION)?$`, "s"),
  new RegExp(`^ALTER DEFAULT PRIVILEGES FOR ROLE (?:${role}) .* (?:TO|FROM) (${role})(?: WITH GRANT OPTION)?$`, "s"),
  new RegExp(`^ALTER ROLE (${role}) IN DATABASE `, "s"),
  new RegExp(`^CREATE USER MAPPING FOR (${role}) SERVER `, "s"),
  new RegExp(`^CREATE POLICY .*? TO (${roleList})(?: USING \\(| WITH CHECK \\(|$)`, "s"),
  new RegExp(`^CREATE SCHEMA .* AUTHORIZATION (${role})$`, "s"),
];
// `public` stands in user mappings; a role cannot have that name.
const noRoles = new Set(["PUBLIC", "public", "CURRENT_USER", "SESSION_USER", "CURRENT_ROLE", "DEFAULT"]);

/** Roles named by a statement, as the catalogue has them. */
export function readRoles(statement: string): string[] {
  const owner = readOwner(statement);
  const lists = owner === undefined ? rolePatterns.map((pattern) => pattern.exec(statement)?.[1]) : [owner];
  return lists
    .flatMap((list) => (list === undefined ? [] : readIdentifiers(list, ", ").names))
    .filter((name) => !noRoles.has(name) && !name.startsWith("pg_"));
}

/** Entries that pg_restore makes before rows are loaded, or that say nothing about rows. */
const rowlessTypes =
  /^(?:PREAMBLE|DATABASE|DATABASE PROPERTIES|SCHEMA|EXTENSION|TYPE|SHELL TYPE|DOMAIN|SEQUENCE|SEQUENCE OWNED BY|SEQUENCE SET|TABLE|DEFAULT|VIEW|COMMENT|ACL|DEFAULT ACL|COLLATION)$/;

/**
 * Whether an entry may be made while other tables still get their rows: a key or an index without a
 * function call, or nothing after the rows.
 */
export function isPlainEntry(entry: ScriptEntry, statements: readonly string[]): boolean {
  if (rowlessTypes.test(entry.type)) return true;
  // A foreign key has no expressions, and waits for the rows of both tables.
  if (entry.type === "FK CONSTRAINT") return true;
  const isKey = entry.type === "CONSTRAINT" || entry.type === "INDEX";
  return isKey && !statements.some((statement) => /[\w"]\(/.test(statement));
}

/** What the script declares of backslashes in its strings; undefined for any other statement. */
function readBackslashes(statement: string): boolean | undefined {
  const setting = /^SET standard_conforming_strings = (on|off)$/.exec(statement)?.[1];
  return setting === undefined ? undefined : setting === "off";
}

/**
 * Statements are kept by a short hash: a schema may define a hundred thousand objects with long
 * bodies.
 */
function keyOf(statement: string): string {
  return hash("sha1", Buffer.from(statement, "latin1"), "base64");
}

/**
 * Reads statements one after the other, as their script sets encoding and backslashes on the way.
 */
function createStatementReader() {
  const aboutDatabase = createDatabaseCollector();
  let encoding = "UTF8";
  let backslashes = false;
  return {
    aboutDatabase,
    text: (bytes: string): string => decodeName(bytes, encoding),
    /** Gives those that are neither the session's nor about the database, decoded. */
    read(statements: readonly string[]): string[] {
      const own: string[] = [];
      for (const statement of statements) {
        encoding = readEncoding(statement) ?? encoding;
        if (isSessionStatement(statement)) {
          backslashes = readBackslashes(statement) ?? backslashes;
          continue;
        }
        const said = decodeStatement(statement, encoding);
        if (!aboutDatabase.take(said, { backslashes })) own.push(said);
      }
      return own;
    },
  };
}

/**
 * Reads the definitions of an archive, not its rows; a streamed archive is fetched whole, so that
 * its checks are made, unless its head is asked for.
 * Errors: ContentInvalid; whatever the archive's reader throws.
 */
export async function readOutline(
  pgRestore: string,
  source: ArchiveSource,
  context: RunContext,
  options: OutlineOptions = {},
): Promise<ArchiveOutline> {
  const entries = new Map<string, ScriptEntry>();
  const outlined: OutlinedEntry[] = [];
  const structure = createStructure();
  const rights = createRightsCollector(options.rights === true);
  const roles = new Set<string>();
  const tablespaces = new Set<string>();
  const extensions: string[] = [];
  const { aboutDatabase, text, read } = createStatementReader();
  let plainKeysOnly = true;

  const reader = createScriptDigester({
    onEntry(found, statements) {
      const entry = { ...found, schema: text(found.schema), name: text(found.name) };
      plainKeysOnly &&= isPlainEntry(entry, statements);
      structure.add(entry);
      for (const statement of statements) if (!isSessionStatement(statement)) entries.set(keyOf(statement), entry);
      const own = read(statements);
      const named = statements.flatMap(readRoles).map(text);
      const { dumpId } = entry;
      if (dumpId !== undefined) outlined.push({ ...nameEntry({ ...entry, dumpId }, statements, text), roles: named });
      if (options.only?.has(dumpId ?? 0) === false) return;
      for (const name of named) roles.add(name);
      rights.add(entry, own);
      if (entry.tablespace !== undefined) tablespaces.add(text(entry.tablespace));
      if (entry.type === "EXTENSION") extensions.push(text(entry.name));
    },
  });
  const { headOnly = false } = options;
  for await (const chunk of await openScript(pgRestore, source, context, { schemaOnly: true, numbers: true, headOnly }))
    reader.write(chunk as Buffer);
  reader.end();
  const createDatabase = aboutDatabase.created();
  const tablespace = createDatabase?.options.find(({ key }) => key === "TABLESPACE")?.value;
  if (tablespace !== undefined) tablespaces.add(tablespace);
  const database = createDatabase?.name ?? "postgres";
  return {
    database,
    createDatabase,
    databaseStatements: aboutDatabase.statements(),
    roles,
    tablespaces,
    extensions,
    entryOf: (statement) => entries.get(keyOf(statement)),
    plainKeysOnly,
    tablesNamed: structure.tablesNamed,
    definitions: structure.definitions,
    order: structure.order(),
    rights: rights.statements(),
    delegated: rights.delegated(),
    entries: outlined,
  };
}
