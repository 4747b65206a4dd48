/**
 * A second person: the request in the audit trail, the machine that waits for an answer with a task
 * token, the answer in the trail. What is lost without an answer is nothing: the machine goes on
 * only by what `record` finds in the trail.
 */
import type { States } from "../asl.ts";
import { aboutBackup } from "./alert.ts";
import { catchAll, noteFailure } from "./catch.ts";
import { thisExecution } from "./record.ts";
import { retryStep } from "./retry.ts";
import { invoke, sharedFunction } from "./tasks.ts";

/** How a machine waits for a person's answer: the function gets the token, and somebody answers. */
const waitForAnswer = "arn:aws:states:::lambda:invoke.waitForTaskToken";

const about = { ...aboutBackup, execution: thisExecution };

/**
 * `RecordRequest`, `WaitForAnswer`, `RecordAnswer`, then `next`. They read `$preflight`, and assign
 * `$request`, `$requestId` and `$requestedBy`, and of the answer `$approvedBy` and `$approval`.
 */
export function askForApproval(next: string): States {
  return {
    RecordRequest: invoke(
      {
        comment: "Who asks is what AWS has said of them (the function `ask`), never what the input claims",
        target: sharedFunction("Record"),
        payload: {
          step: "approval-requested",
          ...about,
          input: "{% $states.context.Execution.Input %}",
          subject: "{% $preflight.subject %}",
          loses: "{% $preflight.loses %}",
        },
      },
      {
        Assign: {
          request: "{% $states.result.Payload %}",
          requestId: "{% $states.result.Payload.id %}",
          requestedBy: "{% $states.result.Payload.person %}",
        },
        Retry: retryStep,
        Catch: catchAll,
        Next: "WaitForAnswer",
      },
    ),
    WaitForAnswer: {
      Comment: "Waits as long as the policy's approvals.expires; the function keeps the token and tells the approvers",
      Type: "Task",
      Resource: waitForAnswer,
      TimeoutSeconds: "{% $request.waitSeconds %}",
      Arguments: {
        FunctionName: sharedFunction("Request"),
        Payload: { execution: thisExecution, request: "{% $request.request %}", taskToken: "{% $states.context.Task.Token %}" },
      },
      Retry: retryStep,
      Catch: [{ ErrorEquals: ["States.Timeout"], Next: "ApprovalExpired" }, noteFailure("Alert")],
      Next: "RecordAnswer",
    },
    ApprovalExpired: {
      Comment: "Nobody answered in time: nothing was touched",
      Type: "Pass",
      Assign: {
        failure: {
          Error: "ApprovalExpired",
          Cause: "{% 'nobody answered request ' & $requestId & ' until ' & $request.request.expiresAt %}",
        },
        failedState: "WaitForAnswer",
      },
      Next: "Alert",
    },
    RecordAnswer: invoke(
      {
        comment: "By what `answer` has kept, not by what came with the token; a denial ends here, as ApprovalDenied",
        target: sharedFunction("Record"),
        payload: { step: "approval-answered", ...about, request: "{% $request.sha256 %}" },
      },
      {
        Assign: {
          approvedBy: "{% $states.result.Payload.approvedBy %}",
          approval: "{% ', approved by ' & $states.result.Payload.approvedBy %}",
        },
        Retry: retryStep,
        Catch: catchAll,
        Next: next,
      },
    ),
  };
}
