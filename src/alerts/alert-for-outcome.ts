/** The alert of a check that ran well and found something bad. */
import type { Alert, AlertContext } from "./alert.ts";
import { composeAlert, subjectOf } from "./alert-for-failure.ts";
import { type OutcomeName, outcomeRules } from "./severity.ts";

/** What a check found. */
export interface BadOutcome {
  readonly name: OutcomeName;
  /**
   * The backups that it was found of, newest last; empty where it is the source itself that is not
   * as promised.
   */
  readonly backupIds: readonly string[];
  /** What was found, one fact a line; the first is the most telling. */
  readonly findings: readonly string[];
  /** What to do, where the check knows better than the usual sentence. */
  readonly hint?: string | undefined;
}

const says: Readonly<Record<OutcomeName, { what: string; hint: string }>> = {
  damaged: {
    what: "is damaged",
    hint: "Do not rely on it; take a new backup now, then find out what happened to the storage.",
  },
  disproven: {
    what: "does not restore to what was backed up",
    hint: "Rely on an older proven backup, and find out which difference is named and whether later backups share it.",
  },
  unproven: {
    what: "could not be proven",
    hint: "Give the test what it lacked, or fix what the assertion names, and test again.",
  },
  suspicious: {
    what: "is suspicious",
    hint: "Look at the source before anything is pruned; if the drop is right, accept the backup with `holdfast verify <backup> --accept`.",
  },
  "prune refused": {
    what: "was not pruned",
    hint: "Look at the plan and fix what it names; nothing is deleted until then.",
  },
  "RTO missed": {
    what: "takes longer to restore than promised",
    hint: "Give the restore more power, or promise what can be kept.",
  },
  "approval needed": {
    what: "waits for the approval of a second person",
    hint: "Look at the request, and answer it with `holdfast approve` or `holdfast deny`.",
  },
  "approval given": {
    what: "has the approval of a second person",
    hint: "Nothing, if somebody meant it; if you do not know of it, ask the two people named.",
  },
  "approval denied": {
    what: "was denied by a second person",
    hint: "Talk to the person who denied it.",
  },
  "restore started": {
    what: "is being restored",
    hint: "Nothing, if somebody meant it; if you do not know of it, ask the person named, or end the run.",
  },
  "restore under way": {
    what: "is being restored",
    hint: "Nothing: wait for the message that it is done, or that it failed.",
  },
  "restore done": {
    what: "was restored",
    hint: "Nothing, if somebody meant it; if you do not know of it, ask the person named.",
  },
  overdue: {
    what: "misses what its schedules promise",
    hint: "Look at the status, and find out why the schedule did not start it or where its run ended.",
  },
  "objective breached": {
    what: "misses its objectives",
    hint: "Look at the status, and fix what it names first.",
  },
};

/**
 * The alert of what a check found; how serious it is says severity.ts. One alert tells of any
 * number of backups of one source.
 */
export function alertForOutcome(outcome: BadOutcome, context: AlertContext): Alert {
  const { name, backupIds, findings } = outcome;
  const newest = backupIds.at(-1);
  const [message, ...details] = findings;
  return composeAlert(outcomeRules[name], context, {
    what: `${describeSubject(backupIds, context.source)} ${says[name].what}`,
    why: { name, message: message ?? "the check gave no reason", details, hint: outcome.hint ?? says[name].hint },
    dedupeKey: [context.source ?? "*", name, ...(newest === undefined || backupIds.length > 1 ? [] : [newest])].join("/"),
    backupId: newest,
  });
}

function describeSubject(backupIds: readonly string[], source: string | undefined): string {
  const [first, ...others] = backupIds;
  if (first === undefined) return source ?? "the installation";
  if (others.length === 0) return `backup ${first}${subjectOf(source, undefined)}`;
  return `each of ${backupIds.length} backups${subjectOf(source, undefined)}`;
}
