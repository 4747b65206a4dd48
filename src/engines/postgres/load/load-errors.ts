/**
 * Reads the errors of pg_restore: the message, the statement that failed, and the entry of the
 * archive that it is from.
 */
import { parseCopyStatement, type ScriptEntry } from "../script/script-entry.ts";
import { readIdentifiers } from "../script/script-identifiers.ts";
import { createScriptSplitter } from "../script/script-splitter.ts";

/** One error of pg_restore, with the entry it was working on. */
export interface RestoreError {
  readonly entry?: ScriptEntry | undefined;
  /** The entry's number in the archive's list; known only where pg_restore named it. */
  readonly dumpId?: number | undefined;
  /** The server's or the tool's own words, without the level. */
  readonly message: string;
  /** The statement that failed, where one did: bytes in a latin1 string. */
  readonly command: string;
  /**
   * Whether the server answered with an error, so that it was still there; else the tool or the
   * connection failed.
   */
  readonly answered?: boolean | undefined;
}

/** Finds the entry that a statement or a table's rows are from. */
export interface EntryFinder {
  entryOf(statement: string): ScriptEntry | undefined;
  tablesNamed(name: string): readonly ScriptEntry[];
}

/**
 * Parallel sessions write their lines in pieces, so that another's prefix may stand in the middle
 * of one. What is lost that way load-parallel.ts finds by the numbers of `readFailedEntries`.
 */
const errorLine = /^pg_restore: error: (?:.*?could not execute query: )?(?:ERROR: {2})?(.*)$/;
const answerStart = /^pg_restore: error: (?:[\s\S]*?: )?ERROR: {2}/;
const commandMark = "Command was: ";

/** A table's name has 63 bytes, each of which may be a line break. */
const maxNameLines = 64;

/**
 * Reads pg_restore's standard error (bytes in a latin1 string). Parallel sessions do not say which
 * entry they work on; so it is found by the statement that failed.
 */
export function parseRestoreErrors(stderr: string, finder: EntryFinder): RestoreError[] {
  const errors: RestoreError[] = [];
  let dumpId: number | undefined;
  let message: string | undefined;
  let command: string[] | undefined;
  /** The message's lines; the server's own part may begin behind a name with a line break in it. */
  let said: string[] = [];
  const flush = (): void => {
    if (message !== undefined) {
      const statement = command === undefined ? "" : firstStatement(command.join("\n"));
      const entry = findEntry(message, statement, finder);
      const answered = answerStart.test(said.join("\n"));
      errors.push({ entry, dumpId, message: Buffer.from(message, "latin1").toString("utf8"), command: statement, answered });
    }
    message = undefined;
    // A statement whose message was not read is not the next one's.
    command = undefined;
  };
  for (const line of stderr.split("\n")) {
    if (line.startsWith("pg_restore: ")) {
      flush();
      dumpId = Number(/^pg_restore: from TOC entry (\d+);/.exec(line)?.[1] ?? dumpId) || undefined;
      message = errorLine.exec(line)?.[1];
      said = [line];
    } else if (command !== undefined) command.push(line);
    else if (line.startsWith(commandMark)) command = [line.slice(commandMark.length)];
    else if (said.length < maxNameLines) said.push(line);
  }
  flush();
  return errors;
}

/**
 * The numbers of all entries that failed. pg_restore writes `from TOC entry 215; 1259 16400 …` in
 * one piece before an entry's first error (version 14 always, later ones with `--verbose`), so that
 * no other session's words stand in it, whatever stands before it.
 */
export function readFailedEntries(stderr: string): Set<number> {
  return new Set([...stderr.matchAll(/from TOC entry (\d+); \d+ \d+ [A-Z]/g)].map(([, number]) => Number(number)));
}

/** An entry's statements fail together; it is known by its first. */
function firstStatement(text: string): string {
  let first: string | undefined;
  const ignore = (): void => {};
  const splitter = createScriptSplitter({
    entry: ignore,
    statement: (statement) => {
      first ??= statement;
    },
    // COPY is no statement to the splitter: its rows would follow.
    copyStart: () => {
      first ??= text.trim().replace(/;$/, "");
    },
    copyData: ignore,
    copyEnd: ignore,
  });
  splitter.write(Buffer.from(`${text}\n`, "latin1"));
  return first ?? text.trim();
}

