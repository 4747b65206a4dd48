/**
 * Builds the content digest of a database from its script, entry by entry (docs/postgres.md,
 * "Content digest").
 */
import type { ObjectDigest } from "../../../proof/content.ts";
import type { ScriptEntry } from "../script/script-entry.ts";
import { spellQualified, tableObject } from "../script/script-identifiers.ts";
import { createScriptSplitter, type ScriptSink } from "../script/script-splitter.ts";
import { decodeName, readEncoding } from "../script/script-text.ts";
import { hasInheritedColumns, isSessionStatement } from "./ddl-normalise.ts";
import { createDefinitionCollector } from "./digest-definitions.ts";
import { createLargeObjectCollector } from "./digest-large-objects.ts";
import { createTableCollector, type TableOptions } from "./digest-tables.ts";

/**
 * Names the rules of this file and of ddl-normalise.ts; a change of what they yield takes a new
 * number.
 */
export const postgresDigestAlgorithm = "holdfast-postgres-2";

export interface ScriptDigester {
  write(chunk: Buffer): void;
  /** Errors: ContentInvalid when the script is cut off. */
  end(): ObjectDigest[];
}

export interface ScriptDigestOptions extends TableOptions {
  /**
   * Is shown every entry with its statements, owners and settings included, in the script's order.
   */
  readonly onEntry?: (entry: ScriptEntry, statements: readonly string[]) => void;
  /** Only the entries with these numbers are digested; the script is a verbose one. */
  readonly only?: ReadonlySet<number> | undefined;
}

/** Statistics are measured anew on every server; they are no content. */
const ignoredTypes: readonly string[] = ["STATISTICS DATA"];
/** Entries that define nothing themselves: the script's beginning, and rows. */
const emptyTypes: readonly string[] = ["PREAMBLE", "TABLE DATA"];
const largeObjectTypes: readonly string[] = ["BLOB", "BLOBS", "BLOB METADATA"];

const role = String.raw`(?:"(?:[^"]|"")+"|[^\s"]+)`;
/**
 * How a statement about the database begins, up to its name. An entry's comment alone would be a
 * claim of the source's names.
 */
const beforeDatabase = new RegExp(
  `^(?:CREATE|ALTER|COMMENT ON|(?:GRANT|REVOKE) [A-Z, ]+ ON|SECURITY LABEL FOR ${role} ON|ALTER ROLE ${role} IN) DATABASE `,
);

export function createScriptDigester(options: ScriptDigestOptions = {}): ScriptDigester {
  const definitions = createDefinitionCollector();
  const largeObjects = createLargeObjectCollector();
  const tables = createTableCollector(options);
  let encoding = "UTF8";
  let databaseName: string | undefined;
  let accessMethod = "heap";
  let entry: ScriptEntry = { type: "PREAMBLE", schema: "-", name: "" };
  let statements: string[] = [];

  const decode = (bytes: string): string => decodeName(bytes, encoding);

  function finishEntry(): void {
    const finished = entry;
    const kept = statements;
    statements = [];
    if (kept.length === 0 && finished.type === "PREAMBLE") return;
    options.onEntry?.(finished, kept);
    if (ignoredTypes.includes(finished.type)) return;
    if (options.only?.has(finished.dumpId ?? 0) === false) return;
    let meaning = kept.filter((statement) => !isSessionStatement(statement));
    if (meaning.length === 0 && emptyTypes.includes(finished.type)) return;
    if (mayConcernLargeObjects(finished)) meaning = meaning.filter((statement) => !largeObjects.take(statement));
    if (meaning.length === 0 && mayConcernLargeObjects(finished)) return;
    if (concernsDatabase(finished)) meaning = meaning.map(withoutDatabaseName);
    if (finished.type === "TABLE" && meaning[0] !== undefined) {
      tables.define(tableObject(decode(finished.schema), decode(finished.name)), hasInheritedColumns(meaning[0]));
    }
    definitions.add(describeEntry(finished, decode), finished, meaning, accessMethod);
  }

  function withoutDatabaseName(statement: string): string {
    databaseName ??= /^CREATE DATABASE ("(?:[^"]|"")+"|\S+) /.exec(statement)?.[1];
    if (databaseName === undefined) return statement;
    const before = beforeDatabase.exec(statement)?.[0];
    if (before === undefined || !statement.startsWith(databaseName, before.length)) return statement;
    return `${before}<database>${statement.slice(before.length + databaseName.length)}`;
  }

  const sink: ScriptSink = {
    entry(next) {
      finishEntry();
      entry = next;
    },
    statement(text) {
      encoding = readEncoding(text) ?? encoding;
      accessMethod = /^SET default_table_access_method = (.+)$/.exec(text)?.[1] ?? accessMethod;
      statements.push(text);
    },
    copyStart: (target) => tables.start(target, entry, decode),
    copyData: tables.data,
    copyEnd: tables.end,
  };
  const splitter = createScriptSplitter(sink);
  return {
    write: (chunk) => splitter.write(chunk),
    end() {
      splitter.end();
      finishEntry();
      return [...tables.objects(), ...largeObjects.objects(), ...definitions.objects()];
    },
  };
}

/** `ACL` entries of large objects are grouped by their rights from version 17 on. */
function mayConcernLargeObjects(entry: ScriptEntry): boolean {
  return largeObjectTypes.includes(entry.type) || (entry.type === "ACL" && entry.name.startsWith("LARGE OBJECT"));
}

/** Types of entries that are about the database, whose names then begin with that word. */
const aboutDatabaseTypes: readonly string[] = ["ACL", "COMMENT", "SECURITY LABEL"];

/**
 * Entries that speak of the database by name; the name is no content, because a backup is restored
 * under any.
 */
function concernsDatabase({ type, schema, name }: Pick<ScriptEntry, "type" | "schema" | "name">): boolean {
  return isDatabase(type) || (aboutDatabaseTypes.includes(type) && schema === "-" && name.startsWith("DATABASE "));
}

function isDatabase(type: string): boolean {
  return type === "DATABASE" || type === "DATABASE PROPERTIES";
}

/** The entry's name in the digest, without its kind: `TABLE public.users`. */
export function describeEntry(
  entry: Pick<ScriptEntry, "type" | "schema" | "name">,
  decode: (bytes: string) => string,
): { readonly kind: string; readonly name: string } {
  if (isDatabase(entry.type)) return { kind: "schema", name: entry.type };
  if (concernsDatabase(entry)) return { kind: "schema", name: `${entry.type} DATABASE` };
  const schema = decode(entry.schema);
  const name = decode(entry.name);
  if (entry.type === "SEQUENCE SET") return { kind: "sequence", name: spellQualified(schema, name) };
  return { kind: "schema", name: schema === "-" ? `${entry.type} ${name}` : `${entry.type} ${schema}.${name}` };
}
