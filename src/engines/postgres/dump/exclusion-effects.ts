/**
 * What the policy's exclusions take with them: definitions elsewhere in the database that a restore
 * cannot make without what is left out.
 */
import type { Notice } from "../../../proof/content.ts";
import type { Connection } from "../connection/driver.ts";
import { spellQualified } from "../script/script-identifiers.ts";
import type { Exclusions, RelationName } from "./exclusions.ts";

/** One definition that needs something the policy leaves out. */
export interface ExclusionEffect {
  /** In PostgreSQL's words: `view public.active`, `constraint fk on table public.clicks`. */
  readonly object: string;
  /**
   * The excluded relation that it needs, directly or through other definitions; the table that a
   * foreign key refers to.
   */
  readonly needs: RelationName;
  /**
   * `definition`: it is missing after a restore. `reference`: a foreign key that is missing where
   * rows refer to excluded ones.
   * `rows`: a table or its default is part of it, and the restore cannot bring back its rows
   * either.
   */
  readonly loses: "definition" | "reference" | "rows";
}

/** So many are kept in a manifest; what is beyond them is not excused when it is missing. */
const maxEffects = 1000;
const maxNotices = 50;

const catalog = (name: string): string => `'pg_catalog.${name}'::pg_catalog.regclass`;

/**
 * Follows the catalogue's dependencies from the excluded relations ($1) to everything that cannot
 * be made without them. Objects of a table that has no entry of their own in an archive (a column,
 * a default, a valid check) count as the table; what belongs to an excluded relation is gone with
 * it. A sequence that an excluded table's column owns stays.
 */
const definitionsQuery = `
  WITH RECURSIVE lost AS (
    SELECT ${catalog("pg_class")}::pg_catalog.oid AS classid, o.oid AS objid, o.oid AS root FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS o (oid)
    UNION
    SELECT n.classid, n.objid, l.root
    FROM lost l
    CROSS JOIN LATERAL (
      SELECT l.classid AS classid, l.objid AS objid
      UNION ALL
      SELECT ${catalog("pg_type")}, t.oid FROM pg_catalog.pg_type t WHERE l.classid = ${catalog("pg_class")} AND t.typrelid = l.objid
      UNION ALL
      SELECT ${catalog("pg_type")}, a.oid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_type a ON a.oid = t.typarray
      WHERE l.classid = ${catalog("pg_class")} AND t.typrelid = l.objid OR l.classid = ${catalog("pg_type")} AND t.oid = l.objid
    ) e
    JOIN pg_catalog.pg_depend d ON d.refclassid = e.classid AND d.refobjid = e.objid AND d.deptype IN ('n', 'a', 'i', 'P', 'S')
    LEFT JOIN pg_catalog.pg_rewrite w ON d.classid = ${catalog("pg_rewrite")} AND w.oid = d.objid
    LEFT JOIN pg_catalog.pg_attrdef f ON d.classid = ${catalog("pg_attrdef")} AND f.oid = d.objid
    LEFT JOIN pg_catalog.pg_constraint k ON d.classid = ${catalog("pg_constraint")} AND k.oid = d.objid
    LEFT JOIN pg_catalog.pg_type y ON d.classid = ${catalog("pg_type")} AND y.oid = d.objid
    LEFT JOIN pg_catalog.pg_class c ON d.classid = ${catalog("pg_class")} AND c.oid = d.objid
    LEFT JOIN pg_catalog.pg_index x ON d.classid = ${catalog("pg_class")} AND x.indexrelid = d.objid
    LEFT JOIN pg_catalog.pg_trigger g ON d.classid = ${catalog("pg_trigger")} AND g.oid = d.objid
    LEFT JOIN pg_catalog.pg_policy p ON d.classid = ${catalog("pg_policy")} AND p.oid = d.objid
    LEFT JOIN pg_catalog.pg_statistic_ext s ON d.classid = ${catalog("pg_statistic_ext")} AND s.oid = d.objid
    CROSS JOIN LATERAL (
      SELECT CASE
          WHEN w.rulename = '_RETURN' THEN ${catalog("pg_class")}
          WHEN f.adrelid IS NOT NULL THEN ${catalog("pg_class")}
          WHEN k.contype = 'c' AND k.conrelid <> 0 AND k.convalidated THEN ${catalog("pg_class")}
          WHEN k.contypid <> 0 THEN ${catalog("pg_type")}
          WHEN y.typrelid <> 0 THEN ${catalog("pg_class")}
          ELSE d.classid END::pg_catalog.oid AS classid,
        CASE
          WHEN w.rulename = '_RETURN' THEN w.ev_class
          WHEN f.adrelid IS NOT NULL THEN f.adrelid
          WHEN k.contype = 'c' AND k.conrelid <> 0 AND k.convalidated THEN k.conrelid
          WHEN k.contypid <> 0 THEN k.contypid
          WHEN y.typrelid <> 0 THEN y.typrelid
          ELSE d.objid END AS objid,
        coalesce(w.ev_class, f.adrelid, nullif(k.conrelid, 0), x.indrelid, g.tgrelid, p.polrelid, s.stxrelid, nullif(y.typrelid, 0), c.oid) AS relation
    ) n
    WHERE NOT coalesce(n.relation = ANY ($1::pg_catalog.oid[]), false)
      AND NOT (l.classid = ${catalog("pg_class")} AND coalesce(n.relation = l.objid, false)) AND NOT coalesce(g.tgisinternal, false)
      AND d.classid NOT IN (${catalog("pg_publication_rel")}, ${catalog("pg_default_acl")})
      AND NOT coalesce(c.relkind = 'S' OR c.relkind = 't', false)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend m WHERE m.classid = n.classid AND m.objid = n.objid AND m.deptype = 'e')
  )
  SELECT pg_catalog.pg_describe_object(l.classid, l.objid, 0) AS object, rn.nspname AS schema, r.relname AS name,
         CASE WHEN c.relkind IN ('r', 'p') THEN 'rows' ELSE 'definition' END AS loses
  FROM lost l
  JOIN pg_catalog.pg_class r ON r.oid = l.root JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
  LEFT JOIN pg_catalog.pg_class c ON l.classid = ${catalog("pg_class")} AND c.oid = l.objid
  LEFT JOIN pg_catalog.pg_type t ON l.classid = ${catalog("pg_type")} AND t.oid = l.objid
  LEFT JOIN pg_catalog.pg_constraint k ON l.classid = ${catalog("pg_constraint")} AND k.oid = l.objid
  WHERE NOT (l.classid = ${catalog("pg_class")} AND l.objid = ANY ($1::pg_catalog.oid[]))
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid) AND coalesce(k.conparentid = 0 AND k.contype <> 't', true)
  ORDER BY 4 DESC, 1, 2, 3 LIMIT ${maxEffects}`;

