/** Where a bench runs: its server, its databases, and a policy, key and vault for each. */
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectDirectory } from "../scripts/cache-directory.ts";
import { type PostgresServer, startPostgres } from "../test/support/postgres-server.ts";
import { runOk } from "../test/support/processes.ts";
import { startSupervisor } from "../test/support/supervisor.ts";
import type { Command } from "./measure.ts";

/** The major version of server and clients. */
export const benchMajor = 17;

/**
 * What a database server of a small machine would have, beside what keeps the building of the data
 * short.
 */
const settings = {
  shared_buffers: "512MB",
  max_wal_size: "8GB",
  maintenance_work_mem: "256MB",
  checkpoint_timeout: "1h",
  autovacuum: "off",
};

export interface Workspace extends AsyncDisposable {
  readonly server: PostgresServer;
  readonly directory: string;
}

export async function openWorkspace(): Promise<Workspace> {
  const directory = await mkdtemp(join(tmpdir(), "hf-bench-"));
  // Throwaway servers are made below it, by another user when this one is root.
  await chmod(directory, 0o755);
  const supervisor = startSupervisor('rm -rf "$1"', [directory]);
  const server = await startPostgres({ major: benchMajor, settings });
  return {
    server,
    directory,
    async [Symbol.asyncDispose]() {
      await server.remove();
      await supervisor.dismiss();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Holdfast set up for one database, as `holdfast init` does it. */
export interface Installation {
  readonly source: string;
  readonly vault: string;
  /** A whole process of the command line, start included. */
  command(...args: string[]): Command;
}

/** `checkout`: the clone whose Holdfast it is. */
export async function installHoldfast(workspace: Workspace, database: string, checkout = projectDirectory): Promise<Installation> {
  const home = join(workspace.directory, checkout === projectDirectory ? database : `${database}-earlier`);
  await mkdir(home);
  const [policy, vault] = [join(home, "holdfast.yml"), join(home, "vault")];
  const env = {
    ...process.env,
    BENCH_DATABASE_URL: workspace.server.urlOf(database),
    HOLDFAST_PG_PATH: workspace.server.binDir,
    HOLDFAST_TMPDIR: workspace.directory,
  };
  const launcher = join(checkout, "bin/holdfast.mjs");
  const command = (...args: string[]): Command => ({
    command: process.execPath,
    args: [launcher, "--policy", policy, ...args],
    env,
  });
  const init = command(
    "init",
    "--source",
    database,
    "--connection",
    "env:BENCH_DATABASE_URL",
    "--vault",
    `folder:${vault}`,
    "--key",
    join(home, "key"),
  );
  await runOk(init.command, init.args, { env });
  return { source: database, vault, command };
}
