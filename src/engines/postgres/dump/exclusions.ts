/**
 * The policy's exclusion patterns: what pg_dump leaves out, and the same answer for the source
 * check.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import type { Notice } from "../../../proof/content.ts";
import { anyNumber, matchSequence } from "../../../runtime/match-sequence.ts";
import type { Connection } from "../connection/driver.ts";
import { spellQualified } from "../script/script-identifiers.ts";

/** A table or the like, as the catalogue names it. */
export interface RelationName {
  readonly schema: string;
  readonly name: string;
}

export interface Exclusions {
  /** For pg_dump. */
  readonly args: readonly string[];
  /** Whether the relation is left out entirely. */
  excludesTable(relation: RelationName): boolean;
  /** Whether the relation's rows are left out, with its definition or without. */
  excludesRows(relation: RelationName): boolean;
  /**
   * What the patterns select, with the partitions below: relations that are left out, and those
   * without their rows only.
   */
  readonly oids: { readonly tables: readonly string[]; readonly data: readonly string[] };
  /** Patterns that match nothing. */
  readonly notices: readonly Notice[];
}

const anyCharacter = Symbol("any character");

type Wildcard = "*" | "?";
type Piece = { readonly literal: string } | { readonly wildcard: Wildcard };
interface Pattern {
  readonly text: string;
  readonly schema: readonly Piece[];
  readonly name: readonly Piece[];
}

/**
 * Reads `schema.table`, either part with `*` and `?`; letters fold to lower case unless within
 * double quotes; without a schema, `public` is meant. Errors: PolicyInvalid.
 */
export function parsePattern(text: string): Pattern {
  const parts: Piece[][] = [[]];
  let quoted = false;
  const characters = [...text];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    const part = parts.at(-1) as Piece[];
    if (character === '"') {
      if (quoted && characters[at + 1] === '"') {
        part.push({ literal: '"' });
        at += 1;
      } else quoted = !quoted;
    } else if (quoted) part.push({ literal: character });
    else if (character === ".") parts.push([]);
    else if (character === "*" || character === "?") part.push({ wildcard: character });
    else part.push({ literal: character.toLowerCase() });
  }
  const [first = [], second, ...more] = parts;
  if (quoted || more.length > 0 || first.length === 0 || second?.length === 0) {
    throw new HoldfastError("PolicyInvalid", `the exclusion pattern ${JSON.stringify(text)} is not of the form schema.table`);
  }
  if (second === undefined) return { text, schema: [{ literal: "public" }], name: first };
  return { text, schema: first, name: second };
}

/** Whether the pieces match a name, in time that names of many equal letters cannot stretch. */
function compileMatcher(pieces: readonly Piece[]): (name: string) => boolean {
  const parts = pieces.flatMap<string | typeof anyNumber | typeof anyCharacter>((piece) => {
    if ("literal" in piece) return [...piece.literal];
    return piece.wildcard === "*" ? anyNumber : anyCharacter;
  });
  return (name) => {
    const characters = [...name];
    return matchSequence<string | typeof anyCharacter>(
      parts,
      characters.length,
      (part, index) => part === anyCharacter || part === characters[index],
    );
  };
}

/** Whether a pattern of the policy names a table. Errors: PolicyInvalid. */
export function compileTablePattern(text: string): (relation: RelationName) => boolean {
  const { schema, name } = parsePattern(text);
  const [matchesSchema, matchesName] = [compileMatcher(schema), compileMatcher(name)];
  return (relation) => matchesSchema(relation.schema) && matchesName(relation.name);
}

/**
 * pg_dump's own notation, with everything but the wildcards quoted: it would take `+`, `(` or `|`
 * as a regular expression.
 */
function toDumpPattern(pieces: readonly Piece[]): string {
  let result = "";
  let open = false;
  for (const piece of pieces) {
    const literal = "literal" in piece;
    if (literal !== open) result += '"';
    open = literal;
    result += "literal" in piece ? piece.literal.replaceAll('"', '""') : piece.wildcard;
  }
  return open ? `${result}"` : result;
}

function literalPattern(relation: RelationName): string {
  const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
  return `${quote(relation.schema)}.${quote(relation.name)}`;
}

interface Relation extends RelationName {
  readonly oid: string;
  /** The partitioned table it belongs to. */
  readonly parent: string | null;
}

const relationsQuery = `
  SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name,
         (SELECT i.inhparent::text FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid AND c.relispartition LIMIT 1) AS parent
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

interface Selection {
  readonly keys: ReadonlySet<string>;
  readonly oids: readonly string[];
  readonly args: readonly string[];
  readonly notices: readonly Notice[];
}

const keyOf = (relation: RelationName): string => spellQualified(relation.schema, relation.name);

/** What one list of patterns selects: the relations that match, and every partition below those. */
function select(patterns: readonly string[], option: string, relations: readonly Relation[]): Selection {
  const chosen = new Map<string, Relation>();
  const args: string[] = [];
  const notices: Notice[] = [];
  for (const pattern of patterns.map(parsePattern)) {
    const [schema, name] = [compileMatcher(pattern.schema), compileMatcher(pattern.name)];
    const matches = relations.filter((relation) => schema(relation.schema) && name(relation.name));
    for (const match of matches) chosen.set(match.oid, match);
    args.push(`${option}=${toDumpPattern(pattern.schema)}.${toDumpPattern(pattern.name)}`);
    if (matches.length === 0) {
      const message = `the exclusion ${pattern.text} matches no table`;
      notices.push({ code: "exclusion-matches-nothing", subject: pattern.text, message });
    }
  }
  // pg_dump before 16 cannot be asked to include the partitions of a table that a pattern names.
  for (let added = chosen.size > 0; added; ) {
    const below = relations.filter(({ oid, parent }) => parent !== null && chosen.has(parent) && !chosen.has(oid));
    for (const partition of below) {
      chosen.set(partition.oid, partition);
      args.push(`${option}=${literalPattern(partition)}`);
    }
    added = below.length > 0;
  }
  return { keys: new Set([...chosen.values()].map(keyOf)), oids: [...chosen.keys()], args, notices };
}

/**
 * Resolves the policy's patterns against the relations that the connection's snapshot sees. Errors:
 * PolicyInvalid, as `queryError`.
 */
export async function resolveExclusions(exclude: PostgresSource["exclude"], connection: Connection): Promise<Exclusions> {
  if (exclude.tables.length === 0 && exclude.data.length === 0) {
    return { args: [], excludesTable: () => false, excludesRows: () => false, oids: { tables: [], data: [] }, notices: [] };
  }
  const relations = (await connection.rows(relationsQuery)) as unknown as Relation[];
  const tables = select(exclude.tables, "--exclude-table", relations);
  const data = select(exclude.data, "--exclude-table-data", relations);
  const excludesTable = (relation: RelationName): boolean => tables.keys.has(keyOf(relation));
  return {
    args: [...tables.args, ...data.args],
    excludesTable,
    excludesRows: (relation) => excludesTable(relation) || data.keys.has(keyOf(relation)),
    oids: { tables: tables.oids, data: data.oids.filter((oid) => !tables.oids.includes(oid)) },
    notices: [...tables.notices, ...data.notices],
  };
}
