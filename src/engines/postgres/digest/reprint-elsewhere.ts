/**
 * The second print of a backup's definitions where the restoring role may not make a database on
 * the target's server.
 */
import { copyFile, link } from "node:fs/promises";
import { join } from "node:path";
import { isHoldfastError } from "../../../errors/holdfast-error.ts";
import { abortError } from "../../../runtime/process-group.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { ArchiveOutline } from "../archive/archive-outline.ts";
import type { ArchiveSource } from "../archive/archive-source.ts";
import { connect } from "../connection/driver.ts";
import { createMissingRoles } from "../load/load-roles.ts";
import { throwawaySettings } from "../place/place-settings.ts";
import { startThrowawayServer, type ThrowawayServer } from "../place/throwaway-server.ts";
import { findServerTools } from "../tools.ts";
import type { NoReprint, Reprint } from "./definition-meaning.ts";
import { type ReprintRequest, reprintDefinitions } from "./reprint-definitions.ts";

export interface ElsewhereRequest extends Omit<ReprintRequest, "maintenance" | "outline"> {
  readonly outline: Pick<ArchiveOutline, "createDatabase" | "roles">;
}

/**
 * Loads and prints the definitions in a throwaway server of the target's major on this machine, in
 * the sandbox of restore tests. Where there are no programs for one, or it fails, that is the
 * reason it returns: the restore itself goes on.
 * Errors: those of reading the archive; Interrupted.
 */
export async function reprintElsewhere(
  request: ElsewhereRequest,
  major: number,
  context: RunContext,
): Promise<Reprint | NoReprint> {
  try {
    const { directory } = await findServerTools(major, context);
    const server = await startThrowawayServer({ major, binDirectory: directory }, context);
    try {
      return await reprintThere(server, request, major, context);
    } finally {
      await server.stop();
    }
  } catch (error) {
    if (context.signal.aborted) throw abortError(context.signal);
    if (isHoldfastError(error) && !isHoldfastError(error, ...ofThisMachine)) throw error;
    const words = error instanceof Error ? error.message : String(error);
    return { reason: `user "${request.load.settings.user}" may not create a database there, and here: ${words}` };
  }
}

/** Errors that say nothing of the backup. */
const ofThisMachine = [
  "ToolMissing",
  "ThrowawayFailed",
  "DiskFull",
  "SourceUnreachable",
  "SourceAccessDenied",
  "RestoreFailed",
] as const;

async function reprintThere(
  server: ThrowawayServer,
  { load, outline, dumping, database, tablespace }: ElsewhereRequest,
  major: number,
  context: RunContext,
): Promise<Reprint> {
  const maintenance = "postgres";
  const connection = await connect(throwawaySettings(server, major, maintenance), context.signal);
  try {
    // Policies name them.
    await createMissingRoles(outline.roles, connection);
  } finally {
    await connection.close();
  }
  const confined: ReprintRequest["load"] = {
    ...load,
    source: await handOver(load.source, server),
    settings: throwawaySettings(server, major, database),
    directory: server.inputDirectory,
    confinement: server.clientConfinement(),
    handOver: server.handOver,
    // A role that is to own everything, and a tablespace, are the target server's own.
    options: load.options.filter((option) => !option.startsWith("--role=")),
  };
  const there = { ...dumping, confinement: server.clientConfinement };
  return reprintDefinitions(
    { load: confined, outline, dumping: there, maintenance, database, tablespace: tablespace === true },
    context,
  );
}

/**
 * An archive on disk is seen by the programs of the sandbox under another name, without a copy
 * where the file system can do that.
 */
async function handOver(source: ArchiveSource, server: ThrowawayServer): Promise<ArchiveSource> {
  if (source.kind === "stream") return source;
  const path = join(server.inputDirectory, "archive.dump");
  await link(source.path, path).catch(() => copyFile(source.path, path));
  await server.handOver(path);
  return { kind: "file", path };
}
