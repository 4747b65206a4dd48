/** One statement on a place, whose refusal is a result and not an error. */
import type { QueryConfig } from "pg";
import type { Connection } from "../connection/driver.ts";

/** Classes of SQLSTATE that say that the server itself failed: resources, shutdown, I/O. */
const environmentalStates = /^(?:53|57P|58)/;

/**
 * Runs one statement, and never more than one: in the extended protocol the server itself refuses a
 * second. Gives the server's words when it refuses. Errors: the driver's own, when the connection
 * or the server failed.
 */
export async function tryStatement(connection: Connection, statement: string): Promise<string | undefined> {
  try {
    await connection.client.query({ text: statement, queryMode: "extended" } as QueryConfig);
    return undefined;
  } catch (error) {
    const { severity, code = "" } = error as { severity?: string; code?: string };
    if (severity === undefined || environmentalStates.test(code)) throw error;
    return (error as Error).message;
  }
}
