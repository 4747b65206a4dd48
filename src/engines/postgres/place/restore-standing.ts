/**
 * What stands at a restore's target, for the person who has to approve that it is replaced: how
 * large it is, whose, when it was last written to; and what it is, so that nothing else is replaced
 * by their word.
 */
import type { Standing } from "../../restore-request.ts";
import { type ConnectionSettings, describePlace } from "../connection/connection.ts";
import { type Connection, connect } from "../connection/driver.ts";
import type { TargetSurvey } from "./restore-survey.ts";

interface DatabaseRow extends Record<string, unknown> {
  readonly oid: string;
  readonly owner: string;
}

interface ContentRow extends Record<string, unknown> {
  readonly bytes: string;
  readonly tables: number;
  /** As the last ANALYZE has it. */
  readonly rows: string;
}

const databaseQuery = `
  SELECT oid::text AS oid, pg_catalog.pg_get_userbyid(datdba)::text AS owner FROM pg_catalog.pg_database WHERE datname = $1`;
const serverQuery = "SELECT system_identifier::text AS id FROM pg_catalog.pg_control_system()";
const contentQuery = `
  SELECT pg_catalog.pg_database_size(pg_catalog.current_database())::text AS bytes, pg_catalog.count(*)::int AS tables,
         COALESCE(pg_catalog.sum(GREATEST(c.reltuples, 0)), 0)::bigint::text AS rows
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;
/** An error where the server does not keep the times of commits. */
const commitQuery = "SELECT (pg_catalog.pg_last_committed_xact()).timestamp AS at";

/** Errors: SourceUnreachable, SourceAccessDenied: the target's server no longer answers. */
export async function readStanding(
  settings: ConnectionSettings,
  { maintenance, sessions, closed }: Pick<TargetSurvey, "maintenance" | "sessions" | "closed">,
  signal: AbortSignal,
): Promise<Standing> {
  const beside = await connect(maintenance, signal);
  try {
    const [database] = await beside.rows<DatabaseRow>(databaseQuery, [settings.database]);
    const [server] = await ask<{ id: string }>(beside, serverQuery);
    const identity = `database ${database?.oid ?? "?"} of ${server === undefined ? describePlace(settings) : `server ${server.id}`}`;
    const facts = [
      closed === undefined ? await describeContent(settings, signal) : `it cannot be looked into: ${closed.message}`,
      ...(database === undefined ? [] : [`it belongs to ${database.owner}`]),
      sessions === 0
        ? "nobody is connected to it"
        : `${sessions} ${sessions === 1 ? "session is" : "sessions are"} connected to it`,
      ...(await describeLastCommit(beside)),
    ];
    return { identity, facts };
  } finally {
    await beside.close();
  }
}

async function describeContent(settings: ConnectionSettings, signal: AbortSignal): Promise<string> {
  const connection = await connect(settings, signal);
  try {
    const [content] = await ask<ContentRow>(connection, contentQuery);
    if (content === undefined) return "how much it holds cannot be known";
    const megabytes = Math.ceil(Number(content.bytes) / 1e6).toLocaleString("en-US");
    const rows = Number(content.rows).toLocaleString("en-US");
    return `it has ${megabytes} MB in ${content.tables} ${content.tables === 1 ? "table" : "tables"}, about ${rows} rows as the server last counted`;
  } finally {
    await connection.close();
  }
}

async function describeLastCommit(connection: Connection): Promise<readonly string[]> {
  const [last] = await ask<{ at: Date | string | null }>(connection, commitQuery);
  if (last?.at === undefined || last.at === null) return [];
  return [`the newest change on its server is of ${new Date(last.at).toISOString()}`];
}

/** What a managed server does not answer is left out. */
async function ask<R extends Record<string, unknown>>(connection: Connection, query: string): Promise<readonly R[]> {
  return connection.rows<R>(query).catch(() => []);
}
