/** Restores one backup. */
import { stackTargetPattern, stackTargetProblem } from "../../src/policy/stack-target.ts";
import type { Definition } from "../asl.ts";
import { aboutBackup, alertAndFail, begin, sendAlert } from "../fragments/alert.ts";
import { askForApproval } from "../fragments/approval.ts";
import { catchAll } from "../fragments/catch.ts";
import { anyError } from "../fragments/errors.ts";
import { catchAndRecord, record, recordFailure, thisExecution } from "../fragments/record.ts";
import { retryStep, retryStepOnFargate, retryStepOnFargateOnLease, retryStepOnLease } from "../fragments/retry.ts";
import { chooseRunner, daySeconds, invoke, lambdaOrFargate, sharedFunction } from "../fragments/tasks.ts";

/** Who asks may write anything, of any length and type: an alert takes the beginning of it. */
const asked = "$states.input.requestedBy";
const requestedBy = `{% $exists(${asked}) ? ${asked} : 'someone without a name' %}`;
const maxNameCharacters = 200;
const shownRequester = `{% $substring('' & $requestedBy, 0, ${maxNameCharacters}) %}`;
const askedFor = `{% 'asked for by ' & $substring('' & $requestedBy, 0, ${maxNameCharacters}) & $approval %}`;
const restoring = { step: "restore", about: { ...aboutBackup, requestedBy: shownRequester } } as const;
/** Failed: the class of the error, for the audit trail. */
const failing = { step: "restore", about: { ...restoring.about, error: "{% $substring('' & $failure.Error, 0, 200) %}" } } as const;

