/** Runs a machine for many sources. */
import { alertedMark } from "../../src/alerts/read-cause.ts";
import type { Catcher, Definition, States } from "../asl.ts";
import { alertAndFail } from "../fragments/alert.ts";
import { catchAll } from "../fragments/catch.ts";
import { countResults, forEachDue, judgeAll, succeeded } from "../fragments/each.ts";
import { anyError } from "../fragments/errors.ts";
import { retryStart, retryStep } from "../fragments/retry.ts";
import { daySeconds, invoke, runMachine, sharedFunction } from "../fragments/tasks.ts";

/**
 * What a failure leaves for the count: 1 where the source's execution was started, which alerts by
 * itself or through the rule on failed executions. Step Functions describes that execution in the
 * cause (developer guide, "Start workflow executions from a task state"). -1: nobody was told.
 */
const cause = "('' & $states.errorOutput.Cause)";
const outcome = `{% $contains(${cause}, /"ExecutionArn"|${alertedMark}/) ? 1 : -1 %}`;
const countFailure: readonly Catcher[] = [{ ErrorEquals: anyError, Output: outcome, Next: "Failed" }];
const oneRun = { Output: succeeded, Retry: retryStart, Catch: countFailure, End: true } as const;

const incomplete = "FleetIncomplete";

/** One source. */
const runOne: States = {
  ChooseMachine: {
    Type: "Choice",
    Choices: [{ Condition: "{% $states.input.what = 'restore-test' %}", Next: "RestoreTest" }],
    Default: "Backup",
  },
  Backup: runMachine(
    "BackupMachine",
    { source: "{% $states.input.source %}", kind: "{% $states.input.kind %}" },
    oneRun,
    "The machine alerts by itself when it fails",
  ),
  RestoreTest: runMachine("RestoreTestMachine", { source: "{% $states.input.source %}" }, oneRun),
  Failed: { Type: "Pass", End: true },
};

export const fleet: Definition = {
  about: [
    "Backs up, or restore-tests, many sources at once: the most critical first, so many at a time. One failure does not stop the others.",
    "Input: { what: backup | restore-test, sources?, kind? }, as in events/machines/fleet.json; without sources, all of the policy.",
  ],
  comment: "Holdfast - run a machine for every source, priorities first, with bounded concurrency",
  timeoutSeconds: 7 * daySeconds,
  startAt: "ListSources",
  states: {
    ListSources: invoke(
      {
        comment: "Writes the list, by priority, to the state bucket",
        target: sharedFunction("Due"),
        payload: {
          what: "{% $states.input.what %}",
          execution: "{% $states.context.Execution.Name %}",
          sources: "{% [$states.input.sources] %}",
          kinds: "{% [$states.input.kind] %}",
        },
        takes: "short",
      },
      {
        Assign: { due: "{% $states.result.Payload %}" },
        Output: "{% $states.result.Payload %}",
        Retry: retryStep,
        Catch: catchAll,
        Next: "RunEach",
      },
    ),
    RunEach: forEachDue({
      startAt: "ChooseMachine",
      states: runOne,
      // An entry that ended without an answer is told by nobody else either.
      assign: { untold: `{% $due.count - ${countResults("$v in [0, 1]")} %}` },
      next: "JudgeAll",
    }),
    JudgeAll: judgeAll({
      before: [
        {
          Condition: "{% $untold > 0 %}",
          Assign: {
            failure: {
              Error: incomplete,
              Cause: "{% $failed & ' of ' & $due.count & ' sources failed; not alerted before: ' & $untold %}",
            },
            failedState: "RunEach",
          },
          Next: "Alert",
        },
      ],
      next: "SomeFailed",
    }),
    SomeFailed: {
      Comment: "Each of them has alerted by itself",
      Type: "Fail",
      Error: incomplete,
      Cause: `{% '${alertedMark}' & $failed & ' of ' & $due.count & ' sources failed' %}`,
    },
    Done: { Type: "Succeed", Output: { sources: "{% $due.count %}", failed: "{% $failed %}" } },
    ...alertAndFail("fleet"),
  },
};
