/** pg_restore's errors, told apart: what is nothing, what the place lacks, and what is damage. Unknown ones are damage. */
import type { LoadFinding } from "../../proof/content.ts";
import type { PostgresFacts } from "./facts.ts";
import { parseCopyStatement, type ScriptEntry } from "./script-entry.ts";
import { readIdentifiers, spellQualified, tableObject } from "./script-identifiers.ts";
import { createScriptSplitter } from "./script-splitter.ts";

/** One error of pg_restore, with the entry it was working on. */
export interface RestoreError {
  readonly entry?: ScriptEntry;
  /** The entry's number in the archive's list; known only where pg_restore named it. */
  readonly dumpId?: number;
  /** The server's or the tool's own words, without the level. */
  readonly message: string;
  /** The statement that failed, where one did: bytes in a latin1 string. */
  readonly command: string;
}

/** Finds the entry that a statement or a table's rows are from. */
export interface EntryFinder {
  entryOf(statement: string): ScriptEntry | undefined;
  tablesNamed(name: string): readonly ScriptEntry[];
}

/** Parallel sessions write their lines in pieces, so that another's prefix may stand in the middle of one. */
const errorLine = /^pg_restore: error: (?:.*?could not execute query: )?(?:ERROR: {2})?(.*)$/;
const commandMark = "Command was: ";

/**
 * Reads pg_restore's standard error (bytes in a latin1 string). Parallel sessions do not say which entry they work on; so it is
 * found by the statement that failed.
 */
export function parseRestoreErrors(stderr: string, finder: EntryFinder): RestoreError[] {
  const errors: RestoreError[] = [];
  let dumpId: number | undefined;
  let message: string | undefined;
  let command: string[] | undefined;
  const flush = (): void => {
    if (message === undefined) return;
    const statement = command === undefined ? "" : firstStatement(command.join("\n"));
    const entry = findEntry(message, statement, finder);
    const text = Buffer.from(message, "latin1").toString("utf8");
    errors.push({
      ...(entry === undefined ? {} : { entry }),
      ...(dumpId === undefined ? {} : { dumpId }),
      message: text,
      command: statement,
    });
    message = undefined;
    command = undefined;
  };
  for (const line of stderr.split("\n")) {
    if (line.startsWith("pg_restore: ")) {
      flush();
      dumpId = Number(/^pg_restore: from TOC entry (\d+);/.exec(line)?.[1] ?? dumpId) || undefined;
      message = errorLine.exec(line)?.[1];
    } else if (command !== undefined) command.push(line);
    else if (line.startsWith(commandMark)) command = [line.slice(commandMark.length)];
  }
  flush();
  return errors;
}

/** An entry's statements fail together; it is known by its first. */
function firstStatement(text: string): string {
  let first: string | undefined;
  const ignore = (): void => {};
  const splitter = createScriptSplitter({
    entry: ignore,
    statement: (statement) => {
      first ??= statement;
    },
    copyStart: ignore,
    copyData: ignore,
    copyEnd: ignore,
  });
  splitter.write(Buffer.from(`${text}\n`, "latin1"));
  return first ?? text.trim();
}

function findEntry(message: string, statement: string, finder: EntryFinder): ScriptEntry | undefined {
  const rows = /^COPY failed for table "(.*)": /.exec(message)?.[1];
  if (rows !== undefined) {
    const [table, ...others] = finder.tablesNamed(rows);
    // Of several tables with this name one failed; the message does not say which.
    return table === undefined || others.length > 0 ? undefined : { ...table, type: "TABLE DATA" };
  }
  const copied = parseCopyStatement(statement);
  if (copied !== undefined) return { type: "TABLE DATA", schema: copied.schema, name: copied.table };
  const known = finder.entryOf(statement);
  if (known !== undefined) return known;
  const data = /^(?:REFRESH (MATERIALIZED VIEW)|SELECT pg_catalog\.(setval)\(')\s*/.exec(statement);
  if (data === null) return undefined;
  const [schema, name] = readIdentifiers(statement, ".", data[0].length).names;
  if (schema === undefined || name === undefined) return undefined;
  return { type: data[1] === undefined ? "SEQUENCE SET" : "MATERIALIZED VIEW DATA", schema, name: name.replace(/'$/, "") };
}

/** Errors that say nothing about the backup: the server, the disk or the connection gave way. */
const environmentPattern =
  /No space left on device|Disk quota exceeded|out of shared memory|could not resize shared memory|out of memory|server closed the connection|terminating connection|the database system is (?:shutting down|in recovery|starting up)|could not connect|connection to server|too many clients|canceling statement due to|deadlock detected/;

/** Whether the error is the place's failing, so that the load must be called off and not judged. */
export function isEnvironmental(error: RestoreError): boolean {
  return environmentPattern.test(error.message);
}

/** Settings that pg_restore's own preamble sets, and that an older server does not know. */
const preambleSetting = /^unrecognized configuration parameter "[a-z_]+"/;

const benign: readonly { readonly message: RegExp; readonly when?: (error: RestoreError) => boolean }[] = [
  { message: /^schema "public" already exists/ },
  { message: /^extension "[^"]+" already exists/ },
  { message: /^language "plpgsql" already exists/ },
  // The comment is the extension's own, and is there already.
  { message: /^must be owner of extension /, when: ({ entry }) => entry?.type === "COMMENT" },
  { message: preambleSetting, when: ({ command }) => /^SET [a-z_]+ (?:=|TO) /.test(command) },
];

/** What a place may lack, by the server's words. */
const lackingPatterns: readonly RegExp[] = [
  /^could not open extension control file/,
  /^extension "[^"]+" (?:is not available|has no installation script|must be)/,
  /^could not (?:access file|load library|find function)/,
  /^incompatible library/,
  /^(?:ICU|XML|LLVM) (?:is not supported|functionality)/,
  /not supported by this build|is not supported in this build|unsupported XML feature/,
  /^collation "[^"]+" for encoding "[^"]+" does not exist/,
  /^could not (?:create locale|open collator|find locale|convert locale)/,
  /^(?:invalid )?(?:LC_COLLATE |LC_CTYPE )?locale name/,
  /^invalid locale (?:name|provider)/,
  /^encoding "[^"]+" does not match locale/,
  /^tablespace "[^"]+" does not exist/,
  /^could not set "default_(?:tablespace|table_access_method)" /,
  /^role "[^"]+" does not exist/,
  /^unrecognized configuration parameter/,
  /^invalid value for parameter "(?:default_text_search_config|lc_[a-z]+|TimeZone)"/,
  /^text search template "[^"]+" does not exist/,
];

