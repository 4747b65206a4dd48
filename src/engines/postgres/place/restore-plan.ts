/** Decides how a backup gets into its target, before anything is touched. */

import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { RestorePlan, RestoreRequest } from "../../engine.ts";
import { archiveBytesOnDisk, freeBytes, readGlobalsText } from "../archive/archive-source.ts";
import { findArchiveTools } from "../archive/archive-tools.ts";
import type { PostgresBackup } from "../backup-facts.ts";
import { assertEncrypted } from "../connection/check-connection.ts";
import { describePlace } from "../connection/connection.ts";
import { globalsName } from "../dump/dump.ts";
import { readAllowances } from "../load/load-order.ts";
import { checkTarget } from "./restore-checks.ts";
import type { DecidedRestore } from "./restore-decision.ts";
import { nameDatabases } from "./restore-names.ts";
import { decideOptions, readWishes } from "./restore-options.ts";
import { type RoleStatements, selectRoles } from "./restore-roles.ts";
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
  const survey = await surveyTarget(settings, facts, { owner: wishes.role, tablespace: wishes.tablespace }, context.signal);
  const allowed = readAllowances(source);
  const { withoutExtensions } = allowed;
  const checks = checkTarget({ facts, settings, survey, request, wishes, withoutExtensions });
  // No program reads a newer server's archive for an older one.
  if (survey.serverMajor < facts.serverMajor) return { settings, survey, checks };
  const tools = await findArchiveTools(backup.facts, context, survey.serverMajor);
  const roles = await planRoles(backup, survey, request);
  const onDisk = (await freeBytes(context.temporaryDirectory)) >= archiveBytesOnDisk(backup) + reserveBytes;
  const names = nameDatabases(settings.database, survey.state === "occupied", context);
  const options = decideOptions(facts, survey, settings, roles.roles, wishes);
  const endConnections = request.flags?.has("end-connections") === true;
  const { assertions = [] } = source?.restoreTest ?? {};
  const decision = { facts, settings, survey, tools, ...names, roles, allowed, ...options, endConnections, assertions, onDisk };
  return { settings, survey, checks, decision };
}

/**
 * What `--roles` creates; nothing where the role may not, which is a check. Errors: those of
 * reading the globals.
 */
async function planRoles(backup: PostgresBackup, survey: TargetSurvey, request: RestoreRequest): Promise<RoleStatements> {
  if (request.flags?.has("roles") !== true || !survey.superuser) return { roles: [], statements: [] };
  return selectRoles((await readGlobalsText(backup, globalsName)) ?? "", survey.presentRoles);
}

/** Says what restoring there would do (Engine.planRestore). Errors: as `decideRestore`. */
export async function planPostgresRestore(
  backup: PostgresBackup,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  context: RunContext,
): Promise<RestorePlan> {
  const { settings, survey, checks, decision } = await decideRestore(backup, source, request, context);
  return {
    target: describePlace(settings),
    occupied: survey.state === "occupied",
    steps: decision === undefined ? [] : await describeSteps(decision, context),
    checks,
  };
}
