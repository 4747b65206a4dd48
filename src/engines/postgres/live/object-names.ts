/**
 * The names that a restored table, and all that belongs to it, get beside the live one. Pure.
 * PostgreSQL cuts a longer name without a word, and two names would fall together: nothing here is
 * left to it.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { maxNameBytes } from "../place/restore-names.ts";
import { spellQualified } from "../script/script-identifiers.ts";

/** Something that has a name of its own in a schema. */
export interface QualifiedName {
  readonly schema: string;
  readonly name: string;
}

/** One spelling for each name, as a key of sets and maps. */
export const keyOf = ({ schema, name }: QualifiedName): string => JSON.stringify([schema, name]);

export interface NameRequest {
  /** The table as the backup has it. */
  readonly table: QualifiedName;
  /** What the copy is to be called; absent: `<table>_restored`, with a number where it is taken. */
  readonly as?: string | undefined;
  /**
   * All that belongs to the table, under other names than the table's own: partitions, indexes,
   * constraints, sequences, statistics.
   */
  readonly objects: readonly QualifiedName[];
  /** What the live database and the staging one have already, by `keyOf`. */
  readonly taken: ReadonlySet<string>;
}

export interface PlannedNames {
  readonly table: string;
  /** The new name of each object, by the `keyOf` of its old one. */
  readonly objects: ReadonlyMap<string, string>;
}

/** The beginning of a text that has at most so many bytes, never cut within a character. */
export function cutBytes(text: string, maxBytes: number): string {
  let bytes = 0;
  let kept = "";
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    kept += character;
  }
  return kept;
}

/**
 * `stem` cut to the length that leaves room for `ending`, with a number after it where the name is
 * taken.
 */
function findFree(schema: string, stem: string, taken: ReadonlySet<string>, ending = ""): string {
  for (let number = 1; ; number++) {
    const end = number === 1 ? ending : `${ending}_${number}`;
    const name = cutBytes(stem, maxNameBytes - end.length) + end;
    if (!taken.has(keyOf({ schema, name }))) return name;
  }
}

/**
 * `users_pkey` of the table `users` becomes `users_restored_pkey`, `by_mail`
 * `users_restored_by_mail`.
 */
function renamed(name: string, table: string, as: string): string {
  return name.startsWith(`${table}_`) ? as + name.slice(table.length) : `${as}_${name}`;
}

/**
 * Plans the names. No two are the same, none is taken, none is longer than a name may be.
 * Errors: UsageInvalid for an `as` that is no name; RestoreRefused for one that is taken.
 */
export function planNames({ table, as, objects, taken }: NameRequest): PlannedNames {
  const used = new Set(taken);
  const name = as === undefined ? findFree(table.schema, table.name, used, "_restored") : checkGiven(table.schema, as, used);
  used.add(keyOf({ schema: table.schema, name }));
  const planned = new Map<string, string>();
  for (const object of objects) {
    const free = findFree(object.schema, renamed(object.name, table.name, name), used);
    used.add(keyOf({ schema: object.schema, name: free }));
    planned.set(keyOf(object), free);
  }
  return { table: name, objects: planned };
}

/** Errors: UsageInvalid for what cannot be the name of a table. */
export function requireName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes > 0 && bytes <= maxNameBytes && !name.includes("\0")) return;
  const why =
    bytes > maxNameBytes ? `it has ${bytes} bytes, and PostgreSQL keeps ${maxNameBytes}` : "it is empty or has a zero byte";
  throw new HoldfastError("UsageInvalid", `--as ${JSON.stringify(name)} cannot be the name of a table: ${why}`, {
    hint: "Give a shorter name after --as, or leave --as out.",
  });
}

function checkGiven(schema: string, name: string, taken: ReadonlySet<string>): string {
  requireName(name);
  if (!taken.has(keyOf({ schema, name }))) return name;
  throw new HoldfastError("RestoreRefused", `the target has ${spellQualified(schema, name)} already; nothing was touched`, {
    hint: "Give another name after --as, or leave --as out: a free name is then taken.",
  });
}
