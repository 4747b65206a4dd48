/** Decides how a backup gets into its target, before anything is touched. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { PostgresSource } from "../../policy/policy.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { BackupReader, RestorePlan, RestoreRequest } from "../engine.ts";
import { archiveBytesOnDisk, freeBytes } from "./archive-source.ts";
import { type ConnectionSettings, describePlace } from "./connection.ts";
import type { PostgresFacts } from "./facts.ts";
import { findArchiveTools, readFacts } from "./place-facts.ts";
import { surveyTarget, type TargetSurvey } from "./restore-survey.ts";
import { longestNameBytes, resolveTarget } from "./restore-target.ts";
import type { ClientTools } from "./tools.ts";

/** Room that stays free on the temporary disk beside the archive. */
const reserveBytes = 64 * 1024 * 1024;

/** Everything a restore needs to know; made without touching the target. */
export interface RestoreDecision {
  readonly facts: PostgresFacts;
  readonly settings: ConnectionSettings;
  readonly survey: TargetSurvey;
  readonly tools: ClientTools;
  /** The database that is loaded into: the target itself, or a new one beside an occupied target. */
  readonly loadInto: string;
  /** What the occupied target is called afterwards. */
  readonly setAside?: string;
  /** What is left out of the load, as pg_restore's options. */
  readonly options: readonly string[];
  /** Whether owners and rights are applied one by one after the load, because some of their roles are not there. */
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

/** Errors: UsageInvalid, SecretUnavailable, SourceUnreachable, SourceAccessDenied, RestoreRefused, ToolMissing, ContentInvalid. */
export async function decideRestore(
  backup: BackupReader,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  context: RunContext,
): Promise<RestoreDecision> {
  const facts = readFacts(backup.facts);
  const settings = await resolveTarget(request.target, source, context);
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
    ...decideOptions(facts, survey, settings),
    onDisk,
  };
}

function decideOptions(
  facts: PostgresFacts,
  survey: TargetSurvey,
  settings: ConnectionSettings,
): Pick<RestoreDecision, "options" | "rightsAfterwards" | "notices"> {
  const options: string[] = [];
  const notices: string[] = [];
  const roles = survey.missingRoles.join(", ");
  if (!survey.superuser)
    notices.push(
      `restored as ${settings.user}, which is not a superuser: it will own everything; original owners and grants are not restored. Use --to env:NAME with a superuser to keep them`,
    );
  if (roles !== "") {
    notices.push(
      `roles missing on this server: ${roles}; their objects will belong to ${settings.user}; grants to them are skipped`,
    );
  }
  // A table whose owner cannot be set counts as failed for pg_restore, which then does not load its rows in order.
  if (!survey.superuser || roles !== "") options.push("--no-owner");
  if (roles !== "") options.push("--no-privileges");
  if (survey.missingTablespaces.length > 0) {
    options.push("--no-tablespaces");
    notices.push(`tablespaces that this server has not: ${survey.missingTablespaces.join(", ")}; the default one is used`);
  } else if (!survey.superuser && (facts.tablespaces ?? []).length > 0) {
    options.push("--no-tablespaces");
    notices.push("everything goes to the default tablespace");
  }
  if (survey.missingExtensions.length > 0) {
    notices.push(
      `extensions that this server has not: ${survey.missingExtensions.join(", ")}; what depends on them will be missing`,
    );
  }
  return { options, rightsAfterwards: survey.superuser && roles !== "", notices };
}

/** Says what restoring there would do (Engine.planRestore). Errors: as `decideRestore`. */
export async function planPostgresRestore(
  backup: BackupReader,
  source: PostgresSource | undefined,
  request: RestoreRequest,
  context: RunContext,
): Promise<RestorePlan> {
  const decision = await decideRestore(backup, source, request, context);
  const { survey, settings, facts, tools } = decision;
  return { target: describePlace(settings), occupied: survey.state === "occupied", steps: describeSteps(decision, facts, tools) };
}

function describeSteps(decision: RestoreDecision, facts: PostgresFacts, tools: ClientTools): string[] {
  const { survey, settings, loadInto, setAside } = decision;
  const load = decision.onDisk ? "fetch the archive, and load it in parallel" : "stream the archive into it, in one transaction";
  const steps = [
    `connect to ${settings.host}:${settings.port}, PostgreSQL ${survey.serverVersion}, as "${settings.user}"`,
    survey.state === "empty" ? `use the empty database "${loadInto}"` : `create the database "${loadInto}"`,
    `${load} with pg_restore ${tools.version}`,
    ...decision.notices,
    survey.serverMajor === facts.serverMajor
      ? "dump it again and compare every object with the backup"
      : `dump it again and compare rows, sequences and large objects with the backup; definitions by name only, because PostgreSQL ${survey.serverMajor} prints them differently than ${facts.serverMajor}`,
    "collect statistics (ANALYZE)",
  ];
  if (setAside !== undefined) {
    const sessions = survey.sessions > 0 ? ` (${survey.sessions} sessions are connected to it now and must end first)` : "";
    steps.push(`rename "${settings.database}" to "${setAside}"${sessions}`, `rename "${loadInto}" to "${settings.database}"`);
  }
  return steps;
}
