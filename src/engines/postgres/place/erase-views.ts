/** Materialized views hold copies of rows: after an erasure they are filled anew. */
import type { UnmetErasures } from "../../../proof/erasure.ts";
import type { Connection } from "../connection/driver.ts";
import { quoteIdentifier } from "../script/script-identifiers.ts";
import { describeRefusal, isOf } from "./erase-refusals.ts";

// A restore makes views in the order in which they depend on each other: so their oids ascend.
const viewsQuery = `
  SELECT n.nspname::pg_catalog.text AS schema, c.relname::pg_catalog.text AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind = 'm' AND c.relispopulated ORDER BY c.oid`;

/** Refreshes every filled one; gives those that could not be. Errors: the driver's. */
export async function refreshViews(connection: Connection): Promise<UnmetErasures[]> {
  const refused: UnmetErasures[] = [];
  for (const { schema, name } of await connection.rows<{ schema: string; name: string }>(viewsQuery)) {
    const quoted = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
    await connection.run("SAVEPOINT holdfast_view");
    try {
      await connection.client.query(`REFRESH MATERIALIZED VIEW ${quoted}`);
      await connection.run("RELEASE SAVEPOINT holdfast_view");
    } catch (error) {
      if (!isOf(error, "server")) throw error;
      await connection.run("ROLLBACK TO SAVEPOINT holdfast_view; RELEASE SAVEPOINT holdfast_view");
      const reason = `it holds copies of rows, and could not be refreshed: ${describeRefusal(error)}`;
      refused.push({ object: `materialized view ${schema}.${name}`, count: 1, reason });
    }
  }
  return refused;
}
