/** Decides how a backup gets into its target, before anything is touched. */

import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { RestorePlan, RestoreRequest } from "../../engine.ts";
import { archiveBytesOnDisk, freeBytes, readGlobalsText } from "../archive/archive-source.ts";
import { findArchiveTools } from "../archive/archive-tools.ts";
import type { PostgresBackup, PostgresFacts } from "../backup-facts.ts";
import { assertEncrypted } from "../connection/check-connection.ts";
import { type ConnectionSettings, describePlace } from "../connection/connection.ts";
import { globalsName } from "../dump/dump.ts";
import { type Allowances, readAllowances } from "../load/load-order.ts";
import { spellQualified } from "../script/script-identifiers.ts";
import { type ClientTools, findServerTools } from "../tools.ts";
import { type RoleStatements, selectRoles } from "./restore-roles.ts";
import { surveyTarget, type TargetSurvey } from "./restore-survey.ts";
import { longestNameBytes, resolveTarget } from "./restore-target.ts";

/** Room that stays free on the temporary disk beside the archive. */
const reserveBytes = 64 * 1024 * 1024;

/** Everything a restore needs to know; made without touching the target. */
export interface RestoreDecision {
  readonly facts: PostgresFacts;
  readonly settings: ConnectionSettings;
  readonly survey: TargetSurvey;
  readonly tools: ClientTools;
  /**
   * The database that is loaded into: the target itself, or a new one beside an occupied target.
   */
  readonly loadInto: string;
  /** What the occupied target is called afterwards. */
  readonly setAside?: string;
  /** What a copy is called that differs from the backup. */
  readonly differsName: string;
  /** A database that lives for as long as definitions are compared. */
  readonly definitionsName: string;
  /** The backup's roles that are created first. */
  readonly roles: RoleStatements;
  readonly allowed: Allowances;
  /** What of the backup is not restored: `owners and grants`. */
  readonly notRestored?: string | undefined;
  /** What is left out of the load, as pg_restore's options. */
  readonly options: readonly string[];
  /**
   * Whether owners and rights are applied one by one after the load, because some of their roles
   * are not there.
   */
  readonly rightsAfterwards: boolean;
  readonly onDisk: boolean;
  /** In sentences, for people. */
  readonly notices: readonly string[];
}

/** `name` with a suffix, cut to the length of a name; never within a character. */
function suffixed(name: string, suffix: string): string {
  let stem = name;
  while (Buffer.byteLength(stem) + Buffer.byteLength(suffix) > longestNameBytes) stem = [...stem].slice(0, -1).join("");
  return stem + suffix;
}

/** `20261120T020000Z`, as in backups' ids. */
function compactTime(instant: Date): string {
  return instant.toISOString().replaceAll(/[-:]|\.\d+/g, "");
}

/**
 * Errors: UsageInvalid, SecretUnavailable, SourceUnreachable, SourceAccessDenied, RestoreRefused,
 * ToolMissing, ContentInvalid.
 */
export async function decideRestore(
  backup: PostgresBackup,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  context: RunContext,
): Promise<RestoreDecision> {
  const facts = backup.facts;
  const settings = await resolveTarget(request.target, source, context);
  if (context.requireTls === true) assertEncrypted(settings);
  const survey = await surveyTarget(settings, facts, context.signal);
  const tools = await findArchiveTools(backup.facts, context, survey.serverMajor);
  if (survey.state !== "empty" && !survey.mayCreateDatabases) {
    throw new HoldfastError(
      "RestoreRefused",
      `user "${settings.user}" may not create databases on ${settings.host}:${settings.port}`,
      {
        hint: `Give it the right (ALTER ROLE "${settings.user}" CREATEDB), or create an empty database and restore into that.`,
      },
    );
  }
  if (survey.state === "occupied" && request.overwrite && !survey.ownsTarget) {
    throw new HoldfastError(
      "RestoreRefused",
      `user "${settings.user}" does not own the database "${settings.database}" and may not rename it`,
      {
        hint: "Run the restore as the owner of the database or as a superuser, or restore to a new database.",
      },
    );
  }
  const roles = await planRoles(backup, survey, request, settings);
  const onDisk = (await freeBytes(context.temporaryDirectory)) >= archiveBytesOnDisk(backup) + reserveBytes;
  const beside = survey.state === "occupied";
  const suffix = Buffer.from(context.randomBytes(3)).toString("hex");
  return {
    facts,
    settings,
    survey,
    tools,
    loadInto: beside ? suffixed(settings.database, `_holdfast_${suffix}`) : settings.database,
    ...(beside ? { setAside: suffixed(settings.database, `_before_${compactTime(context.clock.now()).toLowerCase()}`) } : {}),
    differsName: suffixed(settings.database, `_differs_${compactTime(context.clock.now()).toLowerCase()}`),
    definitionsName: suffixed(settings.database, `_definitions_${suffix}`),
    roles,
    allowed: readAllowances(source),
    ...decideOptions(facts, survey, settings, roles),
    onDisk,
  };
}

