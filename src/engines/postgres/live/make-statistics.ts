/**
 * Extended statistics of a moved table: pg_dump of before 18 leaves them out where it is given
 * tables by name.
 */
import type { Connection } from "../connection/driver.ts";
import { quoteIdentifier, quoteLiteral } from "../script/script-identifiers.ts";
import { keyOf } from "./object-names.ts";
import { quoteQualified, type StagedTable } from "./staged-table.ts";

interface StatisticsRow extends Record<string, unknown> {
  readonly schema: string;
  readonly name: string;
  readonly definition: string;
  readonly owner: string;
  readonly comment: string | null;
}

const query = `
  SELECT n.nspname::text AS schema, e.stxname::text AS name, pg_catalog.pg_get_statisticsobjdef(e.oid) AS definition,
         pg_catalog.pg_get_userbyid(e.stxowner)::text AS owner, pg_catalog.obj_description(e.oid, 'pg_statistic_ext') AS comment
  FROM pg_catalog.pg_statistic_ext e JOIN pg_catalog.pg_namespace n ON n.oid = e.stxnamespace WHERE e.stxrelid = ANY ($1::pg_catalog.oid[])`;

/** Makes those that are not there yet, in the transaction that is open. Errors: the driver's. */
export async function makeStatistics(
  { relations }: StagedTable,
  staged: Connection,
  live: Connection,
  owners: ReadonlySet<string>,
): Promise<void> {
  const found = await live.rows<{ schema: string; name: string }>(
    "SELECT n.nspname::text AS schema, e.stxname::text AS name FROM pg_catalog.pg_statistic_ext e JOIN pg_catalog.pg_namespace n ON n.oid = e.stxnamespace",
  );
  const there = new Set(found.map(keyOf));
  for (const { definition, owner, comment, ...name } of await staged.rows<StatisticsRow>(query, [
    relations.map(({ oid }) => oid),
  ])) {
    if (there.has(keyOf(name))) continue;
    await live.run(definition);
    if (owners.has(owner)) await live.run(`ALTER STATISTICS ${quoteQualified(name)} OWNER TO ${quoteIdentifier(owner)}`);
    if (comment !== null) await live.run(`COMMENT ON STATISTICS ${quoteQualified(name)} IS ${quoteLiteral(comment)}`);
  }
}
