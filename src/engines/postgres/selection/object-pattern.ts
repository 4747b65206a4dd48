/**
 * What stands after `--only` for a database: tables and schemas, as the policy's `exclude` writes
 * them, or as `holdfast show` and `find` print them.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { compileTablePattern } from "../dump/exclusions.ts";
import { type ArchiveEntry, isRelation } from "./archive-entry.ts";

export interface ObjectPattern {
  /** As it was given. */
  readonly text: string;
  /** Names a schema with all that is in it. */
  readonly ofSchema: boolean;
  /** Whether a relation, or for `ofSchema` a schema of this name, is meant. */
  matches(entry: Pick<ArchiveEntry, "type" | "schema" | "name" | "dumpId" | "dependencies">): boolean;
}

const types = "TABLE|FOREIGN TABLE|VIEW|MATERIALIZED VIEW|SEQUENCE";
/** `schema TABLE public.orders` is how the digest calls a definition. */
const printedForm = new RegExp(`^schema (${types}|SCHEMA) (.+)$`, "s");
const wordForm = /^(table|schema|sequence|view) (.+)$/s;

/** The relations that each word means. */
const typesOf: Readonly<Record<string, readonly string[]>> = {
  table: ["TABLE", "FOREIGN TABLE"],
  sequence: ["SEQUENCE"],
  view: ["VIEW", "MATERIALIZED VIEW"],
};

/**
 * `public.orders`, `orders` (in `public`), `"Mixed".*`, `table public.orders`, `schema billing`,
 * `schema TABLE public.orders`. Errors: UsageInvalid.
 */
export function parseObjectPattern(text: string): ObjectPattern {
  const [, printedType, printedName = ""] = printedForm.exec(text) ?? [];
  if (printedType === "SCHEMA") return schemaPattern(text, printedName, printedName);
  if (printedType !== undefined) return relationPattern(text, printedName, [printedType], printedName);
  const [, word, name = ""] = wordForm.exec(text) ?? [];
  if (word === "schema") return schemaPattern(text, name);
  return word === undefined ? relationPattern(text, text) : relationPattern(text, name, typesOf[word]);
}

/** `raw` is a name that was printed without quotes. */
function relationPattern(text: string, written: string, wanted?: readonly string[], raw?: string): ObjectPattern {
  const matches = compile(text, written, raw !== undefined);
  return {
    text,
    ofSchema: false,
    matches: (entry) =>
      isRelation(entry) &&
      (wanted?.includes(entry.type) ?? true) &&
      (matches(entry) || (raw !== undefined && `${entry.schema}.${entry.name}` === raw)),
  };
}

function schemaPattern(text: string, written: string, raw?: string): ObjectPattern {
  const matches = compile(text, `${written}.*`, raw !== undefined);
  return {
    text,
    ofSchema: true,
    matches: ({ schema, name }) => schema === "-" && (matches({ schema: name, name: "-" }) || name === raw),
  };
}

const matchesNothing = (): boolean => false;

function compile(text: string, written: string, lenient: boolean): (relation: { schema: string; name: string }) => boolean {
  try {
    return compileTablePattern(written);
  } catch (cause) {
    // What is printed without quotes need not be a pattern.
    if (lenient) return matchesNothing;
    throw new HoldfastError("UsageInvalid", `--only ${JSON.stringify(text)} is not a pattern such as public.orders`, {
      cause,
      hint: 'Write schema.table, or "schema billing"; `*` and `?` stand for any characters, double quotes keep capitals and dots.',
    });
  }
}
