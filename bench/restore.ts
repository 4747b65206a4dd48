/**
 * Restores by hand against bare `pg_restore` on the same server: a whole database, and one table
 * out of a hundred. Holdfast reads the backup back first, and compares afterwards; the others do
 * neither. A third contender therefore runs pg_restore and then dumps what it restored.
 */
import { join } from "node:path";
import type { PostgresServer } from "../test/support/postgres-server.ts";
import { runOk } from "../test/support/processes.ts";
import { createBenchDatabase } from "./database.ts";
import { type Contender, type Measurement, measure, pipeline, takeTurns } from "./measure.ts";
import { renderComparison } from "./table.ts";
import { type Installation, installHoldfast, openWorkspace, type Workspace } from "./workspace.ts";

/** Both cores, as Holdfast's own restore uses them. */
const jobs = "2";
const tables = 100;
const target = "bench_target";

/** The aim: what restoring with proof may cost beside restoring without. */
const aim = 1.1;

async function replaceTarget(server: PostgresServer, create: boolean): Promise<void> {
  await server.sql(`drop database if exists ${target}`);
  if (create) await server.sql(`create database ${target} template template0`);
}

/** A hundred tables with a primary key and an index each, of the same size. */
async function createManyTables(server: PostgresServer, name: string, copyBytes: number): Promise<void> {
  // Some 120 bytes of COPY text a row.
  const rows = Math.ceil(copyBytes / tables / 120);
  await server.sql(`create database ${name} template template0`);
  const create = (place: number): string =>
    `create table t${place} (id bigint primary key, at timestamptz not null, words text not null);
     insert into t${place} select n, '2025-01-01Z'::timestamptz + n * interval '7 seconds', md5(n::text) || md5((n * ${place})::text)
       from generate_series(1, ${rows}) n; create index on t${place} (at);`;
  await server.sql(Array.from({ length: tables }, (_, index) => create(index + 1)).join("\n"), name);
  await server.sql("vacuum analyze; checkpoint", name);
}

async function makeArchive({ server, directory }: Workspace, database: string): Promise<string> {
  const archive = join(directory, `${database}.restore.dump`);
  await runOk(join(server.binDir, "pg_dump"), ["-Fc", "--compress=zstd:3", "--file", archive, database], {
    env: server.env,
    timeoutMs: 600_000,
  });
  return archive;
}

async function backUp({ command, source }: Installation): Promise<void> {
  const { command: program, args, env } = command("backup", source, "--no-prune");
  await runOk(program, args, { timeoutMs: 600_000, ...(env === undefined ? {} : { env }) });
}

function contenders({ server }: Workspace, holdfast: Installation, archive: string, table?: string): Contender[] {
  const [restore, dump] = ["pg_restore", "pg_dump"].map((program) => join(server.binDir, program)) as [string, string];
  const only = table === undefined ? [] : ["--only", `public.${table}`];
  const chosen = table === undefined ? `--jobs=${jobs}` : `--table=${table}`;
  const bare = (name: string, script: string): Contender => ({
    name,
    prepare: () => replaceTarget(server, true),
    run: () => measure(pipeline(script, [restore, dump, archive, chosen, target], server.env)),
  });
  const load = '"$1" "$4" --dbname="$5" "$3"';
  return [
    {
      name: `Holdfast restore${table === undefined ? "" : " --only"}`,
      prepare: () => replaceTarget(server, false),
      run: () => measure(holdfast.command("restore", `${holdfast.source}@latest`, "--to", target, ...only)),
    },
    bare(`pg_restore ${chosen}`, load),
    bare(`pg_restore ${chosen}, then pg_dump > /dev/null`, `${load} && "$2" "$5" > /dev/null`),
  ];
}

async function compare(
  workspace: Workspace,
  database: string,
  title: string,
  runs: number,
  say: (text: string) => void,
  table?: string,
) {
  const holdfast = await installHoldfast(workspace, database);
  await backUp(holdfast);
  const all = contenders(workspace, holdfast, await makeArchive(workspace, database), table);
  const results: ReadonlyMap<string, readonly Measurement[]> = await takeTurns(all, runs, (name, { seconds }) =>
    say(`    ${seconds.toFixed(2).padStart(7)} s  ${name}`),
  );
  const [, bare = ""] = all.map(({ name }) => name);
  console.log(`\n${renderComparison({ title, results, aims: { [bare]: aim } })}`);
}

/** Runs both comparisons and prints them. `bytes`: of COPY text, in each database. */
export async function benchRestore(runs: number, bytes: number, say: (text: string) => void): Promise<void> {
  await using workspace = await openWorkspace();
  await createBenchDatabase(workspace.server, "bench", bytes);
  await compare(workspace, "bench", `Restore of ${(bytes / 1_000_000).toFixed(0)} MB to a new database`, runs, say);
  await createManyTables(workspace.server, "benchmany", bytes);
  await compare(workspace, "benchmany", `One table out of ${tables}`, runs, say, "t50");
}
