import type { ContentDigest, LoadFinding } from "../../../proof/content.ts";
import type { PrivateDirectory } from "../../../runtime/private-directory.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import { type ArchiveOutline, readOutline } from "../archive/archive-outline.ts";
import { fetchArchive, streamArchive } from "../archive/archive-source.ts";
import type { PostgresBackup } from "../backup-facts.ts";
import type { ConnectionSettings } from "../connection/connection.ts";
import type { NoReprint, Reprint } from "../digest/definition-meaning.ts";
import { reprintDefinitions } from "../digest/reprint-definitions.ts";
import { reprintElsewhere } from "../digest/reprint-elsewhere.ts";
import type { ArchiveLoad } from "../load/archive-load.ts";
import { type Classified, classifyErrors } from "../load/classify-errors.ts";
import { loadArchive } from "../load/load-archive.ts";
import { applyDatabaseStatements, createDatabase } from "../load/load-database.ts";
import type { RestoreError } from "../load/load-errors.ts";
import { checkExtensions } from "../load/load-extensions.ts";
import { describeUnfilled, planLoad, unfilledObjects } from "../load/load-order.ts";
import { applyRights } from "../load/load-rights.ts";
import { selectionFindings } from "../selection/describe-selection.ts";
import { narrowDigest, prefixesBeyond } from "../selection/read-selection.ts";
import type { LoadedDatabase } from "./dump-loaded.ts";
import { databaseObjects, type PlaceDeviations, type SecondLook } from "./place-compare.ts";
import { inDatabase, withNeutralSettings } from "./place-settings.ts";
import { withConnection } from "./restore-connection.ts";
import { type EmptyState, readEmptyState } from "./restore-databases.ts";
import type { RestoreDecision } from "./restore-decision.ts";
import { wantedOfDatabase, wantedRights } from "./restore-options.ts";
import { createRoles } from "./restore-roles.ts";
import { superuserWarning } from "./restore-steps.ts";

/**
 * Sessions that load at once: a server of one's own has at least a few cores, and indexes dominate.
 */
export const loadJobs = 4;
export interface RestoreParts {
  readonly backup: PostgresBackup;
  readonly decision: RestoreDecision;
  readonly directory: PrivateDirectory;
  readonly context: RunContext;
}

/** How far a restore has come, so that `close` knows what to take back. */
export interface RestoreProgress {
  created: boolean;
  emptyState?: EmptyState;
  loaded?: {
    readonly database: LoadedDatabase;
    readonly deviations: PlaceDeviations;
    readonly reprint: SecondLook["reprint"];
    /** The part of the backup's digest that was loaded. */
    expected(digest: ContentDigest): Promise<ContentDigest>;
  };
  second?: ContentDigest;
  /** Committed, or kept on purpose after a failed swap. */
  settled: boolean;
}

/**
 * Loads the backup; `progress` says how far it came, whatever happens. Errors: those of reading it;
 * RestoreFailed, DiskFull; the driver's.
 */
export async function loadTarget(parts: RestoreParts, progress: RestoreProgress): Promise<{ findings: readonly LoadFinding[] }> {
  const { backup, decision, directory, context } = parts;
  const { survey, tools, options, wishes, selection } = decision;
  const source = decision.onDisk ? await fetchArchive(backup, directory.path, context) : streamArchive(backup);
  const outlined = { rights: decision.rightsAfterwards, only: selection?.loaded };
  const outline = await readOutline(tools.pgRestore, source, context, outlined);
  if (survey.superuser) context.log.warn(superuserWarning(decision.settings));
  const maintenance = withNeutralSettings(survey.maintenance, survey.serverMajor, survey.superuser);
  const settings = inDatabase(withNeutralSettings(decision.settings, survey.serverMajor, survey.superuser), decision.loadInto);
  const roles = await withConnection(maintenance, context, (connection) => createRoles(decision.roles, connection));
  const prepared = await prepare(decision, outline, settings, maintenance, progress, context);

  context.progress.phase("load");
  const wanted = wantedRights(outline.rights, wishes);
  const rights: LoadFinding[] = [];
  const request: ArchiveLoad = {
    pgRestore: tools.pgRestore,
    source,
    outline,
    settings,
    directory: directory.path,
    options,
    jobs: loadJobs,
    only: selection?.loaded,
    order: planLoad(outline.order, decision.allowed),
    delegated: options.includes("--no-privileges") || !survey.superuser ? [] : outline.delegated,
    // Before event triggers are made, for which owners and rights are commands like others.
    beforeLast: async () => {
      rights.push(...(await grantRights(decision, wanted.filter(isFiring), settings, context)));
    },
  };
  const errors = await loadArchive(request, context);
  const last = wanted.filter((statement) => !isFiring(statement));
  rights.push(...(await grantRights(decision, last, settings, context)));
  const classified = classify(errors, decision, outline, prepared.missingExtensions);
  // A part is of no database: the source's own settings are left where they are.
  const settles = progress.created && selection?.only === undefined;
  const database = settles ? await settle(decision, outline, settings, context) : { findings: [], ignored: databaseObjects };
  progress.loaded = {
    database: { settings, pgDump: tools.pgDump },
    deviations: {
      ignoredPrefixes: [...prepared.ignored, ...database.ignored, ...ignoredPrefixes(decision)],
      lackingObjects: new Set([...classified.lackingObjects, ...unfilledObjects(outline.order, decision.allowed)]),
      exceptedObjects: classified.exceptedObjects,
      crossMajor: survey.serverMajor !== decision.facts.serverMajor || tools.major !== decision.facts.toolMajor,
    },
    reprint: () => reprint(request, decision, outline, context),
    expected: (digest) => narrowDigest(digest, selection, request, context),
  };
  const unfilled = describeUnfilled(outline.order, decision.allowed, selection?.loaded);
  const views = [...classified.findings, ...unfilled].map(noteUnfilled);
  const decided = [...decisionFindings(decision), ...selectionFindings(selection, { newDatabase: progress.created })];
  return { findings: [...decided, ...roles, ...prepared.findings, ...views, ...rights, ...database.findings] };
}

