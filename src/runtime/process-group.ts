/** The lowest layer of child processes: a tool in a process group of its own, which is stopped whole and leaves nothing behind. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { HoldfastError } from "../errors/holdfast-error.ts";

export interface ToolOptions {
  /** The child's whole environment, but for PATH, LANG, LC_ALL and TZ, which get defaults. Secrets travel here, never in `args`. */
  readonly env: Readonly<Record<string, string>>;
  /** On abort the tool's group gets SIGTERM, and SIGKILL after a grace. */
  readonly signal: AbortSignal;
  readonly cwd?: string;
  /** Run as this user, for servers that refuse root. */
  readonly uid?: number;
  readonly gid?: number;
  /** What the tool reads on its standard input; absent: nothing. */
  readonly input?: string | Readable;
}

/** How a tool ended. */
export interface ToolExit {
  /** As the shell gives it: 128 + the signal's number for a tool that was killed. */
  readonly exitCode: number;
  readonly signal?: NodeJS.Signals;
  /** The last 64 KiB of its standard error. */
  readonly stderr: string;
}

/** A tool that ended badly said why in its last words; 64 KiB hold several hundred lines of them. */
const stderrTailBytes = 64 * 1024;
/** pg_dump and pg_restore need well under a second to cancel their query and leave; five leave room on a loaded machine. */
const killGraceMs = 5_000;
/** What tools that look for their siblings need; they are started by absolute path. */
const defaultEnvironment = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C",
  LC_ALL: "C",
  TZ: "UTC",
};
const signalNumbers: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** Groups that still run: taken along when this process exits without having waited for them. */
const liveGroups = new Set<number>();
let exitHookInstalled = false;

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended already.
  }
}

function trackGroup(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  liveGroups.add(pid);
  child.once("exit", () => liveGroups.delete(pid));
  if (exitHookInstalled) return;
  exitHookInstalled = true;
  process.once("exit", () => {
    for (const group of liveGroups) signalGroup(group, "SIGKILL");
  });
}

/** The error of an operation that its signal stopped: the abort's own reason where that is from the catalogue. */
export function abortError(signal: AbortSignal): HoldfastError {
  if (signal.reason instanceof HoldfastError) return signal.reason;
  return new HoldfastError("Interrupted", "the operation was interrupted", { cause: signal.reason });
}

function spawnError(command: string, error: NodeJS.ErrnoException): HoldfastError {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") {
    return new HoldfastError("ToolMissing", `cannot run ${command}: no such program`, { cause: error });
  }
  if (error.code === "EACCES") {
    return new HoldfastError("ToolMissing", `cannot run ${command}: not executable by this user`, { cause: error });
  }
  return new HoldfastError("ToolMissing", `cannot start ${command}: ${error.code ?? error.message}`, {
    cause: error,
    hint: "Check the limits on processes and memory, and that this user may run programs as the user asked for.",
  });
}

export interface Started {
  readonly child: ChildProcess;
  /** Resolves once the process has exited and its streams are closed; rejects only when it could not be started. */
  readonly exit: Promise<ToolExit>;
  /** SIGTERM to the group, SIGKILL after the grace. Idempotent. */
  terminate(): void;
}

/** Starts a tool in a group of its own. Errors: Interrupted or the abort's reason, when the signal is aborted already. */
export function start(command: string, args: readonly string[], options: ToolOptions): Started {
  if (options.signal.aborted) throw abortError(options.signal);
  const child = spawn(command, args, {
    env: { ...defaultEnvironment, ...options.env },
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    // A group of its own: a terminal's SIGINT must not reach the tool before this process has decided what to do.
    detached: true,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  trackGroup(child);

  let killTimer: NodeJS.Timeout | undefined;
  const terminate = (): void => {
    const { pid } = child;
    if (pid === undefined || killTimer !== undefined) return;
    // Output that nobody will read must not keep the streams, and with them the wait for the end, open.
    child.stdout?.destroy();
    signalGroup(pid, "SIGTERM");
    killTimer = setTimeout(() => signalGroup(pid, "SIGKILL"), killGraceMs);
  };
  options.signal.addEventListener("abort", terminate, { once: true });

  const readTail = keepTail(child.stderr as Readable);
  const exit = new Promise<ToolExit>((resolve, reject) => {
    child.once("error", (error) => {
      if (child.pid === undefined) reject(spawnError(command, error));
    });
    child.once("close", (code, signal) => {
      const exitCode = code ?? 128 + (signal === null ? 0 : (signalNumbers[signal] ?? 0));
      resolve({ exitCode, ...(signal === null ? {} : { signal }), stderr: readTail() });
    });
  }).finally(() => {
    clearTimeout(killTimer);
    options.signal.removeEventListener("abort", terminate);
  });
  exit.catch(() => {});
  return { child, exit, terminate };
}

/** Keeps the end of a stream; the returned function gives it, from a line's beginning. */
function keepTail(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let cut = false;
  stream.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    while (chunks.length > 1 && bytes - (chunks[0] as Buffer).length >= stderrTailBytes) {
      bytes -= (chunks.shift() as Buffer).length;
      cut = true;
    }
  });
  stream.on("error", () => {});
  return () => {
    const text = Buffer.concat(chunks).toString("utf8");
    return cut ? text.slice(text.indexOf("\n") + 1) : text;
  };
}
