/**
 * An archive's entry as a selection sees it, and what each type of entry is to the others. The
 * types are those of pg_dump 14 to 18 (pg_dump.c, ArchiveEntry).
 */

export interface EntryNames {
  readonly schema: string;
  readonly name: string;
}

export interface ArchiveEntry {
  readonly dumpId: number;
  /** `TABLE`, `INDEX`, `TABLE DATA` … */
  readonly type: string;
  /** `-` for what belongs to no schema. Of a relation, as its statement names it, like `name`. */
  readonly schema: string;
  readonly name: string;
  /** Numbers of the entries that it needs, directly; some are of no entry. */
  readonly dependencies: readonly number[];
  /** The table that its statement is about (ALTER TABLE …), where it names one. */
  readonly table?: EntryNames | undefined;
  /** A foreign key by which a deleted row takes others with it, or changes them. */
  readonly changesOnDelete?: boolean | undefined;
  /**
   * As the archive's comment calls it, where its statement is read: line breaks are spaces there.
   */
  readonly printed?: EntryNames | undefined;
}

/** An entry, and another one that is the reason for what is said of it. */
export interface Needed {
  readonly entry: ArchiveEntry;
  readonly other: ArchiveEntry;
}

/** What holds rows, or reads like it: what `--only` names. */
const relationTypes: ReadonlySet<string> = new Set(["TABLE", "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE"]);
const tableTypes: ReadonlySet<string> = new Set(["TABLE", "FOREIGN TABLE"]);

/** Entries that are part of another one, and come with it. */
const partTypes: ReadonlySet<string> = new Set([
  "ACL",
  "CHECK CONSTRAINT",
  "COMMENT",
  "CONSTRAINT",
  "DEFAULT",
  "FK CONSTRAINT",
  "INDEX",
  "INDEX ATTACH",
  "MATERIALIZED VIEW DATA",
  "POLICY",
  "PUBLICATION TABLE",
  "PUBLICATION TABLES IN SCHEMA",
  "ROW SECURITY",
  "RULE",
  "SECURITY LABEL",
  "SEQUENCE OWNED BY",
  "SEQUENCE SET",
  "STATISTICS",
  "STATISTICS DATA",
  "TABLE ATTACH",
  "TABLE DATA",
  "TRIGGER",
]);

/** What is of the database as a whole: no part of it is ever restored. */
const wholeTypes: ReadonlySet<string> = new Set([
  "BLOB",
  "BLOB METADATA",
  "BLOBS",
  "DATABASE",
  "DATABASE PROPERTIES",
  "EVENT TRIGGER",
  "PUBLICATION",
  "SUBSCRIPTION",
  "SUBSCRIPTION TABLE",
  "USER MAPPING",
]);

/** Parts whose name begins with that of their table: `orders orders_pkey`. */
const namedAfterTable: ReadonlySet<string> = new Set([
  "CHECK CONSTRAINT",
  "CONSTRAINT",
  "DEFAULT",
  "FK CONSTRAINT",
  "POLICY",
  "RULE",
  "TRIGGER",
]);

/** What says nothing but something about another entry, named first among its dependencies. */
const remarkTypes: ReadonlySet<string> = new Set(["ACL", "COMMENT", "SECURITY LABEL"]);

/** What holds the content of a table; not of a sequence, whose value is part of it. */
const rowTypes: ReadonlySet<string> = new Set(["TABLE DATA", "MATERIALIZED VIEW DATA", "STATISTICS DATA"]);

export const isRelation = ({ type }: ArchiveEntry): boolean => relationTypes.has(type);
export const isTable = ({ type }: ArchiveEntry): boolean => tableTypes.has(type);
export const isPart = ({ type }: ArchiveEntry): boolean => partTypes.has(type);
export const isOfWhole = ({ type }: ArchiveEntry): boolean => wholeTypes.has(type);
export const isRemark = ({ type }: ArchiveEntry): boolean => remarkTypes.has(type);
export const isNamedAfterTable = ({ type }: ArchiveEntry): boolean => namedAfterTable.has(type);
export const holdsRows = ({ type }: ArchiveEntry): boolean => rowTypes.has(type);

/** Rows, values of sequences and large objects. */
const contentTypes: ReadonlySet<string> = new Set(["TABLE DATA", "SEQUENCE SET", "BLOB", "BLOB METADATA", "BLOBS"]);
export const isContent = ({ type }: ArchiveEntry): boolean => contentTypes.has(type);

/** pg_dump makes spaces of line breaks in the names of entries. */
export function sanitised(name: string): string {
  return name.replaceAll(/[\r\n]/g, " ");
}
