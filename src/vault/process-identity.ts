/**
 * Which process this is, in a way that a later process on the same machine can tell whether it
 * still runs. Linux; elsewhere unknown.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { isRecord } from "./documents/json-shape.ts";

export interface ProcessIdentity {
  /** Changes with every start of the machine. */
  readonly bootId: string;
  /**
   * Process ids mean something only within one namespace: containers of one machine share the boot
   * id.
   */
  readonly pidNamespace: string;
  readonly pid: number;
  /** In clock ticks since the machine's start: an id that was given again has another start. */
  readonly startTicks: string;
}

/**
 * What a lease and a lock need to know of processes; injected, so that tests can play the machine.
 */
export interface ProcessTable {
  /** This process; undefined where the system does not tell. */
  readonly self: ProcessIdentity | undefined;
  /**
   * Milliseconds since the machine's start, by a clock that nobody can set, common to all of its
   * processes.
   */
  uptimeMs(): number;
  /** Whether `other` has certainly ended; undefined where this process cannot know. */
  isGone(other: ProcessIdentity): boolean | undefined;
}

/** The machine's own table. */
export function machineProcesses(): ProcessTable {
  const self = readSelf();
  return {
    self,
    // CLOCK_MONOTONIC, which counts from the machine's start.
    uptimeMs: () => Number(process.hrtime.bigint() / 1_000_000n),
    isGone(other) {
      if (self === undefined || other.bootId !== self.bootId || other.pidNamespace !== self.pidNamespace) return undefined;
      const startTicks = readStartTicks(other.pid);
      return startTicks === undefined ? !exists(other.pid) : startTicks !== other.startTicks;
    },
  };
}

/** A process identity as a record holds it, or undefined when it is none. */
export function parseProcessIdentity(value: unknown): ProcessIdentity | undefined {
  if (!isRecord(value)) return undefined;
  const { bootId, pidNamespace, pid, startTicks } = value;
  if (typeof bootId !== "string" || typeof pidNamespace !== "string" || typeof startTicks !== "string") return undefined;
  return typeof pid === "number" && Number.isSafeInteger(pid) && pid > 0 ? { bootId, pidNamespace, pid, startTicks } : undefined;
}

function readSelf(): ProcessIdentity | undefined {
  try {
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const pidNamespace = readlinkSync("/proc/self/ns/pid");
    const startTicks = readStartTicks(process.pid);
    return startTicks === undefined ? undefined : { bootId, pidNamespace, pid: process.pid, startTicks };
  } catch {
    return undefined; // Not Linux, or no /proc: leases and locks then fall back on time alone.
  }
}

function readStartTicks(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // Field 22 of proc(5); counted from behind the command's name, which may hold spaces and
  // parentheses. A zombie does nothing.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? "ended" : fields[19];
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
