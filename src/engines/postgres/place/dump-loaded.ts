/** Dumps a loaded database again: as a script, and the globals of its server. */
import type { Readable } from "node:stream";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { lastLines, streamTool } from "../../../runtime/child-process.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { Confinement } from "../../../runtime/sandbox.ts";
import { redact } from "../../../runtime/secret.ts";
import type { Place } from "../../place.ts";
import { type ConnectionSettings, secretsOf, toolEnvironment, withLogin } from "../connection/connection.ts";
import { decodeGlobals } from "../dump/globals-text.ts";
import { conninfo } from "./place-settings.ts";

/** A database that a backup was loaded into. */
export interface LoadedDatabase {
  readonly settings: ConnectionSettings;
  readonly pgDump: string;
  /**
   * The sandbox of a throwaway server's clients; absent for a server of the user's. pg_dumpall asks
   * a shell for pg_dump.
   */
  readonly confinement?: (options: { readonly shell: boolean }) => Confinement;
}

/** A place that lets the engine work in the database that was loaded there. */
export interface LoadedPlace extends Place {
  /** Errors: Internal, before `load`. */
  loadedDatabase(): LoadedDatabase;
}

/** Globals as they should be dumped again; absent: they are not compared. */
export interface GlobalsDump {
  readonly pgDumpall: string;
  readonly passwords: boolean;
  /** Subjects that are the place's own. */
  readonly own: readonly string[];
}

/** Runs a tool that dumps there; the stream fails with RestoreFailed in the tool's own words. */
export async function runDump(
  program: string,
  args: readonly string[],
  database: LoadedDatabase,
  context: RunContext,
  { shell = false } = {},
): Promise<Readable> {
  return streamTool(program, [...args, "--no-password"], {
    env: toolEnvironment(await withLogin(database.settings)),
    signal: context.signal,
    cwd: "/",
    confinement: database.confinement?.({ shell }),
    fail: (exit) => {
      const words = lastLines(redact(exit.stderr, secretsOf(database.settings)));
      const rowSecurity = words.some((line) => line.includes("row-level security"));
      return new HoldfastError("RestoreFailed", `the loaded database cannot be dumped: ${words[0] ?? ""}`, {
        details: words,
        ...(rowSecurity ? { hint: `Let the restoring role see every row: ALTER ROLE "${database.settings.user}" BYPASSRLS;` } : {}),
      });
    },
  }).stdout;
}

/** Dumps the loaded database as a script; the stream fails with RestoreFailed. */
export function dumpLoaded(database: LoadedDatabase, context: RunContext, options: readonly string[] = []): Promise<Readable> {
  const args = ["--create", "--format=plain", ...options, `--dbname=${conninfo(database.settings.database)}`];
  return runDump(database.pgDump, args, database, context);
}

/** Dumps the roles and settings of its server. Errors: RestoreFailed in the words of pg_dumpall. */
export async function dumpGlobals(globals: GlobalsDump, database: LoadedDatabase, context: RunContext): Promise<string> {
  // Its --dbname would ignore the database's name.
  const scope = ["--globals-only", `--database=${conninfo(database.settings.database)}`];
  const chunks: Buffer[] = [];
  const script = await runDump(
    globals.pgDumpall,
    [...scope, ...(globals.passwords ? [] : ["--no-role-passwords"])],
    database,
    context,
    { shell: true },
  );
  for await (const chunk of script) chunks.push(chunk as Buffer);
  return decodeGlobals(Buffer.concat(chunks));
}
