/**
 * Ends a throwaway server and removes its files when Holdfast is gone, however it went. The warden is a shell that waits for
 * its standard input to end: the kernel closes that pipe even after kill -9.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { HoldfastError } from "../../errors/holdfast-error.ts";

export interface Warden {
  /** Has the process ended, too, when Holdfast is gone. */
  watch(pid: number): void;
  /** Ends the watched processes and removes the directories now; resolves when that is done. Never throws; idempotent. */
  dismiss(): Promise<void>;
}

/**
 * $1: the data directory, $2 and on: what to remove. The server is ended by SIGQUIT (immediate shutdown: nothing in it is
 * worth a checkpoint). Its number is taken from postmaster.pid too, in case Holdfast died between starting and telling it;
 * numbers are signalled only while such a process still names the data directory, because numbers are reused.
 */
const script = `
trap '' INT TERM HUP QUIT
data=$1; shift
pids=
while read -r pid; do pids="$pids $pid"; done
pids="$pids $(head -n 1 "$data/postmaster.pid" 2>/dev/null)"
ours() {
  if [ -d /proc/self ]; then line=$(tr '\\0' ' ' < "/proc/$1/cmdline" 2>/dev/null)
  else line=$(ps -o args= -p "$1" 2>/dev/null); fi
  case "$line" in *"$data"*) return 0 ;; *) return 1 ;; esac
}
for pid in $pids; do if ours "$pid"; then kill -QUIT "$pid" 2>/dev/null; fi; done
tries=0
for pid in $pids; do
  while ours "$pid" && [ $tries -lt 200 ]; do sleep 0.02; tries=$((tries + 1)); done
  if ours "$pid"; then kill -KILL "$pid" 2>/dev/null; fi
done
rm -rf -- "$@" 2>/dev/null
# A process that was just ending may have written once more.
for directory; do if [ -e "$directory" ]; then sleep 1; rm -rf -- "$@"; fi; done
`;

/** An orderly end takes some hundredths of a second; a directory of gigabytes some seconds. */
const dismissTimeoutMs = 60_000;

/** Starts a warden over a data directory and the private directories to remove. Errors: ThrowawayFailed when no shell can be started. */
export async function startWarden(dataDirectory: string, directories: readonly string[]): Promise<Warden> {
  const child = spawn("/bin/sh", ["-c", script, "holdfast-warden", dataDirectory, ...directories], {
    stdio: ["pipe", "ignore", "ignore"],
    // A session of its own: a terminal's Ctrl-C, or a kill of Holdfast's group, must not end the warden first.
    detached: true,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", () => resolve());
    child.once("error", (cause) => reject(new HoldfastError("ThrowawayFailed", "cannot start /bin/sh as the warden", { cause })));
  });
  child.stdin.on("error", () => {});
  const ended = endOf(child);
  return {
    watch: (pid) => void child.stdin.write(`${pid}\n`),
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
