/** Clocks and machines that tests set by hand: for leases, which go by both. */
import type { ProcessIdentity, ProcessTable } from "../../src/vault/process-identity.ts";

/** A clock that is set by hand. */
export function makeClock(start = "2026-11-20T02:00:00.000Z") {
  const clock = {
    wallMs: Date.parse(start),
    monotonic: 0,
    now: () => new Date(clock.wallMs),
    monotonicMs: () => clock.monotonic,
    /** Time passes, on both. */
    pass(seconds: number) {
      clock.wallMs += seconds * 1000;
      clock.monotonic += seconds * 1000;
    },
  };
  return clock;
}

/** A machine whose processes live and die by hand. */
export function makeMachine(bootId: string) {
  let nextPid = 1;
  const machine = {
    uptime: 1_000_000,
    alive: new Set<number>(),
    start(): ProcessTable {
      const self: ProcessIdentity = { bootId, pidNamespace: "pid:[1]", pid: nextPid++, startTicks: "5" };
      machine.alive.add(self.pid);
      return {
        self,
        uptimeMs: () => machine.uptime,
        isGone: (other) => (other.bootId === bootId ? !machine.alive.has(other.pid) || other.startTicks !== "5" : undefined),
      };
    },
  };
  return machine;
}
