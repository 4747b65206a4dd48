/** A PostgreSQL server of one's own: private, thrown away at the end, for tests, demo and bench. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { appendFile, chmod, chown, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensurePostgres } from "../../scripts/postgres-binaries.ts";
import { findUnprivilegedUser } from "../../scripts/unprivileged-user.ts";
import { makeDataDirectory } from "./postgres-template.ts";
import { ending, runOk, waitFor } from "./processes.ts";
import { makeCertificates, type ServerCertificates } from "./server-certificates.ts";
import { type Supervisor, startSupervisor } from "./supervisor.ts";

export interface PostgresOptions {
  readonly major: number;
  /** Directory of server and client programs; default: the project's own for that major. */
  readonly binDir?: string;
  /**
   * Further arguments for initdb: `--locale-provider=icu`, `--encoding=SQL_ASCII` … Default: UTF8,
   * locale C.UTF-8.
   */
  readonly initdbArgs?: readonly string[];
  /** Lines of postgresql.conf, beside the defaults for throwaway servers (no fsync). */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Lines put before pg_hba.conf's own, which ask for SCRAM everywhere. */
  readonly hbaLines?: readonly string[];
  /** Default: one with characters that need quoting and encoding. */
  readonly superuserPassword?: string;
  /**
   * A certificate for localhost and 127.0.0.1 from an authority of its own; connections may then
   * use TLS.
   */
  readonly tls?: boolean;
  /** Further variables of the server's environment, for libraries of its extensions. */
  readonly env?: Readonly<Record<string, string>>;
}

export type StopMode = "smart" | "fast" | "immediate";

export interface PostgresServer extends AsyncDisposable {
  readonly major: number;
  /** With user and password, percent-encoded, database `postgres`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly socketDir: string;
  readonly user: string;
  readonly database: string;
  readonly password: string;
  /**
   * PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE beside this process's environment, for
   * libpq's programs.
   */
  readonly env: NodeJS.ProcessEnv;
  readonly binDir: string;
  readonly dataDir: string;
  /** The authority's certificate, with `tls`. */
  readonly certificates: ServerCertificates | undefined;
  /** The URL of another database (or user, or password) on this server. */
  urlOf(database: string, user?: string, password?: string): string;
  /**
   * Runs `text` in psql (backslash commands too), stopping at the first error, which is thrown.
   * Returns unaligned tuples without a last newline.
   */
  sql(text: string, database?: string): Promise<string>;
  /** The server's log so far. */
  log(): Promise<string>;
  /** The postmaster's process id; undefined while stopped. */
  readonly pid: number | undefined;
  stop(mode?: StopMode): Promise<void>;
  /**
   * Sends the postmaster a signal, and waits for its end where the signal ends it (SIGKILL,
   * SIGTERM, SIGINT, SIGQUIT).
   */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts a stopped server again, on the same port. */
  start(): Promise<void>;
  /**
   * Stops the server and removes its files; also done at the end of this process, however it ends.
   * Idempotent.
   */
  remove(): Promise<void>;
}

const user = "postgres";
/** Every character that a URL, a .pgpass file, a shell or a connection string might trip over. */
const awkwardPassword = "p@ss:w/rd %41 'q\\";
const stopSignals: Readonly<Record<StopMode, NodeJS.Signals>> = { smart: "SIGTERM", fast: "SIGINT", immediate: "SIGQUIT" };
const endingSignals: readonly NodeJS.Signals[] = ["SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT"];
/**
 * Starting is tried again when another process took the free port, or a killed server's children
 * still hold its memory.
 */
const startAttempts = 20;

const throwawaySettings = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  shared_buffers: "64MB",
  max_wal_size: "1GB",
  max_connections: 60,
  timezone: "UTC",
  log_timezone: "UTC",
} as const;

/**
 * $1: the server's directory. Kills the postmaster only while it is still the one of that directory
 * (and no zombie).
 */
const supervisorScript = `
  pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
  runs() {
    if [ -d /proc/1 ]; then where=$(readlink "/proc/$pid/cwd"); else where=$(ps -o args= -p "$pid"); fi
    case "$where" in *"$1/data"*) return 0 ;; *) return 1 ;; esac
  }
  if [ -n "$pid" ] && runs "$1"; then
    kill -QUIT "$pid"; tries=0
    while runs "$1" && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
    if runs "$1"; then kill -KILL "$pid"; fi
  fi
  rm -rf "$1" || { sleep 1; rm -rf "$1"; }`;

