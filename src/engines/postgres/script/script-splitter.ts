/**
 * Splits the SQL script of an archive (pg_restore --file=-, pg_dump, pg_dumpall) into entries,
 * statements and COPY rows, as it streams by. It reads SQL's quoting as psql does, so that a
 * function's body or a comment's text which looks like an entry, a COPY or an end of rows is never
 * taken for one. Memory: one chunk, and the longest single statement.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { endMarkerBytes, findCopyEnd, unfinishedMarkerBytes } from "../digest/copy-rows.ts";
import {
  type CopyTarget,
  type EntryNumbers,
  parseCopyStatement,
  parseEntryComment,
  parseEntryNumbers,
  type ScriptEntry,
} from "./script-entry.ts";
import {
  createLexer,
  hold,
  isAtEnd,
  type Lexer,
  type LexerMode,
  readBlock,
  readComment,
  readDollarQuoted,
  readQuoted,
  readSql,
} from "./script-lexer.ts";

/**
 * What the script consists of, in its order. Text is given as bytes in latin1 strings: one
 * character a byte.
 */
export interface ScriptSink {
  entry(entry: ScriptEntry): void;
  /** Without its semicolon and the white space around it. */
  statement(text: string): void;
  copyStart(target: CopyTarget): void;
  /** Rows, in pieces of any size; the buffer is only lent. */
  copyData(bytes: Buffer): void;
  copyEnd(): void;
}

export interface ScriptSplitter {
  /** The chunk is only lent. */
  write(chunk: Buffer): void;
  /** Errors: ContentInvalid when the script ends within a statement or within rows. */
  end(): void;
}

const newline = 0x0a;

type Reader = (lexer: Lexer, chunk: Buffer, at: number) => number;

/**
 * The rest of a line: of a backslash command, which means something to psql only, or of a COPY
 * statement.
 */
function skipLine(lexer: Lexer, chunk: Buffer, start: number): number {
  const end = chunk.indexOf(newline, start);
  if (end === -1) return chunk.length;
  lexer.mode = lexer.mode === "copyLine" ? "copy" : "sql";
  return end + 1;
}

/** Gives the rows to the sink until their end marker. */
function createCopyReader(sink: ScriptSink): Reader {
  let atLineStart = true;
  return (lexer, chunk, start) => {
    const end = findCopyEnd(chunk, start, atLineStart);
    if (end !== -1) {
      if (end > start) sink.copyData(chunk.subarray(start, end));
      sink.copyEnd();
      atLineStart = true;
      lexer.mode = "sql";
      lexer.previous = newline;
      return end + endMarkerBytes;
    }
    const unfinished = unfinishedMarkerBytes(chunk, start, atLineStart);
    const rowsEnd = chunk.length - unfinished;
    if (rowsEnd > start) {
      sink.copyData(chunk.subarray(start, rowsEnd));
      atLineStart = chunk[rowsEnd - 1] === newline;
    }
    return unfinished > 0 ? hold(lexer, chunk, rowsEnd) : chunk.length;
  };
}

export function createScriptSplitter(sink: ScriptSink): ScriptSplitter {
  let numbers: EntryNumbers = {};
  const lexer = createLexer(
    (text) => {
      const target = parseCopyStatement(text);
      if (target === undefined) return sink.statement(text);
      sink.copyStart(target);
      lexer.mode = "copyLine";
    },
    (text) => {
      const entry = parseEntryComment(text);
      if (entry === undefined) {
        numbers = { ...numbers, ...parseEntryNumbers(text) };
        return;
      }
      sink.entry({ ...entry, ...numbers });
      numbers = {};
    },
  );
  const readers: Readonly<Record<LexerMode, Reader>> = {
    sql: readSql,
    quoted: readQuoted,
    dollar: readDollarQuoted,
    comment: readComment,
    block: readBlock,
    command: skipLine,
    copyLine: skipLine,
    copy: createCopyReader(sink),
  };
  return {
    write(given) {
      const chunk = lexer.held === undefined ? given : Buffer.concat([lexer.held, given]);
      lexer.held = undefined;
      let at = 0;
      while (at !== -1 && at < chunk.length) at = readers[lexer.mode](lexer, chunk, at);
      if (lexer.from !== -1) lexer.parts.push(Buffer.from(chunk.subarray(lexer.from)));
      lexer.from = -1;
    },
    end() {
      if (isAtEnd(lexer)) return;
      const where = lexer.mode === "copy" || lexer.mode === "copyLine" ? "a table's rows" : "a statement";
      throw new HoldfastError("ContentInvalid", `the archive's script ends within ${where}`);
    },
  };
}
