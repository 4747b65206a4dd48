/**
 * Limits of what runs in a sandbox, set by a shell before anything else: sizes of files and memory,
 * processes, no core files.
 */
import { readdirSync, readFileSync } from "node:fs";
import { totalmem } from "node:os";
import type { SandboxUser } from "./sandbox-user.ts";

/** A server of 20 sessions and a parallel load have some 30 processes; a fork bomb ends here. */
const maxProcesses = 256;
/**
 * PostgreSQL's files have at most 1 GB each, by its own division; those of other builds may have
 * more.
 */
const maxFileBytes = 8 * 1024 ** 3;
/** One row may have 1 GB and is copied some times; this is the least a process may have. */
const minMemoryBytes = 4 * 1024 ** 3;

/**
 * $1: blocks of 512 bytes in a file, $2: KiB of memory, $3: processes; then the command. A limit
 * that this shell or system does not know is left out: dash says -p for processes, bash -u. What
 * runs here is the first to go when memory ends.
 */
const script = `
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
ulimit -c 0
ulimit -f "$1" 2>/dev/null
ulimit -v "$2" 2>/dev/null
ulimit -u "$3" 2>/dev/null || ulimit -p "$3" 2>/dev/null
{ echo 1000 > /proc/self/oom_score_adj; } 2>/dev/null
shift 3
exec "$@"
`;

/** The arguments for /bin/sh, after which the command follows. */
export function limitArguments(user: SandboxUser | undefined): readonly string[] {
  const memory = Math.max(minMemoryBytes, totalmem());
  // A user's tasks count together, wherever they run: the limit has to stand above those that run
  // already.
  const processes = maxProcesses + countTasks(user?.uid ?? process.getuid?.());
  return ["-c", script, "holdfast-limits", String(maxFileBytes / 512), String(Math.floor(memory / 1024)), String(processes)];
}

/**
 * Threads that this user runs now: of `nobody`, who makes data directories, other servers may run
 * many. The owner of /proc/N is not asked: it is root for daemons that gave up their rights.
 */
function countTasks(uid: number | undefined): number {
  const count = (pid: string): number => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      return Number(/^Uid:\t(\d+)/m.exec(status)?.[1]) === uid ? Number(/^Threads:\t(\d+)/m.exec(status)?.[1] ?? 1) : 0;
    } catch {
      return 0; // It has ended.
    }
  };
  try {
    return readdirSync("/proc").reduce((sum, name) => sum + (/^\d+$/.test(name) ? count(name) : 0), 0);
  } catch {
    return 4096; // No /proc: not Linux.
  }
}
