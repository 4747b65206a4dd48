/** Decides how a backup gets into its target, before anything is touched. */

import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { RestorePlan, RestoreRequest } from "../../restore-request.ts";
import { archiveBytesOnDisk, freeBytes, readGlobalsText, streamArchive } from "../archive/archive-source.ts";
import { findArchiveTools } from "../archive/archive-tools.ts";
import type { PostgresBackup } from "../backup-facts.ts";
import { assertEncrypted } from "../connection/check-connection.ts";
import { describePlace } from "../connection/connection.ts";
import { globalsName } from "../dump/dump.ts";
import { readAllowances } from "../load/load-order.ts";
import { selectionChecks } from "../selection/describe-selection.ts";
import { type ArchiveSelection, type PartRequest, readSelection } from "../selection/read-selection.ts";
import { checkTarget } from "./restore-checks.ts";
import type { DecidedRestore } from "./restore-decision.ts";
import { nameDatabases } from "./restore-names.ts";
import { decideOptions, readWishes } from "./restore-options.ts";
import { type RoleStatements, selectRoles } from "./restore-roles.ts";
import { readStanding } from "./restore-standing.ts";
import { describeSteps } from "./restore-steps.ts";
import { surveyTarget, type TargetSurvey } from "./restore-survey.ts";
import { resolveTarget } from "./restore-target.ts";

/** Room that stays free on the temporary disk beside the archive. */
const reserveBytes = 64 * 1024 * 1024;

/**
 * Looks at the target, and decides how the backup gets there. A check that fails is a finding.
 * Errors: UsageInvalid, SecretUnavailable, SourceUnreachable, SourceAccessDenied, ToolMissing,
 * ContentInvalid.
 */
export async function decideRestore(
  backup: PostgresBackup,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  context: RunContext,
): Promise<DecidedRestore> {
  const facts = backup.facts;
  const settings = await resolveTarget(request.target, source, context);
  if (context.requireTls === true) assertEncrypted(settings);
  const wishes = readWishes(request.flags, request.values);
  const whole = await surveyTarget(settings, facts, { owner: wishes.role, tablespace: wishes.tablespace }, context.signal);
  const allowed = readAllowances(source);
  const { withoutExtensions } = allowed;
  const target = { facts, settings, request, wishes, withoutExtensions };
  // No program reads a newer server's archive for an older one.
  if (whole.serverMajor < facts.serverMajor) return { settings, survey: whole, checks: checkTarget({ ...target, survey: whole }) };
  const tools = await findArchiveTools(backup.facts, context, whole.serverMajor);
  const part = readPart(request);
  const selection = part && (await readSelection(tools.pgRestore, streamArchive(backup), part, context));
  const survey = selection === undefined ? whole : narrowSurvey(whole, selection);
  const checks = [...checkTarget({ ...target, survey }), ...(selection === undefined ? [] : selectionChecks(selection))];
  const roles = await planRoles(backup, survey, request, selection?.roles);
  const onDisk = (await freeBytes(context.temporaryDirectory)) >= archiveBytesOnDisk(backup) + reserveBytes;
  const names = nameDatabases(settings.database, survey.state === "occupied", context);
  const options = decideOptions(facts, survey, settings, roles.roles, wishes);
  const endConnections = request.flags?.has("end-connections") === true;
  const { assertions = [] } = source?.restoreTest ?? {};
  const decided = { facts, settings, survey, tools, ...names, roles, allowed, ...options, endConnections, onDisk, selection };
  // They ask of the whole database.
  const decision = { ...decided, assertions: selection === undefined ? assertions : [] };
  return { settings, survey, checks, decision };
}

/**
 * What `--roles` creates; nothing where the role may not, which is a check. Errors: those of
 * reading the globals.
 */
async function planRoles(
  backup: PostgresBackup,
  survey: TargetSurvey,
  request: RestoreRequest,
  wanted: ReadonlySet<string> | undefined,
): Promise<RoleStatements> {
  if (request.flags?.has("roles") !== true || !survey.superuser) return { roles: [], statements: [] };
  return selectRoles((await readGlobalsText(backup, globalsName)) ?? "", survey.presentRoles, wanted);
}

/** The part of the backup that is asked for; undefined: all of it. Errors: UsageInvalid. */
export function readPart({ only, flags }: Pick<RestoreRequest, "only" | "flags">): PartRequest | undefined {
  const content = flags?.has("schema-only") === true ? "definitions" : "all";
  return only === undefined && content === "all" ? undefined : { only, content };
}

/** What the server lacks counts where the selection needs it. */
function narrowSurvey(survey: TargetSurvey, { roles, entries, loaded }: ArchiveSelection): TargetSurvey {
  const extensions = entries.filter(({ type, dumpId }) => type === "EXTENSION" && loaded.has(dumpId)).map(({ name }) => name);
  return {
    ...survey,
    missingRoles: survey.missingRoles.filter((role) => roles.has(role)),
    missingExtensions: survey.missingExtensions.filter((extension) => extensions.includes(extension.split(" ")[0] as string)),
  };
}

/** Says what restoring there would do (Engine.planRestore). Errors: as `decideRestore`. */
export async function planPostgresRestore(
  backup: PostgresBackup,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  context: RunContext,
): Promise<RestorePlan> {
  const { settings, survey, checks, decision } = await decideRestore(backup, source, request, context);
  const occupied = survey.state === "occupied";
  return {
    target: describePlace(settings),
    occupied,
    ...(occupied ? { standing: await readStanding(settings, survey, context.signal) } : {}),
    steps: decision === undefined ? [] : await describeSteps(decision, context),
    checks,
  };
}