function classify(
  errors: readonly RestoreError[],
  { survey, allowed, facts }: RestoreDecision,
  { definitions }: ArchiveOutline,
  missingExtensions: readonly string[],
): Classified {
  const { exclude, exclusionEffects } = facts;
  const circumstances = { missingExtensions, exceptedExtensions: allowed.withoutExtensions, superuser: survey.superuser };
  return classifyErrors(errors, { ...circumstances, exclude, exclusionEffects, definitions });
}

/**
 * A backup has no rows of a materialized view, and a restore without them is whole: it says how to
 * fill the view.
 */
function noteUnfilled(finding: LoadFinding): LoadFinding {
  const view = /^MATERIALIZED VIEW DATA (.*)$/s.exec(finding.subject)?.[1];
  if (view === undefined || finding.class !== "lacking") return finding;
  return { ...finding, class: "benign", message: `${finding.message}; fill it with REFRESH MATERIALIZED VIEW ${view}` };
}

/**
 * Whether event triggers fire for a statement; for those about event triggers themselves none does.
 */
const isFiring = (statement: string): boolean => !statement.startsWith("ALTER EVENT TRIGGER ");

/** Owners and rights of the roles that are there, where some are not. */
function grantRights(
  { survey, settings: { user }, roles, wishes: { role = user } }: RestoreDecision,
  statements: readonly string[],
  settings: ConnectionSettings,
  context: RunContext,
): Promise<LoadFinding[]> {
  if (statements.length === 0) return Promise.resolve([]);
  const missing = survey.missingRoles.filter((role) => !roles.roles.includes(role));
  return withConnection(settings, context, (connection) => applyRights(statements, missing, connection, role));
}

/**
 * Definitions are loaded once more beside the target, where the role may make a database there;
 * else into a server of their own.
 */
async function reprint(
  load: ArchiveLoad,
  decision: RestoreDecision,
  outline: ArchiveOutline,
  context: RunContext,
): Promise<Reprint | NoReprint> {
  const { survey, tools, options, definitionsName: database } = decision;
  const tablespace = decision.wishes.tablespace ?? !options.includes("--no-tablespaces");
  const request = { load, outline, dumping: { pgDump: tools.pgDump }, database, tablespace };
  return survey.mayCreateDatabases
    ? reprintDefinitions({ ...request, maintenance: survey.maintenance.database }, context)
    : reprintElsewhere(request, survey.serverMajor, context);
}

/**
 * The database's own settings, from within it, because they are stored in the encoding of the
 * session that sets them; what this server refuses of them is named, and takes nothing from the
 * content.
 */
async function settle(
  decision: RestoreDecision,
  outline: ArchiveOutline,
  settings: ConnectionSettings,
  context: RunContext,
): Promise<{ readonly findings: readonly LoadFinding[]; readonly ignored: readonly string[] }> {
  const refused = await withConnection(settings, context, (connection) =>
    applyDatabaseStatements(wantedOfDatabase(outline.databaseStatements, decision.wishes), decision.loadInto, connection),
  );
  const findings = refused.map((finding) => ({ ...finding, class: "benign" as const }));
  return { findings, ignored: refused.length > 0 ? databaseObjects : [] };
}

function decisionFindings(decision: RestoreDecision): LoadFinding[] {
  return decision.notices.map((message) => ({ class: "benign", subject: decision.settings.database, message }));
}

/**
 * What a load leaves out is not compared: owners and rights together, because a right's wording
 * depends on the owner.
 */
function ignoredPrefixes({ options, selection }: RestoreDecision): string[] {
  const prefixes = selection === undefined ? [] : prefixesBeyond(selection);
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
  progress: RestoreProgress,
  context: RunContext,
): Promise<{ findings: LoadFinding[]; missingExtensions: readonly string[]; ignored: string[] }> {
  const findings: LoadFinding[] = [];
  const ignored: string[] = [];
  if (decision.survey.state === "empty") {
    progress.emptyState = await withConnection(settings, context, readEmptyState);
  } else {
    const tablespace = decision.wishes.tablespace ?? !decision.options.includes("--no-tablespaces");
    const owner = decision.wishes.role;
    const database = await withConnection(maintenance, context, (connection) =>
      createDatabase(outline, decision.loadInto, connection, { tablespace, owner }),
    );
    progress.created = true;
    findings.push(...database.findings);
    if (!database.sameLocale) ignored.push("schema DATABASE");
  }
  const extensions = await withConnection(settings, context, (connection) =>
    checkExtensions(outline.extensions, decision.facts.extensions, connection),
  );
  findings.push(...extensions.findings);
  return { findings, missingExtensions: extensions.missing, ignored };
}
