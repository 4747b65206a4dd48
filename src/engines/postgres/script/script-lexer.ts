/**
 * SQL's quoting, as psql reads it: where a statement ends, and which comments stand on their own.
 * Works on chunks of any size; what cannot be judged at a chunk's end is held back for the next.
 */

export type LexerMode = "sql" | "quoted" | "dollar" | "comment" | "block" | "command" | "copyLine" | "copy";

export interface Lexer {
  mode: LexerMode;
  /** Pieces of the statement (or of the comment) that earlier chunks held. */
  parts: Buffer[];
  /** Where the current chunk's piece of it begins; -1 outside. */
  from: number;
  /** The end of the last chunk, to be read again with the next. */
  held: Buffer | undefined;
  /** The last two bytes of plain SQL. */
  previous: number;
  beforePrevious: number;
  parentheses: number;
  quote: number;
  /** Whether the string has backslash escapes, and whether the last byte was such a backslash. */
  escapes: boolean;
  escaped: boolean;
  standardStrings: boolean;
  dollarTag: Buffer;
  blockDepth: number;
  /**
   * A statement's text, without its semicolon and the white space around it; may change the mode.
   */
  readonly onStatement: (text: string) => void;
  /** A comment that is not within a statement. */
  readonly onComment: (text: string) => void;
}

const code = {
  newline: 0x0a,
  doubleQuote: 0x22,
  dollar: 0x24,
  quote: 0x27,
  open: 0x28,
  close: 0x29,
  star: 0x2a,
  dash: 0x2d,
  slash: 0x2f,
  semicolon: 0x3b,
  backslash: 0x5c,
} as const;

/** Bytes that may end the run of plain SQL: everything else is skipped without a look. */
const special = new Uint8Array(256);
for (const byte of Object.values(code)) special[byte] = 1;

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isWord = (byte: number): boolean =>
  isDigit(byte) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f || byte >= 0x80;

export function createLexer(onStatement: Lexer["onStatement"], onComment: Lexer["onComment"]): Lexer {
  return {
    mode: "sql",
    parts: [],
    from: -1,
    held: undefined,
    previous: 0,
    beforePrevious: 0,
    parentheses: 0,
    quote: code.quote,
    escapes: false,
    escaped: false,
    standardStrings: true,
    dollarTag: Buffer.alloc(0),
    blockDepth: 0,
    onStatement,
    onComment,
  };
}

/** Ends the text that began at `from`, at `to`, and gives it: one latin1 character a byte. */
function take(lexer: Lexer, chunk: Buffer, to: number): string {
  const { parts, from } = lexer;
  if (from !== -1 && to > from) parts.push(chunk.subarray(from, to));
  lexer.parts = [];
  lexer.from = -1;
  return (parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)).toString("latin1").trim();
}

/** Keeps the chunk's rest for the next one; gives -1, which ends this chunk. */
export function hold(lexer: Lexer, chunk: Buffer, at: number): number {
  lexer.held = Buffer.from(chunk.subarray(at));
  if (lexer.from !== -1 && at > lexer.from) lexer.parts.push(Buffer.from(chunk.subarray(lexer.from, at)));
  lexer.from = -1;
  return -1;
}

/**
 * Reads plain SQL from `start`; gives where to go on in the mode that is then set, -1 for the next
 * chunk.
 */
export function readSql(lexer: Lexer, chunk: Buffer, start: number): number {
  for (let at = start; at < chunk.length; at++) {
    const byte = chunk[at] as number;
    if (special[byte] === 1) {
      const next = readSpecial(lexer, chunk, at, byte);
      if (next === -1 || lexer.mode !== "sql") return next;
      at = next - 1;
    } else if (lexer.from === -1 && (lexer.parts.length > 0 || !isSpace(byte))) lexer.from = at;
    lexer.beforePrevious = lexer.previous;
    lexer.previous = byte;
  }
  return chunk.length;
}

/**
 * Handles one special byte outside of quotes; gives the place to go on from, -1 to wait for the
 * next chunk.
 */
function readSpecial(lexer: Lexer, chunk: Buffer, at: number, byte: number): number {
  switch (byte) {
    case code.newline:
      if (lexer.from === -1 && lexer.parts.length > 0) lexer.from = at;
      return at + 1;
    case code.semicolon:
      if (lexer.parentheses > 0) break;
      endStatement(lexer, chunk, at);
      return at + 1;
    case code.open:
      lexer.parentheses++;
      break;
    case code.close:
      lexer.parentheses = Math.max(0, lexer.parentheses - 1);
      break;
    case code.dash:
    case code.slash:
      return readCommentStart(lexer, chunk, at, byte);
    case code.backslash:
      if (lexer.from !== -1 || lexer.parts.length > 0) break;
      lexer.mode = "command";
      return at + 1;
    case code.quote:
    case code.doubleQuote:
      return readQuoteStart(lexer, at, byte);
    case code.dollar:
      return readDollarStart(lexer, chunk, at);
  }
  if (lexer.from === -1) lexer.from = at;
  return at + 1;
}

function endStatement(lexer: Lexer, chunk: Buffer, at: number): void {
  const text = take(lexer, chunk, at);
  lexer.parentheses = 0;
  if (text.startsWith("SET standard_conforming_strings = ")) lexer.standardStrings = text.endsWith("on");
  if (text !== "") lexer.onStatement(text);
}

