/**
 * A table as rows are put back into it: its columns, what tells its rows apart, what acts on it.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { Connection } from "../connection/driver.ts";
import { spellQualified } from "../script/script-identifiers.ts";
import type { QualifiedName } from "./object-names.ts";
import type { TableColumn } from "./put-back-columns.ts";

const relation = "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace";

/** The table's kind, `r` or `p` …; undefined where there is none. Errors: the driver's. */
export async function readKind({ schema, name }: QualifiedName, connection: Connection): Promise<string | undefined> {
  const query = `SELECT c.relkind::text AS kind ${relation} WHERE n.nspname = $1 AND c.relname = $2`;
  return (await connection.row<{ kind: string }>(query, [schema, name]))?.kind;
}

const columnsQuery = `
  SELECT a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS "notNull",
         a.atthasdef AS "hasDefault", a.attgenerated <> '' AS generated, a.attidentity <> '' AS identity
  ${relation} JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
  WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

/** Its columns, in their order. Errors: the driver's. */
export async function readColumns({ schema, name }: QualifiedName, connection: Connection): Promise<readonly TableColumn[]> {
  return connection.rows<TableColumn & Record<string, unknown>>(columnsQuery, [schema, name]);
}

// The primary key first, then unique keys over columns that take no null. Equal is what the index
// takes for equal (strategy 3 of a B-tree): of citext, letters of either case.
const keyQuery = `
  SELECT x.relname::text AS name, ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(attnum, at)
           JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
           WHERE k.at <= i.indnkeyatts ORDER BY k.at) AS columns,
         ARRAY(SELECT pg_catalog.format('OPERATOR(%I.%s)', opn.nspname, o.oprname)
           FROM pg_catalog.unnest(i.indclass::pg_catalog.oid[]) WITH ORDINALITY AS k(opclass, at)
           JOIN pg_catalog.pg_opclass oc ON oc.oid = k.opclass
           JOIN pg_catalog.pg_amop m ON m.amopfamily = oc.opcfamily AND m.amoplefttype = oc.opcintype AND m.amoprighttype = oc.opcintype AND m.amopstrategy = 3
           JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr JOIN pg_catalog.pg_namespace opn ON opn.oid = o.oprnamespace
           ORDER BY k.at) AS operators
  ${relation} JOIN pg_catalog.pg_index i ON i.indrelid = c.oid JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  WHERE n.nspname = $1 AND c.relname = $2 AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
    AND NOT EXISTS (SELECT FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(attnum, at)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE k.at <= i.indnkeyatts AND NOT a.attnotnull)
  ORDER BY i.indisprimary DESC, x.relname::text COLLATE "C"`;

export interface TableKey {
  readonly columns: readonly string[];
  /** What compares each of them, as SQL. */
  readonly operators: readonly string[];
}

/**
 * The columns that tell its rows apart, all of which have to be among those that are copied.
 * Errors: RestoreRefused where there is no such key.
 */
export async function readKey(table: QualifiedName, columns: readonly string[], connection: Connection): Promise<TableKey> {
  const keys = await connection.rows<TableKey & Record<string, unknown>>(keyQuery, [table.schema, table.name]);
  const key = keys.find(
    ({ columns: names, operators }) =>
      names.length > 0 && names.length === operators.length && names.every((name) => columns.includes(name)),
  );
  if (key !== undefined) return key;
  throw new HoldfastError(
    "RestoreRefused",
    `${spellQualified(table.schema, table.name)} has no primary key or unique key without nulls that the backup's rows have too: nobody can tell which rows are missing; nothing was touched`,
    { hint: "Restore the table beside the live one with --beside, and move the rows with SQL of your own." },
  );
}

export interface LiveTrigger extends QualifiedName {
  readonly trigger: string;
  /** `O` as usual, `A` always, `R` in replicas. */
  readonly enabled: string;
  readonly definition: string;
  /** Of a partition: made with the partitioned table's. */
  readonly cloned: boolean;
}

const triggersQuery = `
  WITH RECURSIVE tree(oid) AS (
    SELECT c.oid ${relation} WHERE n.nspname = $1 AND c.relname = $2
    UNION ALL SELECT i.inhrelid FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid
      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE c.relispartition)
  SELECT n.nspname::text AS schema, c.relname::text AS name, g.tgname::text AS trigger, g.tgenabled::text AS enabled,
         pg_catalog.pg_get_triggerdef(g.oid) AS definition, g.tgparentid <> 0 AS cloned
  FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_trigger g ON g.tgrelid = c.oid
  WHERE NOT g.tgisinternal AND g.tgenabled IN ('O', 'A') AND g.tgtype::pg_catalog.int4 & 4 <> 0
  ORDER BY 1, 2, 3`;

/** Triggers that an INSERT fires, with those of its partitions. Errors: the driver's. */
export async function readTriggers({ schema, name }: QualifiedName, connection: Connection): Promise<readonly LiveTrigger[]> {
  return connection.rows<LiveTrigger & Record<string, unknown>>(triggersQuery, [schema, name]);
}

const widensQuery = `
  SELECT pg_catalog.to_regtype($1) = pg_catalog.to_regtype($2) OR EXISTS (SELECT FROM pg_catalog.pg_cast
    WHERE castsource = pg_catalog.to_regtype($1) AND casttarget = pg_catalog.to_regtype($2) AND castcontext = 'i') AS widens`;

/**
 * Those pairs of types of which the second takes all values of the first: there is an implicit
 * cast, or only a length that grew. Errors: the driver's.
 */
export async function readWidenings(
  pairs: readonly (readonly [from: string, to: string])[],
  connection: Connection,
): Promise<ReadonlySet<string>> {
  const wide = new Set<string>();
  for (const [from, to] of pairs) {
    const [, before, after] = lengths.exec(`${from} ${to}`) ?? [];
    // A length that is no part of the first name alone does not matter where the second has none.
    const cast = /[([]/.test(to)
      ? undefined
      : await connection.row<{ widens: boolean | null }>(widensQuery, [from.replace(/\(.*?\)/, ""), to]);
    if (cast?.widens === true || Number(after) >= Number(before)) wide.add(JSON.stringify([from, to]));
  }
  return wide;
}

const lengths = /^character varying\((\d+)\) character varying\((\d+)\)$/;

export interface TableSequence extends QualifiedName {
  readonly column: string;
  readonly increment: string;
}

const sequencesQuery = `
  SELECT sn.nspname::text AS schema, s.relname::text AS name, a.attname::text AS column, q.seqincrement::text AS increment
  ${relation} JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum
    AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')
  JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
  JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
  WHERE n.nspname = $1 AND c.relname = $2 ORDER BY a.attnum`;

/** Sequences that its columns own. Errors: the driver's. */
export async function readSequences({ schema, name }: QualifiedName, connection: Connection): Promise<readonly TableSequence[]> {
  return connection.rows<TableSequence & Record<string, unknown>>(sequencesQuery, [schema, name]);
}
