/**
 * Names in a pg_dump script: reading quoted identifiers, and the one way in which digests spell an
 * object's name.
 */
import { showRawName } from "../connection/raw-names.ts";

/** One identifier at `from`: quoted (with doubled quotes) or bare. Undefined when there is none. */
function readIdentifier(text: string, from: number): { readonly name: string; readonly end: number } | undefined {
  if (text[from] !== '"') {
    let end = from;
    while (end < text.length && !/[\s.,()"]/.test(text[end] as string)) end++;
    return end === from ? undefined : { name: text.slice(from, end), end };
  }
  let name = "";
  for (let at = from + 1; ; ) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return undefined;
    name += text.slice(at, quote);
    if (text[quote + 1] !== '"') return { name, end: quote + 1 };
    name += '"';
    at = quote + 2;
  }
}

/**
 * Identifiers joined by `separator` (a dot, or a comma with a space), from the text's beginning to
 * where they end.
 */
export function readIdentifiers(
  text: string,
  separator: string,
  from = 0,
): { readonly names: readonly string[]; readonly end: number } {
  const names: string[] = [];
  let at = from;
  for (;;) {
    const identifier = readIdentifier(text, at);
    if (identifier === undefined) return { names, end: at };
    names.push(identifier.name);
    at = identifier.end;
    if (!text.startsWith(separator, at)) return { names, end: at };
    at += separator.length;
  }
}

/**
 * Quotes by the shape of the name alone, not by a list of keywords, which differs between versions.
 */
function spell(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/**
 * The spelling of `schema.name` in digests and source checks, from the bare names of the catalogue:
 * parts that are not plain lower-case words are quoted, so that two different objects never share a
 * spelling.
 */
export function spellQualified(schema: string, name: string): string {
  return `${spell(showRawName(schema))}.${spell(showRawName(name))}`;
}

/** The digest's object for a table's rows. */
export function tableObject(schema: string, table: string): string {
  return `table ${spellQualified(schema, table)}`;
}

/** An identifier for SQL, always quoted. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string constant for SQL, whatever standard_conforming_strings says. */
export function quoteLiteral(value: string): string {
  const doubled = value.replaceAll("'", "''");
  return doubled.includes("\\") ? ` E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
}
