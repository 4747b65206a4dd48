/** The end of a transaction in a live database, known also where the connection is lost at it. */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import { type ConnectionSettings, describePlace } from "../connection/connection.ts";
import type { Connection } from "../connection/driver.ts";
import { withConnection } from "../place/restore-connection.ts";

/**
 * Commits. When the answer is lost, the server is asked anew what became of the transaction.
 * Errors: the driver's, where nothing was committed; RestoreFailed, where nobody can tell.
 */
export async function commitSurely(
  connection: Connection,
  settings: ConnectionSettings,
  context: Pick<RunContext, "signal">,
): Promise<void> {
  const begun = await connection.row<{ id: string }>("SELECT pg_catalog.pg_current_xact_id()::text AS id");
  try {
    await connection.run("COMMIT");
  } catch (error) {
    const status = await askStatus(begun?.id, settings, context).catch(() => null);
    if (status === "committed") return;
    if (status === "aborted") throw error;
    throw new HoldfastError(
      "RestoreFailed",
      `the connection to ${describePlace(settings)} was lost while the change was committed, and it cannot be told whether it was`,
      { cause: error, hint: "Count again with the same command without --yes when the server answers: it says what is there." },
    );
  }
}

/** `committed`, `aborted`, `in progress`, or null. */
async function askStatus(
  id: string | undefined,
  settings: ConnectionSettings,
  context: Pick<RunContext, "signal">,
): Promise<string | null> {
  return withConnection(settings, context, async (connection) => {
    const query = "SELECT pg_catalog.pg_xact_status($1::pg_catalog.xid8) AS status";
    return (await connection.row<{ status: string | null }>(query, [id]))?.status ?? null;
  });
}