/**
 * Starts a server in about a second, as an unprivileged user when this process is root: TCP on
 * 127.0.0.1 and a Unix socket, SCRAM passwords. It is removed when this process ends, however it
 * ends; `remove` does so earlier.
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const binDir = options.binDir ?? (await ensurePostgres(options.major)).binDir;
  const owner = findUnprivilegedUser();
  const directory = await mkdtemp(join(tmpdir(), "hfpg-"));
  const supervisor = startSupervisor(supervisorScript, [directory]);
  try {
    if (owner !== undefined) await chown(directory, owner.uid, owner.gid);
    await chmod(directory, 0o755);
    const password = options.superuserPassword ?? awkwardPassword;
    const dataDir = join(directory, "data");
    await makeDataDirectory({ binDir, initdbArgs: options.initdbArgs ?? [], password, user, owner }, dataDir);
    const certificates = options.tls === true ? await makeCertificates(directory, owner) : undefined;
    await configure(dataDir, directory, options, certificates);
    const server = describe({ options, binDir, directory, dataDir, password, certificates, supervisor, owner });
    await server.start();
    return server;
  } catch (error) {
    await supervisor.dismiss();
    throw error;
  }
}

async function configure(
  dataDir: string,
  socketDir: string,
  options: PostgresOptions,
  certificates?: ServerCertificates,
): Promise<void> {
  const tls =
    certificates === undefined ? {} : { ssl: "on", ssl_cert_file: certificates.certFile, ssl_key_file: certificates.keyFile };
  const settings = {
    ...throwawaySettings,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: socketDir,
    ...tls,
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'`);
  await appendFile(join(dataDir, "postgresql.conf"), `\n${lines.join("\n")}\n`);
  if (options.hbaLines === undefined) return;
  const hba = join(dataDir, "pg_hba.conf");
  await writeFile(hba, `${options.hbaLines.join("\n")}\n${await readFile(hba, "utf8")}`);
}

interface Parts {
  readonly options: PostgresOptions;
  readonly binDir: string;
  readonly directory: string;
  readonly dataDir: string;
  readonly password: string;
  readonly certificates: ServerCertificates | undefined;
  readonly supervisor: Supervisor;
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

function describe(parts: Parts): PostgresServer {
  const { binDir, directory, dataDir, password, supervisor } = parts;
  const postmaster = controlPostmaster(parts);
  const host = "127.0.0.1";
  const urlOf = (database: string, as = user, secret = password) =>
    `postgres://${encodeURIComponent(as)}:${encodeURIComponent(secret)}@${host}:${postmaster.port()}/${encodeURIComponent(database)}`;
  const env = () => ({
    ...process.env,
    PGHOST: host,
    PGPORT: String(postmaster.port()),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: "postgres",
  });
  async function remove(): Promise<void> {
    await postmaster.signal("SIGQUIT");
    await supervisor.dismiss();
    await rm(directory, { recursive: true, force: true });
  }
  return {
    major: parts.options.major,
    host,
    socketDir: directory,
    user,
    database: "postgres",
    password,
    binDir,
    dataDir,
    certificates: parts.certificates,
    get url() {
      return urlOf("postgres");
    },
    get port() {
      return postmaster.port();
    },
    get env() {
      return env();
    },
    get pid() {
      return postmaster.pid();
    },
    urlOf,
    async sql(text, database = "postgres") {
      const args = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"];
      return (await runOk(join(binDir, "psql"), args, { env: env(), input: text, timeoutMs: 600_000 })).replace(/\n$/, "");
    },
    log: () => readFile(postmaster.logFile, "utf8"),
    stop: (mode = "fast") => postmaster.signal(stopSignals[mode]),
    kill: (signal) => postmaster.signal(signal),
    start: postmaster.start,
    remove,
    [Symbol.asyncDispose]: remove,
  };
}

interface Postmaster {
  readonly logFile: string;
  port(): number;
  pid(): number | undefined;
  start(): Promise<void>;
  signal(signal: NodeJS.Signals): Promise<void>;
}

function controlPostmaster({ options, binDir, directory, dataDir, owner }: Parts): Postmaster {
  const logFile = join(directory, "server.log");
  let port = 0;
  let child: ChildProcess | undefined;

  async function tryStart(): Promise<string | undefined> {
    const log = openSync(logFile, "a");
    // A session of its own: Ctrl-C in a terminal reaches whoever runs the server, who then stops it
    // in order.
    const started = spawn(join(binDir, "postgres"), ["-D", dataDir, "-p", String(port)], {
      ...owner,
      cwd: directory,
      detached: true,
      stdio: ["ignore", log, log],
      env: { PATH: process.env.PATH, LANG: "C", LC_ALL: "C", ...options.env },
    });
    closeSync(log);
    let over = false;
    const ended = ending(started).finally(() => {
      over = true;
      if (child === started) child = undefined;
    });
    ended.catch(() => {});
    started.unref();
    child = started;
    await waitFor(`PostgreSQL ${options.major} to start`, async () => over || (await isReady(dataDir, started.pid)), 60_000);
    return over ? (await readFile(logFile, "utf8")).split("\n").slice(-12).join("\n") : undefined;
  }

  async function start(): Promise<void> {
    if (child !== undefined) return;
    const fixed = port !== 0;
    let words: string | undefined;
    for (let attempt = 0; attempt < startAttempts; attempt += 1) {
      if (!fixed) port = await findFreePort();
      words = await tryStart();
      if (words === undefined) return;
      if (!/Address already in use|shared memory block|lock file/.test(words)) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`PostgreSQL ${options.major} did not start: ${words}`);
  }

  async function signal(name: NodeJS.Signals): Promise<void> {
    const running = child;
    if (running === undefined) return;
    running.ref();
    const ended = new Promise<void>((resolve) => running.once("close", () => resolve()));
    running.kill(name);
    if (endingSignals.includes(name)) await ended;
    running.unref();
  }

  return { logFile, port: () => port, pid: () => child?.pid, start, signal };
}

/** As pg_ctl does: the postmaster writes `ready` into line 8 of its own pid file. */
async function isReady(dataDir: string, pid: number | undefined): Promise<boolean> {
  const lines = (await readFile(join(dataDir, "postmaster.pid"), "utf8").catch(() => "")).split("\n");
  return lines[0] === String(pid) && lines[7]?.trim() === "ready";
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