/**
 * Foreign keys of tables whose rows are dumped, to tables of which some rows are not: because their
 * own are excluded, or those of a partition ($1: relations without their rows in the dump, $2:
 * those of them that are left out entirely).
 */
const referencesQuery = `
  WITH RECURSIVE thin AS (
    SELECT o.oid AS oid, o.oid AS root FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS o (oid)
    UNION SELECT i.inhparent, t.root FROM thin t JOIN pg_catalog.pg_class c ON c.oid = t.oid AND c.relispartition
      JOIN pg_catalog.pg_inherits i ON i.inhrelid = t.oid
  )
  SELECT DISTINCT pg_catalog.pg_describe_object(${catalog("pg_constraint")}, k.oid, 0) AS object, n.nspname AS schema, c.relname AS name,
         'reference' AS loses
  FROM pg_catalog.pg_constraint k JOIN thin ON thin.oid = k.confrelid
  JOIN pg_catalog.pg_class c ON c.oid = k.confrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE k.contype = 'f' AND k.conparentid = 0 AND k.convalidated
    AND NOT k.conrelid = ANY ($1::pg_catalog.oid[]) AND NOT k.confrelid = ANY ($2::pg_catalog.oid[])
  ORDER BY 1 LIMIT ${maxEffects}`;

interface EffectRow extends Record<string, unknown> {
  readonly object: string;
  readonly schema: string;
  readonly name: string;
  readonly loses: ExclusionEffect["loses"];
}

/**
 * What will be missing after a restore because the policy leaves out what it needs. Errors: as the
 * driver's `queryError`.
 */
export async function findExclusionEffects(connection: Connection, { oids }: Exclusions): Promise<readonly ExclusionEffect[]> {
  if (oids.tables.length === 0 && oids.data.length === 0) return [];
  const rows = [
    ...(oids.tables.length === 0 ? [] : await connection.rows<EffectRow>(definitionsQuery, [oids.tables])),
    ...(await connection.rows<EffectRow>(referencesQuery, [[...oids.tables, ...oids.data], oids.tables])),
  ];
  return rows.slice(0, maxEffects).map(({ object, schema, name, loses }) => ({ object, needs: { schema, name }, loses }));
}

const codes: Readonly<Record<ExclusionEffect["loses"], string>> = {
  definition: "exclusion-breaks-definition",
  reference: "exclusion-breaks-reference",
  rows: "exclusion-loses-rows",
};

function describeEffect({ object, needs, loses }: ExclusionEffect): string {
  const table = spellQualified(needs.schema, needs.name);
  if (loses === "rows")
    return `${object} cannot be made without ${table}, which is excluded: a restore brings back neither it nor its rows`;
  if (loses === "reference")
    return `${object} refers to ${table}, of which rows are excluded: a restore leaves it out where rows refer to those`;
  return `${object} needs ${table}, which is excluded: a restore leaves it out`;
}

/** One notice each, and one for those beyond the first fifty. */
export function describeEffects(effects: readonly ExclusionEffect[]): Notice[] {
  const notices = effects.slice(0, maxNotices).map((effect) => {
    return { code: codes[effect.loses], subject: effect.object, message: describeEffect(effect) };
  });
  const more = effects.length - notices.length;
  if (more <= 0) return notices;
  const message = `${more} more definitions need what is excluded: a restore leaves them out`;
  return [...notices, { code: codes.definition, subject: "exclusions", message }];
}
