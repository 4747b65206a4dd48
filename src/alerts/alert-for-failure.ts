/** The alert of a step that failed. */
import { type DescribedError, errorDocument } from "../errors/error-document.ts";
import { type Alert, type AlertContext, finishAlert } from "./alert.ts";
import { writeNextCommand } from "./next-command.ts";
import { type AlertRule, classOfFailure, failureRules } from "./severity.ts";

/**
 * A step that failed, and how. A HoldfastError fits `error`, and so does one that travelled as
 * JSON.
 */
export interface FailedStep {
  /** What was being done: `backup`, `verify`, `restore-test`, `prune` … */
  readonly operation: string;
  /** The backup that it was about, where it was about one. */
  readonly backupId?: string | undefined;
  readonly error: DescribedError;
}

/** The alert of a failed step; how serious it is says severity.ts. */
export function alertForFailure(failed: FailedStep, context: AlertContext): Alert {
  const { operation, error } = failed;
  const verb = classOfFailure(error.name) === "stopped" ? "was stopped" : "failed";
  return composeAlert(failureRules[classOfFailure(error.name)], context, {
    what: `${operation}${subjectOf(context.source, failed.backupId)} ${verb}`,
    why: {
      name: error.name,
      message: error.message,
      hint: error.hint,
      details: (error.details ?? []).filter((detail) => !error.message.includes(detail)),
    },
    dedupeKey: [context.source ?? "*", operation, error.name].join("/"),
    operation,
    backupId: failed.backupId,
  });
}

/** What an alert is made of, beside its rule and its context. */
export interface AlertParts {
  readonly what: string;
  readonly why: DescribedError;
  readonly dedupeKey: string;
  readonly operation?: string | undefined;
  readonly backupId?: string | undefined;
}

/** Joins a rule, what is known and what happened to an alert that may leave the house. */
export function composeAlert(rule: AlertRule, context: AlertContext, parts: AlertParts): Alert {
  const { what, why, dedupeKey, operation, backupId } = parts;
  const { source, run, newestGood, invocation } = context;
  const alert: Alert = {
    kind: "problem",
    severity: rule.severity[context.tier ?? "critical"],
    source,
    what,
    why: errorDocument(why),
    since: (context.since ?? context.now).toISOString(),
    at: context.now.toISOString(),
    run,
    newestGood,
    nextCommand: writeNextCommand(rule.next, {
      invocation,
      operation,
      source,
      backupId,
    }),
    dedupeKey,
    runbook: `docs/alerts.md#${rule.runbook}`,
  };
  return finishAlert(alert, context);
}

/** ` of shop`, ` of 2026… of shop`, or nothing. */
export function subjectOf(source: string | undefined, backupId: string | undefined): string {
  return [backupId, source]
    .filter((part) => part !== undefined)
    .map((part) => ` of ${part}`)
    .join("");
}
