/** The one place that tells the time; everything else is handed a Clock. */

export interface Clock {
  /** The current instant. */
  now(): Date;
  /** Milliseconds of a clock that never goes back, for durations. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};
