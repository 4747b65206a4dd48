/** A restore test that does not end is ended, and says so; one that ends in time is left alone. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { limitDuration } from "../../../src/pipeline/runs/limit-duration.ts";
import { makeContext } from "../../integration/postgres/dump-context.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("when the time is over the run is aborted, with what happened", () => {
  const limited = limitDuration(makeContext([]), 3_600, "restoreTest.maxDuration");
  vi.advanceTimersByTime(3_599_999);
  expect(limited.run.signal.aborted).toBe(false);
  expect(limited.expired()).toBeUndefined();
  vi.advanceTimersByTime(1);
  expect(limited.run.signal.reason).toMatchObject({ name: "ThrowawayFailed" });
  expect(limited.expired()).toBe("it had not ended after 1h (restoreTest.maxDuration), and was ended");
});

test("a run that somebody else ends, or that ended in time, has not expired", () => {
  const stop = new AbortController();
  const limited = limitDuration(makeContext([], {}, stop.signal), 60, "restoreTest.maxDuration");
  limited.end();
  vi.advanceTimersByTime(120_000);
  expect(limited.run.signal.aborted).toBe(false);
  stop.abort();
  expect(limited.run.signal.aborted).toBe(true);
  expect(limited.expired()).toBeUndefined();
});
