/**
 * Rows alone, into a database whose tables are there and empty: loaded in one transaction, which
 * changes nothing when it fails; then held to its foreign keys and compared.
 */
import { HoldfastError, isHoldfastError } from "../../../errors/holdfast-error.ts";
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import { compareDigests } from "../../../proof/compare-digests.ts";
import type { Comparison, ContentDigest } from "../../../proof/content.ts";
import { digestOfObjects } from "../../../proof/digest-root.ts";
import { type ErasureOutcome, type ErasureTarget, pathsObject, tableObject } from "../../../proof/erasure.ts";
import { makePrivateDirectory, type PrivateDirectory } from "../../../runtime/private-directory.ts";
import { abortError } from "../../../runtime/process-group.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { LoadOutcome, Place } from "../../place.ts";
import { requirePassed } from "../../preflight.ts";
import type { RestoreRequest } from "../../restore-request.ts";
import { readOutline } from "../archive/archive-outline.ts";
import { fetchArchive, streamArchive } from "../archive/archive-source.ts";
import type { PostgresBackup } from "../backup-facts.ts";
import { type ConnectionSettings, describePlace } from "../connection/connection.ts";
import { digestScript } from "../digest/digest.ts";
import { postgresDigestAlgorithm } from "../digest/digest-script.ts";
import type { ArchiveLoad } from "../load/archive-load.ts";
import { assertLoadedAlone, listEntries, runRestore, writeList } from "../load/run-restore.ts";
import { dumpLoaded } from "../place/dump-loaded.ts";
import { eraseInDatabase } from "../place/erase-rows.ts";
import { comparisonRules } from "../place/place-compare.ts";
import { withNeutralSettings } from "../place/place-settings.ts";
import { withConnection } from "../place/restore-connection.ts";
import { selectionFindings } from "../selection/describe-selection.ts";
import { describePart, narrowDigest } from "../selection/read-selection.ts";
import { chosenObjects, isChosen } from "../selection/select-digest.ts";
import { findDanglingRows } from "./dangling-rows.ts";
import { decideRows, type RowsDecision } from "./rows-plan.ts";
import { qualified } from "./rows-target.ts";

interface Parts {
  readonly backup: PostgresBackup;
  readonly decision: RowsDecision;
  readonly directory: PrivateDirectory;
  readonly context: RunContext;
}

/** Opens the database. Errors: as `decideRows`; RestoreRefused where a check fails. */
export async function openRowsPlace(
  backup: PostgresBackup,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  context: RunContext,
): Promise<Place> {
  const { settings, checks, decision } = await decideRows(backup, source, request, context);
  requirePassed(checks, describePlace(settings));
  if (decision === undefined) throw new HoldfastError("Internal", "rows were not thought through, and no check says why");
  const directory = await makePrivateDirectory(context.temporaryDirectory, "holdfast-restore-");
  return createPlace({ backup, decision, directory, context });
}

function createPlace(parts: Parts): Place {
  const { decision, directory, context } = parts;
  const { settings, survey, tools, tables, selection, onDisk } = decision;
  const neutral = withNeutralSettings(settings, survey.serverMajor, survey.superuser);
  let state: "untouched" | "loaded" | "settled" = "untouched";
  return {
    selection: describePart(selection),
    facts: {
      target: describePlace(settings),
      serverVersion: survey.serverVersion,
      toolVersion: tools.version,
      load: onDisk ? "from disk" : "streamed",
      jobs: 1,
    },
    load: () =>
      guard(decision, context, async () => {
        await loadRows(parts, neutral);
        state = "loaded";
        const dangling = await withConnection(neutral, context, (connection) => findDanglingRows(tables, connection));
        return { findings: [...selectionFindings(selection, { newDatabase: false }), ...dangling] } satisfies LoadOutcome;
      }),
    compare: (digest) => guard(decision, context, () => compareRows(parts, neutral, digest)),
    compareSourceCheck: async () => nothingCompared,
    erase: (targets, older) => guard(decision, context, () => eraseRows(parts, neutral, targets, older)),
    assert: async () => [],
    async keepBeside() {
      state = "settled";
      return `the rows of tables of ${describePlace(settings)} that were empty before`;
    },
    async commit() {
      state = "settled";
      context.progress.phase("analyze");
      const statements = tables.map((table) => `ANALYZE ${qualified(table)}`);
      await withConnection(neutral, context, async (connection) => {
        for (const statement of statements) await connection.run(statement);
      });
    },
    async close() {
      // Others may have written beside them: nothing is deleted.
      if (state === "loaded") context.log.warn(`the rows stay in ${describePlace(settings)}, whose tables were empty before`);
      state = "settled";
      await directory.remove();
    },
  };
}

const nothingCompared: Comparison = {
  equal: true,
  objectsCompared: 0,
  rowsCompared: 0,
  bytesCompared: 0,
  differenceCount: 0,
  differences: [],
};

