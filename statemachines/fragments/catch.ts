/** Where a failure leads: to a container, or to the alert. */
import type { Catcher } from "../asl.ts";
import { anyError, tooLargeForLambda } from "./errors.ts";

/**
 * There may be no cause. With the mark of `FailedAndTold` before it, 32,768 characters is what Step
 * Functions keeps.
 */
export const failureCause = "{% $substring('' & $states.errorOutput.Cause, 0, 32000) %}";

/** Any failure: noted in `failure` and `failedState`. */
export function noteFailure(next: string): Catcher {
  return {
    ErrorEquals: anyError,
    Assign: {
      failure: { Error: "{% $states.errorOutput.Error %}", Cause: failureCause },
      failedState: "{% $states.context.State.Name %}",
    },
    Next: next,
  };
}

/** Any failure: noted, and alerted. */
export const catchAll: readonly Catcher[] = [noteFailure("Alert")];

/**
 * Too slow or too large for a Lambda after all: goes on in the container. `output`: what it begins
 * with, where that is not the state's own.
 */
export function catchTooLarge(next: string, output?: string): Catcher {
  return { ErrorEquals: tooLargeForLambda, ...(output === undefined ? {} : { Output: output }), Next: next };
}
