/**
 * pg_restore's errors, told apart: what means nothing, what the server lacks, what the policy excepts, and what is damage. Unknown ones are
 * damage. What fails because something else is lacking is known by the archive's own dependencies, never by its message alone.
 */
import type { FindingClass, LoadFinding } from "../../proof/content.ts";
import type { ArchiveDefinitions } from "./archive-structure.ts";
import { compileTablePattern } from "./exclusions.ts";
import type { PostgresFacts } from "./facts.ts";
import type { RestoreError } from "./load-errors.ts";
import { lacksByMessage, lacksPrivilege, meansNothing } from "./load-messages.ts";
import type { ScriptEntry } from "./script-entry.ts";
import { readIdentifiers, spellQualified, tableObject } from "./script-identifiers.ts";

export interface LoadCircumstances {
  /** What this server is already known to lack: extensions, by name. */
  readonly missingExtensions: readonly string[];
  /** Extensions that the policy lets a proof do without (`restoreTest.withoutExtensions`). */
  readonly exceptedExtensions?: readonly string[];
  /** Whether the loading role may do everything. */
  readonly superuser: boolean;
  /** What the policy left out of the backup: whole tables, or rows. */
  readonly exclude?: PostgresFacts["exclude"];
  readonly definitions: ArchiveDefinitions;
}

export interface Classified {
  readonly findings: readonly LoadFinding[];
  /** Objects of the digest that lacking entries account for. */
  readonly lackingObjects: ReadonlySet<string>;
  /** Objects of the digest that excepted extensions account for. */
  readonly exceptedObjects: ReadonlySet<string>;
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
  const definition = (name: string): string[] => [`schema ${name}`, `owner ${name}`, `tablespace ${name}`];
  const objects = definition(nameOf(entry));
  if (entry.type === "TABLE" || entry.type === "TABLE DATA") objects.push(tableObject(entry.schema, entry.name));
  // A base type that could not be finished stays a shell, which is dumped as an ordinary type.
  if (entry.type === "TYPE") objects.push(...definition(nameOf({ ...entry, type: "SHELL TYPE" })));
  if (entry.type === "SEQUENCE" || entry.type === "SEQUENCE SET") {
    objects.push(`sequence ${spellQualified(entry.schema, entry.name)}`);
  }
  return objects;
}

interface Judged {
  readonly error: RestoreError;
  class: FindingClass;
  message: string;
}

/** Judges the errors of a load that ran to its end. */
export function classifyErrors(errors: readonly RestoreError[], circumstances: LoadCircumstances): Classified {
  const judged = errors.map((error): Judged => ({ error, ...judgeAlone(error, circumstances) }));
  followDependencies(judged, circumstances);
  for (const one of judged) if (one.class === "damage") Object.assign(one, judgeMissingName(one.error, circumstances));
  followDependencies(judged, circumstances);
  for (const one of judged) {
    // A backup has no rows of a materialized view: what its query meets here says nothing of the backup.
    if (one.class !== "damage" || one.error.entry?.type !== "MATERIALIZED VIEW DATA") continue;
    one.class = "lacking";
    one.message = `not refreshed: ${one.message}`;
  }
  const objects = (kind: FindingClass): Set<string> =>
    new Set(
      judged.flatMap(({ error, class: found }) => (found === kind && error.entry !== undefined ? objectsOf(error.entry) : [])),
    );
  const excepted = new Set(circumstances.exceptedExtensions);
  const lackingObjects = objects("lacking");
  const exceptedObjects = objects("excepted");
  for (const name of circumstances.missingExtensions) {
    (excepted.has(name) ? exceptedObjects : lackingObjects).add(`schema EXTENSION ${name}`);
  }
  const findings = judged.map(({ error, class: kind, message }) => ({ class: kind, subject: subjectOf(error), message }));
  return { findings, lackingObjects, exceptedObjects };
}

function followDependencies(judged: readonly Judged[], { definitions }: LoadCircumstances): void {
  // What lacks for a reason that nobody named comes first: an entry that also needs an excepted extension is no exception.
  spread(judged, "lacking", definitions);
  spread(judged, "excepted", definitions);
}

/** Spreads a class to the entries that failed because they need one of that class, until nothing is added. */
function spread(judged: readonly Judged[], kind: "lacking" | "excepted", definitions: ArchiveDefinitions): void {
  const names = new Map<number, string>();
  const note = ({ error: { entry } }: Judged): void => {
    if (entry?.dumpId !== undefined && !names.has(entry.dumpId)) names.set(entry.dumpId, nameOf(entry));
  };
  for (const one of judged) if (one.class === kind) note(one);
  for (let added = true; added; ) {
    added = false;
    for (const one of judged) {
      const { entry } = one.error;
      if (one.class !== "damage" || entry === undefined) continue;
      const needed = neededBy(entry, definitions).find((dumpId) => names.has(dumpId));
      if (needed === undefined) continue;
      one.class = kind;
      one.message = `${one.message} (follows from ${names.get(needed)})`;
      note(one);
      added = true;
    }
  }
}

