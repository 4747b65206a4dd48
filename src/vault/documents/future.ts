/**
 * What is dated in the future counts for nothing: a clock was wrong when it was written, or
 * somebody wants it to outlast what is true.
 */

/**
 * How far the clocks of two machines may differ; the AWS APIs refuse requests that are off by more.
 */
export const maxClockDifferenceMs = 5 * 60_000;

/** Whether `at` is later than any clock that is right could say at `now`. */
export function isFuture(at: Date | string, now: Date): boolean {
  return new Date(at).getTime() > now.getTime() + maxClockDifferenceMs;
}
