/**
 * A restore into a server of the user's: loaded beside what is there, compared, and only then put
 * into place.
 */
import { HoldfastError, isHoldfastError } from "../../../errors/holdfast-error.ts";
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import { makePrivateDirectory, type PrivateDirectory } from "../../../runtime/private-directory.ts";
import { abortError } from "../../../runtime/process-group.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { Place } from "../../place.ts";
import { requirePassed } from "../../preflight.ts";
import type { RestoreRequest } from "../../restore-request.ts";
import { streamArchive } from "../archive/archive-source.ts";
import type { PostgresBackup } from "../backup-facts.ts";
import { describePlace } from "../connection/connection.ts";
import { openScript } from "../script/archive-script.ts";
import { describePart } from "../selection/read-selection.ts";
import { runAssertions } from "./assert-value.ts";
import { eraseInDatabase } from "./erase-rows.ts";
import { compareLoaded, compareLoadedSourceCheck } from "./place-compare.ts";
import { inDatabase, withNeutralSettings } from "./place-settings.ts";
import { withConnection } from "./restore-connection.ts";
import { dropDatabase, emptyDatabase, prepareDrop, renameDatabase } from "./restore-databases.ts";
import type { RestoreDecision } from "./restore-decision.ts";
import { loadJobs, loadTarget, type RestoreParts, type RestoreProgress } from "./restore-load.ts";
import { decideRestore } from "./restore-plan.ts";
import { swapDatabases } from "./restore-swap.ts";

/**
 * Opens a target for loading (Engine.openTarget). Nothing is made before `load`.
 * Errors: as `decideRestore`; RestoreRefused where a check fails.
 */
export async function openPostgresTarget(
  backup: PostgresBackup,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  context: RunContext,
): Promise<Place> {
  const { settings, checks, decision } = await decideRestore(backup, source, request, context);
  requirePassed(checks, describePlace(settings));
  if (decision === undefined) throw new HoldfastError("Internal", "a restore was not thought through, and no check says why");
  const directory = await makePrivateDirectory(context.temporaryDirectory, "holdfast-restore-");
  return createPlace({ backup, decision, directory, context });
}

function createPlace(parts: RestoreParts): Place {
  const { decision, context, directory } = parts;
  const progress: RestoreProgress = { created: false, settled: false };
  const guarded = <T>(work: () => Promise<T>): Promise<T> => guard(work, decision, context);
  const needLoaded = (): NonNullable<RestoreProgress["loaded"]> => {
    if (progress.loaded === undefined) throw new HoldfastError("Internal", "the target was asked before it was loaded");
    return progress.loaded;
  };
  let closing: Promise<void> | undefined;
  const { selection } = decision;
  return {
    ...(selection === undefined ? {} : { selection: describePart(selection) }),
    facts: {
      target: describePlace(decision.settings),
      serverVersion: decision.survey.serverVersion,
      toolVersion: decision.tools.version,
      load: decision.onDisk ? "from disk" : "streamed",
      jobs: decision.onDisk ? loadJobs : 1,
      notRestored: decision.notRestored,
      ...(decision.setAside === undefined ? {} : { replaced: `database "${decision.setAside}"` }),
    },
    load: () => guarded(() => loadTarget(parts, progress)),
    compare: (digest) =>
      guarded(async () => {
        const { database, deviations, reprint, expected } = needLoaded();
        const openFirst = () => openScript(decision.tools.pgRestore, streamArchive(parts.backup), context);
        const first = await expected(digest);
        const result = await compareLoaded(database, first, deviations, undefined, { openFirst, reprint }, context);
        progress.second = result.digest;
        return result.comparison;
      }),
    compareSourceCheck: (check) =>
      guarded(() => {
        const { database, deviations } = needLoaded();
        return compareLoadedSourceCheck(database, check, progress.second, deviations, context);
      }),
    // As the database will be used: with its own settings, by the role that restores.
    assert: () =>
      guarded(async () => {
        const { assertions } = decision;
        const target = inDatabase(decision.settings, needLoaded().database.settings.database);
        if (assertions.length === 0) return [];
        return withConnection(target, context, (connection) => runAssertions(assertions, connection));
      }),
    erase: (targets, older) =>
      guarded(() =>
        withConnection(needLoaded().database.settings, context, (connection) => eraseInDatabase(connection, targets, older)),
      ),
    keepBeside: () => guarded(() => keepBeside(decision, progress, context)),
    commit: () => guarded(() => commit(decision, progress, context)),
    close: () => {
      closing ??= close(parts, progress, directory);
      return closing;
    },
  };
}

/**
 * A server that fails in the middle is this restore's failure; what is left is removed by
 * `close`.
 */
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

async function commit(decision: RestoreDecision, progress: RestoreProgress, context: RunContext): Promise<void> {
  const { settings, survey, loadInto, setAside } = decision;
  const database = progress.loaded?.database;
  if (database === undefined) throw new HoldfastError("Internal", "a target was committed before it was loaded");
  context.progress.phase("analyze");
  await withConnection(database.settings, context, (connection) => connection.run("ANALYZE"));
  if (setAside !== undefined) {
    // From here on the copy is worth keeping, whatever happens to the renames.
    progress.settled = true;
    const options = { maintenance: survey.maintenance, endConnections: decision.endConnections };
    await swapDatabases({ target: settings.database, restored: loadInto, setAside }, options, context);
  }
  progress.settled = true;
}

/**
 * Keeps a copy that differs. A database that this restore made gets a name that says so; one that
 * was there and empty stays as it is.
 * Errors: the driver's; the copy is kept all the same.
 */
async function keepBeside(decision: RestoreDecision, progress: RestoreProgress, context: RunContext): Promise<string> {
  const { survey, loadInto, differsName } = decision;
  const database = progress.loaded?.database;
  if (database === undefined) throw new HoldfastError("Internal", "a target was to be kept before it was loaded");
  progress.settled = true;
  context.progress.phase("analyze");
  await withConnection(database.settings, context, (connection) => connection.run("ANALYZE"));
  if (!progress.created) return `database "${loadInto}", which was empty before`;
  await withConnection(survey.maintenance, context, (connection) => renameDatabase(loadInto, differsName, connection));
  return `database "${differsName}"`;
}

async function close({ decision, context }: RestoreParts, progress: RestoreProgress, directory: PrivateDirectory): Promise<void> {
  try {
    // After an interruption too: the run's own signal would refuse the connection.
    const fresh = { signal: new AbortController().signal };
    if (!progress.settled && progress.created) {
      const { survey, settings, loadInto } = decision;
      const made = inDatabase(withNeutralSettings(settings, survey.serverMajor, survey.superuser), loadInto);
      if (survey.superuser) await prepareDrop(made, fresh);
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
