/** Backs one source up. */
import type { Definition } from "../asl.ts";
import { aboutBackup, alertAndFail, begin } from "../fragments/alert.ts";
import { catchAll } from "../fragments/catch.ts";
import { catchAndRecord, recordFailure, recordFound, thisExecution } from "../fragments/record.ts";
import { retryStepOnFargateOnLease, retryStepOnLease, retryUntilDone } from "../fragments/retry.ts";
import { chooseRunner, daySeconds, invoke, lambdaOrFargate, sharedFunction } from "../fragments/tasks.ts";

const verification = { step: "verify", about: aboutBackup } as const;
const retries = { retry: retryStepOnLease, retryOnFargate: retryStepOnFargateOnLease };

export const backup: Definition = {
  about: [
    "Backs one source up: plan -> dump -> verify -> record -> prune; any failure ends in an alert.",
    "A log is not pruned after, as in pipeline/run-backup.ts.",
    "Input: { source, kind }, as in events/machines/backup.json.",
    "What is large, or meets a Lambda's deadline, goes on in Fargate: the same step, in a container.",
  ],
  comment: "Holdfast - dump a source into the vault, read the backup back, release what retention lets go",
  timeoutSeconds: 3 * daySeconds,
  startAt: "Begin",
  states: {
    Begin: begin("Plan"),
    Plan: invoke(
      {
        comment: "Where to run - in a Lambda, or in Fargate when the last backup was large or slow",
        target: sharedFunction("Plan"),
        payload: { step: "backup", source: "{% $states.input.source %}", kind: "{% $states.input.kind %}" },
        takes: "short",
      },
      { Assign: { plan: "{% $states.result.Payload %}" }, Retry: retryStepOnLease, Catch: catchAll, Next: "ChooseRunner" },
    ),
    ChooseRunner: chooseRunner("Dump"),
    ...lambdaOrFargate("Dump", {
      comment: "Each source has a dump function of its own, whose role reads that source's secret and no other",
      lambda: "{% $plan.dumpFunction %}",
      container: { family: "dump", role: "{% $plan.dumpRole %}" },
      payload: { source: "{% $plan.source %}", kind: "{% $plan.kind %}" },
      timeoutSeconds: daySeconds,
      ...retries,
      assign: (result) => ({
        backup: `{% ${result} %}`,
        backupId: `{% ${result}.backupId %}`,
        event: {
          step: "verify",
          source: aboutBackup["source"],
          backupId: `{% ${result}.backupId %}`,
          execution: thisExecution,
        },
      }),
      next: "Verify",
      nextOnFargate: "VerifyOnFargate",
    }),
    ...lambdaOrFargate("Verify", {
      comment:
        "A backup counts when it has been read back - by its source's own function, whose role opens that source's backups and no other's",
      lambda: "{% $plan.proveFunction %}",
      container: { family: "prove", role: "{% $plan.proveRole %}" },
      payload: "{% $event %}",
      timeoutSeconds: daySeconds,
      ...retries,
      catch: catchAndRecord,
      assign: (result) => ({ verification: `{% ${result} %}` }),
      next: "Record",
    }),
    Record: recordFound(verification, "ChoosePruning"),
    RecordFailure: recordFailure(verification),
    ChoosePruning: {
      Comment: "Logs come every minute, and a prune lists everything - it goes with the other kinds",
      Type: "Choice",
      Choices: [
        {
          Condition: "{% $states.context.Execution.Input.kind = 'log' %}",
          Assign: { pruned: { deleted: 0 } },
          Next: "Done",
        },
      ],
      Default: "Prune",
    },
    Prune: invoke(
      {
        comment: "Only after a backup that verified; retention refuses whatever would leave too little",
        target: sharedFunction("Prune"),
        payload: { source: "{% $backup.source %}" },
      },
      {
        Assign: { pruned: "{% $states.result.Payload %}" },
        Retry: [...retryStepOnLease, retryUntilDone],
        Catch: catchAll,
        Next: "Done",
      },
    ),
    Done: {
      Type: "Succeed",
      Output: {
        source: "{% $backup.source %}",
        backupId: "{% $backup.backupId %}",
        storedBytes: "{% $backup.storedBytes %}",
        outcome: "{% $verification.outcome %}",
        deleted: "{% $pruned.deleted %}",
      },
    },
    ...alertAndFail("backup", aboutBackup),
  },
};
