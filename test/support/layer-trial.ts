/**
 * A layer unpacked at /opt where there is nothing else but glibc and libstdc++, with the functions
 * that need it, a cloud for them, and the databases that they back up.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { supportedMajors } from "../../src/engines/postgres/tools.ts";
import { openBareCage } from "./bare-cage.ts";
import type { Cage } from "./cage.ts";
import { type FunctionsCloud, startFunctionsCloud } from "./functions-cloud.ts";
import { type PostgresServer, startPostgres } from "./postgres-server.ts";
import { runOk } from "./processes.ts";

export interface LayerTrial extends AsyncDisposable {
  /** Of the run: removed at its end. */
  readonly directory: string;
  /** The unpacked layer. */
  readonly layer: string;
  readonly cage: Cage;
  readonly cloud: FunctionsCloud;
  /** Calls a function as the stack does; `cage`: with another layer. */
  call(name: string, event: SourceEvent, cage?: Cage): Promise<Record<string, unknown>>;
  /** Further cages with other layers end with the trial. */
  openCage(layer: string): Promise<Cage>;
}

type SourceEvent = { readonly source: string; readonly [key: string]: unknown };

/** A database `shop`, filled by a script. */
export interface TrialDatabase {
  readonly server: PostgresServer;
  readonly script: string;
}

export const execution = "arn:aws:states:eu-central-1:123456789012:execution:holdfast-test-backup:layer";
export const majors = Array.from(
  { length: supportedMajors.newest - supportedMajors.oldest + 1 },
  (_, at) => supportedMajors.oldest + at,
);
const functions = ["dump", "prove"];

/** Another program than the one that wrote it unpacks the zip, links as links. */
const unpacking = `
import os, stat, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    for entry in archive.infolist():
        path, mode = os.path.join(sys.argv[2], entry.filename), entry.external_attr >> 16
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if stat.S_ISLNK(mode): os.symlink(archive.read(entry).decode(), path)
        else:
            with open(path, "wb") as file: file.write(archive.read(entry))
            os.chmod(path, mode & 0o777)
`;

/** Unpacks a layer's zip into a directory that every user can read. */
export async function unpackLayer(zip: string, directory: string): Promise<void> {
  await runOk("python3", ["-c", unpacking, zip, directory], { timeoutMs: 600_000 });
}

/** What loads only where time zones and PostgreSQL's own extensions are: 2,000 rows. */
const orders = [
  "create extension pgcrypto; create extension hstore",
  "create table orders (id bigint primary key, at timestamptz not null, note text not null, tags hstore, check (extract(hour from at at time zone 'Europe/Berlin') < 25))",
  "create index on orders ((at at time zone 'America/New_York'))",
  "insert into orders select n, '2026-01-01 12:00+00'::timestamptz + n * interval '1 hour', 'order ' || n, hstore('n', n::text) from generate_series(1, 2000) n",
].join("; ");

interface TrialOptions {
  /** Starts further databases, by their sources' names, given the unpacked layer. */
  readonly further?: (layer: string) => Promise<Readonly<Record<string, TrialDatabase>>>;
  readonly unpack?: typeof unpackLayer;
}

/** Starts a server of every major with the source `shop<major>`, and the further ones. */
export async function startLayerTrial(
  zip: string,
  { further = async () => ({}), unpack = unpackLayer }: TrialOptions = {},
): Promise<LayerTrial> {
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "hf-layer-"));
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const layer = join(directory, "opt");
  await unpack(zip, layer);
  await runOk("chmod", ["755", directory]);
  const connections: Record<string, string> = {};
  const fill = async (source: string, { server, script }: TrialDatabase): Promise<void> => {
    stack.use(server);
    await server.sql("create database shop");
    await server.sql(script, "shop");
    connections[source] = server.urlOf("shop");
  };
  for (const major of majors) await fill(`shop${major}`, { server: await startPostgres({ major }), script: orders });
  for (const [source, database] of Object.entries(await further(layer))) await fill(source, database);
  const openCage = async (given: string): Promise<Cage> => parts.use(await openBareCage({ functions, layer: given }));
  const cage = stack.use(await openBareCage({ functions, layer }));
  const cloud = stack.use(await startFunctionsCloud(connections));
  const parts = stack.move();
  return {
    directory,
    layer,
    cage,
    cloud,
    openCage,
    async call(name, event, other = cage) {
      await using lambda = await other.start(name, environment(cloud, event.source));
      const { result, errorType, errorMessage } = await lambda.invoke(event);
      return result ?? { errorType, errorMessage, log: lambda.log() };
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** As infra/tools.ts sets it, and no other way to the programs than the engine's own search. */
const environment = (cloud: FunctionsCloud, source: string): NodeJS.ProcessEnv => ({
  ...cloud.environment({ toolPath: "" }),
  LOCPATH: "/opt/share/locale",
  HOLDFAST_SOURCE: source,
});
