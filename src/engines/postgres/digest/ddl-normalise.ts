/**
 * Definitions as they are digested: without what belongs to the session that dumped them, owners
 * apart. Definitions that PostgreSQL prints differently after a restore are no matter of text: they
 * are loaded and printed once more (definition-meaning.ts).
 */

/**
 * Settings of the session that pg_dump writes around definitions; the two that carry meaning are
 * read from elsewhere.
 */
const sessionSetting = new RegExp(
  `^SET (?:${[
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
    "client_encoding",
    "standard_conforming_strings",
    "escape_string_warning",
    "check_function_bodies",
    "xmloption",
    "client_min_messages",
    "row_security",
    // Written when it changes from one entry to the next; the entry's comment names the tablespace.
    "default_tablespace",
    // Likewise; the digest adds it to the tables it holds for.
    "default_table_access_method",
    // pg_dumpall's.
    "default_transaction_read_only",
  ].join("|")}) = [^;]*$`,
);

export function isSessionStatement(statement: string): boolean {
  return (
    sessionSetting.test(statement) ||
    statement === "BEGIN" ||
    statement === "COMMIT" ||
    statement.startsWith("SELECT pg_catalog.set_config('search_path', '', ")
  );
}

const ownerStatement = /^ALTER .* OWNER TO ("(?:[^"]|"")+"|[\w$\x80-\xff]+)$/s;

/**
 * The role in `ALTER … OWNER TO role`, as it is spelled there; undefined for any other statement.
 */
export function readOwner(statement: string): string | undefined {
  return statement.startsWith("ALTER ") ? ownerStatement.exec(statement)?.[1] : undefined;
}

/**
 * Statements of one grant: those that another grantor gave are framed by SET and RESET SESSION
 * AUTHORIZATION.
 */
function groupGrants(statements: readonly string[]): string[] {
  const groups: string[] = [];
  let frame: string[] | undefined;
  for (const statement of statements) {
    if (statement.startsWith("SET SESSION AUTHORIZATION ")) frame = [statement];
    else if (statement === "RESET SESSION AUTHORIZATION" && frame !== undefined) {
      groups.push(frame.join(";"));
      frame = undefined;
    } else if (frame !== undefined) frame.push(statement);
    else groups.push(statement);
  }
  if (frame !== undefined) groups.push(frame.join(";"));
  return groups;
}

/**
 * Whether the table's columns come back in another order when it is created anew (its parents'
 * columns come first then).
 */
export function hasInheritedColumns(createTable: string): boolean {
  return /\)\s*INHERITS \(/.test(createTable);
}

/**
 * The statements of an entry (without owners and session settings) as one text to digest. Rights
 * stand in the order in which the server keeps them, which is another one after a restore that sets
 * the owner first. As statements they commute, and most databases have some: in a fixed order they
 * need no second look.
 */
export function normaliseEntry(type: string, statements: readonly string[]): string {
  const isRights = type === "ACL" || type === "DEFAULT ACL";
  return (isRights ? groupGrants(statements).sort() : statements).join(";\n");
}
