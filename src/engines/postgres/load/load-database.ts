/**
 * The empty database that an archive is loaded into, and afterwards its own settings, rights and
 * comment.
 */
import type { LoadFinding } from "../../../proof/content.ts";
import type { ArchiveOutline } from "../archive/archive-outline.ts";
import type { Connection } from "../connection/driver.ts";
import {
  type DatabaseOption,
  type DatabaseStatement,
  writeCreateDatabase,
  writeDatabaseStatement,
} from "../script/database-statements.ts";
import { quoteLiteral } from "../script/script-identifiers.ts";
import { applyRightStatements } from "./grant-rights.ts";
import { withRemedy } from "./load-messages.ts";
import { tryStatement } from "./load-statement.ts";

/** The clauses that a place may not be able to follow are left out: collation and its provider. */
function withoutLocale(options: readonly DatabaseOption[], name: string): string {
  const encoding = options.filter(({ key }) => ["ENCODING", "TABLESPACE", "OWNER"].includes(key));
  const locale = ["LC_COLLATE", "LC_CTYPE"].map((key) => ({ key, value: "C", isString: true }));
  return writeCreateDatabase(name, [...encoding, ...locale]);
}

/** The clauses of the collation, for people. */
function describeLocale(options: readonly DatabaseOption[]): string {
  const clauses = options.filter(({ key }) => /LOCALE|^LC_|^ICU_|COLLATION/.test(key));
  return clauses.length === 0 ? "its locale" : clauses.map(({ key, value }) => `${key} = ${quoteLiteral(value).trim()}`).join(" ");
}

export interface NewDatabaseOptions {
  /** As the archive says, none, or this one for everything. */
  readonly tablespace: boolean | string;
  readonly owner?: string | undefined;
}

export interface NewDatabase {
  readonly findings: readonly LoadFinding[];
  /** Whether it has the source's collations; where not, its definition is not compared. */
  readonly sameLocale: boolean;
}

/**
 * Creates the database as the archive describes it, under the name given. A collation or provider
 * that this server lacks is a finding, and the database then gets the C collation, so that its rows
 * can be checked all the same.
 * Errors: the server's, when it cannot create a database at all.
 */
export async function createDatabase(
  outline: Pick<ArchiveOutline, "createDatabase">,
  name: string,
  connection: Connection,
  options: NewDatabaseOptions = { tablespace: true },
): Promise<NewDatabase> {
  const given = outline.createDatabase?.options;
  const { tablespace, owner } = options;
  const clauses = [
    ...(given ?? []).filter(({ key }) => tablespace === true || key !== "TABLESPACE"),
    ...(typeof tablespace === "string" ? [{ key: "TABLESPACE", value: tablespace, isString: true }] : []),
    ...(owner === undefined ? [] : [{ key: "OWNER", value: owner, isString: true }]),
  ];
  const wanted = given === undefined ? withoutLocale(clauses, name) : writeCreateDatabase(name, clauses);
  const problem = await tryStatement(connection, wanted);
  if (problem === undefined) return { findings: [], sameLocale: true };
  await connection.client.query(withoutLocale(clauses, name));
  return {
    findings: [
      {
        class: "lacking",
        subject: `collation ${describeLocale(clauses)}`,
        message: `${withRemedy(problem)}; the C collation was taken instead`,
      },
    ],
    sameLocale: false,
  };
}

/**
 * Applies what the archive says of the database itself; comes last, because its settings would
 * govern the load.
 */
export async function applyDatabaseStatements(
  statements: readonly DatabaseStatement[],
  name: string,
  connection: Connection,
): Promise<LoadFinding[]> {
  const texts = statements.map((statement) => writeDatabaseStatement(statement, name));
  const refused = await applyRightStatements(texts, connection);
  return refused.map(({ statement, message }) => ({ class: "lacking", subject: statement.slice(0, 100), message }));
}
