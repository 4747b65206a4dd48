/**
 * The two ways into a live database, after the backup was loaded and compared in a staging copy.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { LiveOutcome } from "../../place.ts";
import { type Connection, connect } from "../connection/driver.ts";
import { spellQualified } from "../script/script-identifiers.ts";
import { keepChosen } from "./choose-rows.ts";
import { hashRows } from "./hash-rows.ts";
import { readKind } from "./live-table.ts";
import type { ChosenRows, LiveWork } from "./live-work.ts";
import type { QualifiedName } from "./object-names.ts";
import { dropEventTriggers } from "./prepare-staged.ts";
import { type PutBack, putBackRows } from "./put-back-rows.ts";
import { makeAgain, putBeside } from "./put-beside.ts";
import { findTable, quoteQualified, readStagedTable, type StagedTable } from "./staged-table.ts";

/**
 * Errors: UsageInvalid (table, condition, name), RestoreRefused, RestoreDiffers, RestoreFailed; the
 * driver's. Nothing of the live database is changed then, but for a table that RestoreDiffers
 * names.
 */
export async function workOnLive(work: LiveWork, context: RunContext): Promise<LiveOutcome> {
  const { wanted, staging, live } = work;
  await dropEventTriggers(staging.connection);
  const name = await findTable(wanted.table, staging.connection);
  const table = await readStagedTable(name, staging.connection);
  const rows = await chooseRows(table, work, context);
  const connection = await connect(live.settings, context.signal);
  try {
    await requireSchemas(table, connection);
    if (wanted.mode === "beside") return await putBeside(table, rows, work, connection, context);
    const kind = await readKind(name, connection);
    if (kind === undefined) return await makeAgain(table, rows, work, connection, context);
    if (kind !== "r" && kind !== "p") throw notATable(name);
    return describePutBack(
      name,
      rows,
      wanted.confirmed,
      await putBackRows({ ...wanted, table, staging, settings: live.settings, psql: work.tools.psql }, connection, context),
    );
  } finally {
    await connection.close();
  }
}

async function chooseRows(table: StagedTable, { wanted, staging }: LiveWork, { signal }: RunContext): Promise<ChosenRows> {
  if (wanted.where !== undefined) return keepChosen(table, wanted.where, staging.connection, staging.readerSettings, signal);
  let inBackup = 0;
  for (const leaf of table.relations.filter(({ kind }) => kind === "r"))
    inBackup += (await hashRows(`ONLY ${quoteQualified(leaf)}`, [], staging.connection)).rows;
  return { inBackup, chosen: inBackup };
}

/** Errors: RestoreRefused. */
async function requireSchemas(table: StagedTable, connection: Connection): Promise<void> {
  const wanted = [...new Set(table.relations.map(({ schema }) => schema))];
  const found = await connection.rows<{ name: string }>("SELECT nspname::text AS name FROM pg_catalog.pg_namespace");
  const lacking = wanted.filter((schema) => !found.some(({ name }) => name === schema));
  if (lacking.length === 0) return;
  throw new HoldfastError(
    "RestoreRefused",
    `the live database has no schema ${lacking.map((name) => JSON.stringify(name)).join(", ")}; nothing was touched`,
    {
      hint: "Create it first (CREATE SCHEMA), or restore the whole backup to a new database.",
    },
  );
}

const notATable = (name: QualifiedName): HoldfastError =>
  new HoldfastError(
    "RestoreRefused",
    `${spellQualified(name.schema, name.name)} is not a table in the live database; nothing was touched`,
    {
      hint: "Restore the table beside it with --beside.",
    },
  );

function describePutBack(name: QualifiedName, rows: ChosenRows, confirmed: boolean, put: PutBack): LiveOutcome {
  const { columns, triggers, advanced, key } = put;
  const named = (words: string, list: readonly string[]): string[] => (list.length === 0 ? [] : [`${words}: ${list.join(", ")}`]);
  return {
    kind: "rows",
    table: spellQualified(name.schema, name.name),
    as: spellQualified(name.schema, name.name),
    applied: confirmed,
    rows: { ...rows, equal: put.equal, different: put.different, missing: put.missing, inserted: put.inserted },
    notices: [
      `rows are told apart by ${key.join(", ")}`,
      ...named("columns that the live table has no longer, whose values stay in the backup", columns.dropped),
      ...named("columns added since, which get their defaults", columns.added),
      ...named("columns whose type has grown since", columns.widened),
      ...named("triggers that fire for each row put back", triggers),
      ...named("sequences set forward", advanced),
    ],
  };
}
