/** The content digest of a PostgreSQL backup, and of a database that was loaded from one. */
import type { Readable } from "node:stream";
import type { ContentDigest, ObjectDigest } from "../../../proof/content.ts";
import { digestOfObjects } from "../../../proof/digest-root.ts";
import { release } from "../../../runtime/chunk-memory.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import { type ArchiveSource, readGlobalsText, streamArchive } from "../archive/archive-source.ts";
import { findArchiveTools } from "../archive/archive-tools.ts";
import type { PostgresBackup } from "../backup-facts.ts";
import { globalsName } from "../dump/dump.ts";
import { openScript } from "../script/archive-script.ts";
import { digestGlobals } from "./digest-globals.ts";
import { createScriptDigester, postgresDigestAlgorithm, type ScriptDigestOptions } from "./digest-script.ts";

/** Digests a script to its end. Errors: ContentInvalid, and the stream's own. */
export async function digestScript(
  script: Readable,
  context: Pick<RunContext, "progress">,
  options: ScriptDigestOptions = {},
): Promise<ObjectDigest[]> {
  const digester = createScriptDigester(options);
  for await (const chunk of script) {
    const bytes = chunk as Buffer;
    digester.write(bytes);
    context.progress.advance(bytes.length);
    release(bytes);
  }
  return digester.end();
}

/**
 * The digest of an archive and its globals, as the backup has them. Errors: ContentInvalid,
 * ToolMissing, and whatever the reader throws.
 */
export async function digestPostgresBackup(
  backup: PostgresBackup,
  context: RunContext,
  source: ArchiveSource = streamArchive(backup),
): Promise<ContentDigest> {
  const tools = await findArchiveTools(backup.facts, context);
  const objects = await digestScript(await openScript(tools.pgRestore, source, context), context);
  const globals = await readGlobalsText(backup, globalsName);
  return digestOfObjects(postgresDigestAlgorithm, [...objects, ...(globals === undefined ? [] : digestGlobals(globals))]);
}
