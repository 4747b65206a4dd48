/** How a machine alerts, and how it fails once it has. */
import { alertedMark } from "../../src/alerts/read-cause.ts";
import type { Flow, State, States, Values } from "../asl.ts";
import { anyError } from "./errors.ts";
import { retryAlert } from "./retry.ts";
import { invoke, sharedFunction } from "./tasks.ts";

export interface Alert {
  readonly machine: string;
  readonly comment?: string;
  /** What the alert is about: source and backup, where there is one. */
  readonly about: Values;
  readonly state: string;
  readonly error: string;
  readonly cause: string;
}

/** Sends one alert. */
export function sendAlert({ machine, comment, about, state, error, cause }: Alert, flow: Omit<Flow, "Retry">): State {
  const execution = {
    execution: "{% $states.context.Execution.Id %}",
    startedAt: "{% $states.context.Execution.StartTime %}",
  };
  return invoke(
    {
      ...(comment === undefined ? {} : { comment }),
      target: sharedFunction("Notify"),
      payload: { machine, ...execution, ...about, state, error, cause },
      takes: "short",
    },
    { ...flow, Retry: retryAlert },
  );
}

/** What a machine about one backup alerts about. */
export const aboutBackup: Values = {
  source: "{% $states.context.Execution.Input.source %}",
  backupId: "{% $backupId %}",
};

/**
 * The end of every failure: the alert, and the failed execution, which says whether the alert was
 * sent.
 */
export function alertAndFail(machine: string, about: Values = {}): States {
  // No state may report a name that begins with `States.` (Step Functions developer guide,
  // "Handling errors in Step Functions workflows": "the error names cannot begin with the `States.`
  // prefix").
  const error = "{% $replace($failure.Error, /^States\\./, '') %}";
  const cause = "{% $failure.Cause %}";
  return {
    Alert: sendAlert(
      { machine, about, state: "{% $failedState %}", error: "{% $failure.Error %}", cause },
      // Not sent: the rule on failed executions alerts then (infra/alerts.ts).
      { Catch: [{ ErrorEquals: anyError, Next: "FailedUntold" }], Next: "FailedAndTold" },
    ),
    FailedAndTold: {
      Comment: "The cause's first word keeps the rule on failed executions from telling it again",
      Type: "Fail",
      Error: error,
      Cause: `{% '${alertedMark}' & $failure.Cause %}`,
    },
    FailedUntold: { Type: "Fail", Error: error, Cause: cause },
  };
}

/** The first state of a machine about one backup; `assign`: what else is noted of the input. */
export function begin(next: string, assign: Values = {}): State {
  return {
    Comment: "An alert is about a backup only from the moment on at which there is one",
    Type: "Pass",
    Assign: { backupId: "{% '' %}", ...assign },
    Next: next,
  };
}
