/** How much room a restore's server has left, where that can be known: on this very machine. */
import { open, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { ConnectionSettings } from "../connection/connection.ts";
import type { Connection } from "../connection/driver.ts";

const loopback: readonly string[] = ["localhost", "127.0.0.1", "::1"];

interface DataDirectory extends Record<string, unknown> {
  readonly directory: string;
  readonly identifier: string;
  readonly tablespace: string | null;
}

/** A role that may not ask is refused the setting. */
const directoryQuery = `
  SELECT pg_catalog.current_setting('data_directory') AS directory, system_identifier::text AS identifier,
         (SELECT pg_catalog.pg_tablespace_location(oid) FROM pg_catalog.pg_tablespace WHERE spcname = $1) AS tablespace
  FROM pg_catalog.pg_control_system()`;

/**
 * Bytes free for the server's new files; undefined where the server is elsewhere (or in a container
 * of its own), or its role may not say. Never throws.
 */
export async function measureRoom(
  connection: Connection,
  { host }: ConnectionSettings,
  tablespace: string | undefined,
): Promise<number | undefined> {
  if (!host.startsWith("/") && !loopback.includes(host)) return undefined;
  try {
    const [row] = await connection.rows<DataDirectory>(directoryQuery, [tablespace ?? null]);
    if (row === undefined || !(await isDirectoryOf(row))) return undefined;
    const { bavail, bsize } = await statfs(row.tablespace || row.directory);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/**
 * A port of this machine may lead into a container, where the same path is another directory: the
 * control file begins with the cluster's identifier, in the machine's byte order.
 */
async function isDirectoryOf({ directory, identifier }: DataDirectory): Promise<boolean> {
  const file = await open(join(directory, "global", "pg_control"), "r");
  try {
    const bytes = Buffer.alloc(8);
    await file.read(bytes, 0, 8, 0);
    return [bytes.readBigUInt64LE(), bytes.readBigUInt64BE()].some((value) => String(value) === identifier);
  } finally {
    await file.close();
  }
}
