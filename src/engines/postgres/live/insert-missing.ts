/** Inserts the rows that the live table lacks, and looks for each of them there afterwards. */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { Connection } from "../connection/driver.ts";
import { patientLimits } from "../connection/wire-guard.ts";
import { quoteIdentifier } from "../script/script-identifiers.ts";
import type { LiveTrigger } from "./live-table.ts";
import { findRows, type LiveRows, matching, missingRows, stagedRows } from "./match-rows.ts";
import { quoteQualified } from "./staged-table.ts";

export interface Insertion extends LiveRows {
  /** The live table's own that an INSERT fires, with those of its partitions. */
  readonly triggers: readonly LiveTrigger[];
  /** Whether they fire. */
  readonly fire: boolean;
}

/**
 * In the transaction that is open, from the staged rows. Gives the number of rows. Errors:
 * RestoreRefused where a row is kept out, RestoreDiffers where one has other values; the driver's.
 */
export async function insertMissing(insertion: Insertion, connection: Connection): Promise<number> {
  const { name, columns, key, triggers, fire } = insertion;
  const list = columns.map(quoteIdentifier).join(", ");
  await connection.run(`CREATE TEMPORARY TABLE holdfast_missing ON COMMIT DROP AS SELECT s.* FROM ${stagedRows} s
    WHERE NOT EXISTS (SELECT FROM ${name} l WHERE ${matching(key, "s", "l")})`);
  if (!fire) await switchTriggers(triggers, "off", connection);
  // Functions of the live database find what they name as they do for its applications.
  await connection.run("SET LOCAL search_path TO DEFAULT");
  const put = `WITH put AS (
      INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM ${missingRows} ON CONFLICT DO NOTHING RETURNING 1)
    SELECT pg_catalog.count(*)::pg_catalog.text AS rows FROM put`;
  const [first] = await connection.rows<{ rows: string }>(put, undefined, patientLimits);
  // Foreign keys and triggers that wait for the end come now: what fails then fails here.
  await connection.run("SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL search_path = ''");
  if (!fire) await switchTriggers(triggers, "back", connection);
  await requireThere(insertion, connection);
  return Number(first?.rows);
}

async function requireThere(insertion: Insertion, connection: Connection): Promise<void> {
  const { name, key, fire } = insertion;
  const { all, there, equal } = await findRows(missingRows, insertion, connection);
  if (there < all) {
    const examples = await connection.rows<{
      key: string;
    }>(`SELECT pg_catalog.concat_ws(', ', ${key.columns.map((column) => `s.${quoteIdentifier(column)}`).join(", ")}) AS key
      FROM ${missingRows} s WHERE NOT EXISTS (SELECT FROM ${name} l WHERE ${matching(key, "s", "l")}) ORDER BY 1 LIMIT 5`);
    throw new HoldfastError(
      "RestoreRefused",
      `${all - there} of ${all} missing rows were not taken: rows that are there have their values of another unique key, or a trigger kept them out; nothing was changed`,
      {
        details: [`keys (${key.columns.join(", ")}) of the first: ${examples.map((example) => example.key).join("; ")}`],
        hint: "Choose the other rows with --where, or put the table beside the live one with --beside and decide for each row.",
      },
    );
  }
  if (equal === all) return;
  throw new HoldfastError(
    "RestoreDiffers",
    `${all - equal} of ${all} rows would arrive with other values than the backup has; nothing was changed`,
    {
      hint: fire
        ? "Triggers of the live table change what is inserted: leave them out with --no-triggers."
        : "A rule of the live table changes what is inserted: put the table beside it with --beside.",
    },
  );
}

const stateWords: Readonly<Record<string, string>> = { O: "ENABLE TRIGGER", A: "ENABLE ALWAYS TRIGGER" };

/** Back to what each one was. Takes a lock that keeps writers waiting until the end. */
async function switchTriggers(triggers: readonly LiveTrigger[], to: "off" | "back", connection: Connection): Promise<void> {
  for (const { schema, name, trigger, enabled } of triggers) {
    const words = to === "off" ? "DISABLE TRIGGER" : stateWords[enabled];
    await connection.run(`ALTER TABLE ONLY ${quoteQualified({ schema, name })} ${words} ${quoteIdentifier(trigger)}`);
  }
}
