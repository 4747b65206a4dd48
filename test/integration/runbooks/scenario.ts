/** What has happened when a runbook is opened, for real: set up in a folder of its own. */
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findInVaults } from "../../../src/pipeline/catalogue/find-backups.ts";
import { dumpSource } from "../../../src/pipeline/dump.ts";
import { verifyBackup } from "../../../src/pipeline/verify.ts";
import { createKeyFile } from "../../../src/sealing/key-file.ts";
import { openPipeline, shiftedClock } from "../../support/pipeline.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import type { SandboxOptions } from "../../support/runbook.ts";
import { type S3Server, startMiniStackS3 } from "../../support/s3-server.ts";

export const launcher = join(import.meta.dirname, "..", "..", "..", "bin", "holdfast.mjs");

/** What all runbooks share: a server, and a shop that was backed up for some hours. */
export interface World {
  readonly server: PostgresServer;
  /** As it was when it was last backed up; each scenario works on a copy. */
  readonly directory: string;
  /** A zone where it is afternoon: a time of day is today there, and no midnight is near. */
  readonly timezone: string;
  /** A server for buckets, started when it is first asked for. */
  startS3(): Promise<S3Server>;
  remove(): Promise<void>;
}

export interface Scenario extends SandboxOptions {
  /** Where its files are: what the page calls `/`. */
  readonly root: string;
  readonly world: World;
  /** Replaces the policy. */
  writePolicy(text: string): Promise<void>;
  sql(text: string, database?: string): Promise<string>;
}

const minuteMs = 60_000;
/** How long ago the last backup is said to have been made. */
const lastMinutesAgo = 120;

const schema = `
  create table customers (id int primary key, name text not null);
  create table orders (id int primary key, customer int not null references customers, total numeric(10, 2) not null);
  create index orders_by_customer on orders (customer);
  insert into customers select n, 'customer ' || n from generate_series(1, 40) n;
  insert into orders select n, 1 + n % 40, n * 10 from generate_series(1, 200) n;`;

export function policyOf(root: string, timezone: string, vault = `folder:${root}/srv/backups`): string {
  return `version: 1
timezone: ${timezone}
vaults:
  main: ${vault}
keys:
  main: file:${root}/etc/holdfast/main.key
sources:
  shop:
    engine: postgres
    connection: env:SHOP_DATABASE_URL
    retention: { daily: 30 }
  config:
    engine: files
    path: ${root}/srv/config
    retention: { daily: 30 }
`;
}

/** It is between 15 and 17 o'clock there. */
function findTimezone(now: Date): string {
  const offset = 16 - now.getUTCHours();
  // The signs of these zones are the other way round; they go from -14 to +12.
  const hours = offset > 14 ? offset - 24 : offset < -12 ? offset + 24 : offset;
  return hours === 0 ? "Etc/UTC" : `Etc/GMT${hours > 0 ? `-${hours}` : `+${-hours}`}`;
}

/** Starts the server, and makes the backups that every scenario begins with. */
export async function createWorld(): Promise<World> {
  const server = await startPostgres({ major: 17, superuserPassword: "correct horse" });
  const directory = await mkdtemp(join(tmpdir(), "holdfast-runbooks-"));
  const timezone = findTimezone(new Date());
  await server.sql("create database shop_template");
  await server.sql(schema, "shop_template");
  for (const folder of ["srv/config/nginx", "etc/holdfast", "home"]) await mkdir(join(directory, folder), { recursive: true });
  await writeFile(join(directory, "srv/config/nginx/nginx.conf"), "worker_processes 4;\n");
  await writeFile(join(directory, "srv/config/api.env"), "API_PORT=8080\n");
  await createKeyFile(join(directory, "etc/holdfast/main.key"), {
    randomBytes: (count) => Buffer.alloc(count, 7),
    now: new Date(0),
  });
  const world = { server, directory, timezone };
  await resetDatabase(world);
  await writeFile(join(directory, "holdfast.yml"), policyOf(directory, timezone));
  for (const minutes of [lastMinutesAgo + 24 * 60, lastMinutesAgo]) await backUp(world, directory, ["shop", "config"], minutes);
  let s3: Promise<S3Server> | undefined;
  return {
    ...world,
    startS3() {
      s3 ??= startMiniStackS3();
      return s3;
    },
    async remove() {
      await (await s3)?.stop();
      await server.remove();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The database as it was, whatever the scenario before did to it. */
async function resetDatabase({ server }: Pick<World, "server">): Promise<void> {
  const names = await server.sql("select datname from pg_database where datname like 'shop%' and datname <> 'shop_template'");
  for (const name of names.split("\n").filter(Boolean)) await server.sql(`drop database "${name}" with (force)`);
  await server.sql("create database shop template shop_template");
}

/** Backups made and read back so many minutes ago. */
export async function backUp({ server }: Pick<World, "server">, root: string, sources: readonly string[], minutesAgo: number) {
  const env = { ...process.env, HOLDFAST_PG_PATH: server.binDir, SHOP_DATABASE_URL: server.urlOf("shop") };
  const context = await openPipeline({ policyFile: join(root, "holdfast.yml"), env, clock: shiftedClock(-minutesAgo * minuteMs) });
  try {
    for (const source of sources) {
      const { backupId } = await dumpSource(context, { source, kind: "full" });
      await verifyBackup(context, await findInVaults(context, backupId));
    }
  } finally {
    context.close();
  }
}

/** A folder of its own with a copy of everything, and the shop's database as it was. */
export async function openScenario(world: World): Promise<Scenario & AsyncDisposable> {
  const { server, timezone } = world;
  const root = await mkdtemp(join(tmpdir(), "holdfast-runbook-"));
  await cp(world.directory, root, { recursive: true });
  await resetDatabase(world);
  const bin = join(root, "bin");
  await mkdir(bin);
  await writeFile(join(bin, "holdfast"), `#!/bin/sh\nexec "${process.execPath}" "${launcher}" "$@"\n`);
  await chmod(join(bin, "holdfast"), 0o755);
  const writePolicy = (text: string) => writeFile(join(root, "holdfast.yml"), text);
  await writePolicy(policyOf(root, timezone));
  const { HOLDFAST_POLICY: _policy, ...inherited } = server.env;
  // A backup stands for what there was by the server's clock, to the second. What happens now
  // happens after it.
  await sleep(1_100);
  const accident = new Intl.DateTimeFormat("en-GB", { timeZone: timezone, timeStyle: "medium" }).format(new Date());
  await sleep(1_100);
  return {
    root,
    world,
    cwd: root,
    env: {
      ...inherited,
      HOME: join(root, "home"),
      PATH: [bin, server.binDir, process.env["PATH"]].join(delimiter),
      HOLDFAST_PG_PATH: server.binDir,
      NO_COLOR: "1",
      XDG_STATE_HOME: join(root, "state"),
      SHOP_DATABASE_URL: server.urlOf("shop"),
      NEW_URL: server.urlOf("shop_new"),
    },
    replacements: [
      ...["/srv", "/etc/holdfast", "/media", "/tmp/"].map((path) => [path, `${root}${path}`] as const),
      ["14:32", accident],
    ],
    writePolicy,
    sql: (text, database = "shop") => server.sql(text, database),
    async [Symbol.asyncDispose]() {
      await rm(root, { recursive: true, force: true });
    },
  };
}
