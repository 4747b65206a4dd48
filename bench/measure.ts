/**
 * Measuring whole processes: time, peak memory, medians, and runs that take turns so that a noisy
 * machine is unfair to nobody.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface Contender {
  readonly name: string;
  /** Puts everything back to how it must be before a run; not measured. */
  prepare?(): Promise<void>;
  run(): Promise<Measurement>;
}

export interface Measurement {
  readonly seconds: number;
  /** Of the process itself, without its children; undefined where it was not asked for. */
  readonly peakBytes?: number | undefined;
}

/**
 * How often the peak is read. The kernel keeps the peak: only what comes after the last reading is
 * missed.
 */
const peakIntervalMs = 10;

/**
 * Runs a command, output thrown away; from just before its start until it has ended. Throws when it
 * fails, with its own words.
 */
export function measure({ command, args, env, ...more }: Command): Promise<Measurement> {
  const started = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"], env: env ?? process.env, ...more });
  let peakBytes: number | undefined;
  const timer = setInterval(() => {
    peakBytes = readPeak(child.pid) ?? peakBytes;
  }, peakIntervalMs);
  let words = "";
  child.stderr.on("data", (chunk: Buffer) => {
    words = (words + chunk.toString("utf8")).slice(-4000);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearInterval(timer);
      const seconds = (performance.now() - started) / 1000;
      if (code === 0) resolve({ seconds, peakBytes });
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code ?? signal}: ${words.trim()}`));
    });
  });
}

/**
 * VmHWM: the most memory the process ever had resident. Undefined off Linux, or when the process is
 * gone.
 */
function readPeak(pid: number | undefined): number | undefined {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

/** A shell pipeline that fails when any of its parts does. $1, $2 ... are the arguments. */
export function pipeline(script: string, args: readonly string[], env?: NodeJS.ProcessEnv): Command {
  return { command: "bash", args: ["-c", `set -euo pipefail; ${script}`, "bench", ...args], ...(env === undefined ? {} : { env }) };
}

/**
 * Runs the contenders in turns (A B C, B C A, ...), `runs` times each. `onRun` is called as each
 * run ends.
 */
export async function takeTurns(
  contenders: readonly Contender[],
  runs: number,
  onRun: (name: string, measurement: Measurement) => void,
): Promise<ReadonlyMap<string, readonly Measurement[]>> {
  const results = new Map<string, Measurement[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < runs; round += 1) {
    const first = round % contenders.length;
    for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      await contender.prepare?.();
      const measurement = await contender.run();
      results.get(contender.name)?.push(measurement);
      onRun(contender.name, measurement);
    }
  }
  return results;
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.ceil((sorted.length - 1) / 2)]];
  if (low === undefined || high === undefined) throw new Error("the median of nothing");
  return (low + high) / 2;
}
