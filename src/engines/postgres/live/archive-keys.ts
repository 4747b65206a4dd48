/**
 * Foreign keys between the chosen table and others, as the archive has them: where the others were
 * not staged, neither were these.
 */
import type { Readable } from "node:stream";
import type { ScriptEntry } from "../script/script-entry.ts";
import { readIdentifiers } from "../script/script-identifiers.ts";
import { createScriptSplitter } from "../script/script-splitter.ts";
import { decodeName, decodeStatement, readEncoding } from "../script/script-text.ts";
import { readTokens } from "../script/sql-tokens.ts";
import { keyOf, type QualifiedName } from "./object-names.ts";
import { readTarget } from "./statement-target.ts";

export interface ForeignKey {
  /** That makes it. */
  readonly statement: string;
  /** As digests call it. */
  readonly object: string;
}

export interface ForeignKeys {
  /** Of the table and its partitions, to other tables. */
  readonly own: readonly ForeignKey[];
  /** Of other tables, to it. */
  readonly referring: readonly ForeignKey[];
}

/** The table that a foreign key refers to; undefined for any other statement. */
export function readReferred(statement: string): QualifiedName | undefined {
  if (!statement.startsWith("ALTER TABLE ")) return undefined;
  const tokens = readTokens(statement) ?? [];
  const at = tokens.findIndex(({ kind, text }) => kind === "word" && text === "REFERENCES");
  const isKey = tokens.slice(0, at).some(({ kind, text }) => kind === "word" && text === "FOREIGN");
  const [schema, name] = at === -1 || !isKey ? [] : readIdentifiers(statement, ".", tokens[at + 1]?.start ?? 0).names;
  return schema === undefined || name === undefined ? undefined : { schema, name };
}

/**
 * Reads the script of the archive's definitions. Errors: those of the script.
 */
export async function readForeignKeys(script: Readable, relations: readonly QualifiedName[]): Promise<ForeignKeys> {
  const ours = new Set(relations.map(keyOf));
  const [own, referring]: [ForeignKey[], ForeignKey[]] = [[], []];
  let entry: ScriptEntry = { type: "PREAMBLE", schema: "-", name: "" };
  let encoding = "UTF8";
  const splitter = createScriptSplitter({
    entry: (next) => {
      entry = next;
    },
    statement: (bytes) => {
      encoding = readEncoding(bytes) ?? encoding;
      if (entry.type !== "FK CONSTRAINT") return;
      const statement = decodeStatement(bytes, encoding);
      const [on, to] = [readTarget(statement), readReferred(statement)];
      if (on === undefined || to === undefined || ours.has(keyOf(on)) === ours.has(keyOf(to))) return;
      (ours.has(keyOf(on)) ? own : referring).push({ statement, object: describeKey(entry, encoding) });
    },
    copyStart: () => undefined,
    copyData: () => undefined,
    copyEnd: () => undefined,
  });
  for await (const chunk of script) splitter.write(chunk as Buffer);
  splitter.end();
  return { own, referring };
}

function describeKey({ type, schema, name }: ScriptEntry, encoding: string): string {
  return `schema ${type} ${decodeName(schema, encoding)}.${decodeName(name, encoding)}`;
}
