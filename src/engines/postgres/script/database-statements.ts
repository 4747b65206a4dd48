/**
 * The statements of an archive about its database itself: the only ones that a restore runs in the
 * maintenance database, so they are known by their own exact form and by the database's exact name,
 * never by what a comment says of them.
 */
import { quoteIdentifier, quoteLiteral } from "./script-identifiers.ts";
import { readTokens, type SqlToken, type TokenCursor, type TokenOptions, walkTokens, writeTokens } from "./sql-tokens.ts";

/** One clause of CREATE DATABASE. */
export interface DatabaseOption {
  /** `ENCODING`, `LC_COLLATE` … */
  readonly key: string;
  readonly value: string;
  readonly isString: boolean;
}

export interface CreateDatabase {
  readonly name: string;
  readonly options: readonly DatabaseOption[];
}

/**
 * A statement about the database, cut at its name; or one that frames such statements, and names no
 * database.
 */
export interface DatabaseStatement {
  readonly before: string;
  readonly after?: string;
}

/**
 * What CREATE DATABASE says; undefined for any other statement, and for one that is not in
 * pg_dump's form.
 */
function readCreateDatabase(statement: string, tokenOptions: TokenOptions = {}): CreateDatabase | undefined {
  if (!statement.startsWith("CREATE DATABASE ")) return undefined;
  const tokens = readTokens(statement, tokenOptions);
  if (tokens === undefined) return undefined;
  const cursor = walkTokens(tokens);
  if (!cursor.take("CREATE", "DATABASE")) return undefined;
  const name = cursor.takeName();
  if (name === undefined) return undefined;
  const options: DatabaseOption[] = [];
  if (!cursor.atEnd() && !cursor.take("WITH")) return undefined;
  while (!cursor.atEnd()) {
    const option = takeOption(cursor);
    if (option === undefined) return undefined;
    options.push(option);
  }
  return { name, options };
}

function takeOption(cursor: TokenCursor): DatabaseOption | undefined {
  const key = cursor.peek();
  if (key?.kind !== "word" || !/^[A-Z_]+$/.test(key.text)) return undefined;
  cursor.takeName();
  if (!cursor.take("=")) return undefined;
  const text = cursor.takeString();
  if (text !== undefined) return { key: key.text, value: text, isString: true };
  const word = cursor.takeName();
  return word === undefined ? undefined : { key: key.text, value: word, isString: false };
}

/** CREATE DATABASE under another name, with these clauses. It is always made from template0. */
export function writeCreateDatabase(name: string, options: readonly DatabaseOption[]): string {
  const clauses = options
    .filter(({ key }) => key !== "TEMPLATE" && key !== "OID")
    .map(({ key, value, isString }) => ` ${key} = ${isString ? quoteLiteral(value).trim() : writeWord(value)}`);
  return `CREATE DATABASE ${quoteIdentifier(name)} WITH TEMPLATE = template0${clauses.join("")}`;
}

/** Numbers stay bare; words are quoted, which CREATE DATABASE takes for the same. */
function writeWord(value: string): string {
  return /^[0-9]+$/.test(value) ? value : quoteIdentifier(value);
}

const alterForms: readonly string[] = [
  "OWNER",
  "SET",
  "RESET",
  "TABLESPACE",
  "CONNECTION",
  "WITH",
  "IS_TEMPLATE",
  "ALLOW_CONNECTIONS",
];
/** Rights on a database, as GRANT names them. */
const databaseRights: readonly string[] = ["ALL", "CREATE", "CONNECT", "TEMPORARY", "TEMP"];

/**
 * Steps to the database's name in each of the forms that pg_dump writes; the last part says what
 * may follow.
 */
