/**
 * An end for a step that runs what somebody else wrote: a loop without end in a backup's code must
 * not hold a test for ever.
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { formatDuration } from "../../policy/duration.ts";
import type { RunContext } from "../../runtime/run-context.ts";

export interface LimitedRun {
  /** The run, whose signal is aborted with ThrowawayFailed when the time is over. */
  readonly run: RunContext;
  /** What to say of it, once the time is over. */
  expired(): string | undefined;
  /** Stops counting. */
  end(): void;
}

/** setTimeout takes no more than 2^31 - 1 milliseconds. */
const maxTimerMs = 2 ** 31 - 1;

/** Gives the run so many seconds; `setting` names the policy's key. */
export function limitDuration(run: RunContext, seconds: number, setting: string): LimitedRun {
  const stop = new AbortController();
  const message = `it had not ended after ${formatDuration(seconds)} (${setting}), and was ended`;
  const timer = setTimeout(
    () => stop.abort(new HoldfastError("ThrowawayFailed", `the restore test is without a verdict: ${message}`)),
    Math.min(seconds * 1000, maxTimerMs),
  );
  // It must not keep a process alive whose work is done.
  timer.unref();
  return {
    run: { ...run, signal: AbortSignal.any([run.signal, stop.signal]) },
    expired: () => (stop.signal.aborted && !run.signal.aborted ? message : undefined),
    end: () => clearTimeout(timer),
  };
}
