/**
 * How what a step found gets into the vault: by a function of its own, for the one that proves runs
 * code of the backup and must not be able to sign. It is asked about the machine's own source and
 * backup, whatever the proving function answered.
 */
import type { Catcher, Flow, State, Values } from "../asl.ts";
import { catchAll, noteFailure } from "./catch.ts";
import { anyError } from "./errors.ts";
import { retryStep } from "./retry.ts";
import { invoke, sharedFunction } from "./tasks.ts";

/** The execution by which the two functions know what belongs together. */
export const thisExecution = "{% $states.context.Execution.Id %}";

export interface Recording {
  /** The step that found it. */
  readonly step: "verify" | "restore-test" | "restore";
  /** Source and backup. */
  readonly about: Values;
  /** 1: the step cannot have succeeded without finding something. */
  readonly atLeast: 0 | 1;
}

/** Records what a step found. */
export function record({ step, about, atLeast }: Recording, flow: Omit<Flow, "Retry">, comment?: string): State {
  return invoke(
    {
      ...(comment === undefined ? {} : { comment }),
      target: sharedFunction("Record"),
      payload: { step, ...about, execution: thisExecution, atLeast },
    },
    { ...flow, Retry: retryStep },
  );
}

/** Records what a step found that succeeded. */
export function recordFound(recording: Omit<Recording, "atLeast">, next: string): State {
  return record({ ...recording, atLeast: 1 }, { Catch: catchAll, Next: next });
}

/** Any failure of such a step: noted, what it had found recorded, and alerted. */
export const catchAndRecord: readonly Catcher[] = [noteFailure("RecordFailure")];

/** Where `catchAndRecord` leads. The alert is sent whether or not it could be recorded. */
export function recordFailure(recording: Omit<Recording, "atLeast">): State {
  return record(
    { ...recording, atLeast: 0 },
    { Catch: [{ ErrorEquals: anyError, Next: "Alert" }], Next: "Alert" },
    "A damaged backup is evidence too; a step that failed before it had judged leaves none",
  );
}
