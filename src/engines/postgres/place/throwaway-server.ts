/**
 * A PostgreSQL server that lives for one test: private directory, Unix socket only, no durability,
 * gone with Holdfast.
 */
import { spawn } from "node:child_process";
import { chmod, chown, lchown, mkdir, mkdtemp, readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { lastLines } from "../../../runtime/child-process.ts";
import { makePrivateDirectory } from "../../../runtime/private-directory.ts";
import { abortError, keepTail } from "../../../runtime/process-group.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import { type Confinement, confine, type SandboxKind } from "../../../runtime/sandbox.ts";
import type { SandboxUser } from "../../../runtime/sandbox-user.ts";
import { makeDataDirectory, serverError } from "./throwaway-initdb.ts";
import { openServerSandbox, type ServerSandbox } from "./throwaway-sandbox.ts";
import { type Supervisor, startSupervisor, throwawayMark } from "./throwaway-supervisor.ts";

export interface ThrowawayServer {
  /**
   * Holdfast's own directory for this server, with those below; mode 0700, or as root open to the
   * group of the server's user.
   */
  readonly directory: string;
  /** Where the server's socket is. */
  readonly socketDirectory: string;
  /**
   * For what is given to programs of this server's sandbox: they read it, the server does not see
   * it, and neither can write in it.
   */
  readonly inputDirectory: string;
  readonly port: number;
  readonly superuser: string;
  /** `bubblewrap`, `namespaces` or `none`. */
  readonly sandbox: SandboxKind;
  /** For a client program of this server: sees its socket, and the input directory. */
  clientConfinement(options?: { readonly shell?: boolean }): Confinement;
  /** A new directory within, which the server may use (a tablespace). */
  makeDirectory(name: string): Promise<string>;
  /** Lets the server's user read a file in the input directory. */
  handOver(file: string): Promise<void>;
  /** The last lines of the server's log. */
  log(): readonly string[];
  /** Ends the server with all it started and removes all its files. Never throws; idempotent. */
  stop(): Promise<void>;
}

/**
 * The bootstrap superuser: a name of its own, because globals may take the superuser's right from
 * any role they name.
 */
export const throwawaySuperuser = "holdfast_throwaway";

/** Only part of the socket file's name: the server listens on no network. */
const port = 5432;
/**
 * Starting takes a tenth of a second; on a machine that is overloaded or pages, many times that.
 */
const startTimeoutMs = 60_000;

/**
 * Tuned for one load and one dump, tried without /dev/shm: no durability at all, no background
 * work, few and large checkpoints, memory for building indexes. A lock is needed for each table of
 * a dump: these settings allow some 80,000.
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
  // A process that is killed takes the server along, by default for a moment: with what it had not
  // written yet, which a commit does not wait for here. Less came back then would look like damage.
  restart_after_crash: "off",
};

/** Login triggers of the restored database would run in the test's own sessions. */
function settingsFor(major: number): Readonly<Record<string, string>> {
  return major >= 17 ? { ...settings, event_triggers: "off" } : settings;
}

export interface ServerRequest {
  readonly major: number;
  readonly binDirectory: string;
  /**
   * Of its own databases: roles' names and comments lie in shared catalogues in the encoding of the
   * sessions that made them. Default: UTF8.
   */
  readonly encoding?: string;
  /**
   * Is given the server's input directory as soon as it is there and guarded: for what can be done
   * while the server starts.
   */
  readonly onDirectory?: (inputDirectory: string) => void;
}

/** Directories of one server. The server writes in two of them; the third is Holdfast's. */
interface Layout {
  readonly directory: string;
  readonly data: string;
  readonly sockets: string;
  readonly input: string;
}

/**
 * Makes and starts a server with the programs in `binDirectory`. When this returns, the supervisor
 * already guards it.
 * Errors: ThrowawayFailed with the server's own words; DiskFull; Interrupted.
 */
export async function startThrowawayServer(request: ServerRequest, context: RunContext): Promise<ThrowawayServer> {
  const program = (name: string): string => join(request.binDirectory, name);
  const server = await openServerSandbox(program("postgres"), context);
  const directory = await makePrivateDirectory(context.temporaryDirectory, "holdfast-pg-", { sockets: true }).catch((error) => {
    server.release();
    throw error;
  });
  let supervisor: Supervisor | undefined;
  const stop = async (): Promise<void> => {
    await supervisor?.dismiss();
    await directory.remove();
    server.release();
  };
  try {
    supervisor = await startSupervisor(directory.path, server.user);
    const layout = await makeLayout(directory.path, server.user);
    request.onDirectory?.(layout.input);
    const initdb = { program: program("initdb"), encoding: request.encoding ?? "UTF8", superuser: throwawaySuperuser };
    await makeDataDirectory(initdb, { directory: directory.path, data: layout.data }, server, context);
    const postmaster = await startPostmaster(program("postgres"), request.major, layout, server, context);
    await waitUntilReady(layout, postmaster, context);
    return describeServer(layout, server, postmaster, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

function describeServer(
  layout: Layout,
  { sandbox, user }: ServerSandbox,
  postmaster: Postmaster,
  stop: () => Promise<void>,
): ThrowawayServer {
  return {
    directory: layout.directory,
    socketDirectory: layout.sockets,
    inputDirectory: layout.input,
    port,
    superuser: throwawaySuperuser,
    sandbox: sandbox.kind,
    clientConfinement: (options = {}) => ({ sandbox, user, readable: [layout.sockets, layout.input], ...options }),
    makeDirectory: async (name) => {
      // A new one: a name that is there already may be a link of the server's making.
      const path = await mkdtemp(join(layout.data, `${name}-`));
      if (user !== undefined) await lchown(path, user.uid, user.gid);
      return path;
    },
    handOver: async (file) => {
      if (user === undefined) return;
      await chown(file, 0, user.gid);
      await chmod(file, 0o640);
    },
    log: postmaster.log,
    stop,
  };
}

/**
 * The data directory lies one level deeper: tablespaces are beside it, and the sandbox shows both.
 */
async function makeLayout(directory: string, user: SandboxUser | undefined): Promise<Layout> {
  const layout = { directory, data: join(directory, "d"), sockets: join(directory, "s"), input: join(directory, "i") };
  if (user !== undefined) {
    await chown(directory, 0, user.gid);
    await chmod(directory, 0o710);
  }
  await makeOwnedDirectory(layout.data, user);
  await makeOwnedDirectory(layout.sockets, user);
  await mkdir(layout.input, { mode: 0o700 });
  if (user !== undefined) {
    await chown(layout.input, 0, user.gid);
    await chmod(layout.input, 0o750);
  }
  return layout;
}

interface Postmaster {
  isAlive(): boolean;
  /** The last lines that it wrote. */
  log(): readonly string[];
}

async function startPostmaster(
  postgres: string,
  major: number,
  layout: Layout,
  { sandbox, user }: ServerSandbox,
  { environment }: RunContext,
): Promise<Postmaster> {
  const options = { ...settingsFor(major), unix_socket_directories: layout.sockets, port: String(port) };
  const args = ["-D", join(layout.data, "data"), ...Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
  const launch = confine(postgres, args, { sandbox, user, writable: [layout.data, layout.sockets] });
  const child = spawn(launch.command, launch.args, {
    cwd: "/",
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC", ...localesOf(environment), [throwawayMark]: layout.directory },
    ...(launch.uid === undefined ? {} : { uid: launch.uid, gid: launch.gid }),
  });
  const readTail = keepTail(child.stderr);
  // Its end is the supervisor's business: it must not keep Holdfast from ending.
  child.unref();
  (child.stderr as Socket).unref();
  let alive = true;
  child.once("exit", () => {
    alive = false;
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", () => resolve());
    child.once("error", (cause) => reject(new HoldfastError("ThrowawayFailed", `cannot start ${postgres}`, { cause })));
  });
  return { isAlive: () => alive, log: () => lastLines(readTail().stderr) };
}

/**
 * Where glibc looks for languages beside the system's: a stack's functions have theirs in a layer.
 */
function localesOf({ LOCPATH }: RunContext["environment"]): Readonly<Record<string, string>> {
  return LOCPATH === undefined ? {} : { LOCPATH };
}

/**
 * As pg_ctl does: the postmaster writes `ready` into line 8 of its pid file. Nothing of the
 * backup's has run in it yet.
 */
async function waitUntilReady(layout: Layout, postmaster: Postmaster, context: RunContext): Promise<void> {
  const deadline = context.clock.monotonicMs() + startTimeoutMs;
  for (;;) {
    if (context.signal.aborted) throw abortError(context.signal);
    const lines = (await readFile(join(layout.data, "data", "postmaster.pid"), "utf8").catch(() => "")).split("\n");
    if (lines[7]?.trim() === "ready") return;
    if (!postmaster.isAlive()) throw serverError("the throwaway server did not start", postmaster.log(), layout.directory);
    if (context.clock.monotonicMs() > deadline) {
      const message = `the throwaway server did not start within ${startTimeoutMs / 1000} s`;
      throw serverError(message, postmaster.log(), layout.directory);
    }
    await sleep(10);
  }
}

async function makeOwnedDirectory(path: string, user: SandboxUser | undefined): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  if (user !== undefined) await lchown(path, user.uid, user.gid);
}
