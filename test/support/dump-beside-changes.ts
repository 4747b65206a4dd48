/**
 * The property that a dump keeps beside schema changes, for the tests of every day and for
 * `npm run exhaustive`.
 */
import { join } from "node:path";
import { isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { archiveRows, dumpTo, makeContext, makeSource, rowsOf } from "../integration/postgres/dump-context.ts";
import type { PostgresServer } from "./postgres-server.ts";
import { runOk } from "./processes.ts";
import { type Change, findTornTables, prepareChangingDatabase, write } from "./schema-changes.ts";

let databases = 0;

/**
 * Takes dumps while the writers work, and gives how many succeeded. Rejects when one holds a torn
 * table or its rows are not those that the source counted. A dump may fail with DumpFailed, to be
 * tried again.
 */
export async function dumpBesideChanges(
  server: PostgresServer,
  directory: string,
  writers: readonly (readonly Change[])[],
  dumps: number,
): Promise<number> {
  const database = `changing_${databases++}`;
  await prepareChangingDatabase(server, database);
  const context = makeContext([server.binDir], { SHOP_DB: server.urlOf(database) });
  const stop = new AbortController();
  const writing = writers.map((work) => write(server, database, work, stop.signal));
  let done = 0;
  try {
    for (let at = 0; at < dumps; at++) {
      try {
        const dump = await dumpTo(directory, makeSource(), context);
        const torn = findTornTables(await runOk(join(server.binDir, "pg_restore"), ["--file=-", dump.archive]));
        const [stored, counted] = [await archiveRows(server.binDir, dump.archive), rowsOf(dump.check)];
        if (torn.length > 0) throw new Error(`torn: ${torn.join("; ")}`);
        if (JSON.stringify(Object.entries(stored).sort()) !== JSON.stringify(Object.entries(counted).sort())) {
          throw new Error(`stored ${JSON.stringify(stored)}, counted ${JSON.stringify(counted)}`);
        }
        done += 1;
      } catch (error) {
        if (!isHoldfastError(error, "DumpFailed")) throw error;
      }
    }
  } finally {
    stop.abort();
    await Promise.all(writing);
    await server.sql(`DROP DATABASE ${database} WITH (FORCE)`);
  }
  return done;
}
