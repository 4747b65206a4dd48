/**
 * Definitions in a form that two dumps of equal databases share. What is taken out or put in order here, and nothing else,
 * may differ between a source's dump and the dump of its restored copy.
 */

import { quoteIdentifier, readIdentifiers } from "./script-identifiers.ts";

/** Settings of the session that pg_dump writes around definitions; the two that carry meaning are read from elsewhere. */
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

/** The role in `ALTER … OWNER TO role`, as it is spelled there; undefined for any other statement. */
export function readOwner(statement: string): string | undefined {
  return statement.startsWith("ALTER ") ? ownerStatement.exec(statement)?.[1] : undefined;
}

/** Splits the text from `from` at commas, up to the bracket that closes it; quotes and brackets within are stepped over. */
function splitList(text: string, from: number): { readonly items: readonly string[]; readonly end: number } | undefined {
  const items: string[] = [];
  let depth = 0;
  let quote = "";
  let start = from;
  for (let at = from; at < text.length; at++) {
    const char = text[at] as string;
    if (quote !== "") {
      if (char === quote) quote = "";
    } else if (char === "'" || char === '"') quote = char;
    else if (char === "(" || char === "[") depth++;
    else if ((char === ")" || char === "]") && depth-- === 0) {
      items.push(text.slice(start, at).trim());
      return { items, end: at };
    } else if (char === "," && depth === 0) {
      items.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return undefined;
}

/**
 * `x IN ('a', 'b')` on a varchar column is printed as a cast array, `(ARRAY[…])::text[]`, which reads back as an array of casts: of
 * some eighty kinds of expression tried in checks, defaults, indexes, views, rules, policies, triggers and statistics the only
 * one that is not printed the same after a round trip, and a common one. The second form is CREATE STATISTICS's.
 */
const castArrays = [
  { open: "(ARRAY[", close: "])::text[]", cast: (element: string) => `(${element})::text` },
  { open: "ARRAY[", close: "]::text[]", cast: (element: string) => `${element}::text` },
] as const;

function settleCastArrays(statement: string): string {
  let settled = statement;
  for (const { open, close, cast } of castArrays) {
    if (!settled.includes(close)) continue;
    for (let at = settled.indexOf(open); at !== -1; at = settled.indexOf(open, at + 1)) {
      const list = splitList(settled, at + open.length);
      if (list === undefined || !settled.startsWith(close, list.end)) continue;
      const array = `ARRAY[${list.items.map(cast).join(", ")}]`;
      settled = settled.slice(0, at) + array + settled.slice(list.end + close.length);
    }
  }
  return settled;
}

const policyRoles =
  /^(CREATE POLICY .*? TO )((?:"(?:[^"]|"")+"|[^\s,"(]+)(?:, (?:"(?:[^"]|"")+"|[^\s,"(]+))*)( USING \(| WITH CHECK \(|$)/s;

/** A policy's roles are listed as the server happens to find them. */
function orderPolicyRoles(statement: string): string {
  return statement.replace(policyRoles, (_whole, head: string, roles: string, tail: string) => {
    const ordered = [...readIdentifiers(roles, ", ").names].sort();
    return `${head}${ordered.map(quoteIdentifier).join(", ")}${tail}`;
  });
}

/** Statements of one grant: those that another grantor gave are framed by SET and RESET SESSION AUTHORIZATION. */
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

/** Whether the table's columns come back in another order when it is created anew (its parents' columns come first then). */
export function hasInheritedColumns(createTable: string): boolean {
  return /\)\s*INHERITS \(/.test(createTable);
}

/** An inheritance child: what its definition says of columns, in an order of its own. */
function orderInheritedTable(statements: readonly string[]): string[] {
  const [create = "", ...others] = statements;
  const open = create.indexOf("(\n");
  const list = open === -1 ? undefined : splitList(create, open + 1);
  const ordered =
    list === undefined ? create : `${create.slice(0, open)}(${[...list.items].sort().join(", ")}${create.slice(list.end)}`;
  return [ordered, ...others.sort()];
}

/** The statements of an entry (without owners and session settings) as one text to digest. */
export function normaliseEntry(type: string, statements: readonly string[]): string {
  let settled = statements.map(settleCastArrays);
  // Equal rights can stand in another order after the owner changed.
  if (type === "ACL" || type === "DEFAULT ACL") settled = groupGrants(settled).sort();
  if (type === "POLICY") settled = settled.map(orderPolicyRoles);
  if (type === "TABLE" && settled[0] !== undefined && hasInheritedColumns(settled[0])) settled = orderInheritedTable(settled);
  return settled.join(";\n");
}
