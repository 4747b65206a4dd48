/**
 * The chosen table as it stands in the staging database: its partitions, and all that belongs to
 * them and has a name.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { Connection } from "../connection/driver.ts";
import { quoteIdentifier, spellQualified } from "../script/script-identifiers.ts";
import { parseObjectPattern } from "../selection/object-pattern.ts";
import type { QualifiedName } from "./object-names.ts";

export interface StagedRelation extends QualifiedName {
  readonly oid: string;
  /** `r` has rows of its own, `p` has partitions. */
  readonly kind: "r" | "p";
}

/** Something that is renamed with its table. */
export interface StagedObject extends QualifiedName {
  readonly kind: "index" | "constraint" | "sequence" | "statistics";
  /** Of constraints: what they are on. */
  readonly relation?: QualifiedName;
}

/** What a copy beside the live table goes without: it would act on others, or others on it. */
export interface ActingObject {
  readonly kind: "trigger" | "rule" | "foreign key";
  readonly name: string;
  readonly relation: QualifiedName;
  /** As SQL that makes it. */
  readonly definition: string;
}

export interface StagedTable extends QualifiedName {
  /** The table itself first, then its partitions. */
  readonly relations: readonly [StagedRelation, ...StagedRelation[]];
  readonly objects: readonly StagedObject[];
  readonly acting: readonly ActingObject[];
  /** Foreign keys of other tables that refer to it. */
  readonly referring: readonly ActingObject[];
  /** Tables that it inherits from or is a partition of. */
  readonly parents: readonly StagedParent[];
}

export interface StagedParent extends QualifiedName {
  readonly partition: boolean;
  /** Of a partition: `FOR VALUES …`. */
  readonly bound: string | null;
}

/** An identifier for SQL with its schema. */
export const quoteQualified = ({ schema, name }: QualifiedName): string => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;

const findQuery = `
  SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`;

/** What is no table: as an archive calls it, and as people do. */
const kinds: Readonly<Record<string, { readonly type: string; readonly words: string }>> = {
  v: { type: "VIEW", words: "a view" },
  m: { type: "MATERIALIZED VIEW", words: "a materialized view" },
  f: { type: "FOREIGN TABLE", words: "a foreign table" },
};

/**
 * The one table that is meant. Errors: UsageInvalid where none, several or something else is.
 */
export async function findTable(given: string, connection: Connection): Promise<QualifiedName> {
  const { matches } = parseObjectPattern(given);
  const all = await connection.rows<{ schema: string; name: string; kind: string }>(findQuery);
  const relations = all.map((each) => ({ ...each, type: kinds[each.kind]?.type ?? "TABLE", dumpId: 0, dependencies: [] }));
  const found = relations.filter(matches);
  const names = found.map(({ schema, name }) => spellQualified(schema, name));
  const [first] = found;
  if (first === undefined) {
    throw new HoldfastError("UsageInvalid", `the backup has no table ${given}`, {
      hint: "See what it has with `holdfast find <source> --table <name>`.",
    });
  }
  if (found.length > 1) {
    throw new HoldfastError("UsageInvalid", `${given} means ${found.length} tables of the backup: ${names.join(", ")}`, {
      hint: "Give one table, with its schema.",
    });
  }
  const other = kinds[first.kind]?.words;
  if (other !== undefined) {
    throw new HoldfastError("UsageInvalid", `${names[0]} is ${other}, which has no rows of its own`, {
      hint: "Give the table that holds the rows, or restore the whole backup to a new database.",
    });
  }
  return { schema: first.schema, name: first.name };
}

// Partitions at any depth; children that only inherit are tables of their own.
const relationsQuery = `
  WITH RECURSIVE tree(oid, depth) AS (
    SELECT c.oid, 0 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2
    UNION ALL
    SELECT i.inhrelid, t.depth + 1 FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid
    JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE c.relispartition)
  SELECT c.oid::text AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind
  FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  ORDER BY t.depth, n.nspname::text COLLATE "C", c.relname::text COLLATE "C"`;