async function guard<T>({ settings }: RowsDecision, { signal }: RunContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) throw abortError(signal);
    if (isHoldfastError(error) && !isHoldfastError(error, "SourceUnreachable", "ThrowawayFailed")) throw error;
    const words = error instanceof Error ? error.message : String(error);
    throw new HoldfastError("RestoreFailed", `the restore of rows to ${describePlace(settings)} failed: ${words}`, {
      cause: error,
    });
  }
}

/** In a transaction of its own session, so that nobody's other session is silent. */
function silent(settings: ConnectionSettings): ConnectionSettings {
  const { PGOPTIONS = "" } = settings.variables;
  return { ...settings, variables: { ...settings.variables, PGOPTIONS: `${PGOPTIONS} -c session_replication_role=replica` } };
}

/** Errors: RestoreFailed in the server's words, and nothing was changed; those of the archive. */
async function loadRows({ backup, decision, directory, context }: Parts, neutral: ConnectionSettings): Promise<void> {
  const { tools, selection, onDisk, settings } = decision;
  const source = onDisk ? await fetchArchive(backup, directory.path, context) : streamArchive(backup);
  const outline = await readOutline(tools.pgRestore, source, context);
  context.progress.phase("load");
  const options = ["--data-only"];
  const load: ArchiveLoad = {
    ...{ pgRestore: tools.pgRestore, source, outline, settings: silent(neutral) },
    ...{ directory: directory.path, options, jobs: 1 },
  };
  const listed = (await listEntries(load, context)).filter(({ dumpId }) => selection.loaded.has(dumpId));
  const list = await writeList(
    load,
    listed.map(({ dumpId }) => dumpId),
  );
  const run = await runRestore(load, ["--single-transaction", "--verbose", `--use-list=${list}`], context);
  assertLoadedAlone(run);
  const [first] = run.errors;
  if (first === undefined) return;
  throw new HoldfastError("RestoreFailed", `${describePlace(settings)} did not take the rows, and is as it was: ${first.message}`, {
    details: run.errors.map(({ message, entry }) => `${entry?.schema}.${entry?.name}: ${message}`),
    hint: "Bring the tables into the form that the backup has (restore its definitions with --schema-only to compare), then restore the rows again.",
  });
}

/** So many tables are named to pg_dump; of more, all of the database is dumped. */
const maxNamedTables = 200;

async function compareRows(
  { backup, decision, context }: Parts,
  neutral: ConnectionSettings,
  digest: ContentDigest,
): Promise<Comparison> {
  const { tools, selection, survey, tables, sequences } = decision;
  const { facts } = backup;
  const first = await narrowDigest(digest, selection, { pgRestore: tools.pgRestore, source: streamArchive(backup) }, context);
  const names = [...tables, ...sequences];
  const named =
    selection.only === undefined || names.length > maxNamedTables ? [] : names.map((each) => `--table=${qualified(each)}`);
  const script = await dumpLoaded({ settings: neutral, pgDump: tools.pgDump }, context, ["--data-only", ...named]);
  const columnOrder = new Map(
    (first.objects ?? []).flatMap(({ object, columns }) => (columns === undefined ? [] : [[object, columns] as const])),
  );
  const chosen = chosenObjects(selection.entries, selection.loaded).names;
  const objects = (await digestScript(script, context, { columnOrder })).filter(({ object }) => isChosen(object, chosen));
  const second = digestOfObjects(postgresDigestAlgorithm, objects);
  const crossMajor = survey.serverMajor !== facts.serverMajor || tools.major !== facts.toolMajor;
  const deviations = { ignoredPrefixes: [], lackingObjects: new Set<string>(), exceptedObjects: new Set<string>(), crossMajor };
  return compareDigests(first, second, comparisonRules(first, second, deviations, undefined));
}

/** Of the tables that were filled only: what else the database holds is not the backup's. */
function eraseRows(
  { decision, context }: Parts,
  neutral: ConnectionSettings,
  targets: readonly ErasureTarget[],
  older: readonly ErasureTarget[],
): Promise<ErasureOutcome> {
  const isFilled = (target: ErasureTarget): boolean =>
    "table" in target && decision.tables.some(({ schema, name }) => schema === target.schema && name === target.table);
  const others = targets.filter((target) => "table" in target && !isFilled(target));
  const reason = "its rows are not among those that were restored";
  const unmet = others.map((target) => ({ object: "table" in target ? tableObject(target) : pathsObject, count: 1, reason }));
  return withConnection(neutral, context, async (connection) => {
    const outcome = await eraseInDatabase(
      connection,
      targets.filter((target) => !others.includes(target)),
      older.filter(isFilled),
    );
    return { ...outcome, notApplicable: [...outcome.notApplicable, ...unmet] };
  });
}
