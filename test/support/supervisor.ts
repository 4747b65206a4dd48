/**
 * A process that cleans up when this one ends, however it ends: it waits on a pipe that only this
 * process holds open.
 */
import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { ending } from "./processes.ts";

export interface Supervisor {
  /** Starts the cleaning now and waits for its end. Idempotent. */
  dismiss(): Promise<void>;
}

/**
 * Starts a shell that runs `script` (with `args` as $1, $2 ...) once this process is gone, kill -9
 * included, or once it is dismissed. It lives in a session of its own, so that Ctrl-C does not
 * reach it, and keeps no event loop alive.
 */
export function startSupervisor(script: string, args: readonly string[]): Supervisor {
  const child = spawn("/bin/sh", ["-c", `trap '' HUP INT TERM; read -r _ignored; ${script}`, "supervisor", ...args], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = ending(child);
  ended.catch(() => {});
  child.unref();
  (child.stdin as Socket).unref();
  child.stdin.on("error", () => {});
  return {
    async dismiss() {
      child.ref();
      child.stdin.end();
      await ended;
    },
  };
}
