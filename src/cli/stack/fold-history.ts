/**
 * An execution's history, folded into its states and into lines to read. Pure: the lines of a
 * longer history begin with those of a shorter one.
 */
import type { HistoryEvent } from "@aws-sdk/client-sfn";
import type { Failure } from "../../alerts/read-cause.ts";
import { formatDuration } from "../../report/format.ts";
import { readCause } from "./read-cause.ts";

export type StateOutcome = "running" | "done" | "caught" | "failed" | "timed out" | "stopped";

/** One visit of one state. */
export interface StateRun {
  readonly name: string;
  /** `Task`, `Choice`, `Map` … */
  readonly type: string;
  readonly enteredAt: Date;
  readonly leftAt?: Date | undefined;
  /** `caught`: it failed, and the machine went on as its Catch says. */
  readonly outcome: StateOutcome;
  /** How often its work was begun; 0 for states that do none. */
  readonly attempts: number;
  readonly failures: readonly (Failure & { readonly at: Date })[];
}

export interface HistoryLine {
  readonly at: Date;
  /** The state that it is about; absent: the whole execution. */
  readonly state?: string | undefined;
  readonly text: string;
}

export type EndStatus = "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

/** How an execution ended. */
export interface HistoryEnd {
  readonly status: EndStatus;
  readonly at: Date;
  /** Absent when it succeeded. */
  readonly failure?: Failure | undefined;
}

export interface FoldedHistory {
  readonly startedAt?: Date | undefined;
  readonly states: readonly StateRun[];
  readonly lines: readonly HistoryLine[];
  /** Absent while it runs. */
  readonly end?: HistoryEnd | undefined;
}

/** The fold's own notes on a state, beside what it gives out. */
interface OpenRun extends StateRun {
  leftAt?: Date | undefined;
  outcome: StateOutcome;
  attempts: number;
  failures: (Failure & { readonly at: Date })[];
  /** When the work that runs, or ran last, was begun. */
  attemptAt: Date;
  /** Whether that work failed. */
  broken: boolean;
}

interface Fold {
  startedAt?: Date | undefined;
  readonly states: OpenRun[];
  readonly lines: HistoryLine[];
  end?: HistoryEnd | undefined;
  /** Which state an event belongs to, by the event's id. */
  readonly owners: Map<number, OpenRun>;
}

/** States that take time: their beginning is worth a line. */
const lasting: readonly string[] = ["Task", "Map", "Parallel", "Wait"];

const endings: Readonly<Record<string, EndStatus>> = {
  ExecutionSucceeded: "SUCCEEDED",
  ExecutionFailed: "FAILED",
  ExecutionTimedOut: "TIMED_OUT",
  ExecutionAborted: "ABORTED",
};

/** Folds a history, which must begin with its first event and be in its order. */
export function foldHistory(events: readonly HistoryEvent[]): FoldedHistory {
  const fold: Fold = { states: [], lines: [], owners: new Map() };
  for (const event of events) {
    const type = event.type ?? "";
    if (type === "ExecutionRedriven") delete fold.end;
    // What a stopped execution still had in hand is none of its history.
    if (fold.end === undefined) foldEvent(fold, type, event, event.timestamp ?? new Date(0));
  }
  const { owners: _owners, states, ...folded } = fold;
  return { ...folded, states: states.map(({ attemptAt: _attemptAt, broken: _broken, ...run }) => run) };
}

function foldEvent(fold: Fold, type: string, event: HistoryEvent, at: Date): void {
  const ending = endings[type];
  if (type === "ExecutionStarted") fold.startedAt = at;
  else if (ending !== undefined) end(fold, ending, event, at);
  else if (type.endsWith("StateEntered")) enter(fold, type, event, at);
  else {
    const run = ownerOf(fold, event);
    if (run === undefined) return;
    fold.owners.set(event.id ?? 0, run);
    if (type.endsWith("StateExited")) leave(fold, run, at);
    else if (type.endsWith("StateAborted")) run.outcome = "stopped";
    else if (type.endsWith("Scheduled") || type === "MapRunStarted") begin(fold, run, at);
    else if (/(Failed|TimedOut)$/.test(type)) fail(fold, run, type, event, at);
  }
}

/**
 * AWS chains events by their ids; where the chain says nothing, it is the state that was entered
 * last and not left.
 */
function ownerOf({ owners, states }: Fold, { previousEventId = 0, stateExitedEventDetails }: HistoryEvent): OpenRun | undefined {
  const left = stateExitedEventDetails?.name;
  const open = states.filter(({ leftAt, name }) => leftAt === undefined && (left === undefined || name === left));
  const chained = owners.get(previousEventId);
  return chained !== undefined && open.includes(chained) ? chained : open.at(-1);
}

