/**
 * `restore --keep` runs in a process of its own, which goes on when the command has ended: this is
 * the command's side. It shows what that process says, and ends when the restore is ready.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { type ExitCode, exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { keeperVariable } from "./keeper-variable.ts";

/** What the keeper says when it is ready: how much it has written, all of which is to be shown. */
export interface Ready {
  readonly exitCode: number;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

/**
 * Starts the same command again as its keeper; gives its exit code, once it keeps or has failed.
 */
export async function startKeeper(): Promise<ExitCode> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // A session of its own: it outlives the terminal.
    detached: true,
    env: { ...process.env, [keeperVariable]: "1" },
  });
  const forward = (name: NodeJS.Signals): void => void child.kill(name);
  for (const name of forwarded) process.on(name, forward);
  try {
    return (await untilReady(child)) as ExitCode;
  } finally {
    for (const name of forwarded) process.off(name, forward);
    for (const stream of [child.stdout, child.stderr]) stream?.destroy();
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/** What stops a command stops its keeper, as long as it is not ready. */
const forwarded = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function untilReady(child: ChildProcess): Promise<number> {
  // What comes was made harmless by the keeper's own terminal.
  const own = process;
  const stdout = relay(child.stdout as Readable, own.stdout);
  const stderr = relay(child.stderr as Readable, own.stderr);
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => reject(new HoldfastError("ThrowawayFailed", "cannot start the process that keeps", { cause })));
    child.on("message", async ({ exitCode, stdoutBytes, stderrBytes }: Ready) => {
      await Promise.all([stdout.reached(stdoutBytes), stderr.reached(stderrBytes)]);
      resolve(exitCode);
    });
    child.once("close", (ended) => resolve(ended ?? exitCodes.failed));
  });
}

function relay(from: Readable, to: Writable): { reached(bytes: number): Promise<void> } {
  let count = 0;
  const waiting: { readonly bytes: number; readonly resolve: () => void }[] = [];
  const settle = (): void => {
    for (const { bytes, resolve } of waiting) if (count >= bytes) resolve();
  };
  from.on("data", (chunk: Buffer) => {
    to.write(chunk);
    count += chunk.length;
    settle();
  });
  return {
    reached: (bytes) =>
      new Promise((resolve) => {
        waiting.push({ bytes, resolve });
        settle();
      }),
  };
}
