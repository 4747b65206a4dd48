/**
 * Loads a backup into the server of a restore test: roles, tablespaces, the database, and at last
 * its own settings.
 */
import type { ContentDigest, LoadFinding } from "../../../proof/content.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import { type ArchiveOutline, readOutline } from "../archive/archive-outline.ts";
import { type ArchiveSource, readGlobalsText } from "../archive/archive-source.ts";
import type { PostgresBackup, PostgresFacts } from "../backup-facts.ts";
import { connect } from "../connection/driver.ts";
import { reprintDefinitions } from "../digest/reprint-definitions.ts";
import { globalsName } from "../dump/dump.ts";
import type { ArchiveLoad } from "../load/archive-load.ts";
import { type Classified, classifyErrors } from "../load/classify-errors.ts";
import { loadArchive } from "../load/load-archive.ts";
import { applyDatabaseStatements, createDatabase } from "../load/load-database.ts";
import { checkExtensions } from "../load/load-extensions.ts";
import { type Allowances, describeUnfilled, planLoad, unfilledObjects } from "../load/load-order.ts";
import { createMissingRoles, createMissingTablespaces, readGlobalStatements, replayGlobals } from "../load/load-roles.ts";
import { addExtension } from "../missing-extensions.ts";
import { selectionFindings } from "../selection/describe-selection.ts";
import { type ArchiveSelection, narrowDigest } from "../selection/read-selection.ts";
import type { ClientTools } from "../tools.ts";
import type { GlobalsDump, LoadedDatabase } from "./dump-loaded.ts";
import { databaseObjects, type PlaceDeviations, type SecondLook } from "./place-compare.ts";
import { throwawaySettings } from "./place-settings.ts";
import type { ThrowawayServer } from "./throwaway-server.ts";

/**
 * Sessions that load at once: more bring little where sorting and one large table bound the load.
 */
export const loadJobs = 2;
const reservedDatabases: readonly string[] = ["postgres", "template0", "template1"];

export interface ThrowawayParts {
  readonly backup: PostgresBackup;
  readonly facts: PostgresFacts;
  readonly tools: ClientTools;
  readonly server: ThrowawayServer;
  readonly allowed: Allowances;
  readonly context: RunContext;
  /** Absent: all of the backup. */
  readonly selection?: ArchiveSelection | undefined;
}

export interface LoadedThrowaway {
  readonly database: LoadedDatabase;
  readonly findings: readonly LoadFinding[];
  readonly deviations: PlaceDeviations;
  readonly globals: GlobalsDump | undefined;
  readonly reprint: SecondLook["reprint"];
  /** The part of the backup's digest that was loaded. */
  expected(digest: ContentDigest): Promise<ContentDigest>;
}

/** Two databases of the test's own; the archive's may have either name. */
const definitionsDatabase = "holdfast_definitions";

/** Loads the backup. Errors: those of reading it; ThrowawayFailed, DiskFull; the driver's. */
export async function loadThrowaway(source: ArchiveSource, parts: ThrowawayParts): Promise<LoadedThrowaway> {
  const { facts, tools, server, context, selection } = parts;
  if (source.kind === "file") await server.handOver(source.path);
  const outline = await readOutline(tools.pgRestore, source, context, { only: selection?.loaded });
  const name = reservedDatabases.includes(outline.database) ? `${outline.database}_restored` : outline.database;
  const settings = throwawaySettings(server, facts.serverMajor, name);
  const prepared = await prepare(parts, outline, name);

  context.progress.phase("load");
  const request: ArchiveLoad = {
    pgRestore: tools.pgRestore,
    source,
    outline,
    settings,
    directory: server.inputDirectory,
    confinement: server.clientConfinement(),
    handOver: server.handOver,
    options: [],
    jobs: loadJobs,
    only: selection?.loaded,
    order: planLoad(outline.order, parts.allowed),
    delegated: outline.delegated,
    keysBesideRows: outline.plainKeysOnly,
  };
  const errors = await loadArchive(request, context);
  const classified = classifyErrors(errors, {
    missingExtensions: prepared.missingExtensions,
    exceptedExtensions: parts.allowed.withoutExtensions,
    superuser: true,
    exclude: facts.exclude,
    exclusionEffects: facts.exclusionEffects,
    definitions: outline.definitions,
  });
  const settled = selection === undefined ? await settle(parts, outline, name) : [];
  const deviations = deviationsOf(parts, prepared, { outline, classified, isSettled: settled.length === 0 });
  const unfilled = describeUnfilled(outline.order, parts.allowed, selection?.loaded);
  const part = selectionFindings(selection, { newDatabase: true });
  const findings = [...part, ...prepared.findings, ...classified.findings, ...unfilled, ...settled];
  const fresh = {
    load: request,
    outline,
    dumping: { pgDump: tools.pgDump, confinement: server.clientConfinement },
    maintenance: "postgres",
    database: name === definitionsDatabase ? `${definitionsDatabase}_2` : definitionsDatabase,
    tablespace: true,
  };
  const reprint = () => reprintDefinitions(fresh, context);
  const database = { settings, pgDump: tools.pgDump, confinement: server.clientConfinement };
  const expected = (digest: ContentDigest) => narrowDigest(digest, selection, request, context);
  const globals = selection === undefined ? prepared.globals : undefined;
  return { database, findings, deviations, globals, reprint, expected };
}

