/**
 * A database of random definitions: backed up, restored beside itself, compared; then some
 * definitions are changed, and compared again.
 */
import { digestPostgresBackup } from "../../src/engines/postgres/digest/digest.ts";
import { openPostgresTarget } from "../../src/engines/postgres/place/restore.ts";
import type { Comparison } from "../../src/proof/content.ts";
import { takeBackup } from "../integration/postgres/taken-backup.ts";
import type { PostgresServer } from "./postgres-server.ts";
import { preamble, type RandomDefinition, randomDefinitions, randomOf } from "./random-definitions.ts";

export interface DefinitionTrial {
  /** What PostgreSQL took of the definitions. */
  readonly made: readonly RandomDefinition[];
  readonly untouched: Comparison;
  /** The objects that were changed, and the comparison after it. */
  readonly changed: readonly string[];
  readonly afterwards: Comparison;
}

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Runs every statement on its own, and gives the numbers of those that the server took. */
async function runEach(server: PostgresServer, database: string, statements: readonly string[]): Promise<Set<number>> {
  await server.sql("create table if not exists public.trial_log (at int)", database);
  const blocks = statements.map(
    (statement, at) =>
      `do $trial$ begin execute ${quote(statement)}; insert into public.trial_log values (${at}); exception when others then null; end $trial$;`,
  );
  for (let from = 0; from < blocks.length; from += 50) await server.sql(blocks.slice(from, from + 50).join("\n"), database);
  const taken = await server.sql("select coalesce(string_agg(at::text, ' '), '') from public.trial_log", database);
  await server.sql("drop table public.trial_log", database);
  return new Set(
    taken
      .split(" ")
      .filter((at) => at !== "")
      .map(Number),
  );
}

/** Errors: those of the engine. */
export async function tryDefinitions(
  server: PostgresServer,
  directory: string,
  seed: number,
  count: number,
): Promise<DefinitionTrial> {
  const name = `definitions_${seed}`;
  await server.sql(`create database ${name}`);
  await server.sql(preamble, name);
  const definitions = randomDefinitions(seed, count);
  const taken = await runEach(
    server,
    name,
    definitions.map(({ create }) => create),
  );
  const made = definitions.filter((_, at) => taken.has(at));
  const { backup, source, context } = await takeBackup(server, name, directory);
  const digest = await digestPostgresBackup(backup, context);
  const copy = `copy_${seed}`;
  const place = await openPostgresTarget(backup, source, { target: copy, overwrite: false }, context);
  try {
    const { findings } = await place.load();
    if (findings.length > 0) throw new Error(`seed ${seed}: ${JSON.stringify(findings)}`);
    const untouched = await place.compare(digest);
    const random = randomOf(seed + 1);
    const victims = made.filter(() => random() < 30 / made.length);
    const done = await runEach(
      server,
      copy,
      victims.map(({ change }) => change),
    );
    const afterwards = await place.compare(digest);
    const changed = victims.filter((_, at) => done.has(at)).map(({ object }) => object);
    return { made, untouched, changed, afterwards };
  } finally {
    await place.close();
    await server.sql(`drop database ${name}`);
  }
}
