/**
 * Keeps those rows of the staged table that a condition chooses. The condition is a person's own
 * SQL, over definitions that came with the backup: it runs in the staging database, as a role that
 * may read and nothing else, and as one expression of one statement.
 */
import { randomUUID } from "node:crypto";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { ConnectionSettings } from "../connection/connection.ts";
import { type Connection, connect } from "../connection/driver.ts";
import { sqlState } from "../connection/driver-errors.ts";
import { quoteIdentifier } from "../script/script-identifiers.ts";
import { type HashedRows, hashRows } from "./hash-rows.ts";
import type { ChosenRows } from "./live-work.ts";
import { quoteQualified, type StagedTable } from "./staged-table.ts";

/**
 * Removes all other rows. Errors: UsageInvalid in PostgreSQL's words for a condition that it does
 * not take; RestoreFailed when the table's rows changed while it was asked; the driver's.
 */
export async function keepChosen(
  table: StagedTable,
  condition: string,
  connection: Connection,
  settings: ConnectionSettings,
  signal: AbortSignal,
): Promise<ChosenRows> {
  const before = await hashAll(table, connection);
  const names = await makeReader(connection);
  const chosen = await choose(table, condition, names, { ...settings, user: names.reader }, signal);
  const after = await hashAll(table, connection);
  if (after.some(({ rows, hash }, at) => rows !== before[at]?.rows || hash !== before[at]?.hash)) {
    throw new HoldfastError("RestoreFailed", "the staged rows changed while the condition after --where was asked of them", {
      hint: "Leave out what the condition calls: a function of the backup writes.",
    });
  }
  const inBackup = before.reduce((sum, { rows }) => sum + rows, 0);
  await connection.run("SET session_replication_role = replica");
  for (const leaf of table.relations.filter(({ kind }) => kind === "r")) {
    await connection.run(`DELETE FROM ONLY ${quoteQualified(leaf)} hf WHERE NOT EXISTS (
      SELECT FROM ${names.chosen} c WHERE c.relation = hf.tableoid AND c.at = hf.ctid)`);
  }
  await connection.run(`RESET session_replication_role; DROP SCHEMA ${names.schema} CASCADE`);
  return { inBackup, chosen };
}

const hashAll = async (table: StagedTable, connection: Connection): Promise<HashedRows[]> => {
  const all: HashedRows[] = [];
  for (const leaf of table.relations.filter(({ kind }) => kind === "r")) {
    all.push(await hashRows(`ONLY ${quoteQualified(leaf)}`, undefined, connection));
  }
  return all;
};

interface ReaderNames {
  readonly reader: string;
  readonly schema: string;
  readonly chosen: string;
}

/** A role that sees every row and may write in one table of its own. */
async function makeReader(connection: Connection): Promise<ReaderNames> {
  const reader = `holdfast_reader_${randomUUID().slice(0, 8)}`;
  const schema = quoteIdentifier(reader);
  await connection.run(`
    CREATE ROLE ${schema} LOGIN BYPASSRLS INHERIT;
    CREATE SCHEMA ${schema};
    CREATE UNLOGGED TABLE ${schema}.chosen (relation pg_catalog.oid, at pg_catalog.tid);
    GRANT USAGE ON SCHEMA ${schema} TO ${schema};
    GRANT INSERT ON ${schema}.chosen TO ${schema};
    GRANT pg_read_all_data TO ${schema}`);
  return { reader, schema, chosen: `${schema}.chosen` };
}

/** Asks the condition, and notes which rows it chooses. */
async function choose(
  table: StagedTable,
  condition: string,
  { chosen }: ReaderNames,
  settings: ConnectionSettings,
  signal: AbortSignal,
): Promise<number> {
  const connection = await connect(settings, signal);
  try {
    // As the application would ask: with the search path of the database's own.
    await connection.run("BEGIN; SET LOCAL standard_conforming_strings = on; SET LOCAL search_path TO DEFAULT");
    const sql = `INSERT INTO ${chosen} SELECT ${quoteIdentifier(table.name)}.tableoid, ${quoteIdentifier(table.name)}.ctid
      FROM ${quoteQualified(table)} AS ${quoteIdentifier(table.name)} WHERE (\n${condition}\n)`;
    const asked = await askOnce(sql, connection);
    await connection.run("COMMIT");
    return asked;
  } finally {
    await connection.close();
  }
}

/** By the extended protocol, which takes one statement only. */
async function askOnce(text: string, { client }: Connection): Promise<number> {
  try {
    const query = { text, queryMode: "extended" as const };
    return (await client.query(query)).rowCount ?? 0;
  } catch (error) {
    // Anything else is the server's failure, and no fault of the condition.
    if (!/^(?:22|42|0A|2F|38|39|P0)/.test(sqlState(error) ?? "")) throw error;
    const { message } = error as Error;
    throw new HoldfastError("UsageInvalid", `PostgreSQL does not take the condition after --where: ${message}`, {
      cause: error,
      hint: "Correct the condition: it is asked of the table's columns, as after WHERE.",
    });
  }
}
