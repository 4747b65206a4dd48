/**
 * The SQL of erasures. Names come from the server's own catalogue and are quoted; values are
 * parameters, never text in a statement, and are read as their column's type.
 */
import type { RowErasure } from "../../../proof/erasure.ts";
import { quoteIdentifier } from "../script/script-identifiers.ts";

/** A column as statements need it. */
export interface ColumnForm {
  readonly name: string;
  /** Its base type, qualified and without a length: a cast to it cuts nothing off. */
  readonly type: string;
  /** Its type with length and scale, as it is stored. */
  readonly storedType: string;
  /** The schema of the equality operator that belongs to the type. */
  readonly operatorSchema: string;
}

/** Erasures of one table, by the same columns, that do the same: one statement's work. */
export interface ErasureGroup {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly ColumnForm[];
  readonly set: readonly (ColumnForm & { readonly value: string | null })[];
  /** For each erasure its values, in the order of `columns`. */
  readonly keys: readonly (readonly string[])[];
}

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * Deletes or overwrites, and gives for each erasure that met a row its number, from 1, and how many
 * rows.
 */
export function changeStatement(group: ErasureGroup): Statement {
  const { set } = group;
  const change =
    set.length === 0
      ? `DELETE FROM ${nameOf(group)} AS t USING ${keysAs(group)} WHERE ${matching(group)}`
      : `UPDATE ${nameOf(group)} AS t SET ${set.map(assigning(group)).join(", ")} FROM ${keysAs(group)} WHERE ${matching(group)}`;
  return {
    text: `WITH changed AS (${change} RETURNING k.n)
      SELECT n::pg_catalog.int8::pg_catalog.text AS n, pg_catalog.count(*)::pg_catalog.text AS rows FROM changed GROUP BY n`,
    values: valuesOf(group),
  };
}

/** Counts the rows that a finished erasure would have left behind. */
export function remainingStatement(group: ErasureGroup): Statement {
  const { set } = group;
  const unlike = set.map(
    ({ name, storedType }, index) =>
      `t.${quoteIdentifier(name)}::pg_catalog.text IS DISTINCT FROM ($${group.columns.length + index + 1}::pg_catalog.text)::${storedType}::pg_catalog.text`,
  );
  const left = set.length === 0 ? "" : ` AND (${unlike.join(" OR ")})`;
  return {
    text: `SELECT pg_catalog.count(*)::pg_catalog.text AS rows FROM ${nameOf(group)} AS t, ${keysAs(group)} WHERE ${matching(group)}${left}`,
    values: valuesOf(group),
  };
}

/**
 * Reads the values as their columns' types, and does nothing else. Each is asked for: a cast that
 * nobody needs is not made.
 */
export function castStatement(group: ErasureGroup): Statement {
  const counts = group.columns.map((_, index) => `pg_catalog.count(k.v${index})`).join(", ");
  return { text: `SELECT ${counts} FROM ${keysAs(group)}`, values: valuesOf({ ...group, set: [] }) };
}

/** Erasures that one statement carries out, of one table's; by columns and what is overwritten. */
export function groupKeyOf({ schema, table, key, set = {} }: RowErasure): string {
  return JSON.stringify([schema, table, Object.keys(key).toSorted(), Object.entries(set).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}

function nameOf({ schema, table }: Pick<ErasureGroup, "schema" | "table">): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
}

/** The erasures as rows: their numbers, and their values as the types of their columns. */
function keysAs({ columns }: ErasureGroup): string {
  const lists = columns.map((_, index) => `pg_catalog.unnest($${index + 1}::pg_catalog.text[])`).join(", ");
  const names = columns.map((_, index) => `v${index}`).join(", ");
  const casts = columns.map(({ type }, index) => `u.v${index}::${type} AS v${index}`).join(", ");
  return `(SELECT u.n, ${casts} FROM ROWS FROM (${lists}) WITH ORDINALITY AS u(${names}, n)) AS k`;
}

function matching({ columns }: ErasureGroup): string {
  return columns
    .map(
      ({ name, operatorSchema }, index) => `t.${quoteIdentifier(name)} OPERATOR(${quoteIdentifier(operatorSchema)}.=) k.v${index}`,
    )
    .join(" AND ");
}

function assigning({ columns }: ErasureGroup) {
  return ({ name, storedType }: ColumnForm, index: number): string =>
    `${quoteIdentifier(name)} = ($${columns.length + index + 1}::pg_catalog.text)::${storedType}`;
}

function valuesOf({ columns, set, keys }: ErasureGroup): unknown[] {
  return [...columns.map((_, index) => keys.map((values) => values[index])), ...set.map(({ value }) => value)];
}
