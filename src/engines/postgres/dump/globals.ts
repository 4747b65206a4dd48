/**
 * What lives beside the database and its dump refers to: roles, memberships, tablespaces; as far as
 * the role may see them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { Notice } from "../../../proof/content.ts";
import type { ToolResult } from "../../../runtime/child-process.ts";
import { abortError } from "../../../runtime/process-group.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { GlobalsCaptured } from "../backup-facts.ts";
import type { ConnectionSettings } from "../connection/connection.ts";
import { type Connection, connect } from "../connection/driver.ts";
import { noConnectionLeft, runClientTool, toolWords } from "../run-tool.ts";
import { quoteIdentifier } from "../script/script-identifiers.ts";
import type { ClientTools } from "../tools.ts";
import { decodeGlobals } from "./globals-text.ts";

export interface Globals {
  /** SQL for psql. */
  readonly sql: string;
  readonly captured: GlobalsCaptured;
  readonly rolePasswords: boolean;
  readonly notices: readonly Notice[];
}

type GlobalsContext = Pick<RunContext, "environment" | "signal">;

/**
 * Captures as much as it can: `pg_dumpall --globals-only`, or what pg_roles shows where pg_dumpall
 * is refused (managed services). What is missing is named in the notices; only an interruption or a
 * lost source is an error. Errors: Interrupted, ToolMissing, SourceUnreachable, SourceAccessDenied.
 */
export async function captureGlobals(
  tools: ClientTools,
  settings: ConnectionSettings,
  wantsPasswords: boolean,
  context: GlobalsContext,
): Promise<Globals> {
  const notices: Notice[] = [];
  const rolePasswords = wantsPasswords && (await canSeePasswords(settings, context));
  if (wantsPasswords && !rolePasswords) {
    const message = `roles are captured without their password hashes: user "${settings.user}" may not read pg_authid (superusers may)`;
    notices.push({ code: "role-passwords-not-visible", subject: settings.user, message });
  }
  const answer = await runDumpall(tools, settings, rolePasswords, context);
  if (answer.words === undefined) return { sql: answer.sql, captured: "all", rolePasswords, notices };
  const message = `roles are captured as pg_roles shows them, tablespaces and role settings are not: pg_dumpall was refused: ${answer.words}`;
  notices.push({ code: "globals-partly-visible", subject: settings.database, message });
  const sql = await readVisibleRoles(settings, context);
  return { sql, captured: "visible-roles", rolePasswords: false, notices };
}

async function runDumpall(
  tools: ClientTools,
  settings: ConnectionSettings,
  rolePasswords: boolean,
  context: GlobalsContext,
): Promise<{ readonly sql: string; readonly words?: string }> {
  // As a connection string, because a plain name with an equals sign in it would be taken for one;
  // and this database, because the role need not be allowed into `postgres`.
  const database = settings.database.replaceAll(/[\\']/g, "\\$&");
  const args = [
    "--globals-only",
    ...(rolePasswords ? [] : ["--no-role-passwords"]),
    `--database=dbname='${database}'`,
    "--no-password",
  ];
  const answer = await runWhenConnected(
    () => runClientTool(tools.pgDumpall, args, settings, context, { stdoutBytes: true }),
    context,
  );
  if (answer.exitCode === 0) return { sql: decodeGlobals(Buffer.from(answer.stdout, "latin1")) };
  const words = toolWords(answer, settings);
  return { sql: "", words: words.find((line) => line.includes("error:")) ?? words[0] ?? `exit code ${answer.exitCode}` };
}

/**
 * A server that has no connection left now may have one soon: roles and their settings are worth
 * waiting for.
 */
const connectionWaitsMs = [500, 1000, 2000, 4000, 8000];
/**
 * pg_dumpall does not always say why it got no connection; Holdfast's own sessions are connected at
 * that time.
 */
const noConnection = /could not connect to database/;

async function runWhenConnected(run: () => Promise<ToolResult>, { signal }: Pick<GlobalsContext, "signal">): Promise<ToolResult> {
  for (const waitMs of connectionWaitsMs) {
    const answer = await run();
    const waits = noConnection.test(answer.stderr) || noConnectionLeft.test(answer.stderr);
    if (answer.exitCode === 0 || !waits) return answer;
    await sleep(waitMs, undefined, { signal }).catch(() => {
      throw abortError(signal);
    });
  }
  return run();
}

async function withConnection<T>(
  settings: ConnectionSettings,
  context: GlobalsContext,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connect(settings, context.signal);
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

function canSeePasswords(settings: ConnectionSettings, context: GlobalsContext): Promise<boolean> {
  return withConnection(settings, context, async (connection) => {
    const row = await connection.row<{ visible: boolean }>(
      "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS visible",
    );
    return row?.visible === true;
  });
}

interface RoleRow extends Record<string, unknown> {
  readonly name: string;
  readonly attributes: string;
}

const visibleRolesQuery = `
  SELECT r.rolname::text AS name, pg_catalog.concat_ws(' ',
    CASE WHEN r.rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END,
    CASE WHEN r.rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END,
    CASE WHEN r.rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END,
    CASE WHEN r.rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END,
    CASE WHEN r.rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
    CASE WHEN r.rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
    CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END,
    CASE WHEN r.rolconnlimit >= 0 THEN 'CONNECTION LIMIT ' || r.rolconnlimit END) AS attributes
  FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 1`;

const visibleMembershipsQuery = `
  SELECT g.rolname::text AS role, m.rolname::text AS member, a.admin_option AS admin
  FROM pg_catalog.pg_auth_members a JOIN pg_catalog.pg_roles g ON g.oid = a.roleid JOIN pg_catalog.pg_roles m ON m.oid = a.member ORDER BY 1, 2`;

/**
 * The roles and memberships that everybody may see, in the form in which pg_dumpall writes them.
 */
async function readVisibleRoles(settings: ConnectionSettings, context: GlobalsContext): Promise<string> {
  return withConnection(settings, context, async (connection) => {
    const lines: string[] = ["-- Roles as pg_roles shows them; pg_dumpall was refused."];
    for (const { name, attributes } of await connection.rows<RoleRow>(visibleRolesQuery)) {
      lines.push(`CREATE ROLE ${quoteIdentifier(name)};`, `ALTER ROLE ${quoteIdentifier(name)} WITH ${attributes};`);
    }
    try {
      type Membership = { role: string; member: string; admin: boolean };
      for (const { role, member, admin } of await connection.rows<Membership>(visibleMembershipsQuery)) {
        lines.push(`GRANT ${quoteIdentifier(role)} TO ${quoteIdentifier(member)}${admin ? " WITH ADMIN OPTION" : ""};`);
      }
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.name !== "SourceAccessDenied") throw error;
      lines.push("-- Memberships are hidden from the role that made this backup.");
    }
    return `${lines.join("\n")}\n`;
  });
}
