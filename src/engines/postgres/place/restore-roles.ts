/**
 * Roles of a backup that a restore's server lacks, created before the load: nothing is changed in
 * roles that exist.
 */
import type { LoadFinding } from "../../../proof/content.ts";
import type { Connection } from "../connection/driver.ts";
import { readGlobalStatements } from "../load/load-roles.ts";
import { tryStatement } from "../load/load-statement.ts";
import { readGlobalStatement } from "../script/global-statements.ts";
import { readIdentifiers } from "../script/script-identifiers.ts";

export interface RoleStatements {
  /** The roles that are created. */
  readonly roles: readonly string[];
  /** Their statements, and memberships of and in them, in the order of globals.sql. */
  readonly statements: readonly string[];
}

/** The role that a statement creates or changes. */
function roleOf(statement: string): string | undefined {
  const head = /^(?:CREATE|ALTER|COMMENT ON) ROLE /.exec(statement);
  return head === null ? undefined : readIdentifiers(statement, ".", head[0].length).names[0];
}

/** Group and member of `GRANT group TO member …`. */
function membershipOf(statement: string): readonly [string, string] | undefined {
  if (!statement.startsWith("GRANT ")) return undefined;
  const group = readIdentifiers(statement, ".", "GRANT ".length);
  const member = readIdentifiers(statement, ".", group.end + " TO ".length);
  if (!statement.startsWith(" TO ", group.end) || group.names.length !== 1 || member.names.length !== 1) return undefined;
  return [group.names[0] as string, member.names[0] as string];
}

/**
 * Chooses from globals.sql what creates the roles that are not among `present`, of those `needed`
 * only where they are given. Errors: ContentInvalid when it is cut off.
 */
export function selectRoles(globals: string, present: ReadonlySet<string>, needed?: ReadonlySet<string>): RoleStatements {
  const statements = readGlobalStatements(globals);
  const wanted = statements.filter((statement) => statement.startsWith("CREATE ROLE ")).map(roleOf);
  const roles = new Set(
    wanted.filter((role) => role !== undefined && !present.has(role) && (needed?.has(role) ?? true)) as string[],
  );
  const isKnown = (role: string): boolean => roles.has(role) || present.has(role);
  const chosen = statements.filter((statement) => {
    const role = roleOf(statement);
    if (role !== undefined) return roles.has(role);
    const membership = membershipOf(statement);
    return membership?.every(isKnown) && membership.some((name) => roles.has(name));
  });
  return { roles: [...roles], statements: chosen };
}

/**
 * Runs the statements one by one; gives a finding for each role and for each refusal, without the
 * statement's secrets.
 */
export async function createRoles({ roles, statements }: RoleStatements, connection: Connection): Promise<LoadFinding[]> {
  const findings: LoadFinding[] = roles.map((role) => ({
    class: "benign",
    subject: `role ${role}`,
    message: "created from the backup; it stays, whatever becomes of the restore",
  }));
  for (const statement of statements) {
    const problem = await runStatement(statement, connection);
    if (problem === undefined) continue;
    const subject = `role ${roleOf(statement) ?? membershipOf(statement)?.join(" to ") ?? ""}`;
    findings.push({ class: "lacking", subject, message: problem });
  }
  return findings;
}

/** Only statements of pg_dumpall's own forms are run, whatever else the globals contain. */
async function runStatement(statement: string, connection: Connection): Promise<string | undefined> {
  const known = readGlobalStatement(statement);
  if (known === undefined) return "is not a statement that pg_dumpall writes, and was not run";
  const first = await tryStatement(connection, known.text);
  // Only the server's first superuser may grant in the name of another one.
  return first === undefined || known.withoutGrantor === undefined ? first : tryStatement(connection, known.withoutGrantor);
}
