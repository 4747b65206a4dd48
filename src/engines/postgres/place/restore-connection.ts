import type { RunContext } from "../../../runtime/run-context.ts";
import type { ConnectionSettings } from "../connection/connection.ts";
import { type Connection, connect } from "../connection/driver.ts";

/** Opens a connection for `use`, and closes it. Errors: the driver's, and those of `use`. */
export async function withConnection<T>(
  settings: ConnectionSettings,
  context: Pick<RunContext, "signal">,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connect(settings, context.signal);
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}
