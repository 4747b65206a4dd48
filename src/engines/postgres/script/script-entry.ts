/**
 * The comment that pg_dump writes above each entry of a script, and the target of a COPY statement.
 */
import { readIdentifiers } from "./script-identifiers.ts";

/**
 * One entry of the archive's table of contents, as its comment names it. Newlines in names were
 * made spaces by pg_dump.
 */
export interface ScriptEntry {
  /** `TABLE`, `INDEX`, `TABLE DATA` … */
  readonly type: string;
  /** `-` for what belongs to no schema. */
  readonly schema: string;
  readonly name: string;
  readonly tablespace?: string;
  /** The entry's number in the archive; known in a script that was asked to be verbose. */
  readonly dumpId?: number;
  /** Numbers of the entries that it needs, directly; known in a verbose script. */
  readonly dependencies?: readonly number[];
}

export interface CopyTarget {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
}

const entryPattern = /^-- (?:Data for )?Name: (.*); Type: ([A-Z][A-Z ]*); Schema: (.*); Owner: (?:.*?)(?:; Tablespace: (.*))?$/;

/** The entry that a comment line begins; undefined for any other comment. */
export function parseEntryComment(line: string): ScriptEntry | undefined {
  const match = entryPattern.exec(line);
  if (match === null) return undefined;
  const [, name = "", type = "", schema = "", tablespace] = match;
  return { name, type, schema, ...(tablespace === undefined || tablespace === "" ? {} : { tablespace }) };
}

/** What a verbose script says above an entry's name. */
export type EntryNumbers = Pick<ScriptEntry, "dumpId" | "dependencies">;

/**
 * The numbers in `-- TOC entry 215 (class 1259 OID 16385)` or `-- Dependencies: 5 6`; undefined for
 * any other comment.
 */
export function parseEntryNumbers(line: string): EntryNumbers | undefined {
  const dumpId = /^-- TOC entry (\d+) \(class \d+ OID \d+\)$/.exec(line)?.[1];
  if (dumpId !== undefined) return { dumpId: Number(dumpId) };
  const needed = /^-- Dependencies:((?: \d+)+)$/.exec(line)?.[1];
  return needed === undefined ? undefined : { dependencies: needed.trim().split(" ").map(Number) };
}

/** The target of `COPY schema.table (columns) FROM stdin`; undefined for any other statement. */
export function parseCopyStatement(statement: string): CopyTarget | undefined {
  if (!statement.startsWith("COPY ") || !statement.endsWith(" FROM stdin")) return undefined;
  const target = readIdentifiers(statement, ".", "COPY ".length);
  const [schema, table] = target.names;
  if (schema === undefined || table === undefined) return undefined;
  const open = statement.indexOf("(", target.end);
  // A table without columns is copied without a list.
  const columns = open === -1 ? [] : readIdentifiers(statement, ", ", open + 1).names;
  return { schema, table, columns };
}