interface LoadedContent {
  readonly outline: ArchiveOutline;
  readonly classified: Classified;
  /** Whether the database has the source's own settings. */
  readonly isSettled: boolean;
}

function deviationsOf(
  { facts, tools, allowed, selection }: ThrowawayParts,
  prepared: Prepared,
  { outline, classified, isSettled }: LoadedContent,
): PlaceDeviations {
  const lackingObjects = [...classified.lackingObjects, ...prepared.lackingObjects, ...unfilledObjects(outline.order, allowed)];
  return {
    ignoredPrefixes: [
      ...(prepared.sameLocale && isSettled ? [] : ["schema DATABASE"]),
      ...(selection === undefined ? [] : databaseObjects),
      ...prepared.ignoredPrefixes,
    ],
    lackingObjects: new Set(lackingObjects),
    exceptedObjects: classified.exceptedObjects,
    // Another major of the tools prints definitions in its own way.
    crossMajor: tools.major !== facts.toolMajor,
  };
}

interface Prepared {
  readonly findings: readonly LoadFinding[];
  readonly missingExtensions: readonly string[];
  readonly sameLocale: boolean;
  /** What the findings account for, in the digest's names. */
  readonly lackingObjects: readonly string[];
  readonly ignoredPrefixes: readonly string[];
  readonly globals: GlobalsDump | undefined;
}

/** Roles, tablespaces and the empty database. */
async function prepare(parts: ThrowawayParts, outline: ArchiveOutline, name: string): Promise<Prepared> {
  const { backup, facts, tools, server, context } = parts;
  const connection = await connect(throwawaySettings(server, facts.serverMajor, "postgres"), context.signal);
  try {
    const globalsText = await readGlobalsText(backup, globalsName);
    const findings: LoadFinding[] = [];
    const place = { connection, makeDirectory: server.makeDirectory };
    const replayed = await replayGlobals(globalsText === undefined ? [] : readGlobalStatements(globalsText), place);
    const missingRoles = await createMissingRoles(outline.roles, connection);
    const tablespaces = await createMissingTablespaces(outline.tablespaces, place);
    findings.push(...replayed.findings, ...tablespaces);
    const database = await createDatabase(outline, name, connection);
    const extensions = await checkExtensions(outline.extensions, facts.extensions ?? [], connection, {
      excepted: parts.allowed.withoutExtensions,
      remedy: (name) => addExtension(name, facts.serverMajor),
    });
    findings.push(...missingRoles, ...database.findings, ...extensions.findings);
    const captured = facts.globalsCaptured === "all";
    const own = [`role ${server.superuser}`, ...missingRoles.map(({ subject }) => subject)];
    const globals = captured ? { pgDumpall: tools.pgDumpall, passwords: facts.rolePasswords, own } : undefined;
    return {
      findings,
      missingExtensions: extensions.missing,
      sameLocale: database.sameLocale,
      lackingObjects: replayed.lackingObjects,
      ignoredPrefixes: tablespaces.some((finding) => finding.class === "lacking") ? ["tablespace "] : [],
      globals,
    };
  } finally {
    await connection.close();
  }
}

/**
 * The database's own settings come last, because they would govern the load. Set from within it:
 * comments and settings of databases lie in shared catalogues as bytes, in the encoding of the
 * session that wrote them.
 */
async function settle({ server, facts, context }: ThrowawayParts, outline: ArchiveOutline, name: string): Promise<LoadFinding[]> {
  const connection = await connect(throwawaySettings(server, facts.serverMajor, name), context.signal);
  try {
    return await applyDatabaseStatements(outline.databaseStatements, name, connection);
  } finally {
    await connection.close();
  }
}
