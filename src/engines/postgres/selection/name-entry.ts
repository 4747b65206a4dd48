/**
 * An entry's names by its own statements. The comment above it has spaces for line breaks, and two
 * entries may be called alike there; what a statement names, it names exactly.
 */
import type { ScriptEntry } from "../script/script-entry.ts";
import { readIdentifiers } from "../script/script-identifiers.ts";
import { type ArchiveEntry, type EntryNames, isRelation } from "./archive-entry.ts";

const making = /^CREATE (?:UNLOGGED |FOREIGN |MATERIALIZED )*(?:TABLE|VIEW|SEQUENCE) /;
/** Sequences of identity columns are made by a change of their table. */
const identityMark = " AS IDENTITY (\n    SEQUENCE NAME ";
const changing = /^ALTER (?:FOREIGN )?TABLE (?:ONLY )?/;
/** In a name it is taken for one too: that asks for a table more than it takes. */
const onDelete = / ON DELETE (?:CASCADE|SET NULL|SET DEFAULT)/;
/** Parts whose first statement changes the table that they are of. */
const changingTypes: ReadonlySet<string> = new Set(["CHECK CONSTRAINT", "CONSTRAINT", "DEFAULT", "FK CONSTRAINT", "ROW SECURITY"]);

/** `statements` are the entry's, as bytes in latin1 strings; `decode` makes text of such names. */
export function nameEntry(
  entry: ScriptEntry & { readonly dumpId: number },
  statements: readonly string[],
  decode: (bytes: string) => string,
): ArchiveEntry {
  const { dumpId, type, schema, name, dependencies = [] } = entry;
  const known = { dumpId, type, schema, name, dependencies };
  if (isRelation(known)) {
    const [made] = statements.flatMap((statement) => readMade(statement, decode) ?? []);
    return made === undefined ? known : { ...known, ...made, printed: { schema, name } };
  }
  if (!changingTypes.has(type)) return known;
  const changesOnDelete = type === "FK CONSTRAINT" && statements.some((statement) => onDelete.test(statement));
  return {
    ...known,
    changesOnDelete,
    table: statements.map((statement) => readAfter(changing, statement, decode)).find((found) => found !== undefined),
  };
}

/** What a statement makes; undefined for one that makes no relation. */
function readMade(statement: string, decode: (bytes: string) => string): EntryNames | undefined {
  const identity = statement.startsWith("ALTER ") ? statement.lastIndexOf(identityMark) : -1;
  if (identity >= 0) return readNames(statement, identity + identityMark.length, decode);
  return readAfter(making, statement, decode);
}

function readAfter(head: RegExp, statement: string, decode: (bytes: string) => string): EntryNames | undefined {
  const found = head.exec(statement);
  return found === null ? undefined : readNames(statement, found[0].length, decode);
}

function readNames(statement: string, from: number, decode: (bytes: string) => string): EntryNames | undefined {
  const [schema, name] = readIdentifiers(statement, ".", from).names;
  return schema === undefined || name === undefined ? undefined : { schema: decode(schema), name: decode(name) };
}
