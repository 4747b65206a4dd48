/**
 * Definitions judged by what they mean. PostgreSQL prints some differently once they were loaded,
 * so that the print of the source and of the restored copy may differ where the catalogue does not.
 * The archive's definitions, without rows, are loaded into a second, fresh database of the same
 * server: what the loaded database prints, and this one prints too, is what the backup's own
 * statements mean (docs/adr/0014).
 */
import type { ObjectDigest } from "../../../proof/content.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { ArchiveOutline } from "../archive/archive-outline.ts";
import { connect } from "../connection/driver.ts";
import type { ArchiveLoad } from "../load/archive-load.ts";
import { loadArchive } from "../load/load-archive.ts";
import { createDatabase } from "../load/load-database.ts";
import { dumpLoaded, type LoadedDatabase } from "../place/dump-loaded.ts";
import { inDatabase } from "../place/place-settings.ts";
import { dropDatabase, prepareDrop } from "../place/restore-databases.ts";
import { openScript } from "../script/archive-script.ts";
import type { Reprint } from "./definition-meaning.ts";
import { digestScript } from "./digest.ts";

export interface ReprintRequest {
  /**
   * As the rows were loaded: the same options, order and programs. Its settings are those of the
   * database to compare with.
   */
  readonly load: ArchiveLoad;
  readonly outline: Pick<ArchiveOutline, "createDatabase">;
  /** The program that dumps, and where. */
  readonly dumping: Omit<LoadedDatabase, "settings">;
  /** Where databases are made and dropped. */
  readonly maintenance: string;
  /** The fresh database's name; it must not exist. */
  readonly database: string;
  readonly tablespace: boolean | string;
}

/**
 * Loads the archive's definitions into a fresh database, prints and drops it. What does not load is
 * missing in the result, as it is in the loaded database. Errors: those of `loadArchive`, the
 * driver's, RestoreFailed, ContentInvalid.
 */
export async function reprintDefinitions(request: ReprintRequest, context: RunContext): Promise<Reprint> {
  const { load, dumping, database } = request;
  const settings = inDatabase(load.settings, database);
  await inMaintenance(request, context, (connection) =>
    createDatabase(request.outline, database, connection, { tablespace: request.tablespace }),
  );
  try {
    const options = [...load.options, "--schema-only"];
    const { beforeLast: _, ...alone } = load;
    await loadArchive({ ...alone, settings, options, keysBesideRows: true }, context);
    const reprinted = await digestScript(await dumpLoaded({ settings, ...dumping }, context, ["--schema-only"]), context);
    const archive = await digestDefinitions(load, context);
    return { archive, reprinted };
  } finally {
    // After an interruption too: the run's own signal would refuse the connection.
    const fresh = { signal: new AbortController().signal };
    await prepareDrop(settings, fresh).catch(() => undefined); // What it leaves, the dropping names.
    await inMaintenance(request, fresh, (connection) => dropDatabase(database, connection)).catch((error: unknown) =>
      context.log.warn(`could not drop database "${database}", which was made to compare definitions: ${String(error)}`),
    );
  }
}

/** The archive's definitions, of the entries that are loaded. */
export async function digestDefinitions(
  { pgRestore, source, only }: Pick<ArchiveLoad, "pgRestore" | "source" | "only">,
  context: RunContext,
): Promise<ObjectDigest[]> {
  const options = { schemaOnly: true, numbers: only !== undefined };
  return digestScript(await openScript(pgRestore, source, context, options), context, { only });
}

async function inMaintenance<T>(
  { load, maintenance }: ReprintRequest,
  context: Pick<RunContext, "signal">,
  use: (connection: Awaited<ReturnType<typeof connect>>) => Promise<T>,
): Promise<T> {
  const connection = await connect(inDatabase(load.settings, maintenance), context.signal);
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}
