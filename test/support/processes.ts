/** Child processes for tests, demo and bench: run to the end, or start and wait for a line. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface RunOptions {
  readonly cwd?: string;
  /** Whole environment; default: this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  /** Written to standard input, which is then closed; default: nothing. */
  readonly input?: string | Uint8Array;
  /** The child is killed with SIGKILL after this long; default two minutes. */
  readonly timeoutMs?: number;
  /** Is given each line of standard output and standard error as it comes. */
  readonly onLine?: (line: string) => void;
}

export interface RunResult {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

const defaultTimeoutMs = 120_000;

/** Runs a program to its end; never throws for how it ended, only when it could not be started. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { input, timeoutMs = defaultTimeoutMs, onLine, ...rest } = options;
  const child = spawn(command, args, { ...(rest as SpawnOptions), stdio: ["pipe", "pipe", "pipe"] });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  if (onLine !== undefined) for (const stream of [child.stdout, child.stderr]) eachLine(stream, onLine);
  child.stdin?.on("error", () => {}); // a child that does not read its input is judged by how it ends
  child.stdin?.end(input);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  try {
    const { code, signal } = await ending(child);
    return { code: code ?? undefined, signal: signal ?? undefined, stdout: stdout(), stderr: stderr(), timedOut };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * As `run`, but anything other than exit code 0 throws, with what the program said. Returns
 * standard output.
 */
export async function runOk(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(command, args, options);
  if (result.code !== 0) {
    const how = result.timedOut ? "timed out" : `ended with ${result.code ?? result.signal}`;
    throw new Error(`${command} ${args.join(" ")} ${how}: ${(result.stderr || result.stdout).trim()}`);
  }
  return result.stdout;
}

/**
 * How a started child ended, once its streams are closed too. Rejects when it could not be started.
 */
export function ending(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** What takes a second on a quiet machine may take a minute on a busy one. */
const patientMs = 60_000;

/**
 * Waits until `condition` holds, asking every few milliseconds; throws with `what` when it does not
 * in time.
 */
export async function waitFor(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = patientMs): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function eachLine(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on("line", onLine);
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = [];
  stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString("utf8");
}
