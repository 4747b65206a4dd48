/** The project's PostgreSQL of a major, with the extensions that a layer has for it. */
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { ensurePostgres } from "../../scripts/postgres-binaries.ts";
import { type PostgresServer, startPostgres } from "./postgres-server.ts";

/**
 * A server of it. `layer`: unpacked; `zip`: its file, beside which the programs are kept. Their
 * path is part of a data directory's template, which is kept too.
 */
export async function startExtendedPostgres(major: number, layer: string, zip: string): Promise<PostgresServer> {
  const parent = dirname(zip);
  const home = join(parent, `extended-${major}`);
  if (!existsSync(home)) {
    chmodSync(parent, 0o755);
    const temporary = mkdtempSync(join(parent, ".extend-"));
    await extendPostgres(major, layer, temporary);
    chmodSync(temporary, 0o755);
    if (existsSync(home)) rmSync(temporary, { recursive: true, force: true });
    else renameSync(temporary, home);
  }
  // In Lambda PROJ finds its database where the layer is, `/opt`.
  return startPostgres({
    major,
    binDir: join(home, `pgsql-${major}/bin`),
    env: { PROJ_DATA: join(home, "share/proj") },
  });
}

/** Its libraries find theirs as in the layer, beside it. */
async function extendPostgres(major: number, layer: string, directory: string): Promise<void> {
  const { binDir } = await ensurePostgres(major);
  const own = join(directory, `pgsql-${major}`);
  mkdirSync(own);
  for (const part of ["bin", "lib", "share"])
    cpSync(join(dirname(binDir), part), join(own, part), { recursive: true, verbatimSymlinks: true });
  const given = join(layer, `pgsql-${major}`);
  // What both have is of the same build.
  const isNew = (path: string): boolean => !/\/lib\/lib[^/]*\.so/.test(path);
  cpSync(join(given, "lib"), join(own, "lib"), { recursive: true, filter: isNew });
  cpSync(join(given, "share/extension"), join(own, "share/extension"), { recursive: true });
  cpSync(join(layer, "pgsql-lib"), join(directory, "pgsql-lib"), { recursive: true, verbatimSymlinks: true });
  if (existsSync(join(layer, "share/proj"))) cpSync(join(layer, "share/proj"), join(directory, "share/proj"), { recursive: true });
}
