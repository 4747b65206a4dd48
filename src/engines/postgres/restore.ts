/** A restore into a server of the user's: loaded beside what is there, compared, and only then put into place. */
import { rm } from "node:fs/promises";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { PostgresSource } from "../../policy/policy.ts";
import type { ContentDigest, LoadFinding } from "../../proof/content.ts";
import { makePrivateDirectory, type PrivateDirectory } from "../../runtime/private-directory.ts";
import { abortError } from "../../runtime/process-group.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { BackupReader, Place, RestoreRequest } from "../engine.ts";
import { type ArchiveOutline, readOutline } from "./archive-outline.ts";
import { openScript } from "./archive-script.ts";
import { type ArchiveSource, fetchArchive, streamArchive } from "./archive-source.ts";
import { runAssertions } from "./assert-value.ts";
import { type ConnectionSettings, describePlace } from "./connection.ts";
import { type Connection, connect } from "./driver.ts";
import { loadArchive } from "./load-archive.ts";
import { applyDatabaseStatements, createDatabase } from "./load-database.ts";
import { classifyErrors } from "./load-errors.ts";
import { checkExtensions } from "./load-extensions.ts";
import { applyRights } from "./load-rights.ts";
import { compareLoaded, compareLoadedSourceCheck, type LoadedDatabase, type PlaceDeviations } from "./place-compare.ts";
import { inDatabase, withNeutralSettings } from "./place-settings.ts";
import {
  dropDatabase,
  dropSubscriptions,
  type EmptyState,
  emptyDatabase,
  readEmptyState,
  swapDatabases,
} from "./restore-databases.ts";
import { decideRestore, type RestoreDecision } from "./restore-plan.ts";

/** Sessions that load at once: a server of one's own has at least a few cores, and indexes dominate. */
const loadJobs = 4;
/** What the digest says of the database itself: not compared where the load left an existing database's own settings alone. */
const databaseObjects: readonly string[] = ["schema DATABASE", "schema ACL DATABASE", "schema COMMENT DATABASE", "owner DATABASE"];

/**
 * Opens a target for loading (Engine.openTarget). Nothing is made before `load`.
 * Errors: as `decideRestore`; RestoreRefused for an occupied target without `overwrite`.
 */
export async function openPostgresTarget(
  backup: BackupReader,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  context: RunContext,
): Promise<Place> {
  const decision = await decideRestore(backup, source, request, context);
  if (decision.survey.state === "occupied" && !request.overwrite) {
    throw new HoldfastError("RestoreRefused", `${describePlace(decision.settings)} exists and is not empty`);
  }
  const directory = await makePrivateDirectory(context.temporaryDirectory, "holdfast-restore-");
  return createPlace({ backup, decision, directory, context });
}

interface Parts {
  readonly backup: BackupReader;
  readonly decision: RestoreDecision;
  readonly directory: PrivateDirectory;
  readonly context: RunContext;
}

/** How far a restore has come, so that `close` knows what to take back. */
interface Progress {
  created: boolean;
  emptyState?: EmptyState;
  loaded?: { readonly database: LoadedDatabase; readonly deviations: PlaceDeviations };
  second?: ContentDigest;
  /** Committed, or kept on purpose after a failed swap. */
  settled: boolean;
}

