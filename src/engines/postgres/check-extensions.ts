/** What `check` says of a source's extensions: without them a restore test proves nothing. */
import type { PostgresSource } from "../../policy/engines/postgres/source.ts";
import type { Finding } from "../engine.ts";
import type { Connection } from "./connection/driver.ts";
import { addExtension, installableExtensions } from "./missing-extensions.ts";
import type { ServerTools } from "./tools.ts";

const query =
  'SELECT extname::text AS name, extversion::text AS version FROM pg_catalog.pg_extension ORDER BY extname::text COLLATE "C"';

/**
 * A warning for each extension that this machine's throwaway servers cannot install, and that the
 * policy does not except. Errors: as `queryError`.
 */
export async function checkExtensions(
  connection: Pick<Connection, "rows">,
  { restoreTest: { withoutExtensions = [] } }: Pick<PostgresSource, "restoreTest">,
  { directory, major }: Pick<ServerTools, "directory" | "major">,
): Promise<Finding[]> {
  const installable = installableExtensions(directory, major);
  if (installable === undefined) return [];
  const rows = await connection.rows<{ name: string; version: string }>(query);
  return rows
    .filter(({ name }) => !installable.has(name) && !withoutExtensions.includes(name))
    .map(({ name, version }) => ({
      level: "warning",
      subject: "restore test",
      message: `the source has the extension ${name} ${version}, which PostgreSQL ${major} in ${directory} lacks: restore tests here end unproven`,
      remedy: `${capitalized(addExtension(name, major))}. Where nobody but your provider has it, except it: restoreTest: { withoutExtensions: [${name}] }.`,
    }));
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