// A key's constraint is renamed by its index, an inherited one by its parent's.
const objectsQuery = `
  SELECT 'index' AS kind, n.nspname::text AS schema, x.relname::text AS name, NULL::text AS "relationSchema", NULL::text AS "relationName"
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
  WHERE i.indrelid = ANY ($1::pg_catalog.oid[])
  UNION ALL
  SELECT 'sequence', n.nspname::text, s.relname::text, NULL, NULL
  FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = ANY ($1::pg_catalog.oid[]) AND d.deptype IN ('a', 'i')
  UNION ALL
  SELECT 'statistics', n.nspname::text, e.stxname::text, NULL, NULL
  FROM pg_catalog.pg_statistic_ext e JOIN pg_catalog.pg_namespace n ON n.oid = e.stxnamespace
  WHERE e.stxrelid = ANY ($1::pg_catalog.oid[])
  UNION ALL
  SELECT 'constraint', n.nspname::text, k.conname::text, n.nspname::text, c.relname::text
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE k.conrelid = ANY ($1::pg_catalog.oid[]) AND k.contype IN ('c', 'n', 'f') AND k.coninhcount = 0 AND k.conparentid = 0
  ORDER BY 1, 2, 3`;

const actingQuery = `
  SELECT 'trigger' AS kind, t.tgname::text AS name, n.nspname::text AS schema, c.relname::text AS relation,
         pg_catalog.pg_get_triggerdef(t.oid) AS definition, true AS own
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE t.tgrelid = ANY ($1::pg_catalog.oid[]) AND NOT t.tgisinternal AND t.tgparentid = 0
  UNION ALL
  SELECT 'rule', r.rulename::text, n.nspname::text, c.relname::text, pg_catalog.pg_get_ruledef(r.oid), true
  FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE r.ev_class = ANY ($1::pg_catalog.oid[])
  UNION ALL
  SELECT 'foreign key', k.conname::text, n.nspname::text, c.relname::text,
         pg_catalog.format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', n.nspname, c.relname, k.conname, pg_catalog.pg_get_constraintdef(k.oid)),
         k.conrelid = ANY ($1::pg_catalog.oid[])
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE k.contype = 'f' AND k.conparentid = 0
    AND (k.conrelid = ANY ($1::pg_catalog.oid[])) <> (k.confrelid = ANY ($1::pg_catalog.oid[]))
  ORDER BY 1, 3, 4, 2`;

const parentsQuery = `
  SELECT n.nspname::text AS schema, c.relname::text AS name, own.relispartition AS partition,
         pg_catalog.pg_get_expr(own.relpartbound, own.oid) AS bound
  FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhparent
  JOIN pg_catalog.pg_class own ON own.oid = i.inhrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE i.inhrelid = $1::pg_catalog.oid ORDER BY i.inhseqno`;

interface ActingRow extends Record<string, unknown> {
  readonly kind: ActingObject["kind"];
  readonly name: string;
  readonly schema: string;
  readonly relation: string;
  readonly definition: string;
  readonly own: boolean;
}

/** Reads the table. Errors: UsageInvalid for a partition that is a foreign table; the driver's. */
export async function readStagedTable(table: QualifiedName, connection: Connection): Promise<StagedTable> {
  const relations = await connection.rows<StagedRelation & Record<string, unknown>>(relationsQuery, [table.schema, table.name]);
  const foreign = relations.find(({ kind }) => kind !== "r" && kind !== "p");
  if (foreign !== undefined) {
    throw new HoldfastError(
      "UsageInvalid",
      `${spellQualified(foreign.schema, foreign.name)} is a partition on a foreign server, whose rows are in no backup`,
      {
        hint: "Restore the whole backup to a new database.",
      },
    );
  }
  const oids = [relations.map(({ oid }) => oid)];
  const objects = await connection.rows<
    Record<string, unknown> & {
      kind: StagedObject["kind"];
      schema: string;
      name: string;
      relationSchema: string | null;
      relationName: string | null;
    }
  >(objectsQuery, oids);
  const acting = await connection.rows<ActingRow>(actingQuery, oids);
  const parents = await connection.rows<StagedParent & Record<string, unknown>>(parentsQuery, [relations[0]?.oid]);
  const describe = ({ kind, name, schema, relation, definition }: ActingRow): ActingObject => ({
    kind,
    name,
    relation: { schema, name: relation },
    definition,
  });
  return {
    ...table,
    relations: relations as unknown as readonly [StagedRelation, ...StagedRelation[]],
    objects: objects.map(({ kind, schema, name, relationSchema, relationName }) => ({
      kind,
      schema,
      name,
      ...(relationName === null ? {} : { relation: { schema: relationSchema as string, name: relationName } }),
    })),
    acting: acting.filter(({ own }) => own).map(describe),
    referring: acting.filter(({ own }) => !own).map(describe),
    parents,
  };
}