/**
 * What `--roles` creates. Errors: RestoreRefused when the role may not, and those of reading the
 * globals.
 */
async function planRoles(
  backup: PostgresBackup,
  survey: TargetSurvey,
  request: RestoreRequest,
  settings: ConnectionSettings,
): Promise<RoleStatements> {
  if (request.flags?.has("roles") !== true) return { roles: [], statements: [] };
  if (!survey.superuser) {
    throw new HoldfastError("RestoreRefused", `user "${settings.user}" may not create the backup's roles: it is not a superuser`, {
      hint: "Run the restore as a superuser, or without --roles.",
    });
  }
  return selectRoles((await readGlobalsText(backup, globalsName)) ?? "", survey.presentRoles);
}

function decideOptions(
  facts: PostgresFacts,
  survey: TargetSurvey,
  settings: ConnectionSettings,
  created: RoleStatements,
): Pick<RestoreDecision, "options" | "rightsAfterwards" | "notices" | "notRestored"> {
  const options: string[] = [];
  const notices: string[] = [];
  const missing = survey.missingRoles.filter((role) => !created.roles.includes(role));
  const roles = missing.join(", ");
  const notRestored = survey.superuser ? undefined : roles === "" ? "owners" : "owners and grants";
  if (notRestored !== undefined) {
    notices.push(
      `${notRestored} NOT restored: "${settings.user}" is not a superuser here, and everything will belong to it; restore as a superuser to keep them`,
    );
  }
  if (roles !== "") {
    notices.push(
      `roles missing on this server: ${roles}; their objects will belong to "${settings.user}", grants to them are left out (as a superuser, --roles creates them)`,
    );
  }
  // A table whose owner cannot be set counts as failed for pg_restore, which then does not load its
  // rows in order.
  if (!survey.superuser || roles !== "") options.push("--no-owner");
  if (roles !== "") options.push("--no-privileges");
  if (survey.missingTablespaces.length > 0) {
    options.push("--no-tablespaces");
    notices.push(`tablespaces missing on this server: ${survey.missingTablespaces.join(", ")}; the default one is used`);
  } else if (!survey.superuser && (facts.tablespaces ?? []).length > 0) {
    options.push("--no-tablespaces");
    notices.push("everything goes to the default tablespace");
  }
  const rightsAfterwards = survey.superuser && roles !== "";
  return { options, rightsAfterwards, notices, notRestored };
}

/** Says what restoring there would do (Engine.planRestore). Errors: as `decideRestore`. */
export async function planPostgresRestore(
  backup: PostgresBackup,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  context: RunContext,
): Promise<RestorePlan> {
  const decision = await decideRestore(backup, source, request, context);
  const { survey, settings } = decision;
  return { target: describePlace(settings), occupied: survey.state === "occupied", steps: await describeSteps(decision, context) };
}

/** What is said before a superuser loads what others wrote. */
export function superuserWarning({ user }: ConnectionSettings): string {
  return `functions and constraints of the backup run on that server as "${user}", a superuser: take another role unless the source's table owners may do everything there`;
}