export const restore: Definition = {
  about: [
    "Restores one backup; started by hand, never by a schedule. What stands at the target is replaced only where `options` ask",
    "for it, a second person approves it, and a safety backup was taken.",
    "Input: { source, backup, to, requestedBy, options?, reason?, expiresSeconds? }, as in events/machines/restore.json. `to` is a plain name",
    "(src/policy/stack-target.ts): anyone who may start this machine chooses it, and it stays in the execution's history.",
    "`options` are those of functions/restore.ts, which refuses every other: owners, grants, tablespaces, assertions, room.",
  ],
  comment: "Holdfast - restore a backup, compare it with what was dumped, send an alert",
  // Three days for an answer (functions/commons/guarded-restore.ts), and three for the work.
  timeoutSeconds: 6 * daySeconds,
  startAt: "Begin",
  states: {
    Begin: begin("CheckTarget", { requestedBy, approval: "{% '' %}", requestId: "{% '' %}", safety: {} }),
    CheckTarget: {
      Comment: "A connection string could send every table to a server of the caller's choice",
      Type: "Choice",
      Choices: [{ Condition: `{% $contains('' & $states.input.to, ${stackTargetPattern}) %}`, Next: "Plan" }],
      Default: "RefuseTarget",
    },
    RefuseTarget: {
      Type: "Pass",
      Assign: {
        failure: { Error: "UsageInvalid", Cause: `\`to\` ${stackTargetProblem}` },
        failedState: "RefuseTarget",
      },
      Next: "Alert",
    },
    Plan: invoke(
      {
        target: sharedFunction("Plan"),
        payload: { step: "restore", source: "{% $states.input.source %}", backup: "{% $states.input.backup %}" },
        takes: "short",
      },
      {
        Assign: {
          plan: "{% $states.result.Payload %}",
          backupId: "{% $states.result.Payload.backupId %}",
          event: {
            source: "{% $states.result.Payload.source %}",
            backupId: "{% $states.result.Payload.backupId %}",
            execution: thisExecution,
            to: "{% $states.input.to %}",
            options: "{% $exists($states.input.options) ? $states.input.options : {} %}",
          },
          replaced: {
            source: "{% $states.result.Payload.source %}",
            execution: thisExecution,
            to: "{% $states.input.to %}",
            options: "{% $exists($states.input.options) ? $states.input.options : {} %}",
          },
        },
        Retry: retryStep,
        Catch: catchAll,
        Next: "Preflight",
      },
    ),
    Preflight: invoke(
      {
        comment: "Every check of the target; one that fails refuses the restore, with all the others in its words",
        target: sharedFunction("Restore"),
        payload: "{% $merge([$event, {'only': 'preflight'}]) %}",
      },
      { Assign: { preflight: "{% $states.result.Payload %}" }, Retry: retryStep, Catch: catchAll, Next: "ChooseApproval" },
    ),
    ChooseApproval: {
      Comment: "What stands at the target is replaced, or there is nothing",
      Type: "Choice",
      Choices: [{ Condition: "{% $preflight.occupied %}", Next: "RecordRequest" }],
      Default: "RecordStart",
    },
    ...askForApproval("ChooseSafetyRunner"),
    ChooseSafetyRunner: chooseRunner("SafetyBackup"),
    ...lambdaOrFargate("SafetyBackup", {
      comment: "What stands at the target, as a backup of its own; nothing is touched when it cannot be made",
      lambda: sharedFunction("Safeguard"),
      container: { family: "restore", role: { "Fn::GetAtt": ["SafeguardRole", "Arn"] }, step: "safeguard" },
      payload: "{% $replaced %}",
      timeoutSeconds: daySeconds,
      retry: retryStepOnLease,
      retryOnFargate: retryStepOnFargateOnLease,
      assign: (result) => ({
        event: `{% $merge([$event, {'approval': $request.sha256, 'safetyBackup': ${result}}]) %}`,
      }),
      next: "RecordSafety",
    }),
    RecordSafety: invoke(
      {
        comment: "Its evidence is signed, and it is held until a person releases the hold",
        target: sharedFunction("Record"),
        payload: {
          step: "safety-backup",
          ...aboutBackup,
          execution: thisExecution,
          to: "{% $event.to %}",
          safety: "{% $event.safetyBackup %}",
        },
      },
      {
        Assign: {
          safety: {
            safetyBackup: "{% $event.safetyBackup %}",
            request: "{% $requestId %}",
            approvedBy: "{% $approvedBy %}",
          },
        },
        Retry: retryStep,
        Catch: catchAll,
        Next: "RecordStart",
      },
    ),
    RecordStart: invoke(
      {
        comment: "What restores cannot sign: the audit trail's entry is made here. A restore is not held up for it",
        target: sharedFunction("Record"),
        payload: {
          step: "restore-begun",
          ...restoring.about,
          execution: thisExecution,
          to: "{% $event.to %}",
          request: "{% $requestId %}",
        },
      },
      { Retry: retryStep, Catch: [{ ErrorEquals: anyError, Next: "TellStart" }], Next: "TellStart" },
    ),
    TellStart: sendAlert(
      {
        machine: "restore",
        comment: "Those who know nothing of a restore can still stop it; one that nobody can be told of is not held up",
        about: { source: "{% $plan.source %}", backupId: "{% $backupId %}" },
        state: "TellStart",
        error: "RestoreStarted",
        cause: askedFor,
      },
      { Catch: [{ ErrorEquals: anyError, Next: "ChooseRunner" }], Next: "ChooseRunner" },
    ),
    ChooseRunner: chooseRunner("Restore"),
    ...lambdaOrFargate("Restore", {
      lambda: sharedFunction("Restore"),
      container: { family: "restore" },
      payload: "{% $event %}",
      timeoutSeconds: 2 * daySeconds,
      retry: retryStep,
      retryOnFargate: retryStepOnFargate,
      catch: catchAndRecord,
      assign: (result) => ({ restored: `{% ${result} %}` }),
      next: "Record",
    }),
    Record: record(
      { ...restoring, atLeast: 0 },
      { Catch: [{ ErrorEquals: anyError, Next: "Tell" }], Next: "Tell" },
      "A backup that nobody had read back was verified on the way; the restore is done, recorded or not",
    ),
    RecordFailure: recordFailure(failing),
    Tell: sendAlert(
      {
        machine: "restore",
        comment: "A restore is announced, also when it went well",
        about: { source: "{% $plan.source %}", backupId: "{% $backupId %}" },
        state: "Restore",
        error: "RestoreDone",
        cause: askedFor,
      },
      { Catch: catchAll, Next: "Done" },
    ),
    Done: {
      Type: "Succeed",
      Output: "{% $merge([$restored, {'checks': $preflight.checks}, $safety]) %}",
    },
    ...alertAndFail("restore", aboutBackup),
  },
};