function enter(fold: Fold, eventType: string, event: HistoryEvent, at: Date): void {
  const name = event.stateEnteredEventDetails?.name ?? "";
  const type = eventType.replace(/StateEntered$/, "");
  const run: OpenRun = { name, type, enteredAt: at, outcome: "running", attempts: 0, failures: [], attemptAt: at, broken: false };
  fold.states.push(run);
  fold.owners.set(event.id ?? 0, run);
  if (type === "Fail") fold.lines.push({ at, state: name, text: "ends the execution" });
  if (lasting.includes(type)) fold.lines.push({ at, state: name, text: "begins" });
}

function begin(fold: Fold, run: OpenRun, at: Date): void {
  run.attempts++;
  run.attemptAt = at;
  run.broken = false;
  if (run.attempts > 1) fold.lines.push({ at, state: run.name, text: `attempt ${run.attempts} begins` });
}

function fail(fold: Fold, run: OpenRun, type: string, event: HistoryEvent, at: Date): void {
  run.broken = true;
  const told = detailsOf(event);
  // `MapStateFailed` and the like only repeat that something in the state failed.
  if (told === undefined && run.failures.length > 0) return;
  const failure = readCause(told?.error ?? (type.endsWith("TimedOut") ? "States.Timeout" : undefined), told?.cause);
  run.failures.push({ ...failure, at });
  const which = run.attempts === 0 ? "failed" : `attempt ${run.attempts} failed`;
  const text = `${which} after ${elapsed(run.attemptAt, at)}: ${failure.error}: ${failure.message}`;
  fold.lines.push({ at, state: run.name, text });
}

/** The error and the cause, wherever this kind of event has them. */
function detailsOf(event: HistoryEvent): { readonly error?: string | undefined; readonly cause?: string | undefined } | undefined {
  for (const [key, value] of Object.entries(event) as [string, unknown][]) {
    if (!key.endsWith("EventDetails") || typeof value !== "object" || value === null) continue;
    const { error, cause } = value as { readonly error?: string | undefined; readonly cause?: string | undefined };
    if (error === undefined && cause === undefined) continue;
    return { error, cause };
  }
  return undefined;
}

function leave(fold: Fold, run: OpenRun, at: Date): void {
  run.leftAt = at;
  run.outcome = run.broken ? "caught" : "done";
  const took = elapsed(run.enteredAt, at);
  const text = run.broken ? `gave up after ${took}` : `done in ${took}${run.attempts > 1 ? `, at attempt ${run.attempts}` : ""}`;
  fold.lines.push({ at, state: run.name, text });
}

function end(fold: Fold, status: EndStatus, event: HistoryEvent, at: Date): void {
  const told = detailsOf(event);
  const failure = status === "SUCCEEDED" ? undefined : readEnding(status, told);
  fold.end = { status, at, failure };
  const outcome = { SUCCEEDED: "done", FAILED: "failed", TIMED_OUT: "timed out", ABORTED: "stopped" } as const;
  for (const run of fold.states.filter(({ leftAt }) => leftAt === undefined)) {
    run.leftAt = at;
    run.outcome = outcome[status];
  }
  fold.lines.push({ at, text: endingText(status, elapsed(fold.startedAt ?? at, at)) });
}

/** Why an execution ended that did not succeed; what AWS leaves out follows from the status. */
export function readEnding(
  status: Exclude<EndStatus, "SUCCEEDED">,
  told: { readonly error?: string | undefined; readonly cause?: string | undefined } = {},
): Failure {
  const silent = {
    FAILED: { error: "States.TaskFailed", cause: "AWS gave no cause" },
    TIMED_OUT: { error: "States.Timeout", cause: "it did not end within its time" },
    ABORTED: { error: "States.Aborted", cause: "it was stopped by hand, without a reason" },
  }[status];
  return readCause(told.error || silent.error, told.cause || silent.cause);
}

function endingText(status: EndStatus, took: string): string {
  const words = { SUCCEEDED: "succeeded in", FAILED: "failed after", TIMED_OUT: "timed out after", ABORTED: "was stopped after" };
  return `${words[status]} ${took}`;
}

function elapsed(from: Date, to: Date): string {
  return formatDuration(Math.max(0, to.getTime() - from.getTime()));
}

/**
 * The state that the execution failed in: the last one with the execution's own error, else the
 * last with any, else the last of all.
 */
export function failingState({ states, end: ended }: FoldedHistory): StateRun | undefined {
  const failed = states.filter(({ failures, outcome }) => failures.length > 0 && outcome !== "done");
  const own = failed.findLast(({ failures }) => failures.at(-1)?.error === ended?.failure?.error);
  return own ?? failed.at(-1) ?? states.at(-1);
}
