/**
 * Removes a directory when this process is gone, however it went: a shell waits for its standard
 * input to end, and the kernel closes that pipe even after kill -9.
 */
import { spawn } from "node:child_process";
import { HoldfastError } from "../errors/holdfast-error.ts";

export interface Supervisor {
  /** Removes the directory now; resolves when that is done. Never throws; idempotent. */
  dismiss(): Promise<void>;
}

const script = `
trap '' INT TERM HUP QUIT
while read -r _; do :; done
chmod -R u+rwx -- "$1" 2>/dev/null
rm -rf -- "$1"
`;

/** Errors: ThrowawayFailed when no shell can be started. */
export async function removeWhenGone(directory: string): Promise<Supervisor> {
  const child = spawn("/bin/sh", ["-c", script, "holdfast-supervisor", directory], {
    stdio: ["pipe", "ignore", "ignore"],
    // A session of its own: a terminal's Ctrl-C must not end the supervisor first.
    detached: true,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", () => resolve());
    child.once("error", (cause) =>
      reject(new HoldfastError("ThrowawayFailed", "cannot start /bin/sh as the supervisor", { cause })),
    );
  });
  child.stdin.on("error", () => {});
  return {
    dismiss: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