async function describeSteps(decision: RestoreDecision, context: RunContext): Promise<string[]> {
  const { survey, settings, facts, tools, loadInto, setAside, roles } = decision;
  const load = decision.onDisk ? "fetch the archive, and load it in parallel" : "stream the archive into it, in one transaction";
  const steps = [
    `connect to ${settings.host}:${settings.port}, PostgreSQL ${survey.serverVersion}, as "${settings.user}"`,
    survey.state === "empty" ? `use the empty database "${loadInto}"` : `create the database "${loadInto}"`,
    ...(roles.roles.length === 0 ? [] : [`create the roles that are missing here: ${roles.roles.join(", ")}`]),
    `${load} with pg_restore ${tools.version}`,
    ...(survey.superuser ? [superuserWarning(settings)] : []),
    ...decision.notices,
    ...describeMissing(decision),
    ...describeExcluded(facts),
    survey.serverMajor === facts.serverMajor
      ? "dump it again and compare every object with the backup"
      : `dump it again and compare every object with the backup; definitions as PostgreSQL ${survey.serverMajor} prints those of the backup`,
    await describeReprint(decision, context),
    "collect statistics (ANALYZE)",
  ];
  if (setAside !== undefined) {
    const sessions = survey.sessions > 0 ? ` (${survey.sessions} sessions are connected to it now and must end first)` : "";
    steps.push(`rename "${settings.database}" to "${setAside}"${sessions}`, `rename "${loadInto}" to "${settings.database}"`);
  }
  return steps;
}

/**
 * Where definitions are loaded once more when they are printed differently: most databases have
 * such definitions.
 */
async function describeReprint({ survey, definitionsName }: RestoreDecision, context: RunContext): Promise<string> {
  const when = "where a definition is printed differently, load the backup's definitions without rows";
  if (survey.mayCreateDatabases)
    return `${when} into the database "${definitionsName}" on that server, compare with its print, and drop it again`;
  const found = await findServerTools(survey.serverMajor, context).catch((error: unknown) => error);
  if (found instanceof Error) return `definitions that are printed differently cannot be judged: ${found.message}`;
  return `${when} into a throwaway server of PostgreSQL ${survey.serverMajor} on this machine, compare with its print, and remove it again`;
}

const maxNamedEffects = 10;

/** What the backup cannot give back because the policy excluded what it needs. */
function describeExcluded({ exclusionEffects }: PostgresFacts): string[] {
  const name = (effects: PostgresFacts["exclusionEffects"]): string => {
    const more = effects.length - maxNamedEffects;
    const named = effects
      .slice(0, maxNamedEffects)
      .map(({ object, needs }) => `${object} (${spellQualified(needs.schema, needs.name)})`);
    return `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  };
  const lost = exclusionEffects.filter(({ loses }) => loses === "rows");
  const out = exclusionEffects.filter(({ loses }) => loses === "definition");
  const keys = exclusionEffects.filter(({ loses }) => loses === "reference");
  return [
    ...(lost.length === 0
      ? []
      : [
          `NOT restored with their rows, because the policy excludes what they need: ${name(lost)}; the restore ends with exit code 4`,
        ]),
    ...(out.length === 0 ? [] : [`left out, because the policy excludes what they need: ${name(out)}`]),
    ...(keys.length === 0 ? [] : [`left out where rows refer to rows that the policy excludes: ${name(keys)}`]),
  ];
}

/**
 * What a missing extension means for this restore: it cannot end as a whole one, unless the policy
 * excepts the extension.
 */
function describeMissing({ survey, allowed, differsName, loadInto }: RestoreDecision): string[] {
  const isExcepted = (extension: string): boolean => allowed.withoutExtensions.includes(extension.split(" ")[0] as string);
  const excepted = survey.missingExtensions.filter(isExcepted);
  const missing = survey.missingExtensions.filter((extension) => !isExcepted(extension));
  const kept = survey.state === "empty" ? `stays in "${loadInto}"` : `is kept as "${differsName}"`;
  return [
    ...(excepted.length === 0
      ? []
      : [`extensions missing on this server, which the policy allows: ${excepted.join(", ")}; what needs them is left out`]),
    ...(missing.length === 0
      ? []
      : [
          `extensions missing on this server: ${missing.join(", ")}; what needs them cannot be restored: the restore ends with exit code 4, and what loads ${kept}`,
        ]),
  ];
}
