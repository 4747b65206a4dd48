/** Sequences of a table that rows were put back into. */
import type { Connection } from "../connection/driver.ts";
import { quoteIdentifier, spellQualified } from "../script/script-identifiers.ts";
import type { TableSequence } from "./live-table.ts";
import { missingRows } from "./match-rows.ts";
import { quoteQualified } from "./staged-table.ts";

interface Reached extends Record<string, unknown> {
  readonly value: string | null;
  readonly behind: boolean | null;
}

/**
 * A sequence never goes back. It is set forward where what was put back is ahead of it: the next
 * value would be taken already. Sequences obey no transaction: this comes last.
 */
export async function advanceSequences(
  sequences: readonly TableSequence[],
  columns: readonly string[],
  connection: Connection,
): Promise<string[]> {
  const advanced: string[] = [];
  for (const { column, increment, ...sequence } of sequences.filter((each) => columns.includes(each.column))) {
    const up = !increment.startsWith("-");
    const name = quoteQualified(sequence);
    const [reached] = (await connection.rows<Reached>(
      `SELECT m.value::text AS value, m.value ${up ? ">" : "<"} s.last_value OR (m.value = s.last_value AND NOT s.is_called) AS behind
       FROM (SELECT pg_catalog.${up ? "max" : "min"}(${quoteIdentifier(column)}::pg_catalog.int8) AS value FROM ${missingRows}) m, ${name} s`,
    )) as [Reached];
    if (reached.behind !== true) continue;
    await connection.rows("SELECT pg_catalog.setval($1::pg_catalog.regclass, $2::pg_catalog.int8, true)", [name, reached.value]);
    advanced.push(`${spellQualified(sequence.schema, sequence.name)} to ${reached.value}`);
  }
  return advanced;
}
