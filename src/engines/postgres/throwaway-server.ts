/** A PostgreSQL server that lives for one test: private directory, Unix socket only, no durability, gone with Holdfast. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { chown, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { lastLines, runTool } from "../../runtime/child-process.ts";
import { makePrivateDirectory } from "../../runtime/private-directory.ts";
import { abortError } from "../../runtime/process-group.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import { findServerUser, type ServerUser } from "./throwaway-user.ts";
import { startWarden, type Warden } from "./throwaway-warden.ts";

export interface ThrowawayServer {
  /** Holds the server's files and the socket; mode 0700, owned by the server's user. */
  readonly directory: string;
  readonly socketDirectory: string;
  readonly port: number;
  readonly superuser: string;
  /** A new directory within, which the server may use (a tablespace). */
  makeDirectory(name: string): Promise<string>;
  /** The last lines of the server's log. */
  log(): Promise<readonly string[]>;
  /** Ends the server and removes all its files. Never throws; idempotent. */
  stop(): Promise<void>;
}

/** The bootstrap superuser: a name of its own, because globals may take the superuser's right from any role they name. */
export const throwawaySuperuser = "holdfast_throwaway";

/** Only part of the socket file's name: the server listens on no network. */
const port = 5432;
/** Starting takes a tenth of a second; on a machine that is overloaded or pages, many times that. */
const startTimeoutMs = 60_000;

/**
 * Tuned for one load and one dump, tried without /dev/shm: no durability at all, no background work, few and large
 * checkpoints, memory for building indexes. A lock is needed for each table of a dump: these settings allow some 80,000.
 */
const settings: Readonly<Record<string, string>> = {
  listen_addresses: "",
  unix_socket_permissions: "0700",
  shared_memory_type: "mmap",
  dynamic_shared_memory_type: "mmap",
  huge_pages: "off",
  shared_buffers: "128MB",
  maintenance_work_mem: "256MB",
  work_mem: "16MB",
  max_connections: "20",
  max_locks_per_transaction: "4096",
  max_worker_processes: "4",
  fsync: "off",
  full_page_writes: "off",
  synchronous_commit: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
  archive_mode: "off",
  max_wal_size: "4GB",
  checkpoint_timeout: "1d",
  autovacuum: "off",
  jit: "off",
  logging_collector: "off",
  log_destination: "stderr",
  lc_messages: "C",
  timezone: "UTC",
  log_timezone: "UTC",
  // pg_restore's errors are read from its own output.
  log_min_messages: "fatal",
  log_min_error_statement: "panic",
};

/** Login triggers of the restored database would run in the test's own sessions. */
function settingsFor(major: number): Readonly<Record<string, string>> {
  return major >= 17 ? { ...settings, event_triggers: "off" } : settings;
}

export interface ServerRequest {
  readonly major: number;
  readonly binDirectory: string;
  /** Told of the server's directory as soon as it is there and guarded: for what can be done while the server starts. */
  readonly onDirectory?: (directory: string) => void;
}

/**
 * Makes and starts a server with the programs in `binDirectory`. When this returns, the warden already guards it.
 * Errors: ThrowawayFailed with the server's own words; DiskFull; Interrupted.
 */
export async function startThrowawayServer(request: ServerRequest, context: RunContext): Promise<ThrowawayServer> {
  const program = (name: string): string => join(request.binDirectory, name);
  const user = await findServerUser(program("postgres"), context.signal);
  const owner = user === undefined ? {} : { owner: { uid: user.uid, gid: user.gid } };
  const directory = await makePrivateDirectory(context.temporaryDirectory, "holdfast-pg-", { ...owner, sockets: true });
  const data = join(directory.path, "data");
  let warden: Warden | undefined;
  const stop = async (): Promise<void> => {
    await warden?.dismiss();
    await directory.remove();
  };
  try {
    warden = await startWarden(data, [directory.path]);
    request.onDirectory?.(directory.path);
    await initialise(program("initdb"), data, user, context);
    const logFile = join(directory.path, "server.log");
    const pid = await startPostmaster(program("postgres"), {
      data,
      directory: directory.path,
      logFile,
      major: request.major,
      user,
    });
    warden.watch(pid);
    await waitUntilReady(data, pid, logFile, context);
    return {
      directory: directory.path,
      socketDirectory: directory.path,
      port,
      superuser: throwawaySuperuser,
      makeDirectory: (name) => makeOwnedDirectory(join(directory.path, name), user),
      log: () => readLog(logFile),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function initialise(initdb: string, data: string, user: ServerUser | undefined, context: RunContext): Promise<void> {
  const args = [
    "-D",
    data,
    "-U",
    throwawaySuperuser,
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
  ];
  const ids = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  const result = await runTool(initdb, args, { env: {}, signal: context.signal, cwd: "/", ...ids });
  if (result.exitCode === 0) return;
  throw serverError("initdb could not make a data directory", lastLines(result.stderr), data);
}

function serverError(message: string, words: readonly string[], directory: string): HoldfastError {
  if (words.some((line) => line.includes("No space left on device") || line.includes("Disk quota exceeded"))) {
    return new HoldfastError("DiskFull", `no room for a throwaway server in ${directory}`, { details: words });
  }
  return new HoldfastError("ThrowawayFailed", message, { details: words });
}

interface PostmasterRequest {
  readonly data: string;
  readonly directory: string;
  readonly logFile: string;
  readonly major: number;
  readonly user: ServerUser | undefined;
}

async function startPostmaster(postgres: string, request: PostmasterRequest): Promise<number> {
  const options = { ...settingsFor(request.major), unix_socket_directories: request.directory, port: String(port) };
  const args = Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const log = openSync(request.logFile, "a", 0o600);
  const child = spawn(postgres, ["-D", request.data, ...args], {
    cwd: request.directory,
    detached: true,
    stdio: ["ignore", log, log],
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
    ...(request.user === undefined ? {} : { uid: request.user.uid, gid: request.user.gid }),
  });
  closeSync(log);
  // Its end is the warden's business: it must not keep Holdfast from ending.
  child.unref();
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", () => resolve());
    child.once("error", (cause) => reject(new HoldfastError("ThrowawayFailed", `cannot start ${postgres}`, { cause })));
  });
  return child.pid as number;
}

/** As pg_ctl does: the postmaster writes `ready` into line 8 of its pid file. */
async function waitUntilReady(data: string, pid: number, logFile: string, context: RunContext): Promise<void> {
  const deadline = context.clock.monotonicMs() + startTimeoutMs;
  for (;;) {
    if (context.signal.aborted) throw abortError(context.signal);
    const lines = (await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "")).split("\n");
    if (lines[0] === String(pid) && lines[7]?.trim() === "ready") return;
    if (!isAlive(pid)) throw serverError("the throwaway server did not start", await readLog(logFile), data);
    if (context.clock.monotonicMs() > deadline) {
      throw serverError(`the throwaway server did not start within ${startTimeoutMs / 1000} s`, await readLog(logFile), data);
    }
    await sleep(10);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function readLog(logFile: string): Promise<readonly string[]> {
  return lastLines(await readFile(logFile, "utf8").catch(() => ""));
}

async function makeOwnedDirectory(path: string, user: ServerUser | undefined): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (user !== undefined) await chown(path, user.uid, user.gid);
  return path;
}
