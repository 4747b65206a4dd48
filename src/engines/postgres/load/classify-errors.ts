/**
 * pg_restore's errors, told apart: what means nothing, what the server lacks, what the policy
 * excepts, and what is damage. Unknown ones are damage. What fails because something else is
 * lacking is known by the archive's own dependencies, never by its message alone.
 */
import type { FindingClass, LoadFinding } from "../../../proof/content.ts";
import type { ArchiveDefinitions } from "../archive/archive-structure.ts";
import type { PostgresFacts } from "../backup-facts.ts";
import type { ExclusionEffect } from "../dump/exclusion-effects.ts";
import type { ScriptEntry } from "../script/script-entry.ts";
import { readIdentifiers, spellQualified, tableObject } from "../script/script-identifiers.ts";
import type { RestoreError } from "./load-errors.ts";
import { lacksByMessage, lacksPrivilege, meansNothing, withRemedy } from "./load-messages.ts";

export interface LoadCircumstances {
  /** What this server is already known to lack: extensions, by name. */
  readonly missingExtensions: readonly string[];
  /** Extensions that the policy lets a proof do without (`restoreTest.withoutExtensions`). */
  readonly exceptedExtensions?: readonly string[];
  /** Whether the loading role may do everything. */
  readonly superuser: boolean;
  /** What the policy left out of the backup: whole tables, or rows. */
  readonly exclude?: PostgresFacts["exclude"];
  /** What the backup says the exclusions take with them. */
  readonly exclusionEffects?: readonly ExclusionEffect[];
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
  /** Excepted because the policy left out what it needs, and not because of an extension. */
  excluded?: boolean;
}

/**
 * What holds content, or is it: the policy's exclusion of something else is no excuse for losing
 * it.
 */
const holdsContent = (entry: ScriptEntry | undefined): boolean =>
  entry !== undefined && /^TABLE(?: DATA| ATTACH)?$|^SEQUENCE(?: SET)?$|^BLOB/.test(entry.type);

