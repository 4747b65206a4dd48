/**
 * The staging database: a throwaway copy of the backup, where its code runs in the sandbox of
 * restore tests, and where names and rows can be changed as a move needs it. Why not on the live
 * server: docs/adr/0053-into-a-live-database.md.
 */
import type { Readable } from "node:stream";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { ConnectionSettings } from "../connection/connection.ts";
import { type Connection, connect } from "../connection/driver.ts";
import { type LoadedDatabase, runDump } from "../place/dump-loaded.ts";
import { conninfo, withNeutralSettings } from "../place/place-settings.ts";
import type { QualifiedName } from "./object-names.ts";
import { quoteQualified } from "./staged-table.ts";

export interface Staging {
  readonly database: LoadedDatabase;
  readonly serverMajor: number;
  /** As the owner of the copy: a superuser of a server that nobody else uses. */
  readonly connection: Connection;
  /** For logins of another role, which may set less. */
  readonly readerSettings: ConnectionSettings;
  close(): Promise<void>;
}

/** Opens the loaded copy for work. Errors: the driver's. */
export async function openStaging(database: LoadedDatabase, serverMajor: number, context: RunContext): Promise<Staging> {
  const connection = await connect(database.settings, context.signal);
  const readerSettings = withNeutralSettings({ ...database.settings, variables: {} }, serverMajor, false);
  return { database, serverMajor, connection, readerSettings, close: () => connection.close() };
}

/** A pattern of pg_dump that means this name and no other. */
export function exactPattern({ schema, name }: QualifiedName): string {
  return quoteQualified({ schema, name });
}

/** What decides how definitions are written, the same for the copy and for what became of it. */
export interface ScriptShape {
  readonly relations: readonly QualifiedName[];
  readonly owners: boolean;
  readonly rights: boolean;
}

/** The script of these relations; the stream fails with RestoreFailed. */
export function dumpRelations(
  database: LoadedDatabase,
  { relations, owners, rights }: ScriptShape,
  context: RunContext,
  options: readonly string[] = [],
): Promise<Readable> {
  const args = [
    "--format=plain",
    "--encoding=UTF8",
    "--no-publications",
    "--no-subscriptions",
    // The copy lies where the live database's own tables do.
    "--no-tablespaces",
    ...(owners ? [] : ["--no-owner"]),
    ...(rights ? [] : ["--no-privileges"]),
    ...options,
    ...relations.map((relation) => `--table=${exactPattern(relation)}`),
    `--dbname=${conninfo(database.settings.database)}`,
  ];
  return runDump(database.pgDump, args, database, context);
}

/** As pg_dump sets them, so that values are written as a dump has them. */
const rowSettings =
  "SET search_path = ''; SET DateStyle = 'ISO'; SET IntervalStyle = 'POSTGRES'; SET extra_float_digits = 3; SET row_security = off; SET statement_timeout = 0";

/** Rows of a query, as COPY writes them; the stream fails with RestoreFailed. */
export function copyRows(query: string, psql: string, database: LoadedDatabase, context: RunContext): Promise<Readable> {
  const commands = [rowSettings, `COPY (${query}) TO STDOUT (ENCODING 'UTF8')`].map((command) => `--command=${command}`);
  const args = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", ...commands, `--dbname=${conninfo(database.settings.database)}`];
  return runDump(psql, args, database, context);
}
