/**
 * Running PostgreSQL's programs against a source: environment, working directory, and their last
 * words as errors.
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { lastLines, runTool, streamTool, type ToolResult, type ToolStream } from "../../runtime/child-process.ts";
import type { ToolExit } from "../../runtime/process-group.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import { redact } from "../../runtime/secret.ts";
import { type ConnectionSettings, describePlace, secretsOf, toolEnvironment, withLogin } from "./connection/connection.ts";
import { moreConnections } from "./connection/driver-errors.ts";

/**
 * Runs a client program there to its end. Errors: ToolMissing, Interrupted; a non-zero exit status
 * is a result.
 */
export async function runClientTool(
  program: string,
  args: readonly string[],
  settings: ConnectionSettings,
  context: Pick<RunContext, "environment" | "signal">,
  options: { readonly stdoutBytes?: boolean } = {},
): Promise<ToolResult> {
  const env = clientEnvironment(await withLogin(settings), context.environment);
  return runTool(program, args, { env, signal: context.signal, cwd: "/", ...options });
}

/**
 * Streams what a client program there writes; when it fails, the stream fails with `dumpError`. The
 * program calls itself `application` at the server.
 */
export async function streamClientTool(
  program: string,
  args: readonly string[],
  settings: ConnectionSettings,
  context: Pick<RunContext, "environment" | "signal">,
  application = "holdfast",
): Promise<ToolStream> {
  return streamTool(program, args, {
    env: { ...clientEnvironment(await withLogin(settings), context.environment), PGAPPNAME: application },
    signal: context.signal,
    cwd: "/",
    fail: (exit) => dumpError(program, exit, settings),
  });
}

function clientEnvironment(
  settings: ConnectionSettings,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const home = environment["HOME"];
  return { ...toolEnvironment(settings), ...(home === undefined ? {} : { HOME: home }) };
}

/** The tool's own words, without secrets: its last lines. */
export function toolWords(exit: ToolExit, settings: ConnectionSettings): string[] {
  return lastLines(redact(exit.stderr, secretsOf(settings)));
}

/**
 * The server, a role or a database has no connection left (SQLSTATE 53300), as libpq's programs say
 * it.
 */
export const noConnectionLeft = /too many (?:clients|connections)|remaining connection slots are reserved/;

/** What the commonest failures of a dump mean, by the words of the tool or server. */
const knownFailures: readonly {
  readonly words: RegExp;
  readonly error: "DumpFailed" | "SourceAccessDenied" | "SourceUnreachable" | "SourceUnsupported" | "ToolMissing";
  readonly hint: (settings: ConnectionSettings) => string;
}[] = [
  {
    words: noConnectionLeft,
    error: "SourceUnreachable",
    hint: () => moreConnections,
  },
  {
    words: /row-level security policy/,
    error: "SourceAccessDenied",
    hint: ({ user }) => `Let the role see every row: ALTER ROLE "${user}" BYPASSRLS;`,
  },
  {
    words: /permission denied for (table|sequence|schema|view|relation|materialized view|large object)/,
    error: "SourceAccessDenied",
    hint: ({ user }) => `Let the role read everything: GRANT pg_read_all_data TO "${user}";`,
  },
  {
    words: /unsupported startup parameter/,
    error: "SourceUnsupported",
    hint: () => "Poolers refuse settings that a server takes: connect to the database server itself.",
  },
  {
    words: /server version mismatch/,
    error: "ToolMissing",
    hint: () => "Install client programs that are not older than the server.",
  },
  {
    words: /conflict with recovery/,
    error: "DumpFailed",
    hint: () => "Raise max_standby_streaming_delay or set hot_standby_feedback on the standby, or dump from the primary.",
  },
  {
    words: /(lock|statement) timeout/,
    error: "DumpFailed",
    hint: () => "Find who holds an exclusive lock on the table in pg_locks, and run the backup again outside of schema changes.",
  },
  {
    words: /max_locks_per_transaction/,
    error: "DumpFailed",
    hint: () => "Raise max_locks_per_transaction in postgresql.conf, restart the server, and run the backup again.",
  },
  {
    words: /invalid snapshot identifier|snapshot "[^"]*" does not exist/,
    error: "DumpFailed",
    hint: () => "Connect to the server itself: poolers such as PgBouncer hand out other sessions in between.",
  },
];

/**
 * The error of a dump's program that ended badly. Class: DumpFailed, or the one of `knownFailures`
 * where its words say so.
 */
export function dumpError(program: string, exit: ToolExit, settings: ConnectionSettings): HoldfastError {
  const name = program.slice(program.lastIndexOf("/") + 1);
  const words = toolWords(exit, settings);
  const how = exit.signal === undefined ? `ended with exit code ${exit.exitCode}` : `was ended by ${exit.signal}`;
  const message = `${name} ${how} while dumping ${describePlace(settings)}`;
  const text = words.join("\n");
  const known = knownFailures.find((failure) => failure.words.test(text));
  if (known !== undefined) return new HoldfastError(known.error, message, { details: words, hint: known.hint(settings) });
  return new HoldfastError("DumpFailed", message, { details: words });
}
