/** Milliseconds per phase, for evidence. */
import type { Clock } from "../../runtime/clock.ts";

export interface Stopwatch {
  readonly timings: Readonly<Record<string, number>>;
  /** Runs `phase` and adds what it took, even when it fails. */
  time<T>(name: string, phase: () => Promise<T>): Promise<T>;
}

export function createStopwatch(clock: Clock): Stopwatch {
  const timings: Record<string, number> = {};
  return {
    timings,
    async time(name, phase) {
      const startedMs = clock.monotonicMs();
      try {
        return await phase();
      } finally {
        timings[name] = Math.round((timings[name] ?? 0) + clock.monotonicMs() - startedMs);
      }
    },
  };
}
