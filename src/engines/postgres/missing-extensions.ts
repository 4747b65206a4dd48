/** Extensions of a source that the server programs of this machine, or of a stack, lack. */
import { readdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

/** What a person does to have backups proven that need an extension. */
export function addExtension(name: string, major: number): string {
  return `to prove such backups, install it for PostgreSQL ${major} on this machine; for a stack, write restoreTest: { extensions: [${name}] } into the policy, run \`npm run layer\`, and deploy`;
}

/**
 * The extensions that programs of a major in this directory can install, by their control files;
 * undefined where these are not found. Names as `CREATE EXTENSION` takes them.
 */
export function installableExtensions(binDirectory: string, major: number): ReadonlySet<string> | undefined {
  for (const directory of extensionDirectories(binDirectory, major)) {
    const names = controlFiles(directory);
    // PL/pgSQL is an extension of every server.
    if (names.includes("plpgsql.control")) return new Set(names.map((name) => name.slice(0, -".control".length)));
  }
  return undefined;
}

/** PostgreSQL's own build, one that names its directories after PostgreSQL, and Debian's. */
function extensionDirectories(binDirectory: string, major: number): string[] {
  const prefix = dirname(resolved(binDirectory));
  return [
    join(prefix, "share/extension"),
    join(prefix, "share/postgresql/extension"),
    join(prefix, "../../../share/postgresql", String(major), "extension"),
  ];
}

function resolved(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    return directory;
  }
}

function controlFiles(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(".control"));
  } catch {
    return [];
  }
}