/** What an entry of content fills: a table, a sequence, a materialized view. */
const filledBy: Readonly<Record<string, string>> = {
  "TABLE DATA": "TABLE",
  "SEQUENCE SET": "SEQUENCE",
  "MATERIALIZED VIEW DATA": "MATERIALIZED VIEW",
};

function ownerOf({ type, schema, name }: ScriptEntry, definitions: ArchiveDefinitions): ScriptEntry | undefined {
  const filled = filledBy[type];
  return filled === undefined ? undefined : definitions.find(filled, schema, name);
}

/**
 * What an entry needs: its dependencies and itself, because its later statements fail with its first. Content needs nothing but what it
 * fills: rows that a table which was made does not take are lost, whatever else is missing.
 */
function neededBy(entry: ScriptEntry, definitions: ArchiveDefinitions): readonly number[] {
  const filled = ownerOf(entry, definitions);
  // The archive says of a mapping only in its name which server it is for.
  const server = entry.type === "USER MAPPING" ? / SERVER (.*)$/s.exec(entry.name)?.[1] : undefined;
  const others = server === undefined ? [] : [definitions.find("SERVER", "-", server)?.dumpId];
  const numbers = filled === undefined ? [...(entry.dependencies ?? []), entry.dumpId, ...others] : [filled.dumpId];
  return numbers.filter((dumpId) => dumpId !== undefined);
}

function judgeAlone(error: RestoreError, circumstances: LoadCircumstances): { class: FindingClass; message: string } {
  const { message, entry } = error;
  if (meansNothing(error)) return { class: "benign", message };
  if (entry?.type === "EXTENSION") {
    return { class: circumstances.exceptedExtensions?.includes(entry.name) === true ? "excepted" : "lacking", message };
  }
  if (entry?.type === "MATERIALIZED VIEW DATA") return { class: "damage", message };
  if (lacksByMessage(message)) return { class: "lacking", message };
  if (!circumstances.superuser && !isOwnRows(error, circumstances) && lacksPrivilege(message)) return { class: "lacking", message };
  return { class: "damage", message };
}

/** Whether the error is of rows whose table the archive defines; an extension's own table is the extension's to make. */
function isOwnRows({ entry }: RestoreError, { definitions }: LoadCircumstances): boolean {
  return entry?.type === "TABLE DATA" && ownerOf(entry, definitions) !== undefined;
}

/** What a message says is not there, by its bare name. */
const missingName =
  /^(?:relation|table|type|schema|access method|operator class|operator family|foreign-data wrapper|server|language|text search \w+|aggregate|procedure) "(.+?)" does not exist|^(?:function|procedure|aggregate) (.+?)\(.*\) does not exist/s;

/** Something that no entry of the archive defines was an extension's, or is what the policy left out. */
function judgeMissingName(
  error: RestoreError,
  circumstances: LoadCircumstances,
): { class: FindingClass; message: string } | undefined {
  const { message, entry, command } = error;
  const { definitions, missingExtensions, exceptedExtensions = [], exclude } = circumstances;
  if (exclude !== undefined && refersToExcludedRows(message, command, exclude, definitions)) {
    return { class: "lacking", message: `${message} (the policy excludes rows that others refer to)` };
  }
  const match = missingName.exec(message);
  const found = match?.[1] ?? match?.[2];
  if (found === undefined || entry === undefined || isOwnRows(error, circumstances)) return undefined;
  const bare = found.slice(found.lastIndexOf(".") + 1).replaceAll('"', "");
  if (definitions.defines(found) || definitions.defines(bare)) return undefined;
  if (missingExtensions.length > 0) {
    const excepted = missingExtensions.every((name) => exceptedExtensions.includes(name));
    const reason = `nothing in the backup defines it; missing here: extension ${missingExtensions.join(", ")}`;
    return { class: excepted ? "excepted" : "lacking", message: `${message} (${reason})` };
  }
  if ((exclude?.tables.length ?? 0) === 0) return undefined;
  return { class: "lacking", message: `${message} (the policy excludes tables)` };
}

/** A foreign key whose rows the policy left out cannot be made anywhere: of the table that it refers to, or of a partition below it. */
function refersToExcludedRows(
  message: string,
  command: string,
  { tables, data }: PostgresFacts["exclude"],
  definitions: ArchiveDefinitions,
): boolean {
  const patterns = [...tables, ...data];
  const target = / FOREIGN KEY \(.*?\) REFERENCES /s.exec(command);
  if (patterns.length === 0 || target === null || !message.includes("violates foreign key constraint")) return false;
  const [schema, name] = readIdentifiers(command, ".", target.index + target[0].length).names;
  if (schema === undefined || name === undefined) return false;
  return definitions.isPartitioned(schema, name) || patterns.some((pattern) => compileTablePattern(pattern)({ schema, name }));
}
