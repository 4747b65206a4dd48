/**
 * What a table needs of the database it stands in: types, functions, collations, extensions and
 * schemas; and what of that another database lacks.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { Connection } from "../connection/driver.ts";
import { sqlStateOf } from "../connection/driver-errors.ts";

/** An object as PostgreSQL addresses it (pg_identify_object_as_address). */
export interface NeededObject {
  readonly type: string;
  readonly names: readonly string[];
  readonly args: readonly string[];
  /** As people read it: `public.mood`. */
  readonly identity: string;
}

// From the table's own parts to what they depend on, at any depth. What is the server's own has an
// oid below 16384. A part of an extension stands for the extension, which is asked for instead; a
// table that a policy reads has to be there, whatever it is made of.
const neededQuery = `
  WITH RECURSIVE own(classid, objid) AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, r.oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS r(oid)
    UNION
    SELECT d.classid, d.objid FROM own o JOIN pg_catalog.pg_depend d
      ON d.refclassid = o.classid AND d.refobjid = o.objid AND d.deptype IN ('a', 'i', 'I', 'P', 'S')
    WHERE d.classid = ANY (ARRAY['pg_catalog.pg_class', 'pg_catalog.pg_type', 'pg_catalog.pg_constraint', 'pg_catalog.pg_attrdef',
      'pg_catalog.pg_policy', 'pg_catalog.pg_trigger', 'pg_catalog.pg_rewrite', 'pg_catalog.pg_statistic_ext']::pg_catalog.regclass[])
  ), needed(classid, objid) AS (
    SELECT d.refclassid, d.refobjid FROM own o JOIN pg_catalog.pg_depend d ON d.classid = o.classid AND d.objid = o.objid
    WHERE d.deptype IN ('n', 'e') AND (d.refclassid, d.refobjid) NOT IN (SELECT classid, objid FROM own)
    UNION
    SELECT d.refclassid, d.refobjid FROM needed n JOIN pg_catalog.pg_depend d ON d.classid = n.classid AND d.objid = n.objid
    WHERE d.deptype IN ('n', 'e', 'i') AND n.classid <> 'pg_catalog.pg_class'::pg_catalog.regclass
  )
  SELECT DISTINCT a.type::text AS type, a.object_names AS names, a.object_args AS args, i.identity::text AS identity
  FROM needed n,
    LATERAL pg_catalog.pg_identify_object_as_address(n.classid, n.objid, 0) a,
    LATERAL pg_catalog.pg_identify_object(n.classid, n.objid, 0) i
  WHERE n.objid >= 16384 AND (n.classid, n.objid) NOT IN (SELECT classid, objid FROM own)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = n.classid AND e.objid = n.objid AND e.deptype = 'e')
    AND a.type NOT IN ('role', 'database', 'tablespace')
  ORDER BY 1, 4`;

/** Of the relations with these oids. Errors: the driver's. */
export async function readNeeded(oids: readonly string[], connection: Connection): Promise<readonly NeededObject[]> {
  return connection.rows<NeededObject & Record<string, unknown>>(neededQuery, [oids]);
}

const existsQuery = "SELECT pg_catalog.pg_get_object_address($1, $2::pg_catalog.text[], $3::pg_catalog.text[])";

/** Those that this database lacks. Opens no transaction. Errors: the driver's. */
export async function findLacking(needed: readonly NeededObject[], connection: Connection): Promise<readonly NeededObject[]> {
  const lacking: NeededObject[] = [];
  for (const object of needed) {
    try {
      await connection.rows(existsQuery, [object.type, object.names, object.args]);
    } catch (error) {
      // 42704, 42P01, 42883, 3F000: it, or what it is in, is not there; other errors are none of
      // it.
      if (!/^(?:42|3F)/.test(sqlStateOf(error) ?? "")) throw error;
      lacking.push(object);
    }
  }
  return lacking;
}

/** For people: `type public.mood`. */
const describeNeeded = ({ type, identity }: NeededObject): string => `${type} ${identity}`;

/**
 * What may be taken along: nothing that holds rows. The entries that make it, in pg_dump's words.
 */
export const takableEntries: Readonly<Record<string, readonly string[]>> = {
  schema: ["SCHEMA"],
  extension: ["EXTENSION"],
  type: ["TYPE", "SHELL TYPE", "DOMAIN"],
  function: ["FUNCTION"],
  collation: ["COLLATION"],
};

/**
 * Errors: RestoreRefused, naming what is lacking: all of it, or with `withNeeded` what cannot be
 * taken from the backup.
 */
export function requireTakable(lacking: readonly NeededObject[], withNeeded: boolean, target: string): void {
  const refused = withNeeded ? lacking.filter(({ type }) => takableEntries[type] === undefined) : lacking;
  if (refused.length === 0) return;
  const named = refused.map(describeNeeded).join(", ");
  throw new HoldfastError("RestoreRefused", `${target} lacks what the table needs: ${named}; nothing was touched`, {
    hint: withNeeded
      ? "Make it there first, or restore the whole backup to a new database."
      : "Make it there first, or add --with-needed: types, functions and the like then come from the backup, in the same transaction.",
  });
}
