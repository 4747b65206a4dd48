/** A bundled function in a process of its own, called as Lambda calls it. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { ending } from "./processes.ts";

export interface LambdaAnswer {
  readonly result?: Record<string, unknown>;
  readonly errorType?: string;
  readonly errorMessage?: string;
  readonly ms: number;
  /** VmHWM of the function's process, since its start. */
  readonly peakBytes: number;
}

export interface LambdaFunction extends AsyncDisposable {
  readonly pid: number;
  /** How long the module took to load, in the process. */
  readonly loadMs: number;
  /** As whom it runs. */
  readonly uid: number;
  invoke(event: unknown, timeoutMs?: number): Promise<LambdaAnswer>;
  /** What it printed: Lambda's log. */
  log(): string;
}

export interface LambdaOptions {
  /** The bundle, as the process sees it. */
  readonly module: string;
  /** Whole environment. */
  readonly env: NodeJS.ProcessEnv;
  /** Options of Node. */
  readonly nodeArgs?: readonly string[];
  /**
   * Program and arguments that the runtime's own command line is appended to: the cage. Default:
   * none.
   */
  readonly wrapper?: readonly [string, ...string[]];
  /** Node and the runtime's program, as the process sees them. Default: this process's own. */
  readonly node?: string;
  readonly runtime?: string;
}

/** The runtime's program; it imports nothing but Node's own modules. */
export const runtimeProgram = fileURLToPath(new URL("./lambda-runtime.ts", import.meta.url));

/** How long a function may take to end that has nothing to do any more. */
const endMs = 5_000;
/** AWS Lambda's most. */
const longestMs = 900_000;

/**
 * Starts the function and waits until its module is loaded. Errors: a plain Error with what it
 * printed.
 */
export async function startFunction(options: LambdaOptions): Promise<LambdaFunction> {
  const { module, env, nodeArgs = [], node = process.execPath, runtime = runtimeProgram } = options;
  const [command, ...args] = [...(options.wrapper ?? []), node, ...nodeArgs, runtime, module] as [string, ...string[]];
  const child = spawn(command, args, { env, cwd: "/", stdio: ["pipe", "pipe", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      log = (log + chunk.toString("utf8")).slice(-100_000);
    });
  }
  child.stdin?.on("error", () => undefined);
  const ended = ending(child);
  const answers = createInterface({ input: child.stdio[3] as Readable })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await answers.next();
    if (done !== true) return JSON.parse(value);
    const { code, signal } = await ended;
    throw new Error(`${module} ended with ${code ?? signal}: ${log.slice(-4000)}`);
  };
  const { loadMs, uid } = (await next()) as { loadMs: number; uid: number };
  return {
    pid: child.pid as number,
    loadMs,
    uid,
    log: () => log,
    async invoke(event, timeoutMs = longestMs) {
      child.stdin?.write(`${JSON.stringify({ event, timeoutMs })}\n`);
      return (await next()) as LambdaAnswer;
    },
    async [Symbol.asyncDispose]() {
      child.stdin?.end();
      // A call that was given up, by a test's timeout say, would keep it.
      const timer = setTimeout(() => child.kill("SIGKILL"), endMs);
      await ended.finally(() => clearTimeout(timer));
    },
  };
}

export interface Peaks {
  /**
   * The most that all processes below had resident at one moment, shared pages counted for each.
   */
  readonly togetherBytes: number;
  /** VmHWM by program name, the largest of each. */
  readonly programs: ReadonlyMap<string, number>;
}

const sampleMs = 25;

/** Watches a process and all below it until stopped. */
export function watchMemory(pid: number): { stop(): Peaks } {
  let togetherBytes = 0;
  const programs = new Map<string, number>();
  const look = (): void => {
    let sum = 0;
    for (const { name, rss, peak } of tree(pid)) {
      sum += rss;
      programs.set(name, Math.max(programs.get(name) ?? 0, peak));
    }
    togetherBytes = Math.max(togetherBytes, sum);
  };
  const timer = setInterval(look, sampleMs);
  return {
    stop() {
      clearInterval(timer);
      return { togetherBytes, programs };
    },
  };
}

function* tree(pid: number): Generator<{ name: string; rss: number; peak: number }> {
  let status: string;
  let children: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, "utf8");
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  } catch {
    return; // It is gone.
  }
  const bytes = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1024;
  yield { name: /^Name:\s+(.+)$/m.exec(status)?.[1] ?? "", rss: bytes("VmRSS"), peak: bytes("VmHWM") };
  for (const child of children.split(" ").filter((text) => text !== "")) yield* tree(Number(child));
}
