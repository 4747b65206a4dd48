/**
 * A new account runs ten functions at once (Lambda developer guide, "Lambda quotas"): what dozens
 * of backups do that begin at the same minute, as the machine's own retriers wait.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { machineNames, type Retrier, readMachine, tasksOf } from "./machines.ts";

const throttled = "Lambda.TooManyRequestsException";
const concurrency = 10;
const sources = 39;
/** plan, dump, prove, record, prune and notify: the long ones for as long as a Lambda may. */
const steps = [2, 900, 900, 5, 60, 2];

const retrierOf = (retries: readonly Retrier[] | undefined) => retries?.find(({ ErrorEquals }) => ErrorEquals.includes(throttled));

it.each(machineNames)("%s waits for an account's concurrent executions in every Task that calls a function, alerts too", (name) => {
  for (const [task, state] of tasksOf(readMachine(name))) {
    if (state.Resource?.endsWith(":lambda:invoke") !== true) continue;
    const { IntervalSeconds = 0, MaxAttempts = 0, MaxDelaySeconds = 0 } = retrierOf(state.Retry) ?? {};
    expect(IntervalSeconds, task).toBeLessThanOrEqual(10);
    expect((MaxAttempts * MaxDelaySeconds) / 2, task).toBeGreaterThan(3 * 3_600);
    expect(MaxDelaySeconds, task).toBeLessThanOrEqual(300);
  }
});

it("39 dumps at 02:00 all end, ten functions at a time, each for as long as Lambda allows", () => {
  const [, dump] = tasksOf(readMachine("backup")).find(([task]) => task === "Dump") ?? [];
  const retrier = retrierOf(dump?.Retry);
  if (retrier === undefined) throw new Error("a dump that is throttled is not retried");
  fc.assert(
    fc.property(fc.integer({ min: 1 }), (seed) => {
      const { refusedForGood, maxRefusals } = simulate(retrier, evenly(seed));
      expect(refusedForGood).toBe(0);
      expect(maxRefusals).toBeLessThan((retrier.MaxAttempts ?? 0) * 0.75);
    }),
    { numRuns: 20 },
  );
});

/** Numbers from 0 to 1, each as likely as any other (a linear congruential generator). */
function evenly(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Run {
  at: number;
  step: number;
  refusals: number;
}

/**
 * Every source's run from the same second on; a refused call waits as the retrier says, from anew
 * for each step.
 */
function simulate({ IntervalSeconds = 1, MaxAttempts = 3, BackoffRate = 2, MaxDelaySeconds = 1 }: Retrier, random: () => number) {
  const runs: Run[] = Array.from({ length: sources }, () => ({ at: 0, step: 0, refusals: 0 }));
  let busyUntil: number[] = [];
  let [refusedForGood, maxRefusals] = [0, 0];
  while (runs.length > 0) {
    runs.sort((a, b) => a.at - b.at);
    const [run] = runs as [Run];
    busyUntil = busyUntil.filter((end) => end > run.at);
    if (busyUntil.length < concurrency) {
      run.at += steps[run.step] ?? 0;
      busyUntil.push(run.at);
      run.step += 1;
      run.refusals = 0;
      if (run.step === steps.length) runs.shift();
      continue;
    }
    run.refusals += 1;
    maxRefusals = Math.max(maxRefusals, run.refusals);
    if (run.refusals > MaxAttempts) {
      refusedForGood += 1;
      runs.shift();
      continue;
    }
    run.at += random() * Math.min(IntervalSeconds * BackoffRate ** (run.refusals - 1), MaxDelaySeconds);
  }
  return { refusedForGood, maxRefusals };
}
