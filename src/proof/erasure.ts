/**
 * Erasures: what was taken out of a source on purpose and must not come back with a restore, and
 * what became of it in a restored copy. Nothing here but targets holds a person's data.
 */

/**
 * Rows of one table, by exact equality of columns; every value is text, read as its column's type.
 */
export interface RowErasure {
  readonly schema: string;
  readonly table: string;
  /** Column to value; all of them must be equal. */
  readonly key: Readonly<Record<string, string>>;
  /** Columns that are overwritten, with NULL or a text; absent: the rows are deleted. */
  readonly set?: Readonly<Record<string, string | null>> | undefined;
}

/** Files and directories by a pattern, with the rules of a source's `exclude`. */
export interface PathErasure {
  readonly path: string;
}

export type ErasureTarget = RowErasure | PathErasure;

/** What a restored tree is called in reports: names of files may be a person's. */
export const pathsObject = "paths";

/** How many of one object's targets were found, and how many rows or files that was. */
export interface ErasedObject {
  /** `table public.users`; `paths`. */
  readonly object: string;
  /** Rows deleted or overwritten; files and directories removed. */
  readonly erased: number;
  /** Targets of which nothing was there. */
  readonly notFound: number;
}

/** Targets that have no meaning in this copy, or could not be carried out, and why. */
export interface UnmetErasures {
  readonly object: string;
  readonly count: number;
  /** Never with a value of a key. */
  readonly reason: string;
}

/** What an engine did in one copy. */
export interface ErasureOutcome {
  readonly objects: readonly ErasedObject[];
  /** The copy has no such table or column, or no value of that kind. */
  readonly notApplicable: readonly UnmetErasures[];
  /** Still there: the copy must not be handed over. */
  readonly refused: readonly UnmetErasures[];
  /** Of the targets that were only to be looked for: what is there. */
  readonly stillThere: readonly { readonly object: string; readonly found: number }[];
}

/** What a restore says of its source's ledger, in results and evidence: counts only. */
export interface ErasureReport extends ErasureOutcome {
  /** Entries of the ledger that count. */
  readonly entries: number;
  /** Of them, those that are newer than the backup: these were replayed. */
  readonly replayed: number;
  /** What is wrong with the ledger; nothing but names of objects in the vault. */
  readonly problems: readonly string[];
}

/** Nothing to do, and nothing done. */
export const noErasures: ErasureOutcome = { objects: [], notApplicable: [], refused: [], stillThere: [] };

/** As digests name a table: quoted where it is not a plain lower-case word. */
export function tableObject({ schema, table }: Pick<RowErasure, "schema" | "table">): string {
  return `table ${[schema, table].map(spellName).join(".")}`;
}

function spellName(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/**
 * The table that a person wrote as `schema.table`: as in SQL, letters fold to lower case outside
 * double quotes. Undefined where it is not two names.
 */
export function parseTable(written: string): Pick<RowErasure, "schema" | "table"> | undefined {
  const match = /^("(?:[^"]|"")+"|[^".]+)\.("(?:[^"]|"")+"|[^".]+)$/.exec(written.trim());
  const [schema, table] = (match ?? []).slice(1).map(readName);
  return schema === undefined || table === undefined ? undefined : { schema, table };
}

function readName(written: string): string {
  if (written.startsWith('"')) return written.slice(1, -1).replaceAll('""', '"');
  return /^\w+$/.test(written) ? written.toLowerCase() : written;
}