function readCommentStart(lexer: Lexer, chunk: Buffer, at: number, byte: number): number {
  const following = chunk[at + 1];
  if (following === undefined) return hold(lexer, chunk, at);
  if (byte === code.dash && following === code.dash) {
    lexer.mode = "comment";
    if (lexer.from === -1 && lexer.parts.length === 0) lexer.from = at;
    return at;
  }
  if (lexer.from === -1) lexer.from = at;
  if (byte !== code.slash || following !== code.star) return at + 1;
  lexer.mode = "block";
  lexer.blockDepth = 1;
  return at + 2;
}

function readQuoteStart(lexer: Lexer, at: number, byte: number): number {
  if (lexer.from === -1) lexer.from = at;
  // E or e, standing alone, before a quote.
  const prefixed = (lexer.previous === 0x45 || lexer.previous === 0x65) && !isWord(lexer.beforePrevious);
  lexer.quote = byte;
  lexer.escapes = byte === code.quote && (!lexer.standardStrings || prefixed);
  lexer.mode = "quoted";
  return at + 1;
}

function readDollarStart(lexer: Lexer, chunk: Buffer, at: number): number {
  if (lexer.from === -1) lexer.from = at;
  if (isWord(lexer.previous)) return at + 1;
  let end = at + 1;
  while (end < chunk.length && isWord(chunk[end] as number)) end++;
  if (end === chunk.length) return hold(lexer, chunk, at);
  // `$1` is a parameter; a tag does not begin with a digit.
  if (chunk[end] !== code.dollar || isDigit(chunk[at + 1] as number)) return at + 1;
  lexer.dollarTag = Buffer.from(chunk.subarray(at, end + 1));
  lexer.mode = "dollar";
  return end + 1;
}

/** The rest of a string or of a quoted name. */
export function readQuoted(lexer: Lexer, chunk: Buffer, start: number): number {
  if (lexer.from === -1) lexer.from = start;
  const at = lexer.escapes ? findUnescaped(lexer, chunk, start) : chunk.indexOf(lexer.quote, start);
  if (at === -1) return chunk.length;
  // A doubled quote ends here and begins anew at once: the same bytes are inside either way, unless
  // E came before.
  if (lexer.escapes && chunk[at + 1] === undefined) return hold(lexer, chunk, at);
  if (lexer.escapes && chunk[at + 1] === lexer.quote) return at + 2;
  lexer.mode = "sql";
  lexer.beforePrevious = 0;
  lexer.previous = lexer.quote;
  return at + 1;
}

function findUnescaped(lexer: Lexer, chunk: Buffer, start: number): number {
  for (let at = start; at < chunk.length; at++) {
    if (lexer.escaped) lexer.escaped = false;
    else if (chunk[at] === code.backslash) lexer.escaped = true;
    else if (chunk[at] === lexer.quote) return at;
  }
  return -1;
}

/** The rest of a dollar-quoted string. */
export function readDollarQuoted(lexer: Lexer, chunk: Buffer, start: number): number {
  if (lexer.from === -1) lexer.from = start;
  const at = chunk.indexOf(lexer.dollarTag, start);
  if (at === -1) {
    // The tag may be cut by the chunk's end: its beginning is looked at again with the next chunk.
    const kept = Math.max(start, chunk.length - lexer.dollarTag.length + 1);
    return kept < chunk.length ? hold(lexer, chunk, kept) : chunk.length;
  }
  lexer.mode = "sql";
  lexer.previous = code.dollar;
  return at + lexer.dollarTag.length;
}

/** The rest of a `--` comment. Within a statement it is a part of it. */
export function readComment(lexer: Lexer, chunk: Buffer, start: number): number {
  if (lexer.from === -1) lexer.from = start;
  const end = chunk.indexOf(code.newline, start);
  if (end === -1) return chunk.length;
  lexer.mode = "sql";
  lexer.previous = code.newline;
  const beginning = lexer.parts[0] ?? chunk.subarray(lexer.from, lexer.from + 2);
  if (beginning[0] !== code.dash || beginning[1] !== code.dash) return end;
  lexer.onComment(take(lexer, chunk, end));
  return end + 1;
}

/** The rest of a block comment; they nest. */
export function readBlock(lexer: Lexer, chunk: Buffer, start: number): number {
  if (lexer.from === -1) lexer.from = start;
  for (let at = start; at < chunk.length; at++) {
    const byte = chunk[at];
    if (byte !== code.star && byte !== code.slash) continue;
    if (at + 1 === chunk.length) return hold(lexer, chunk, at);
    const pair = byte === code.star ? code.slash : code.star;
    if (chunk[at + 1] !== pair) continue;
    lexer.blockDepth += byte === code.star ? -1 : 1;
    at++;
    if (lexer.blockDepth > 0) continue;
    lexer.mode = "sql";
    return at + 1;
  }
  return chunk.length;
}

/** Whether the script may end here: not within a statement, a string or a block comment. */
export function isAtEnd(lexer: Lexer): boolean {
  if ((lexer.held?.toString("latin1").trim() ?? "") !== "") return false;
  if (lexer.mode === "comment") return lexer.parts[0]?.[0] === code.dash;
  return (lexer.mode === "sql" || lexer.mode === "command") && lexer.parts.length === 0;
}