function createPlace(parts: Parts): Place {
  const { decision, context, directory } = parts;
  const progress: Progress = { created: false, settled: false };
  const guarded = <T>(work: () => Promise<T>): Promise<T> => guard(work, decision, context);
  const needLoaded = (): NonNullable<Progress["loaded"]> => {
    if (progress.loaded === undefined) throw new HoldfastError("Internal", "the target was asked before it was loaded");
    return progress.loaded;
  };
  let closing: Promise<void> | undefined;
  return {
    facts: {
      target: describePlace(decision.settings),
      serverVersion: decision.survey.serverVersion,
      toolVersion: decision.tools.version,
      load: decision.onDisk ? "from disk" : "streamed",
      jobs: decision.onDisk ? loadJobs : 1,
      ...(decision.setAside === undefined ? {} : { replaced: `database "${decision.setAside}"` }),
    },
    load: () => guarded(() => load(parts, progress)),
    compare: (digest) =>
      guarded(async () => {
        const { database, deviations } = needLoaded();
        const openFirst = () => openScript(decision.tools.pgRestore, streamArchive(parts.backup), context);
        const result = await compareLoaded(database, digest, deviations, undefined, openFirst, context);
        progress.second = result.digest;
        return result.comparison;
      }),
    compareSourceCheck: (check) => guarded(() => compareLoadedSourceCheck(needLoaded().database, check, progress.second, context)),
    assert: (assertions) =>
      guarded(() => withConnection(needLoaded().database.settings, context, (connection) => runAssertions(assertions, connection))),
    commit: () => guarded(() => commit(decision, progress, context)),
    close: () => {
      closing ??= close(parts, progress, directory);
      return closing;
    },
  };
}

/** A server that gives way in the middle is this restore's failure; what is left is taken back by `close`. */
async function guard<T>(work: () => Promise<T>, decision: RestoreDecision, context: RunContext): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (context.signal.aborted) throw abortError(context.signal);
    if (isHoldfastError(error) && !isHoldfastError(error, "SourceUnreachable", "ThrowawayFailed")) throw error;
    const words = error instanceof Error ? error.message : String(error);
    throw new HoldfastError("RestoreFailed", `the restore to ${describePlace(decision.settings)} failed: ${words}`, {
      cause: error,
      details: isHoldfastError(error) ? error.details : [],
    });
  }
}

