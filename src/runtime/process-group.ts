/**
 * The lowest layer of child processes: a tool in a process group of its own, which is stopped whole
 * and leaves nothing behind.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { type Confinement, confine, type Launch } from "./sandbox.ts";

export interface ToolOptions {
  /**
   * The child's whole environment, but for PATH, LANG, LC_ALL and TZ, which get defaults. Secrets
   * travel here, never in `args`.
   */
  readonly env: Readonly<Record<string, string>>;
  /** On abort the tool's group gets SIGTERM, and SIGKILL after a grace. */
  readonly signal: AbortSignal;
  readonly cwd?: string | undefined;
  /** Run as this user, for servers that refuse root. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /**
   * What the tool reads on its standard input: text, a stream, or an open file by its descriptor;
   * absent: nothing.
   */
  readonly input?: string | Readable | OpenFile | undefined;
  /**
   * A tool that was content with the beginning of its input leaves the rest unread, and the input's
   * checks at its end unmade. Default: the rest is read.
   */
  readonly inputHead?: boolean | undefined;
  /**
   * Runs the tool in a sandbox; takes the place of `cwd`, `uid` and `gid`. `command` is then an
   * absolute path.
   */
  readonly confinement?: Confinement | undefined;
  /** How much of the end of its standard error is kept. Default: 64 KiB. */
  readonly maxStderrBytes?: number | undefined;
  /** Gives its standard error as bytes in a latin1 string. */
  readonly stderrBytes?: boolean | undefined;
  /** Lines of its standard error that are not kept. */
  readonly omitStderrLine?: RegExp | undefined;
}

/** A file that the tool may read from its beginning, without being able to open it. */
export interface OpenFile {
  readonly descriptor: number;
}

/** How a tool ended. */
export interface ToolExit {
  /** As the shell gives it: 128 + the signal's number for a tool that was killed. */
  readonly exitCode: number;
  readonly signal?: NodeJS.Signals | undefined;
  /** The end of its standard error. */
  readonly stderr: string;
  /** There was more of it. */
  readonly stderrCut?: boolean | undefined;
}

/**
 * A tool that ended badly said why in its last words; 64 KiB hold several hundred lines of them.
 */
const stderrTailBytes = 64 * 1024;
/**
 * pg_dump and pg_restore need well under a second to cancel their query and leave; five leave room
 * on a loaded machine.
 */
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

/**
 * The error of an operation that its signal stopped: the abort's own reason where that is from the
 * catalogue.
 */
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
  /**
   * Resolves once the process has exited and its streams are closed; rejects only when it could not
   * be started.
   */
  readonly exit: Promise<ToolExit>;
  /** SIGTERM to the group, SIGKILL after the grace. Idempotent. */
  terminate(): void;
}

/**
 * Starts a tool in a group of its own. Errors: Interrupted or the abort's reason, when the signal
 * is aborted already.
 */
export function start(command: string, args: readonly string[], options: ToolOptions): Started {
  if (options.signal.aborted) throw abortError(options.signal);
  const launch: Launch = options.confinement === undefined ? { command, args } : confine(command, args, options.confinement);
  const { input, uid = launch.uid, gid = launch.gid } = options;
  const child = spawn(launch.command, launch.args, {
    env: { ...defaultEnvironment, ...options.env },
    stdio: [isOpenFile(input) ? input.descriptor : input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    // A group of its own: a terminal's SIGINT must not reach the tool before this process has
    // decided what to do.
    detached: true,
    cwd: options.cwd,
    uid,
    gid,
  });
  trackGroup(child);

  let killTimer: NodeJS.Timeout | undefined;
  const terminate = (): void => {
    const { pid } = child;
    if (pid === undefined || killTimer !== undefined) return;
    // Output that nobody will read must not keep the streams, and with them the wait for the end,
    // open.
    child.stdout?.destroy();
    signalGroup(pid, launch.endingSignal ?? "SIGTERM");
    killTimer = setTimeout(() => signalGroup(pid, "SIGKILL"), killGraceMs);
  };
  options.signal.addEventListener("abort", terminate, { once: true });

  const readTail = keepTail(child.stderr as Readable, options);
  const exit = new Promise<ToolExit>((resolve, reject) => {
    child.once("error", (error) => {
      if (child.pid === undefined) reject(spawnError(command, error));
    });
    child.once("close", (code, signal) => {
      const ending = signal ?? (launch.endingSignal === undefined ? undefined : signalOf(code));
      const exitCode = code ?? 128 + (ending === undefined ? 0 : (signalNumbers[ending] ?? 0));
      resolve({ exitCode, signal: ending, ...readTail() });
    });
  }).finally(() => {
    clearTimeout(killTimer);
    options.signal.removeEventListener("abort", terminate);
  });
  exit.catch(() => {});
  return { child, exit, terminate };
}

/** The signal behind a sandbox's exit status, by which it says how the program in it ended. */
function signalOf(code: number | null): NodeJS.Signals | undefined {
  const names = Object.keys(signalNumbers) as NodeJS.Signals[];
  return names.find((name) => code === 128 + (signalNumbers[name] ?? 0));
}

export function isOpenFile(input: ToolOptions["input"]): input is OpenFile {
  return typeof input === "object" && "descriptor" in input;
}

/** Keeps the end of a stream; the returned function gives it, from a line's beginning. */
export function keepTail(
  stream: Readable,
  {
    maxStderrBytes = stderrTailBytes,
    stderrBytes = false,
    omitStderrLine,
  }: Pick<ToolOptions, "maxStderrBytes" | "stderrBytes" | "omitStderrLine"> = {},
): () => Pick<ToolExit, "stderr" | "stderrCut"> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let cut = false;
  const filter = omitStderrLine === undefined ? undefined : omitLines(omitStderrLine);
  const keep = (chunk: Buffer): void => {
    chunks.push(chunk);
    bytes += chunk.length;
    while (chunks.length > 1 && bytes - (chunks[0] as Buffer).length >= maxStderrBytes) {
      bytes -= (chunks.shift() as Buffer).length;
      cut = true;
    }
  };
  stream.on("data", (chunk: Buffer) => keep(filter === undefined ? chunk : filter.write(chunk)));
  stream.on("error", () => {});
  return () => {
    if (filter !== undefined) keep(filter.rest());
    const text = Buffer.concat(chunks).toString(stderrBytes ? "latin1" : "utf8");
    return { stderr: cut ? text.slice(text.indexOf("\n") + 1) : text, stderrCut: cut };
  };
}

/** Leaves out lines that match; a line that is longer than this is kept. */
const maxOmittedLineBytes = 64 * 1024;

function omitLines(pattern: RegExp): { write(chunk: Buffer): Buffer; rest(): Buffer } {
  let open = "";
  return {
    write(chunk) {
      const lines = `${open}${chunk.toString("latin1")}`.split("\n");
      const last = lines.pop() ?? "";
      const kept = lines.filter((line) => !pattern.test(line)).map((line) => `${line}\n`);
      open = last.length > maxOmittedLineBytes ? "" : last;
      if (open === "") kept.push(last);
      return Buffer.from(kept.join(""), "latin1");
    },
    rest: () => Buffer.from(open, "latin1"),
  };
}
