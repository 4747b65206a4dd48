/**
 * How long a request to an S3 server is tried again: by time instead of by count, with the reason
 * reported, and not past the end of the run.
 */
import { setTimeout as sleepFor } from "node:timers/promises";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/run-context.ts";
import { abortReason } from "../read-body.ts";
import { factsOf, isCorrectedClock, isTransient } from "./errors.ts";

export interface RetryTimes {
  /** How long one request may go on failing, from its first failure. */
  readonly retryMs: number;
  /** The same as long as the server has never answered: a wrong address must be reported soon. */
  readonly firstContactMs: number;
  /**
   * The same once the run was aborted or the server was given up: only what is half done is still
   * to be removed.
   */
  readonly cleanupMs: number;
}

export interface RetryOptions {
  readonly times: RetryTimes;
  /** The store's address, for the log. */
  readonly url: string;
  readonly clock: Clock;
  /**
   * The run's: once aborted, requests that have no signal of their own are cut after `cleanupMs`.
   */
  readonly signal?: AbortSignal;
  readonly log?: Log;
  /** Waits; ends early, without an error, when `signal` is aborted. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** From 0 to 1: spreads the waits of parallel requests. */
  readonly random?: () => number;
}

/** One piece of work that goes on failing. */
export interface Trial {
  /**
   * Waits before the next attempt. Rejects with `error` when the time is used up, with the signal's
   * reason when that is aborted.
   */
  wait(error: unknown): Promise<void>;
  /** The work got on: its time begins anew with the next failure. */
  progress(): void;
}

export interface Retries {
  /**
   * Runs `attempt` until it succeeds, fails in a way that another attempt cannot change, or has
   * failed for too long. Errors: the last attempt's; the reason of `signal`.
   */
  run<T>(attempt: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** For work that is not begun anew, but goes on where it failed. */
  begin(signal?: AbortSignal): Trial;
}

/**
 * The waits double from the first to the last, each shortened by up to half. A restarted server is
 * asked again within the last.
 */
const [firstWaitMs, lastWaitMs] = [200, 10_000];
/** A shorter failure is not worth a line, and one line in this time is enough. */
const [reportAfterMs, reportEveryMs] = [2_000, 15_000];
/** How long a server that was given up is asked with little time; then it may have come back. */
const givenUpMs = 60_000;

/** What the requests of one store know of its server together. */
interface Shared extends RetryOptions {
  readonly runSignal: AbortSignal;
  contacted: boolean;
  gaveUpMs: number;
  reportedMs: number;
}

/** The retries of one store. */
export function makeRetries(options: RetryOptions): Retries {
  const shared: Shared = {
    ...options,
    runSignal: options.signal ?? new AbortController().signal,
    contacted: false,
    gaveUpMs: Number.NEGATIVE_INFINITY,
    reportedMs: Number.NEGATIVE_INFINITY,
  };
  return {
    begin: (signal) => makeTrial(shared, signal),
    async run(attempt, signal) {
      const trial = makeTrial(shared, signal);
      for (let corrected = false; ; ) {
        if (signal?.aborted) throw abortReason(signal);
        try {
          const result = await limit(attempt, signal, shared);
          shared.contacted = true;
          trial.progress();
          return result;
        } catch (error) {
          if (signal?.aborted) throw abortReason(signal);
          if (factsOf(error).status !== undefined) shared.contacted = true;
          // The SDK signs with the server's time from then on; a second such answer is a fault of
          // the clock's own.
          const again = isTransient(error) || (isCorrectedClock(error) && !corrected);
          corrected ||= isCorrectedClock(error);
          if (!again) throw error;
          await trial.wait(error);
        }
      }
    },
  };
}

function makeTrial(shared: Shared, signal: AbortSignal | undefined): Trial {
  const { clock, url, log, runSignal, sleep = pause, random = Math.random } = shared;
  let sinceMs: number | undefined;
  let waitMs = firstWaitMs;
  return {
    async wait(error) {
      if (signal?.aborted) throw abortReason(signal);
      const nowMs = clock.monotonicMs();
      sinceMs ??= nowMs;
      const leftMs = allowanceMs(shared, nowMs) - (nowMs - sinceMs);
      if (leftMs <= 0) {
        shared.gaveUpMs = nowMs;
        throw error;
      }
      report(shared, error, sinceMs, nowMs);
      const ends = [signal, runSignal].filter((each) => each?.aborted === false) as AbortSignal[];
      await sleep(Math.min(waitMs * (1 - random() / 2), leftMs), AbortSignal.any(ends));
      if (signal?.aborted) throw abortReason(signal);
      waitMs = Math.min(waitMs * 2, lastWaitMs);
    },
    progress() {
      if (sinceMs === undefined) return;
      const failedMs = clock.monotonicMs() - sinceMs;
      sinceMs = undefined;
      waitMs = firstWaitMs;
      shared.gaveUpMs = Number.NEGATIVE_INFINITY;
      if (failedMs < reportAfterMs || shared.reportedMs === Number.NEGATIVE_INFINITY) return;
      shared.reportedMs = Number.NEGATIVE_INFINITY;
      log?.info(`the store ${url} answers again after ${seconds(failedMs)}`);
    },
  };
}

/** How long a request may go on failing now. */
function allowanceMs({ times, runSignal, gaveUpMs, contacted }: Shared, nowMs: number): number {
  if (runSignal.aborted || nowMs - gaveUpMs < givenUpMs) return Math.min(times.cleanupMs, times.retryMs);
  return contacted ? times.retryMs : Math.min(times.firstContactMs, times.retryMs);
}

function report(shared: Shared, error: unknown, sinceMs: number, nowMs: number): void {
  const failingMs = nowMs - sinceMs;
  if (failingMs < reportAfterMs || nowMs - shared.reportedMs < reportEveryMs) return;
  shared.reportedMs = nowMs;
  const end = seconds(allowanceMs(shared, nowMs));
  shared.log?.warn(`waiting for the store ${shared.url}: ${reasonOf(error)}, ${seconds(failingMs)} (gives up after ${end})`);
}

/** Runs one attempt; once the run is aborted, it has little time left. */
async function limit<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal | undefined,
  { runSignal, times }: Shared,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => controller.abort();
  const stopSoon = (): void => {
    timer = setTimeout(stop, times.cleanupMs);
  };
  if (runSignal.aborted) stopSoon();
  else runSignal.addEventListener("abort", stopSoon, { once: true });
  signal?.addEventListener("abort", stop, { once: true });
  try {
    return await attempt(controller.signal);
  } finally {
    clearTimeout(timer);
    runSignal.removeEventListener("abort", stopSoon);
    signal?.removeEventListener("abort", stop);
  }
}

/** `503 SlowDown`, `ECONNREFUSED`, `the answer ended early`. */
function reasonOf(error: unknown): string {
  const { name, message, status, code } = factsOf(error);
  if (status !== undefined && status >= 300) return /^\d*$|^Unknown/.test(name) ? String(status) : `${status} ${name}`;
  return code ?? (name === "Error" ? (message.split("\n", 1)[0] ?? "") : name);
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 1000)} s`;
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleepFor(milliseconds, undefined, { signal }).catch(() => undefined);
}
