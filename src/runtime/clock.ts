/** The one place that tells the time; everything else is handed a Clock. */

/**
 * A clock may run this far ahead of ours before what it dates counts as coming from the future: ten
 * times what NTP lets pass.
 */
export const maxClockSkewMs = 5 * 60_000;

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
