/** Reads backups back. */
import { alertedMark } from "../../src/alerts/read-cause.ts";
import { catalogue, type ErrorName } from "../../src/errors/catalogue.ts";
import type { Definition, States } from "../asl.ts";
import { alertAndFail, sendAlert } from "../fragments/alert.ts";
import { catchAll, catchTooLarge, failureCause } from "../fragments/catch.ts";
import { countResults, forEachDue, judgeAll, succeeded } from "../fragments/each.ts";
import { anyError } from "../fragments/errors.ts";
import { record, thisExecution } from "../fragments/record.ts";
import { retryItemOnFargate, retryStep } from "../fragments/retry.ts";
import { daySeconds, invoke, runContainer, sharedFunction } from "../fragments/tasks.ts";

const damaged = "BackupDamaged" satisfies ErrorName;
const damagedExitCode = catalogue[damaged].exitCode;
const otherExitCode = 1;
/** What a failure leaves for the count: the exit code that the command line would have. */
const outcome = `{% $states.input.error = '${damaged}' ? ${damagedExitCode} : ${otherExitCode} %}`;
/** The same below zero, for a failure that nobody was told of. */
const untoldOutcome = `{% $states.input.error = '${damaged}' ? -${damagedExitCode} : -${otherExitCode} %}`;
/**
 * Everything else is a failure that nobody was told of: an entry that ended without an answer, too.
 */
const told = `[0, ${otherExitCode}, ${damagedExitCode}]`;

const itself = "{% $states.input %}";

const catchOne = {
  ErrorEquals: anyError,
  Output: {
    source: "{% $states.input.event.source %}",
    backupId: "{% $states.input.event.backupId %}",
    state: "{% $states.context.State.Name %}",
    error: "{% $states.errorOutput.Error %}",
    cause: failureCause,
  },
  Next: "RecordOneFailure",
};

/** The item's event, with the execution that its finding is handed over under. */
const event = `{% $merge([$states.input.event, {'execution': ${thisExecution.slice(3, -3)}}]) %}`;

/** One backup. Its alert does not wait for the others. */
const verifyOne: States = {
  Verify: invoke(
    { target: "{% $states.input.proveFunction %}", payload: event },
    {
      Output: itself,
      Retry: retryStep,
      Catch: [catchTooLarge("VerifyOnFargate", itself), catchOne],
      Next: "Record",
    },
  ),
  VerifyOnFargate: runContainer(
    { family: "prove", role: "{% $states.input.proveRole %}", payload: event, timeoutSeconds: daySeconds },
    { Output: itself, Retry: retryItemOnFargate, Catch: [catchOne], Next: "Record" },
  ),
  Record: record(
    {
      step: "verify",
      about: { source: "{% $states.input.event.source %}", backupId: "{% $states.input.event.backupId %}" },
      atLeast: 1,
    },
    { Output: succeeded, Catch: [{ ...catchOne, Next: "AlertOne" }], End: true },
  ),
  RecordOneFailure: record(
    {
      step: "verify",
      about: { source: "{% $states.input.source %}", backupId: "{% $states.input.backupId %}" },
      atLeast: 0,
    },
    { Output: itself, Catch: [{ ErrorEquals: anyError, Output: itself, Next: "AlertOne" }], Next: "AlertOne" },
    "A damaged backup is evidence too; the alert is sent whether or not it could be recorded",
  ),
  AlertOne: sendAlert(
    {
      machine: "verify",
      about: { source: "{% $states.input.source %}", backupId: "{% $states.input.backupId %}" },
      state: "{% $states.input.state %}",
      error: "{% $states.input.error %}",
      cause: "{% $states.input.cause %}",
    },
    // Not sent: the count says so, and the rule on failed executions alerts then.
    { Output: outcome, Catch: [{ ErrorEquals: anyError, Output: untoldOutcome, Next: "Untold" }], End: true },
  ),
  Untold: { Type: "Pass", End: true },
};

export const verify: Definition = {
  about: [
    "Reads backups back that nobody has looked at for a while; one damaged backup does not stop the others.",
    "Input: { sources?, olderThanHours? }, as in events/machines/verify.json; without sources, all of the policy.",
  ],
  comment: "Holdfast - read every backup that is due back from the vault and compare it with what was written",
  timeoutSeconds: 2 * daySeconds,
  startAt: "ListDue",
  states: {
    ListDue: invoke(
      {
        comment: "Writes the list of what is due to the state bucket; a payload carries where it is",
        target: sharedFunction("Due"),
        payload: {
          what: "verify",
          execution: "{% $states.context.Execution.Name %}",
          sources: "{% [$states.input.sources] %}",
          olderThanHours: "{% $exists($states.input.olderThanHours) ? $states.input.olderThanHours : 20 %}",
        },
      },
      {
        Assign: { due: "{% $states.result.Payload %}" },
        Output: "{% $states.result.Payload %}",
        Retry: retryStep,
        Catch: catchAll,
        Next: "IsAnythingDue",
      },
    ),
    IsAnythingDue: {
      Type: "Choice",
      Choices: [{ Condition: "{% $due.count = 0 %}", Assign: { failed: 0 }, Next: "Done" }],
      Default: "VerifyEach",
    },
    VerifyEach: forEachDue({
      startAt: "Verify",
      states: verifyOne,
      assign: {
        error: `{% ${countResults(`$v in [-${damagedExitCode}, ${damagedExitCode}]`)} > 0 ? '${damaged}' : 'VerificationIncomplete' %}`,
        untold: `{% $due.count - ${countResults(`$v in ${told}`)} %}`,
      },
      next: "JudgeAll",
    }),
    JudgeAll: judgeAll({ before: [{ Condition: "{% $untold > 0 %}", Next: "SomeUntold" }], next: "SomeFailed" }),
    Done: { Type: "Succeed", Output: { checked: "{% $due.count %}", failed: "{% $failed %}" } },
    SomeFailed: {
      Comment: "Each of them has alerted by itself",
      Type: "Fail",
      Error: "{% $error %}",
      Cause: `{% '${alertedMark}' & $failed & ' of ' & $due.count & ' backups did not verify' %}`,
    },
    SomeUntold: {
      Comment: "Without the mark: the rule on failed executions alerts",
      Type: "Fail",
      Error: "{% $error %}",
      Cause: "{% $failed & ' of ' & $due.count & ' backups did not verify; not alerted: ' & $untold %}",
    },
    ...alertAndFail("verify"),
  },
};
