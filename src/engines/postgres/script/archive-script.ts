/**
 * The script of an archive: what pg_restore makes of it when it is given no database, in a sandbox
 * without a file.
 */
import { constants, type FileHandle, open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { lastLines, streamTool } from "../../../runtime/child-process.ts";
import type { ToolExit } from "../../../runtime/process-group.ts";
import type { ArchiveSource } from "../archive/archive-source.ts";
import { archiveConfinement, type SandboxContext } from "../place/throwaway-sandbox.ts";

/** With -C the script has the database's own settings, rights and comment too. */
const scriptArguments = ["--create", "--file=-"];

export interface ScriptOptions {
  readonly schemaOnly?: boolean;
  /** Gives every entry's number and dependencies (ScriptEntry.dumpId). */
  readonly numbers?: boolean;
  /**
   * Reads no more than the archive's table of contents; only with `schemaOnly`. Its checks at the
   * end are not made.
   */
  readonly headOnly?: boolean;
}

/**
 * Streams the archive's script. Reads a streamed archive to its end, so that its checks at the end
 * are made.
 * Errors, on the stream: ContentInvalid in pg_restore's own words, ToolKilled, and whatever the
 * archive's reader throws.
 */
export async function openScript(
  pgRestore: string,
  source: ArchiveSource,
  context: SandboxContext,
  options: ScriptOptions = {},
): Promise<Readable> {
  const args = [
    ...scriptArguments,
    ...(options.schemaOnly === true ? ["--schema-only"] : []),
    ...(options.numbers === true ? ["--verbose"] : []),
  ];
  const confinement = await archiveConfinement(pgRestore, context);
  const file = source.kind === "file" ? await open(source.path, constants.O_RDONLY | constants.O_NOFOLLOW) : undefined;
  try {
    const input = source.kind === "stream" ? await source.open() : { descriptor: (file as FileHandle).fd };
    const inputHead = options.headOnly === true;
    return streamTool(pgRestore, args, { env: {}, signal: context.signal, fail: archiveError, input, inputHead, confinement })
      .stdout;
  } finally {
    // The tool has it by now.
    await file?.close();
  }
}

/** What pg_restore says when this machine has nothing left for it; the archive may be sound. */
const machinePattern =
  /out of memory|could not (?:fork|create worker process|write to output file)|Cannot allocate memory|Resource temporarily unavailable|No space left on device|Input\/output error|Too many open files/;

/** A program that reads bytes and crashes on them is judged by them. */
const crashSignals: ReadonlySet<NodeJS.Signals> = new Set(["SIGSEGV", "SIGABRT"]);

/**
 * The error of a pg_restore that did not read the archive to its end. ContentInvalid only where it
 * says so itself, or crashed; ToolKilled where somebody ended it (the out-of-memory killer, a
 * person), the machine had nothing left for it, or the sandbox around it did not start.
 */
export function archiveError(exit: ToolExit): HoldfastError {
  const words = lastLines(exit.stderr);
  const said = words.find((line) => line.startsWith("pg_restore: error: "));
  const crashed = exit.signal !== undefined && crashSignals.has(exit.signal);
  if (exit.signal !== undefined && !crashed) {
    return new HoldfastError("ToolKilled", `pg_restore was ended by ${exit.signal} while it read the archive`, { details: words });
  }
  if (!crashed && (said === undefined || machinePattern.test(said))) {
    const message = `pg_restore ended with status ${exit.exitCode} before it had read the archive`;
    return new HoldfastError("ToolKilled", message, { details: words });
  }
  const what = said?.replace(/^.*?error: /, "") ?? `exit status ${exit.exitCode}`;
  return new HoldfastError("ContentInvalid", `pg_restore cannot read the archive: ${what}`, { details: words });
}
