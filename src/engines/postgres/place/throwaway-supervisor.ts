/**
 * Ends a throwaway server with everything it started, and removes its files, when Holdfast is gone,
 * however it went. The supervisor is a shell that waits for its standard input to end: the kernel
 * closes that pipe even after kill -9.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { SandboxUser } from "../../../runtime/sandbox-user.ts";

export interface Supervisor {
  /**
   * Ends the server and removes the directory now; resolves when that is done. Never throws;
   * idempotent.
   */
  dismiss(): Promise<void>;
}

/**
 * In the environment of the server and of what it starts, with the directory: how strays are found
 * where no sandbox holds them.
 */
export const throwawayMark = "HOLDFAST_THROWAWAY";

/**
 * $1: the server's directory, $2: its user, or nothing when that is Holdfast's own. Nothing that
 * the server wrote is believed: its processes are those that name its directory on their command
 * line (the server's first one, and the sandbox around it, whose end is the end of all in it),
 * those of its user, and those that carry its mark.
 */
const script = `
trap '' INT TERM HUP QUIT
directory=$1 user=$2
while read -r _; do :; done
named() {
  if [ -d /proc/self ]; then
    # By a file, so that the search does not find itself.
    printf '%s/' "$directory" | grep -laF -f - /proc/[0-9]*/cmdline 2>/dev/null | cut -d / -f 3
  else ps -axo pid=,args= | awk -v directory="$directory/" 'index($0, directory) && $2 != "awk" { print $1 }'; fi
}
marked() { grep -laF -- "${throwawayMark}=$directory" /proc/[0-9]*/environ 2>/dev/null | cut -d / -f 3; }
signal() { for pid in $2; do kill "-$1" "$pid" 2>/dev/null; done; }
strays() {
  signal KILL "$(named) $(marked)"
  # As that user, everything of that user.
  if [ -n "$user" ]; then setpriv "--reuid=$user" "--regid=$user" --clear-groups /bin/sh -c 'kill -KILL -1' 2>/dev/null; fi
}
# Immediate shutdown first: a server that is killed leaves its shared memory behind.
signal QUIT "$(named)"
tries=0
while [ -n "$(named)" ] && [ $tries -lt 100 ]; do sleep 0.02; tries=$((tries + 1)); done
strays
tries=0
while [ -n "$(named)$(marked)" ] && [ $tries -lt 100 ]; do sleep 0.02; strays; tries=$((tries + 1)); done
rm -rf -- "$directory" 2>/dev/null
# A process that was just ending may have written once more.
if [ -e "$directory" ]; then sleep 1; strays; rm -rf -- "$directory"; fi
`;

/** An orderly end takes some hundredths of a second; a directory of gigabytes some seconds. */
const dismissTimeoutMs = 60_000;

/**
 * Starts a supervisor over the directory of a server. Errors: ThrowawayFailed when no shell can be
 * started.
 */
export async function startSupervisor(directory: string, user: SandboxUser | undefined): Promise<Supervisor> {
  const owner = user === undefined ? "" : String(user.uid);
  const child = spawn("/bin/sh", ["-c", script, "holdfast-supervisor", directory, owner], {
    stdio: ["pipe", "ignore", "ignore"],
    // A session of its own: a terminal's Ctrl-C, or a kill of Holdfast's group, must not end the
    // supervisor first.
    detached: true,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", () => resolve());
    child.once("error", (cause) =>
      reject(new HoldfastError("ThrowawayFailed", "cannot start /bin/sh as the supervisor", { cause })),
    );
  });
  child.stdin.on("error", () => {});
  const ended = endOf(child);
  return {
    dismiss: async () => {
      child.stdin.end();
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, dismissTimeoutMs);
      });
      await Promise.race([ended, timeout]);
      clearTimeout(timer);
    },
  };
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once("exit", () => resolve()));
}