const forms: readonly { readonly toName: (cursor: TokenCursor) => boolean; readonly next: readonly string[] }[] = [
  { toName: (cursor) => cursor.take("ALTER", "DATABASE"), next: alterForms },
  { toName: (cursor) => cursor.take("COMMENT", "ON", "DATABASE"), next: ["IS"] },
  {
    toName: (cursor) => cursor.take("SECURITY", "LABEL", "FOR") && cursor.takeName() !== undefined && cursor.take("ON", "DATABASE"),
    next: ["IS"],
  },
  { toName: (cursor) => cursor.take("GRANT") && takeRights(cursor), next: ["TO"] },
  {
    toName: (cursor) => cursor.take("REVOKE") && (cursor.take("GRANT", "OPTION", "FOR") || true) && takeRights(cursor),
    next: ["FROM"],
  },
  {
    toName: (cursor) => cursor.take("ALTER", "ROLE") && cursor.takeName() !== undefined && cursor.take("IN", "DATABASE"),
    next: ["SET", "RESET"],
  },
];

function takeRights(cursor: TokenCursor): boolean {
  do {
    const right = cursor.peek();
    if (right?.kind !== "word" || !databaseRights.includes(right.text)) return false;
    cursor.takeName();
  } while (cursor.take(","));
  cursor.take("PRIVILEGES");
  return cursor.take("ON", "DATABASE");
}

/**
 * The statement, cut at the name, when it is about the database `name` in one of pg_dump's forms;
 * undefined for every other statement, whatever its text contains.
 */
function readDatabaseStatement(statement: string, name: string, tokenOptions: TokenOptions = {}): DatabaseStatement | undefined {
  if (!/^(?:ALTER|COMMENT|SECURITY|GRANT|REVOKE) /.test(statement)) return undefined;
  const tokens = readTokens(statement, tokenOptions);
  if (tokens === undefined) return undefined;
  for (const { toName, next } of forms) {
    const cursor = walkTokens(tokens);
    if (!toName(cursor)) continue;
    const index = cursor.index();
    if (cursor.takeName() !== name || !next.some((word) => cursor.take(word))) return undefined;
    return cut(statement, tokens, index);
  }
  return undefined;
}

function cut(statement: string, tokens: readonly SqlToken[], index: number): DatabaseStatement {
  // A byte that no statement contains marks where the name was.
  const [before = "", after = ""] = writeTokens(statement, tokens, new Map([[index, "\0"]])).split("\0");
  return { before, after };
}

/** The statement about the database of this name. */
export function writeDatabaseStatement({ before, after }: DatabaseStatement, name: string): string {
  return after === undefined ? before : `${before}${quoteIdentifier(name)}${after}`;
}

/** `SET SESSION AUTHORIZATION role` and its end frame what another role granted. */
export function readFrame(statement: string): "begin" | "end" | undefined {
  if (statement === "RESET SESSION AUTHORIZATION") return "end";
  if (!statement.startsWith("SET SESSION AUTHORIZATION ")) return undefined;
  const cursor = walkTokens(readTokens(statement) ?? []);
  const isWhole = cursor.take("SET", "SESSION", "AUTHORIZATION") && cursor.takeName() !== undefined && cursor.atEnd();
  return isWhole ? "begin" : undefined;
}

export interface DatabaseCollector {
  /**
   * Shown every statement of the script, in its order; true when the statement is about the
   * database itself.
   */
  take(statement: string, tokenOptions: TokenOptions): boolean;
  created(): CreateDatabase | undefined;
  statements(): readonly DatabaseStatement[];
}

/**
 * Collects what a script says of its database. pg_dump writes CREATE DATABASE before everything
 * that is about the database.
 */
export function createDatabaseCollector(): DatabaseCollector {
  const statements: DatabaseStatement[] = [];
  let created: CreateDatabase | undefined;
  /** A frame that is open, and whether it frames something that was taken. */
  let frame: { readonly begin: string; used: boolean } | undefined;
  return {
    take(statement, tokenOptions) {
      if (created === undefined) {
        created = readCreateDatabase(statement, tokenOptions);
        return created !== undefined;
      }
      const kind = readFrame(statement);
      if (kind === "begin") frame = { begin: statement, used: false };
      if (kind === "end") {
        if (frame?.used === true) statements.push({ before: statement });
        frame = undefined;
      }
      if (kind !== undefined) return false;
      const own = readDatabaseStatement(statement, created.name, tokenOptions);
      if (own === undefined) return false;
      if (frame?.used === false) {
        statements.push({ before: frame.begin });
        frame.used = true;
      }
      statements.push(own);
      return true;
    },
    created: () => created,
    statements: () => statements,
  };
}
