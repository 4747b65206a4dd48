/** Runs a machine for many sources. */
import type { Catcher, Definition, States } from "../asl.ts";
import { alertAndFail } from "../fragments/alert.ts";
import { catchAll } from "../fragments/catch.ts";
import { forEachDue, judgeAll, succeeded } from "../fragments/each.ts";
import { anyError } from "../fragments/errors.ts";
import { retryStart, retryStep } from "../fragments/retry.ts";
import { daySeconds, invoke, runMachine, sharedFunction } from "../fragments/tasks.ts";

const countFailure: readonly Catcher[] = [{ ErrorEquals: anyError, Output: "{% 1 %}", Next: "Failed" }];
const oneRun = { Output: succeeded, Retry: retryStart, Catch: countFailure, End: true } as const;

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
    RunEach: forEachDue({ startAt: "ChooseMachine", states: runOne, next: "JudgeAll" }),
    JudgeAll: judgeAll({
      assign: {
        failure: { Error: "FleetIncomplete", Cause: "{% $failed & ' of ' & $due.count & ' sources failed' %}" },
        failedState: "RunEach",
      },
      next: "Alert",
    }),
    Done: { Type: "Succeed", Output: { sources: "{% $due.count %}", failed: "{% $failed %}" } },
    ...alertAndFail("fleet"),
  },
};
