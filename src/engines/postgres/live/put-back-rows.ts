/**
 * Puts rows of the backup that are missing back into the live table, in one transaction: staged
 * rows into a temporary table there, compared, counted, inserted, and looked for. Rows that are
 * there stay as they are.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { ConnectionSettings } from "../connection/connection.ts";
import type { Connection } from "../connection/driver.ts";
import { quoteIdentifier, spellQualified } from "../script/script-identifiers.ts";
import { advanceSequences } from "./advance-sequences.ts";
import { commitSurely } from "./commit.ts";
import { startCopy } from "./copy-in.ts";
import { hashRows } from "./hash-rows.ts";
import { insertMissing } from "./insert-missing.ts";
import { type LiveTrigger, readColumns, readKey, readSequences, readTriggers, readWidenings } from "./live-table.ts";
import { findRows, stagedRows } from "./match-rows.ts";
import { lockTimeout } from "./move-table.ts";
import { type ColumnPlan, planColumns } from "./put-back-columns.ts";
import { quoteQualified, type StagedTable } from "./staged-table.ts";
import { copyRows, type Staging } from "./staging.ts";

export interface PutBackRequest {
  readonly table: StagedTable;
  readonly staging: Staging;
  /** Of the live database. */
  readonly settings: ConnectionSettings;
  readonly psql: string;
  readonly triggers: boolean;
  /** Whether rows are inserted; else only counted. */
  readonly confirmed: boolean;
}

export interface RowCounts {
  /** There, with the same values. */
  readonly equal: number;
  /** There by their key, changed since: left alone. */
  readonly different: number;
  readonly missing: number;
}

export interface PutBack extends RowCounts {
  readonly inserted: number;
  readonly columns: ColumnPlan;
  readonly key: readonly string[];
  /** Triggers of the live table that an INSERT fires. */
  readonly triggers: readonly string[];
  /** Sequences that were behind what was put back: `public.users_id_seq to 12`. */
  readonly advanced: readonly string[];
}

/**
 * Errors: RestoreRefused (columns, key, a conflict), RestoreDiffers, the driver's: in every case
 * the live table is as it was.
 */
export async function putBackRows(request: PutBackRequest, connection: Connection, context: RunContext): Promise<PutBack> {
  const { table, confirmed } = request;
  const name = quoteQualified(table);
  // Nobody drops or changes it from here on; reads and writes go on.
  await connection.run(`BEGIN; ${lockTimeout}; LOCK TABLE ${name} IN ACCESS SHARE MODE`);
  const columns = await planAgainst(request, connection);
  const key = await readKey(table, columns.columns, connection);
  const triggers = await readTriggers(table, connection);
  const list = columns.columns.map(quoteIdentifier).join(", ");
  await connection.run(`CREATE TEMPORARY TABLE holdfast_staged ON COMMIT DROP AS SELECT ${list} FROM ${name} WITH NO DATA`);
  await copyStaged(request, columns, connection, context);
  await connection.run(`ANALYZE ${stagedRows}`);
  const live = { name, columns: columns.columns, key };
  const { all, there, equal } = await findRows(stagedRows, live, connection);
  const counts = { equal, different: there - equal, missing: all - there };
  const about = { columns, key: key.columns, triggers: triggers.filter(({ cloned }) => !cloned).map(describeTrigger) };
  if (!confirmed || counts.missing === 0) {
    await connection.run("ROLLBACK");
    return { ...counts, ...about, inserted: 0, advanced: [] };
  }
  const inserted = await insertMissing({ ...live, triggers, fire: request.triggers }, connection);
  const advanced = await advanceSequences(await readSequences(table, connection), columns.columns, connection);
  await commitSurely(connection, request.settings, context);
  return { ...counts, ...about, inserted, advanced };
}

const describeTrigger = ({ schema, name, trigger }: LiveTrigger): string => `${trigger} on ${spellQualified(schema, name)}`;

async function planAgainst({ table, staging }: PutBackRequest, connection: Connection): Promise<ColumnPlan> {
  const [before, today] = [await readColumns(table, staging.connection), await readColumns(table, connection)];
  const types = new Map(today.map(({ name, type }) => [name, type]));
  const pairs = before.flatMap(({ name, type }) => {
    const other = types.get(name);
    return other === undefined || other === type ? [] : [[type, other] as const];
  });
  const wide = await readWidenings(pairs, connection);
  return planColumns(before, today, (from, to) => wide.has(JSON.stringify([from, to])), spellQualified(table.schema, table.name));
}

async function copyStaged(
  { table, staging, psql }: PutBackRequest,
  { columns, widened }: ColumnPlan,
  connection: Connection,
  context: RunContext,
): Promise<void> {
  const list = columns.map(quoteIdentifier).join(", ");
  const from = table.relations[0].kind === "p" ? quoteQualified(table) : `ONLY ${quoteQualified(table)}`;
  const rows = await copyRows(`SELECT ${list} FROM ${from}`, psql, staging.database, context);
  const copy = await startCopy(connection, `COPY ${stagedRows} (${list}) FROM stdin`);
  try {
    for await (const chunk of rows) await copy.write(chunk as Buffer);
  } catch (error) {
    await copy.fail();
    throw error;
  } finally {
    rows.destroy();
  }
  await copy.end();
  // The text of a value may be another one in another type.
  const same = columns.filter((column) => !widened.includes(column));
  const [expected, arrived] = [await hashRows(from, same, staging.connection), await hashRows(stagedRows, same, connection)];
  if (expected.rows === arrived.rows && expected.hash === arrived.hash) return;
  throw new HoldfastError(
    "RestoreDiffers",
    `what arrived beside ${quoteQualified(table)} is not what was staged (${arrived.rows} of ${expected.rows} rows); nothing was changed`,
    {
      hint: "Report this with the versions of both servers; restore the table with --beside meanwhile.",
    },
  );
}
