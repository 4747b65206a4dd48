/** The steps of a restore in words, for --dry-run. */
import type { RunContext } from "../../../runtime/run-context.ts";
import type { PostgresFacts } from "../backup-facts.ts";
import type { ConnectionSettings } from "../connection/connection.ts";
import { spellQualified } from "../script/script-identifiers.ts";
import { findServerTools } from "../tools.ts";
import type { RestoreDecision } from "./restore-decision.ts";

/** What is said before a superuser loads what others wrote. */
export function superuserWarning({ user }: ConnectionSettings): string {
  return `functions and constraints of the backup run on that server as "${user}", a superuser: take another role unless the source's table owners may do everything there`;
}

/** What the restore would do, in its order. */
export async function describeSteps(decision: RestoreDecision, context: RunContext): Promise<string[]> {
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
