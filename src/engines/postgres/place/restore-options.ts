/**
 * What of a backup is restored as it was, mapped, or left out: owners, rights and tablespaces, by
 * what was asked for and by what this server and role allow.
 */
import type { PostgresFacts } from "../backup-facts.ts";
import type { ConnectionSettings } from "../connection/connection.ts";
import { readOwner } from "../digest/ddl-normalise.ts";
import type { DatabaseStatement } from "../script/database-statements.ts";
import type { TargetSurvey } from "./restore-survey.ts";

/** What the user asked for (EnginePolicy.restore). */
export interface RestoreWishes {
  /** Everything belongs to this role. */
  readonly role?: string | undefined;
  readonly noOwner: boolean;
  readonly noPrivileges: boolean;
  readonly noTablespaces: boolean;
  /** The new database's, with all that it holds. */
  readonly tablespace?: string | undefined;
}

export interface RestoreOptions {
  /** What is left out of the load, as pg_restore's options. */
  readonly options: readonly string[];
  /**
   * Whether owners and rights are applied one by one after the load, because some of their roles
   * are not there.
   */
  readonly rightsAfterwards: boolean;
  readonly wishes: RestoreWishes;
  /** What of the backup is not restored: `owners and grants`. */
  readonly notRestored?: string | undefined;
  /** In sentences, for people. */
  readonly notices: readonly string[];
}

/** Reads the switches and values of a request. */
export function readWishes(flags: ReadonlySet<string> = new Set(), values: ReadonlyMap<string, string> = new Map()): RestoreWishes {
  const role = values.get("role");
  const tablespace = values.get("tablespace");
  return {
    role,
    noOwner: flags.has("no-owner") || role !== undefined,
    noPrivileges: flags.has("no-privileges"),
    noTablespaces: flags.has("no-tablespaces") || tablespace !== undefined,
    tablespace,
  };
}

/**
 * Decides for this server. `createdRoles` are those that the restore makes first. A role that is
 * not a superuser cannot give objects away: the default is then --no-owner.
 */
export function decideOptions(
  facts: PostgresFacts,
  survey: TargetSurvey,
  settings: ConnectionSettings,
  createdRoles: readonly string[],
  wishes: RestoreWishes,
): RestoreOptions {
  const missing = survey.missingRoles.filter((role) => !createdRoles.includes(role));
  const owner = wishes.role ?? settings.user;
  const notices: string[] = [];
  const options: string[] = [];
  if (wishes.noOwner) notices.push(`owners are left out, as was asked for: everything belongs to "${owner}"`);
  if (wishes.noPrivileges) notices.push("grants are left out, as was asked for");
  const notRestored = describeNotRestored(survey, missing, wishes);
  if (notRestored !== undefined) {
    notices.push(
      `${notRestored} NOT restored: "${settings.user}" is not a superuser here, and everything will belong to it; restore as a superuser to keep them`,
    );
  }
  const named = missing.join(", ");
  if (named !== "" && !(wishes.noOwner && wishes.noPrivileges)) {
    notices.push(
      `roles missing on this server: ${named}; their objects will belong to "${owner}", grants to them are left out (as a superuser, --roles creates them)`,
    );
  }
  // A table whose owner cannot be set counts as failed for pg_restore, which then does not load its
  // rows in order.
  if (wishes.noOwner || !survey.superuser || named !== "") options.push("--no-owner");
  if (wishes.noPrivileges || named !== "") options.push("--no-privileges");
  if (wishes.role !== undefined) options.push(`--role=${wishes.role}`);
  const tablespaces = describeTablespaces(facts, survey, wishes);
  if (tablespaces !== undefined) {
    options.push("--no-tablespaces");
    notices.push(tablespaces);
  }
  const rightsAfterwards = survey.superuser && named !== "" && !(wishes.noOwner && wishes.noPrivileges);
  return { options, rightsAfterwards, wishes, notRestored, notices };
}

function describeNotRestored(
  { superuser }: TargetSurvey,
  missing: readonly string[],
  { noOwner, noPrivileges }: RestoreWishes,
): string | undefined {
  if (superuser) return undefined;
  const lost = [...(noOwner ? [] : ["owners"]), ...(noPrivileges || missing.length === 0 ? [] : ["grants"])];
  return lost.length === 0 ? undefined : lost.join(" and ");
}

function describeTablespaces(facts: PostgresFacts, survey: TargetSurvey, wishes: RestoreWishes): string | undefined {
  if (wishes.tablespace !== undefined) return `everything goes to the tablespace "${wishes.tablespace}", as was asked for`;
  if (wishes.noTablespaces) return "everything goes to the default tablespace, as was asked for";
  if (survey.missingTablespaces.length > 0) {
    return `tablespaces missing on this server: ${survey.missingTablespaces.join(", ")}; the default one is used`;
  }
  return !survey.superuser && facts.tablespaces.length > 0 ? "everything goes to the default tablespace" : undefined;
}

/** Of the statements about owners and rights, in their order, those that are wanted. */
export function wantedRights(statements: readonly string[], { noOwner, noPrivileges }: RestoreWishes): readonly string[] {
  return statements.filter((statement) => (readOwner(statement) === undefined ? !noPrivileges : !noOwner));
}

/** Of the statements about the database itself, those that are wanted. */
export function wantedOfDatabase(
  statements: readonly DatabaseStatement[],
  { noOwner, noPrivileges, noTablespaces }: RestoreWishes,
): readonly DatabaseStatement[] {
  return statements.filter(({ before, after = "" }) => {
    if (/^(?:GRANT|REVOKE) /.test(before)) return !noPrivileges;
    if (!before.startsWith("ALTER DATABASE ")) return true;
    return !(noOwner && after.startsWith(" OWNER TO ")) && !(noTablespaces && /^ (?:SET )?TABLESPACE /.test(after));
  });
}