async function withConnection<T>(
  settings: ConnectionSettings,
  context: Pick<RunContext, "signal">,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connect(settings, context.signal);
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

async function load(parts: Parts, progress: Progress): Promise<{ findings: readonly LoadFinding[] }> {
  const { backup, decision, directory, context } = parts;
  const { survey, tools, options } = decision;
  const source = decision.onDisk ? await fetchArchive(backup, directory.path, context) : streamArchive(backup);
  const outline = await readOutline(tools.pgRestore, source, context, { rights: decision.rightsAfterwards });
  const maintenance = withNeutralSettings(survey.maintenance, survey.serverMajor, survey.superuser);
  const settings = inDatabase(withNeutralSettings(decision.settings, survey.serverMajor, survey.superuser), decision.loadInto);
  const prepared = await prepare(decision, outline, settings, maintenance, progress, context);

  context.progress.phase("load");
  const request = { pgRestore: tools.pgRestore, source, outline, settings, directory: directory.path, options, jobs: loadJobs };
  const errors = await loadArchive(request, context);
  await removeCopy(source);
  const classified = classifyErrors(errors, {
    missingExtensions: prepared.missingExtensions,
    superuser: survey.superuser,
    exclude: decision.facts.exclude,
  });
  const rights = await withConnection(settings, context, (connection) =>
    applyRights(outline.rights, survey.missingRoles, connection, decision.settings.user),
  );
  const database = progress.created
    ? await settle(decision, outline, maintenance, context)
    : { findings: [], ignored: databaseObjects };
  progress.loaded = {
    database: { settings, pgDump: tools.pgDump },
    deviations: {
      ignoredPrefixes: [...prepared.ignored, ...database.ignored, ...ignoredPrefixes(decision)],
      lackingObjects: classified.lackingObjects,
      crossMajor: survey.serverMajor !== decision.facts.serverMajor || tools.major !== decision.facts.toolMajor,
    },
  };
  const findings = [...decisionFindings(decision), ...prepared.findings, ...classified.findings, ...rights, ...database.findings];
  return { findings };
}

/** The database's own settings; what this server refuses of them is named, and takes nothing from the content. */
async function settle(
  decision: RestoreDecision,
  outline: ArchiveOutline,
  maintenance: ConnectionSettings,
  context: RunContext,
): Promise<{ readonly findings: readonly LoadFinding[]; readonly ignored: readonly string[] }> {
  const refused = await withConnection(maintenance, context, (connection) =>
    applyDatabaseStatements(outline.databaseStatements, decision.loadInto, connection),
  );
  const findings = refused.map((finding) => ({ ...finding, class: "benign" as const }));
  return { findings, ignored: refused.length > 0 ? databaseObjects : [] };
}

/** The archive's copy on disk is not needed after the load. */
async function removeCopy(source: ArchiveSource): Promise<void> {
  if (source.kind === "file") await rm(source.path, { force: true });
}

function decisionFindings(decision: RestoreDecision): LoadFinding[] {
  return decision.notices.map((message) => ({ class: "benign", subject: decision.settings.database, message }));
}

/** What a load leaves out is not compared: owners and rights together, because a right's wording depends on the owner. */
function ignoredPrefixes({ options }: RestoreDecision): string[] {
  const prefixes: string[] = [];
  if (options.includes("--no-owner") || options.includes("--no-privileges")) {
    prefixes.push("owner ", "schema ACL ", "schema DEFAULT ACL ");
  }
  if (options.includes("--no-tablespaces")) prefixes.push("tablespace ", "schema DATABASE");
  return prefixes;
}

async function prepare(
  decision: RestoreDecision,
  outline: ArchiveOutline,
  settings: ConnectionSettings,
  maintenance: ConnectionSettings,
  progress: Progress,
  context: RunContext,
): Promise<{ findings: LoadFinding[]; missingExtensions: readonly string[]; ignored: string[] }> {
  const findings: LoadFinding[] = [];
  const ignored: string[] = [];
  if (decision.survey.state === "empty") {
    progress.emptyState = await withConnection(settings, context, readEmptyState);
  } else {
    const tablespace = !decision.options.includes("--no-tablespaces");
    const database = await withConnection(maintenance, context, (connection) =>
      createDatabase(outline, decision.loadInto, connection, { tablespace }),
    );
    progress.created = true;
    findings.push(...database.findings);
    if (!database.sameLocale) ignored.push("schema DATABASE");
  }
  const extensions = await withConnection(settings, context, (connection) =>
    checkExtensions(outline.extensions, decision.facts.extensions ?? [], connection),
  );
  findings.push(...extensions.findings);
  return { findings, missingExtensions: extensions.missing, ignored };
}

async function commit(decision: RestoreDecision, progress: Progress, context: RunContext): Promise<void> {
  const { settings, survey, loadInto, setAside } = decision;
  const database = progress.loaded?.database;
  if (database === undefined) throw new HoldfastError("Internal", "a target was committed before it was loaded");
  context.progress.phase("analyze");
  await withConnection(database.settings, context, (connection) => connection.run("ANALYZE"));
  if (setAside !== undefined) {
    // From here on the copy is worth keeping, whatever happens to the renames.
    progress.settled = true;
    await withConnection(survey.maintenance, context, (connection) =>
      swapDatabases({ target: settings.database, restored: loadInto, setAside }, connection),
    );
  }
  progress.settled = true;
}

async function close({ decision, context }: Parts, progress: Progress, directory: PrivateDirectory): Promise<void> {
  try {
    // After an interruption too: the run's own signal would refuse the connection.
    const fresh = { signal: new AbortController().signal };
    if (!progress.settled && progress.created) {
      const { survey, settings, loadInto } = decision;
      const made = inDatabase(withNeutralSettings(settings, survey.serverMajor, survey.superuser), loadInto);
      if (survey.superuser) await withConnection(made, fresh, dropSubscriptions);
      await withConnection(decision.survey.maintenance, fresh, (connection) => dropDatabase(decision.loadInto, connection));
    } else if (!progress.settled && progress.emptyState !== undefined) {
      const { emptyState } = progress;
      const { settings, survey } = decision;
      const neutral = withNeutralSettings(settings, survey.serverMajor, survey.superuser);
      await withConnection(neutral, fresh, (connection) => emptyDatabase(emptyState, connection));
    }
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    context.log.warn(`could not take back the restore into database "${decision.loadInto}": ${words}`);
  } finally {
    await directory.remove();
  }
}
