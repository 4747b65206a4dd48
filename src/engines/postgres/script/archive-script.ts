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
    return streamTool(pgRestore, args, { env: {}, signal: context.signal, fail: scriptError, input, confinement }).stdout;
  } finally {
    // The tool has it by now.
    await file?.close();
  }
}

function scriptError(exit: ToolExit): HoldfastError {
  const words = lastLines(exit.stderr);
  // Somebody ended it: the out-of-memory killer, a person. That is not the archive's fault. A crash
  // may be, and counts as before.
  if (exit.signal === "SIGKILL" || exit.signal === "SIGTERM" || exit.signal === "SIGINT" || exit.signal === "SIGHUP") {
    return new HoldfastError("ToolKilled", `pg_restore was ended by ${exit.signal} while it read the archive`, { details: words });
  }
  const said = words.find((line) => line.includes("error:"))?.replace(/^.*?error: /, "") ?? `exit status ${exit.exitCode}`;
  return new HoldfastError("ContentInvalid", `pg_restore cannot read the archive: ${said}`, { details: words });
}