/** A role that may not do everything: a restore's target, never a throwaway. */
const privilegePatterns: readonly RegExp[] = [
  /^permission denied/,
  /^must be (?:superuser|owner|able to|a member)/,
  /^must have /,
  /^only (?:superuser|roles with)/i,
  // Only superusers make aggregates over internal state.
  /^aggregate transition data type cannot be internal/,
];

/** Follows when something that the entry needs could not be made. */
const consequence = /does not exist|is not (?:a known|supported)|could not find|no such|could not determine/;

export interface Classified {
  readonly findings: readonly LoadFinding[];
  /** Objects of the digest that a lacking entry accounts for. */
  readonly lackingObjects: ReadonlySet<string>;
}

export interface LoadCircumstances {
  /** What this place is already known to lack: extensions, by name. */
  readonly missingExtensions: readonly string[];
  /** Whether the loading role may do everything. */
  readonly superuser: boolean;
  /** What the policy left out of the backup: tables wholly, or rows. */
  readonly exclude?: PostgresFacts["exclude"];
}

/** The entry as the digest names it: `INDEX public.users_name_idx`. */
function nameOf({ type, schema, name }: ScriptEntry): string {
  return schema === "-" ? `${type} ${name}` : `${type} ${schema}.${name}`;
}

function subjectOf(error: RestoreError): string {
  return error.entry === undefined ? "archive" : nameOf(error.entry);
}

/** The digest's objects that cannot be there when the entry failed. */
function objectsOf(entry: ScriptEntry): string[] {
  const objects = [`schema ${nameOf(entry)}`, `owner ${nameOf(entry)}`, `tablespace ${nameOf(entry)}`];
  if (entry.type === "TABLE" || entry.type === "TABLE DATA") objects.push(tableObject(entry.schema, entry.name));
  if (entry.type === "SEQUENCE" || entry.type === "SEQUENCE SET")
    objects.push(`sequence ${spellQualified(entry.schema, entry.name)}`);
  return objects;
}

/**
 * Judges the errors of a load that ran to its end. An entry that fails only because another entry that is lacking could
 * not be made is lacking too; without such a reason it is damage.
 */
export function classifyErrors(errors: readonly RestoreError[], circumstances: LoadCircumstances): Classified {
  const findings: LoadFinding[] = [];
  const lackingObjects = new Set<string>();
  let lacking = circumstances.missingExtensions.length > 0;
  for (const name of circumstances.missingExtensions) lackingObjects.add(`schema EXTENSION ${name}`);
  for (const error of errors) {
    const finding = classify(error, circumstances, lacking);
    if (finding.class === "lacking") {
      lacking = true;
      for (const object of error.entry === undefined ? [] : objectsOf(error.entry)) lackingObjects.add(object);
    }
    findings.push(finding);
  }
  return { findings, lackingObjects };
}

/** What refers to something that the policy left out cannot be made anywhere: no damage, and no proof of that object. */
function exclusionReason(message: string, exclude: LoadCircumstances["exclude"]): string | undefined {
  if (exclude === undefined) return undefined;
  if (exclude.tables.length > 0 && /^relation ".*" does not exist/.test(message)) return "the policy excludes tables";
  const rows = exclude.tables.length + exclude.data.length > 0;
  return rows && /violates foreign key constraint/.test(message) ? "the policy excludes rows that others refer to" : undefined;
}

function classify(error: RestoreError, circumstances: LoadCircumstances, lackingBefore: boolean): LoadFinding {
  const subject = subjectOf(error);
  const { message } = error;
  if (benign.some((rule) => rule.message.test(message) && rule.when?.(error) !== false))
    return { class: "benign", subject, message };
  if (error.entry?.type === "EXTENSION" || lackingPatterns.some((pattern) => pattern.test(message))) {
    return { class: "lacking", subject, message };
  }
  if (!circumstances.superuser && privilegePatterns.some((pattern) => pattern.test(message))) {
    return { class: "lacking", subject, message };
  }
  const excluded = exclusionReason(message, circumstances.exclude);
  if (excluded !== undefined) return { class: "lacking", subject, message: `${message} (${excluded})` };
  if (lackingBefore && consequence.test(message)) {
    const extensions = circumstances.missingExtensions.join(", ");
    const reason = extensions === "" ? "what failed before it" : `extension ${extensions}`;
    return { class: "lacking", subject, message: `${message} (follows from ${reason})` };
  }
  return { class: "damage", subject, message };
}
