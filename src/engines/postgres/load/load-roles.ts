/** Replays a backup's roles, memberships and tablespaces on a throwaway server. */
import { createHash } from "node:crypto";
import type { LoadFinding } from "../../../proof/content.ts";
import { frameEnd } from "../archive/archive-rights.ts";
import type { Connection } from "../connection/driver.ts";
import { globalObject } from "../dump/global-object.ts";
import { readFrame } from "../script/database-statements.ts";
import { readGlobalStatement } from "../script/global-statements.ts";
import { quoteIdentifier, quoteLiteral } from "../script/script-identifiers.ts";
import { createScriptSplitter } from "../script/script-splitter.ts";
import { applyRightStatements } from "./grant-rights.ts";
import { tryStatement } from "./load-statement.ts";

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

export interface ReplayedGlobals {
  readonly findings: readonly LoadFinding[];
  /** The digest's objects that the findings account for. */
  readonly lackingObjects: readonly string[];
}

/**
 * Runs the statements one by one. A role that exists already is altered only; a tablespace gets a
 * directory of the place's own. What cannot be replayed is lacking, named by the statement's
 * beginning without its secrets.
 */
export async function replayGlobals(statements: readonly string[], place: GlobalsPlace): Promise<ReplayedGlobals> {
  const findings: LoadFinding[] = [];
  const lackingObjects: string[] = [];
  const note = (statement: string, message: string): void => {
    findings.push({ class: "lacking", subject: describeStatement(statement), message });
    lackingObjects.push(globalObject(statement));
  };
  const { plain, delegated } = splitDelegated(statements);
  for (const statement of plain) {
    const problem = await replay(statement, place);
    if (problem !== undefined) note(statement, problem);
  }
  for (const { statement, message } of await applyRightStatements(delegated, place.connection)) note(statement, message);
  return { findings, lackingObjects };
}

/**
 * Rights that others than the owner granted, with their frames, apart from all other statements.
 * In a frame nothing but rights in pg_dumpall's forms is taken for one.
 */
function splitDelegated(statements: readonly string[]): { readonly plain: string[]; readonly delegated: string[] } {
  const plain: string[] = [];
  const delegated: string[] = [];
  let grantor: string | undefined;
  for (const statement of statements) {
    const frame = readFrame(statement);
    if (frame !== undefined) grantor = frame === "begin" ? statement : undefined;
    if (frame !== undefined) continue;
    const isGrant = grantor !== undefined && statement.startsWith("GRANT ");
    const known = isGrant ? readGlobalStatement(statement) : undefined;
    if (grantor === undefined || known === undefined) plain.push(statement);
    else delegated.push(grantor, known.text, frameEnd);
  }
  return { plain, delegated };
}

async function replay(statement: string, place: GlobalsPlace): Promise<string | undefined> {
  if (statement.startsWith("SET ")) return undefined;
  const known = readGlobalStatement(statement);
  if (known === undefined) return "is not a statement that pg_dumpall writes, and was not run";
  const { tablespace } = known;
  const located = tablespace === undefined ? known.text : tablespace.at(await makeTablespaceDirectory(tablespace.name, place));
  const first = await tryStatement(place.connection, located);
  if (first === undefined || (known.makesRole && / already exists$/.test(first))) return undefined;
  // Only the server's first superuser may grant in the name of another one.
  return known.withoutGrantor === undefined ? first : tryStatement(place.connection, known.withoutGrantor);
}

function makeTablespaceDirectory(name: string, place: GlobalsPlace): Promise<string> {
  return place.makeDirectory(`tablespace-${createHash("sha256").update(name).digest("hex").slice(0, 32)}`);
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

/**
 * Makes the tablespaces that the archive refers to and the globals do not have, in directories of
 * the place's own.
 */
export async function createMissingTablespaces(names: ReadonlySet<string>, place: GlobalsPlace): Promise<LoadFinding[]> {
  const findings: LoadFinding[] = [];
  const present = await place.connection.rows<{ name: string }>("SELECT spcname AS name FROM pg_catalog.pg_tablespace");
  const known = new Set(present.map(({ name }) => name));
  for (const name of [...names].sort()) {
    if (known.has(name)) continue;
    const directory = quoteLiteral(await makeTablespaceDirectory(name, place));
    const problem = await tryStatement(place.connection, `CREATE TABLESPACE ${quoteIdentifier(name)} LOCATION ${directory}`);
    const subject = `tablespace ${name}`;
    if (problem !== undefined) findings.push({ class: "lacking", subject, message: problem });
    else findings.push({ class: "benign", subject, message: "is not in the backup; created for the test" });
  }
  return findings;
}
