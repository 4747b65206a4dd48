/** Finds a Node that can run Holdfast, and hands over to it. Plain JavaScript: it runs before that Node does. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** zstd streams, type stripping and the compile cache's present form are all there from this version on. */
export const requiredMajor = 24;

/** The path of a Node of the required version: this one, the `node` package's, or the PATH's; undefined when there is none. */
export function findNode() {
  if (Number.parseInt(process.versions.node, 10) >= requiredMajor) return process.execPath;
  return findPackagedNode() ?? findNodeOnPath();
}

function findPackagedNode() {
  try {
    const binary = join(dirname(createRequire(import.meta.url).resolve("node/package.json")), "bin/node");
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined; // an optional dependency, left out
  }
}

function findNodeOnPath() {
  return (process.env.PATH ?? "")
    .split(":")
    .map((entry) => join(entry, "node"))
    .find(
      (binary) =>
        existsSync(binary) && Number.parseInt(spawnSync(binary, ["-p", "process.versions.node"]).stdout, 10) >= requiredMajor,
    );
}

/**
 * Runs `node` with `args` as if it were this process: same streams, signals passed on, and at the
 * end the same exit code or signal. With `linked`, what runs there can tell that this process was
 * killed (end-with-parent.mjs).
 * On a terminal Ctrl-C reaches both processes by itself, so SIGINT is not passed on a second time.
 */
export function handOver(node, args, { env = process.env, linked = false } = {}) {
  const child = spawn(node, args, { stdio: linked ? ["inherit", "inherit", "inherit", "ipc"] : "inherit", env });
  const terminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !terminal) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    process.stderr.write(`${node} could not be started: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
