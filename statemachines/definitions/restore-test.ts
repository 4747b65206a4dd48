/** Proves one backup. */
import type { Definition } from "../asl.ts";
import { aboutBackup, alertAndFail, begin, sendAlert } from "../fragments/alert.ts";
import { catchAll } from "../fragments/catch.ts";
import { catchAndRecord, recordFailure, recordFound, thisExecution } from "../fragments/record.ts";
import { retryStep, retryStepOnFargate } from "../fragments/retry.ts";
import { chooseRunner, daySeconds, invoke, lambdaOrFargate, sharedFunction } from "../fragments/tasks.ts";

const test = { step: "restore-test", about: aboutBackup } as const;

export const restoreTest: Definition = {
  about: [
    "Proves one backup: restores it into a throwaway server and compares it, object by object.",
    "Input: { source, backup? }, as in events/machines/restore-test.json; without a backup, the source's newest.",
  ],
  comment: "Holdfast - restore a backup into a throwaway database, compare it with what was dumped, measure the time",
  timeoutSeconds: 3 * daySeconds,
  startAt: "Begin",
  states: {
    Begin: begin("Plan"),
    Plan: invoke(
      {
        comment: "Which backup that is, and whether a throwaway server for it fits into a Lambda",
        target: sharedFunction("Plan"),
        payload: {
          step: "restore-test",
          source: "{% $states.input.source %}",
          backup: "{% $exists($states.input.backup) ? $states.input.backup : 'latest' %}",
        },
        takes: "short",
      },
      {
        Assign: {
          plan: "{% $states.result.Payload %}",
          backupId: "{% $states.result.Payload.backupId %}",
          event: {
            step: "restore-test",
            source: aboutBackup["source"],
            backupId: "{% $states.result.Payload.backupId %}",
            execution: thisExecution,
          },
        },
        Retry: retryStep,
        Catch: catchAll,
        Next: "ChooseRunner",
      },
    ),
    ChooseRunner: chooseRunner("RestoreTest"),
    ...lambdaOrFargate("RestoreTest", {
      lambda: "{% $plan.proveFunction %}",
      container: { family: "prove", role: "{% $plan.proveRole %}" },
      payload: "{% $event %}",
      timeoutSeconds: daySeconds,
      retry: retryStep,
      retryOnFargate: retryStepOnFargate,
      catch: catchAndRecord,
      assign: (result) => ({ test: `{% ${result} %}` }),
      next: "Record",
    }),
    Record: recordFound(test, "JudgeTime"),
    RecordFailure: recordFailure(test),
    JudgeTime: {
      Comment: "A backup that restores, but not within its RTO, is alerted too",
      Type: "Choice",
      Choices: [{ Condition: "{% $test.rtoMet = false %}", Next: "AlertTime" }],
      Default: "Done",
    },
    AlertTime: sendAlert(
      {
        machine: "restore-test",
        about: { source: "{% $plan.source %}", backupId: "{% $backupId %}" },
        state: "RestoreTest",
        error: "RtoMissed",
        cause: "{% $test.restoreSeconds & ' s measured, ' & $test.rtoSeconds & ' s promised' %}",
      },
      { Catch: catchAll, Next: "Done" },
    ),
    Done: { Type: "Succeed", Output: "{% $test %}" },
    ...alertAndFail("restore-test", aboutBackup),
  },
};