/** Judges the errors of a load that ran to its end. */
export function classifyErrors(errors: readonly RestoreError[], circumstances: LoadCircumstances): Classified {
  const judged = errors.map((error): Judged => ({ error, ...judgeAlone(error, circumstances) }));
  followDependencies(judged, circumstances);
  for (const one of judged) if (one.class === "damage") Object.assign(one, judgeMissingName(one.error, circumstances));
  followDependencies(judged, circumstances);
  for (const one of judged) {
    // A backup has no rows of a materialized view: what its query meets here says nothing of the
    // backup.
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
  // What lacks for a reason that nobody named comes first: an entry that also needs an excepted
  // extension is no exception.
  while (spread(judged, "lacking", definitions) || spread(judged, "excepted", definitions));
}

/**
 * Spreads a class to the entries that failed because they need one of that class, until nothing is
 * added; true when content turned out to be lacking, from which more may follow.
 */
function spread(judged: readonly Judged[], kind: "lacking" | "excepted", definitions: ArchiveDefinitions): boolean {
  const causes = new Map<number, Judged>();
  const note = (one: Judged): void => {
    const dumpId = one.error.entry?.dumpId;
    if (dumpId !== undefined && !causes.has(dumpId)) causes.set(dumpId, one);
  };
  for (const one of judged) if (one.class === kind) note(one);
  let lostContent = false;
  for (let added = true; added; ) {
    added = false;
    for (const one of judged) {
      const { entry } = one.error;
      if (one.class !== "damage" || entry === undefined) continue;
      const cause = neededBy(entry, definitions)
        .map((dumpId) => causes.get(dumpId))
        .find((found) => found !== undefined);
      if (cause?.error.entry === undefined) continue;
      one.message = `${one.message} (follows from ${nameOf(cause.error.entry)})`;
      if (cause.excluded === true && holdsContent(entry)) {
        one.class = "lacking";
        lostContent = true;
        continue;
      }
      one.class = kind;
      if (cause.excluded === true) one.excluded = true;
      note(one);
      added = true;
    }
  }
  return lostContent;
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
 * What an entry needs: its dependencies and itself, because its later statements fail with its
 * first. Content needs nothing but what it fills: rows that a table which was made does not take
 * are lost, whatever else is missing.
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
  if (lacksByMessage(message)) return { class: "lacking", message: withRemedy(message) };
  if (!circumstances.superuser && !isOwnRows(error, circumstances) && lacksPrivilege(message)) return { class: "lacking", message };
  return { class: "damage", message };
}

/**
 * Whether the error is of rows whose table the archive defines; an extension's own table is the
 * extension's to make.
 */
function isOwnRows({ entry }: RestoreError, { definitions }: LoadCircumstances): boolean {
  return entry?.type === "TABLE DATA" && ownerOf(entry, definitions) !== undefined;
}

const missingName =
  /^(?:relation|table|type|schema|access method|operator class|operator family|foreign-data wrapper|server|language|text search \w+|aggregate|procedure) "(.+?)" does not exist/s;
const missingRoutine = /^(?:function|procedure|aggregate) ([^(]+)\(/;

/**
 * A schema's and an object's name of 63 bytes each, with their quotes doubled, and an array's
 * brackets.
 */
const maxNameCharacters = 500;

/**
 * What a message says is not there, by its bare name. Anyone who makes a function in the source
 * writes messages, of any length: they are searched once.
 */
function readMissingName(message: string): string | undefined {
  const routine = missingRoutine.exec(message);
  const isRoutine = routine !== null && message.includes(") does not exist", routine[0].length);
  const name = missingName.exec(message)?.[1] ?? (isRoutine ? routine[1] : undefined);
  return name === undefined || name.length > maxNameCharacters ? undefined : name;
}

/**
 * Something that no entry of the archive defines was an extension's, or is what the policy left
 * out.
 */
function judgeMissingName(error: RestoreError, circumstances: LoadCircumstances): Omit<Judged, "error"> | undefined {
  const { message, entry, command } = error;
  const { definitions, missingExtensions, exceptedExtensions = [], exclude, exclusionEffects = [] } = circumstances;
  if (refersToExcludedRows(message, command, exclusionEffects)) {
    return { class: "excepted", message: `${message} (the policy excludes rows that others refer to)`, excluded: true };
  }
  const found = readMissingName(message);
  if (found === undefined || entry === undefined || isOwnRows(error, circumstances)) return undefined;
  const bare = found.slice(found.lastIndexOf(".") + 1).replaceAll('"', "");
  const missing = found.replace(/(?:\[\])+$/, "");
  if (exclusionEffects.some(({ needs, loses }) => loses !== "reference" && missing === `${needs.schema}.${needs.name}`)) {
    const reason = `${message} (the policy excludes it)`;
    return holdsContent(entry) ? { class: "lacking", message: reason } : { class: "excepted", message: reason, excluded: true };
  }
  if (definitions.defines(found) || definitions.defines(bare)) return undefined;
  if (missingExtensions.length > 0) {
    const excepted = missingExtensions.every((name) => exceptedExtensions.includes(name));
    const reason = `nothing in the backup defines it; missing here: extension ${missingExtensions.join(", ")}`;
    return { class: excepted ? "excepted" : "lacking", message: `${message} (${reason})` };
  }
  if ((exclude?.tables.length ?? 0) === 0) return undefined;
  return { class: "lacking", message: `${message} (the policy excludes tables)` };
}

const referring = ") REFERENCES ";

/**
 * A foreign key that some rows cannot keep, because the policy left out those that they refer to.
 */
function refersToExcludedRows(message: string, command: string, effects: readonly ExclusionEffect[]): boolean {
  if (effects.length === 0 || !message.includes("violates foreign key constraint")) return false;
  const key = command.indexOf(" FOREIGN KEY (");
  const target = key < 0 ? -1 : command.indexOf(referring, key);
  if (target < 0) return false;
  const [schema, name] = readIdentifiers(command, ".", target + referring.length).names;
  return effects.some(({ loses, needs }) => loses === "reference" && needs.schema === schema && needs.name === name);
}
