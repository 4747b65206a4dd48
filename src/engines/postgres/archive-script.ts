/** The script of an archive: what pg_restore makes of it when it is given no database. */
import type { Readable } from "node:stream";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { lastLines, streamTool } from "../../runtime/child-process.ts";
import type { ToolExit } from "../../runtime/process-group.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { ArchiveSource } from "./archive-source.ts";

/** With -C the script has the database's own settings, rights and comment too. */
const scriptArguments = ["--create", "--file=-"];

/**
 * Streams the archive's script. Reads a streamed archive to its end, so that its checks at the end are made.
 * Errors, on the stream: ContentInvalid in pg_restore's own words, ToolKilled, and whatever the archive's reader throws.
 */
export async function openScript(
  pgRestore: string,
  source: ArchiveSource,
  context: Pick<RunContext, "signal">,
  options: { readonly schemaOnly?: boolean } = {},
): Promise<Readable> {
  const args = [...scriptArguments, ...(options.schemaOnly === true ? ["--schema-only"] : [])];
  const input = source.kind === "stream" ? { input: await source.open() } : {};
  const files = source.kind === "file" ? [source.path] : [];
  const tool = streamTool(pgRestore, [...args, ...files], {
    env: {},
    signal: context.signal,
    cwd: "/",
    fail: scriptError,
    ...input,
  });
  return tool.stdout;
}

function scriptError(exit: ToolExit): HoldfastError {
  const words = lastLines(exit.stderr);
  // Somebody ended it: the out-of-memory killer, a person. That is not the archive's fault. A crash may be, and counts as before.
  if (exit.signal === "SIGKILL" || exit.signal === "SIGTERM" || exit.signal === "SIGINT" || exit.signal === "SIGHUP") {
    return new HoldfastError("ToolKilled", `pg_restore was ended by ${exit.signal} while it read the archive`, { details: words });
  }
  const said = words.find((line) => line.includes("error:"))?.replace(/^.*?error: /, "") ?? `exit status ${exit.exitCode}`;
  return new HoldfastError("ContentInvalid", `pg_restore cannot read the archive: ${said}`, { details: words });
}
