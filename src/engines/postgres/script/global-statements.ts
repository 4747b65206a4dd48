/**
 * The statements of globals.sql, known by their exact forms: whatever else it contains is never
 * run.
 */
import { quoteLiteral } from "./script-identifiers.ts";
import { readTokens, type SqlToken, type TokenCursor, walkTokens, writeTokens } from "./sql-tokens.ts";

export interface GlobalStatement {
  /** The same statement, its strings written so that they mean the same under any setting. */
  readonly text: string;
  readonly makesRole: boolean;
  /** CREATE TABLESPACE: its name, and the statement for another directory. */
  readonly tablespace?: { readonly name: string; at(directory: string): string };
  /** A GRANT that names its grantor, without that. */
  readonly withoutGrantor?: string | undefined;
}

const tablespaceRights: readonly string[] = ["ALL", "CREATE"];
const parameterRights: readonly string[] = ["ALL", "SET", "ALTER"];

function takeRights(cursor: TokenCursor, rights: readonly string[], kind: string): boolean {
  cursor.take("GRANT", "OPTION", "FOR");
  do {
    if (!rights.some((right) => cursor.take(right))) return false;
    cursor.take("SYSTEM");
  } while (cursor.take(","));
  cursor.take("PRIVILEGES");
  return cursor.take("ON", kind) && takeQualified(cursor) && (cursor.take("TO") || cursor.take("FROM"));
}

function takeQualified(cursor: TokenCursor): boolean {
  do if (cursor.takeName() === undefined) return false;
  while (cursor.take("."));
  return true;
}

const named = (cursor: TokenCursor, next: readonly string[]): boolean =>
  cursor.takeName() !== undefined && next.some((word) => cursor.take(word));

const forms: readonly ((cursor: TokenCursor) => boolean)[] = [
  (cursor) => cursor.take("CREATE", "ROLE") && cursor.takeName() !== undefined && cursor.atEnd(),
  (cursor) => cursor.take("ALTER", "ROLE") && named(cursor, ["WITH", "SET", "RESET"]),
  (cursor) => cursor.take("COMMENT", "ON", "ROLE") && named(cursor, ["IS"]),
  (cursor) => cursor.take("COMMENT", "ON", "TABLESPACE") && named(cursor, ["IS"]),
  (cursor) => takeLabel(cursor) && named(cursor, ["IS"]),
  (cursor) => cursor.take("GRANT") && named(cursor, ["TO"]),
  (cursor) => cursor.take("CREATE", "TABLESPACE") && named(cursor, ["OWNER", "LOCATION"]),
  (cursor) => cursor.take("ALTER", "TABLESPACE") && named(cursor, ["SET", "OWNER"]),
  (cursor) => (cursor.take("GRANT") || cursor.take("REVOKE")) && takeRights(cursor, tablespaceRights, "TABLESPACE"),
  (cursor) => (cursor.take("GRANT") || cursor.take("REVOKE")) && takeRights(cursor, parameterRights, "PARAMETER"),
];

function takeLabel(cursor: TokenCursor): boolean {
  if (!cursor.take("SECURITY", "LABEL", "FOR") || cursor.takeName() === undefined) return false;
  return cursor.take("ON", "ROLE") || cursor.take("ON", "TABLESPACE");
}

/**
 * The statement in one of pg_dumpall's forms; undefined for every other one, whatever its text
 * contains.
 */
export function readGlobalStatement(statement: string): GlobalStatement | undefined {
  const tokens = readTokens(statement);
  if (tokens === undefined || !forms.some((form) => form(walkTokens(tokens)))) return undefined;
  const text = writeTokens(statement, tokens, new Map());
  const makesRole = walkTokens(tokens).take("CREATE", "ROLE");
  const cursor = walkTokens(tokens);
  if (cursor.take("CREATE", "TABLESPACE")) return readTablespace(statement, tokens, cursor, text);
  const withoutGrantor = cutGrantor(statement, tokens);
  return { text, makesRole, withoutGrantor };
}

function readTablespace(
  statement: string,
  tokens: readonly SqlToken[],
  cursor: TokenCursor,
  text: string,
): GlobalStatement | undefined {
  const name = cursor.takeName() ?? "";
  if (cursor.take("OWNER")) cursor.takeName();
  if (!cursor.take("LOCATION")) return undefined;
  const index = cursor.index();
  if (cursor.takeString() === undefined || !cursor.atEnd()) return undefined;
  const at = (directory: string): string => writeTokens(statement, tokens, new Map([[index, quoteLiteral(directory)]]));
  return { text, makesRole: false, tablespace: { name, at } };
}

/** From 16 on a membership names its grantor, at the statement's end. */
function cutGrantor(statement: string, tokens: readonly SqlToken[]): string | undefined {
  const [granted, by, role] = tokens.slice(-3);
  const isGrantor = granted?.kind === "word" && granted.text === "GRANTED" && by?.kind === "word" && by.text === "BY";
  if (!isGrantor || role === undefined) return undefined;
  const kept = tokens.slice(0, -3);
  return writeTokens(statement.slice(0, granted.start).trimEnd(), kept, new Map());
}
