/** Whether two interpreters go the same way. */
import { expect } from "vitest";
import { allStates, machineNames, type Retrier, readMachine, type State } from "./machines.ts";
import type { Path } from "./paths.ts";
import { type Played, playPath } from "./play-path.ts";
import { playPathsElsewhere, type SecondPlayed } from "./second-interpreter.ts";

const states = new Map(
  machineNames.map((name) => [name, new Map(allStates(readMachine(name)).map(([state, its]) => [state, its]))]),
);

/** Fails with the first path on which they differ. */
export async function expectSamePaths(paths: readonly Path[]): Promise<void> {
  const elsewhere = playPathsElsewhere(paths);
  for (const [index, path] of paths.entries()) {
    const { waits, ...second } = elsewhere[index] as SecondPlayed;
    const about = [path.machine, path.state, path.what, path.error].join(" | ");
    expect(comparable(second), about).toEqual(comparable(await playPath(path)));
    expectWaits(path, waits, about);
  }
}

/** Each interpreter has words of its own for an expression without a value. */
function comparable({ cause, ...played }: Played) {
  const ownWords = /returned nothing|has no value/.test(JSON.stringify([cause, played.calls]));
  const calls = ownWords ? played.calls.map(({ state }) => state) : played.calls;
  return { ...played, calls, ...(ownWords ? {} : { cause }) };
}

/**
 * Of a path on which one Task is tried again: as often as its retrier says, and never for longer.
 */
function expectWaits({ machine, state, what, error = "" }: Path, waits: readonly number[], about: string): void {
  if (state === undefined || machine === "verify" || what.includes("once")) return;
  const task = states.get(machine)?.get(state) as State;
  const retrier = task.Retry?.find(({ ErrorEquals }) => ErrorEquals.includes(error) || ErrorEquals.includes("States.ALL"));
  if (retrier === undefined || error === "") return;
  const { IntervalSeconds = 1, BackoffRate = 2, MaxAttempts = 3, MaxDelaySeconds = Number.POSITIVE_INFINITY } = retrier as Retrier;
  expect(waits.length, about).toBe(MaxAttempts);
  for (const [count, wait] of waits.entries()) {
    expect(wait, about).toBeLessThanOrEqual(Math.min(IntervalSeconds * BackoffRate ** count, MaxDelaySeconds));
  }
}
