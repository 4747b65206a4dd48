/**
 * Runs a script of pg_dump in the session and the transaction that a caller has open, statement by
 * statement and with its rows. Not psql: that commits by itself, and takes commands of its own from
 * what a script holds.
 */
import type { Readable } from "node:stream";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { readRoles } from "../archive/archive-outline.ts";
import { frameBegin, frameEnd } from "../archive/archive-rights.ts";
import type { Connection } from "../connection/driver.ts";
import { isSessionStatement } from "../digest/ddl-normalise.ts";
import type { CopyTarget, ScriptEntry } from "../script/script-entry.ts";
import { createScriptSplitter } from "../script/script-splitter.ts";
import { decodeName, decodeStatement } from "../script/script-text.ts";
import { type CopyIn, startCopy } from "./copy-in.ts";
import { keyOf, type QualifiedName } from "./object-names.ts";
import { quoteQualified } from "./staged-table.ts";
import { readTarget } from "./statement-target.ts";

export interface ReplayOptions {
  /** Entries of other types are left out. */
  readonly types: ReadonlySet<string>;
  /** Whether an entry of these types is wanted; absent: it is. */
  readonly wants?: (entry: ScriptEntry) => boolean;
  /**
   * All that the statements may make or change, by `keyOf`; anything else is refused. Undefined:
   * what is chosen by `wants` is of many kinds, and is not looked at again.
   */
  readonly mayTouch: ReadonlySet<string> | undefined;
  /** Runs before the first right is granted. */
  readonly beforeRights?: () => Promise<void>;
  /** Roles that the server has: a statement that names another is left out, and given back. */
  readonly presentRoles: ReadonlySet<string>;
}

/** A statement that was left out, for a role that is missing. */
export interface LeftOutStatement {
  readonly entry: ScriptEntry;
  readonly statement: string;
}

export interface Replayed {
  readonly statements: number;
  readonly leftOut: readonly LeftOutStatement[];
}

type Step =
  | { readonly kind: "statement"; readonly entry: ScriptEntry; readonly text: string }
  | { readonly kind: "copyStart"; readonly target: CopyTarget }
  | { readonly kind: "rows"; readonly bytes: Buffer }
  | { readonly kind: "copyEnd" };

/** Of a session's settings, those that decide what a statement makes. */
const neededSettings = /^SET (?:default_tablespace|default_table_access_method|check_function_bodies|xmloption) = /;

/**
 * Errors: RestoreFailed for a statement that touches anything else; ContentInvalid for a script
 * that is cut off; the server's own, as the driver's; those of the stream.
 */
export async function replayScript(script: Readable, connection: Connection, options: ReplayOptions): Promise<Replayed> {
  const replaying = createReplay(connection, options);
  const steps: Step[] = [];
  let entry: ScriptEntry = { type: "PREAMBLE", schema: "-", name: "" };
  const splitter = createScriptSplitter({
    entry: (next) => {
      entry = { ...next, schema: decodeName(next.schema, "UTF8"), name: decodeName(next.name, "UTF8") };
    },
    statement: (text) => void steps.push({ kind: "statement", entry, text }),
    copyStart: (target) => void steps.push({ kind: "copyStart", target }),
    // The buffer is only lent, and written before the next chunk is split.
    copyData: (bytes) => void steps.push({ kind: "rows", bytes }),
    copyEnd: () => void steps.push({ kind: "copyEnd" }),
  });
  try {
    for await (const chunk of script) {
      splitter.write(chunk as Buffer);
      for (const step of steps.splice(0)) await replaying.take(step);
    }
    splitter.end();
    for (const step of steps.splice(0)) await replaying.take(step);
  } finally {
    script.destroy();
    await replaying.giveUp();
  }
  return replaying.result();
}

function createReplay(connection: Connection, options: ReplayOptions) {
  const leftOut: LeftOutStatement[] = [];
  let statements = 0;
  // Rights that somebody else than the owner granted are run as their grantor, by a superuser.
  let framed = false;
  let copy: CopyIn | undefined;

  async function run(entry: ScriptEntry, bytes: string): Promise<void> {
    const text = decodeStatement(bytes, "SQL_ASCII");
    if (isSessionStatement(bytes)) {
      if (neededSettings.test(text)) await connection.run(text);
      return;
    }
    if (!options.types.has(entry.type) || options.wants?.(entry) === false) return;
    if (bytes.startsWith(frameBegin)) framed = true;
    const isFramed = framed;
    if (bytes === frameEnd) framed = false;
    if (isFramed || readRoles(bytes).some((role) => !options.presentRoles.has(decodeName(role, "UTF8")))) {
      leftOut.push({ entry, statement: text });
      return;
    }
    const target = readTarget(text);
    if (options.mayTouch !== undefined && (target === undefined || !options.mayTouch.has(keyOf(target)))) throw refused(text);
    if (entry.type === "ACL") await options.beforeRights?.();
    await connection.run(text);
    statements++;
  }

  async function open(target: CopyTarget): Promise<void> {
    const table: QualifiedName = { schema: decodeName(target.schema, "UTF8"), name: decodeName(target.table, "UTF8") };
    if (options.mayTouch?.has(keyOf(table)) !== true) throw refused(`COPY ${quoteQualified(table)}`);
    copy = await startCopy(connection, copyStatement(table, target.columns));
  }

  return {
    async take(step: Step): Promise<void> {
      if (step.kind === "statement") await run(step.entry, step.text);
      else if (step.kind === "copyStart") await open(step.target);
      else if (step.kind === "rows") await copy?.write(step.bytes);
      else {
        const ended = copy;
        copy = undefined;
        await ended?.end();
      }
    },
    giveUp: async () => copy?.fail(),
    result: (): Replayed => ({ statements, leftOut }),
  };
}

function copyStatement(table: QualifiedName, columns: readonly string[]): string {
  const names = columns.map((column) => `"${decodeStatement(column, "SQL_ASCII").replaceAll('"', '""')}"`);
  return `COPY ${quoteQualified(table)}${names.length === 0 ? "" : ` (${names.join(", ")})`} FROM stdin`;
}

/** A fault of this file, or a server that was made to lie: the live database is not to find out. */
function refused(statement: string): HoldfastError {
  return new HoldfastError(
    "RestoreFailed",
    `the staged table's script has a statement that is not about the copy: ${statement.slice(0, 200)}`,
    {
      hint: "Nothing was changed. Restore the whole backup to a new database, and look at the table there.",
    },
  );
}
