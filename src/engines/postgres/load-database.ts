/** The empty database that an archive is loaded into, and afterwards its own settings, rights and comment. */
import type { LoadFinding } from "../../proof/content.ts";
import type { ArchiveOutline } from "./archive-outline.ts";
import type { Connection } from "./driver.ts";
import { tryStatement } from "./load-statement.ts";
import { quoteIdentifier, readIdentifiers } from "./script-identifiers.ts";

/** `statement` with the source's database replaced by `name`, in the one place where such statements name it. */
function renameDatabase(statement: string, name: string): string {
  const found = /(^| )DATABASE /.exec(statement);
  if (found === null) return statement;
  const from = found.index + found[0].length;
  const { end } = readIdentifiers(statement, ".", from);
  return statement.slice(0, from) + quoteIdentifier(name) + statement.slice(end);
}

/** The clauses of CREATE DATABASE that a place may not be able to follow: collation and its provider. */
function withoutLocale(createDatabase: string, name: string): string {
  const encoding = / ENCODING = '[^']+'/.exec(createDatabase)?.[0] ?? "";
  return `CREATE DATABASE ${quoteIdentifier(name)} WITH TEMPLATE = template0${encoding} LC_COLLATE = 'C' LC_CTYPE = 'C'`;
}

export interface NewDatabase {
  readonly findings: readonly LoadFinding[];
  /** Whether it has the source's collations; where not, its definition is not compared. */
  readonly sameLocale: boolean;
}

/**
 * Creates the database as the archive describes it, under the name given. A collation or provider that this server lacks is a
 * finding, and the database then gets the C collation, so that its rows can be checked all the same.
 * Errors: the server's, when it cannot create a database at all.
 */
export async function createDatabase(
  outline: Pick<ArchiveOutline, "createDatabase">,
  name: string,
  connection: Connection,
  options: { readonly tablespace: boolean } = { tablespace: true },
): Promise<NewDatabase> {
  const asGiven = outline.createDatabase === "" ? withoutLocale("", name) : renameDatabase(outline.createDatabase, name);
  const wanted = options.tablespace ? asGiven : asGiven.replace(/ TABLESPACE = (?:"(?:[^"]|"")+"|\S+)/, "");
  const problem = await tryStatement(connection, wanted);
  if (problem === undefined) return { findings: [], sameLocale: true };
  const fallback = withoutLocale(outline.createDatabase, name);
  await connection.client.query(fallback);
  const locale = /(?:LOCALE_PROVIDER|LC_COLLATE|LOCALE) = .*$/s.exec(outline.createDatabase)?.[0] ?? "its locale";
  return {
    findings: [{ class: "lacking", subject: `collation ${locale}`, message: `${problem}; the C collation was taken instead` }],
    sameLocale: false,
  };
}

/** Applies what the archive says of the database itself; comes last, because its settings would govern the load. */
export async function applyDatabaseStatements(
  statements: readonly string[],
  name: string,
  connection: Connection,
): Promise<LoadFinding[]> {
  const findings: LoadFinding[] = [];
  for (const statement of statements) {
    const problem = await tryStatement(connection, renameDatabase(statement, name));
    if (problem !== undefined) findings.push({ class: "lacking", subject: statement.slice(0, 100), message: problem });
  }
  return findings;
}
