/**
 * The tokens of one SQL statement, by PostgreSQL's own rules of quoting: what names, strings and
 * words it consists of.
 */
import { quoteLiteral } from "./script-identifiers.ts";

export interface SqlToken {
  /**
   * `word`: a keyword, number or bare name as it is spelled; `name`: a quoted name; `symbol`: one
   * character.
   */
  readonly kind: "word" | "name" | "string" | "symbol";
  /** A name or string without its quotes and escapes. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export interface TokenOptions {
  /**
   * A backslash escapes in plain strings too: the script was made under
   * `standard_conforming_strings = off`.
   */
  readonly backslashes?: boolean;
}

const space = /[ \t\n\r\f\v]+/y;
const word = /[A-Za-z0-9_\u0080-\u{10ffff}][A-Za-z0-9_$\u0080-\u{10ffff}]*/uy;
const dollarTag = /\$(?:[A-Za-z_\u0080-\u{10ffff}][A-Za-z0-9_\u0080-\u{10ffff}]*)?\$/uy;
const escapeString = /[Ee](?=')/y;
const simpleEscapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/**
 * The statement's tokens; undefined when it is not one plain statement: a comment, a semicolon, an
 * unfinished quote, or a form of string that pg_dump never writes (`U&`, `B`, `X`, octal or Unicode
 * escapes).
 */
export function readTokens(text: string, options: TokenOptions = {}): SqlToken[] | undefined {
  const tokens: SqlToken[] = [];
  let at = 0;
  while (at < text.length) {
    const blank = match(space, text, at);
    if (blank !== undefined) {
      at += blank.length;
      continue;
    }
    const token = readToken(text, at, options);
    if (token === undefined) return undefined;
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

function readToken(text: string, at: number, options: TokenOptions): SqlToken | undefined {
  const char = text[at] as string;
  if (char === '"') return readQuoted(text, at, at, "name", false);
  if (char === "'") return readQuoted(text, at, at, "string", options.backslashes === true);
  if (match(escapeString, text, at) !== undefined) return readQuoted(text, at, at + 1, "string", true);
  const tag = match(dollarTag, text, at);
  if (tag !== undefined) return readDollarQuoted(text, at, tag);
  const found = match(word, text, at);
  if (found !== undefined) {
    const end = at + found.length;
    return text[end] === "'" || text[end] === '"' || text.startsWith("&", end)
      ? undefined
      : { kind: "word", text: found, start: at, end };
  }
  if (char === ";" || char === "\0" || text.startsWith("--", at) || text.startsWith("/*", at)) return undefined;
  return { kind: "symbol", text: char, start: at, end: at + 1 };
}

function readQuoted(text: string, start: number, open: number, kind: "name" | "string", escapes: boolean): SqlToken | undefined {
  const quote = text[open] as string;
  let value = "";
  for (let at = open + 1; at < text.length; at++) {
    const char = text[at] as string;
    if (char === quote && text[at + 1] === quote) {
      value += quote;
      at++;
    } else if (char === quote) {
      return { kind, text: value, start, end: at + 1 };
    } else if (escapes && char === "\\") {
      const next = text[++at];
      if (next === undefined || /[0-9xuU]/.test(next)) return undefined;
      value += simpleEscapes[next] ?? next;
    } else value += char;
  }
  return undefined;
}

function readDollarQuoted(text: string, start: number, tag: string): SqlToken | undefined {
  const close = text.indexOf(tag, start + tag.length);
  if (close === -1) return undefined;
  return { kind: "string", text: text.slice(start + tag.length, close), start, end: close + tag.length };
}

/**
 * The statement again, with some tokens written otherwise (by their index). Every string is written
 * so that it means the same under any `standard_conforming_strings`.
 */
export function writeTokens(text: string, tokens: readonly SqlToken[], replacements: ReadonlyMap<number, string>): string {
  let written = "";
  let from = 0;
  tokens.forEach((token, index) => {
    written += text.slice(from, token.start);
    const original = token.kind === "string" ? quoteLiteral(token.text) : text.slice(token.start, token.end);
    written += replacements.get(index) ?? original;
    from = token.end;
  });
  return written + text.slice(from);
}

/** Walks the tokens of a statement, expecting one after the other. */
export interface TokenCursor {
  readonly index: () => number;
  /** The next tokens are these words or symbols, exactly: steps over them. */
  take(...texts: readonly string[]): boolean;
  /** The next token names something: steps over it and gives the name. */
  takeName(): string | undefined;
  takeString(): string | undefined;
  /** The next token, without stepping. */
  peek(): SqlToken | undefined;
  atEnd(): boolean;
}

export function walkTokens(tokens: readonly SqlToken[]): TokenCursor {
  let at = 0;
  const isPlain = (token: SqlToken | undefined, text: string): boolean =>
    token !== undefined && (token.kind === "word" || token.kind === "symbol") && token.text === text;
  return {
    index: () => at,
    take(...texts) {
      if (!texts.every((text, offset) => isPlain(tokens[at + offset], text))) return false;
      at += texts.length;
      return true;
    },
    takeName() {
      const token = tokens[at];
      if (token?.kind !== "word" && token?.kind !== "name") return undefined;
      at++;
      return token.text;
    },
    takeString() {
      const token = tokens[at];
      if (token?.kind !== "string") return undefined;
      at++;
      return token.text;
    },
    peek: () => tokens[at],
    atEnd: () => at === tokens.length,
  };
}