function findEntry(message: string, statement: string, finder: EntryFinder): ScriptEntry | undefined {
  const rows = /^COPY failed for table "(.*)": /.exec(message)?.[1];
  if (rows !== undefined) {
    const [table, ...others] = finder.tablesNamed(rows);
    // Of several tables with this name one failed; the message does not say which.
    return table === undefined || others.length > 0 ? undefined : { ...table, type: "TABLE DATA" };
  }
  const copied = parseCopyStatement(statement);
  if (copied !== undefined) return { type: "TABLE DATA", schema: copied.schema, name: copied.table };
  const known = finder.entryOf(statement);
  if (known !== undefined) return known;
  const data = /^(?:REFRESH (MATERIALIZED VIEW)|SELECT pg_catalog\.(setval)\(')\s*/.exec(statement);
  if (data === null) return undefined;
  const [schema, name] = readIdentifiers(statement, ".", data[0].length).names;
  if (schema === undefined || name === undefined) return undefined;
  return { type: data[1] === undefined ? "SEQUENCE SET" : "MATERIALIZED VIEW DATA", schema, name: name.replace(/'$/, "") };
}

/** Errors that say nothing about the backup: the server, the disk or the connection failed. */
const environmentPattern =
  /No space left on device|Disk quota exceeded|Input\/output error|Read-only file system|Resource temporarily unavailable|Cannot allocate memory|Too many open files|out of shared memory|could not resize shared memory|out of memory|server closed the connection|terminating connection|the database system is (?:shutting down|in recovery|not yet accepting|starting up)|could not connect|connection to server|no connection to the server|too many clients|remaining connection slots|canceling statement due to|deadlock detected/;

/** The server's own files, by their names below its data directory: nothing of a backup. */
const serverFilePattern =
  /^could not [^"]*"(?:base|global|pg_[a-z]+)\/|^could not access status of transaction|^invalid page in block/;

/** What pg_restore itself says of an archive that is not what pg_dump wrote. */
const archivePattern =
  /^(?:could not (?:read from input file|read input file|uncompress data|decompress data|find block ID|find entry for)|unexpected end of file|input file (?:is too short|does not appear|appears to be)|unrecognized (?:data block type|encoding|file format|archive format)|found unexpected block ID|unexpected (?:data offset|block ID)|did not find magic string|unsupported version|sanity check on integer size|expected format|entry ID -?\d+ out of range|invalid (?:dumpId|line in|ENCODING item|STDSTRINGS item|SEARCHPATH item)|bad dumpId|file offset in dump file|corrupt|archive is compressed|cannot restore from compressed archive|inconsistent|could not close data file|error during file seek|ftell mismatch|could not parse)/;

/** Whether pg_restore says that it cannot read the archive. */
export function isArchiveError({ message, answered }: RestoreError): boolean {
  return answered !== true && archivePattern.test(message);
}

/**
 * Sessions that load at once got in each other's way: the statement itself was not judged, and
 * changed nothing.
 */
export function isDeadlock({ message }: RestoreError): boolean {
  return /^deadlock detected/.test(message);
}

/**
 * Of these the server's own answer speaks of another server: a foreign one, which a view's query
 * asked.
 */
const connectionPattern = /could not connect|connection to server|server closed the connection|canceling statement due to/;

/** What pg_restore says of a worker of its own that ended, for whatever reason. */
export function isWorkerLost({ message }: RestoreError): boolean {
  return /^(?:a worker process died unexpectedly|could not (?:read|write) (?:from|to) (?:the )?communication channel)/.test(
    message,
  );
}

/**
 * Whether the server, its disk or the program failed, so that the load must be called off and not
 * judged. Where the server gave no answer, only an archive that cannot be read says something of
 * the backup: pg_restore that could start no worker, or lost one, does not.
 */
export function isEnvironmental(error: RestoreError): boolean {
  if (error.answered !== true) return !archivePattern.test(error.message) || environmentPattern.test(error.message);
  if (serverFilePattern.test(error.message)) return true;
  if (!environmentPattern.test(error.message)) return false;
  const refreshing = error.entry?.type === "MATERIALIZED VIEW DATA";
  return !(refreshing && connectionPattern.test(error.message));
}
