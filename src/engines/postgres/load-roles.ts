/** Replays a backup's roles, memberships and tablespaces on a throwaway server. */
import type { LoadFinding } from "../../proof/content.ts";
import type { Connection } from "./driver.ts";
import { tryStatement } from "./load-statement.ts";
import { quoteIdentifier, quoteLiteral, readIdentifiers } from "./script-identifiers.ts";
import { createScriptSplitter } from "./script-splitter.ts";

/** The statements of globals.sql, in their order. Errors: ContentInvalid when it is cut off. */
export function readGlobalStatements(sql: string): string[] {
  const statements: string[] = [];
  const ignore = (): void => {};
  const splitter = createScriptSplitter({
    entry: ignore,
    statement: (text) => statements.push(Buffer.from(text, "latin1").toString("utf8")),
    copyStart: ignore,
    copyData: ignore,
    copyEnd: ignore,
  });
  splitter.write(Buffer.from(sql, "utf8"));
  splitter.end();
  return statements;
}

export interface GlobalsPlace {
  readonly connection: Connection;
  /** A directory of the place's own for a tablespace. */
  makeDirectory(name: string): Promise<string>;
}

const grantor = / GRANTED BY (?:"(?:[^"]|"")+"|[^\s"]+)$/;

/**
 * Runs the statements one by one. A role that exists already is altered only; a tablespace gets a directory of the
 * place's own. What cannot be replayed is lacking, named by the statement's beginning without its secrets.
 */
export async function replayGlobals(statements: readonly string[], place: GlobalsPlace): Promise<LoadFinding[]> {
  const findings: LoadFinding[] = [];
  for (const statement of statements) {
    const problem = await replay(statement, place);
    if (problem === undefined) continue;
    findings.push({ class: "lacking", subject: describeStatement(statement), message: problem });
  }
  return findings;
}

async function replay(statement: string, place: GlobalsPlace): Promise<string | undefined> {
  if (statement.startsWith("SET ")) return undefined;
  const located = await relocate(statement, place);
  const first = await tryStatement(place.connection, located);
  if (first === undefined || (statement.startsWith("CREATE ROLE ") && / already exists$/.test(first))) return undefined;
  // From 16 on a grant names its grantor, and only the server's first superuser may grant in the name of another one.
  if (!grantor.test(located)) return first;
  return tryStatement(place.connection, located.replace(grantor, ""));
}

async function relocate(statement: string, place: GlobalsPlace): Promise<string> {
  const prefix = "CREATE TABLESPACE ";
  if (!statement.startsWith(prefix)) return statement;
  const name = readIdentifiers(statement, ".", prefix.length).names[0] ?? "";
  const directory = await place.makeDirectory(`tablespace-${Buffer.from(name).toString("hex").slice(0, 60)}`);
  // The owner's name may be anything quoted; the location is the last string constant.
  return statement.replace(/ LOCATION '(?:[^']|'')*'/, () => ` LOCATION ${quoteLiteral(directory)}`);
}

/** The statement's beginning: the kind and the name, never a password or its hash. */
function describeStatement(statement: string): string {
  const words =
    /^(?:CREATE|ALTER|COMMENT ON) (?:ROLE|TABLESPACE|DATABASE) (?:"(?:[^"]|"")+"|\S+)|^GRANT .* TO .*|^[A-Z]+ [A-Z]+/s.exec(
      statement,
    );
  return (words?.[0] ?? "statement").slice(0, 200);
}

/** Makes the roles that the archive refers to and the place has not; gives a finding for each. */
export async function createMissingRoles(roles: ReadonlySet<string>, connection: Connection): Promise<LoadFinding[]> {
  const findings: LoadFinding[] = [];
  const present = await connection.rows<{ name: string }>("SELECT rolname AS name FROM pg_catalog.pg_roles");
  const known = new Set(present.map(({ name }) => name));
  for (const name of [...roles].sort()) {
    if (known.has(name)) continue;
    const problem = await tryStatement(connection, `CREATE ROLE ${quoteIdentifier(name)} NOLOGIN`);
    findings.push(
      problem === undefined
        ? { class: "benign", subject: `role ${name}`, message: "is not in the backup; created without rights for the test" }
        : { class: "lacking", subject: `role ${name}`, message: problem },
    );
  }
  return findings;
}

/** Makes the tablespaces that the archive refers to and the globals do not have, in directories of the place's own. */
export async function createMissingTablespaces(names: ReadonlySet<string>, place: GlobalsPlace): Promise<LoadFinding[]> {
  const findings: LoadFinding[] = [];
  const present = await place.connection.rows<{ name: string }>("SELECT spcname AS name FROM pg_catalog.pg_tablespace");
  const known = new Set(present.map(({ name }) => name));
  for (const name of [...names].sort()) {
    if (known.has(name)) continue;
    const statement = `CREATE TABLESPACE ${quoteIdentifier(name)} LOCATION ''`;
    const problem = await tryStatement(place.connection, await relocate(statement, place));
    const subject = `tablespace ${name}`;
    if (problem !== undefined) findings.push({ class: "lacking", subject, message: problem });
    else findings.push({ class: "benign", subject, message: "is not in the backup; created for the test" });
  }
  return findings;
}
