/**
 * The alert of an execution that ended badly, from its own Catch (alertForReport) or from
 * EventBridge (alertForExecution), which tells it even when the machine's own Catch could not.
 */
import * as z from "zod";
import { catalogue } from "../errors/catalogue.ts";
import type { Tier } from "../policy/policy.ts";
import type { Alert, AlertContext } from "./alert.ts";
import { alertForFailure, composeAlert } from "./alert-for-failure.ts";
import { alertForOutcome } from "./alert-for-outcome.ts";
import { alertedMark, parseObject, readCause } from "./read-cause.ts";
import { failureRules, type OutcomeName } from "./severity.ts";

/**
 * "Step Functions Execution Status Change" of EventBridge, as far as it is used. `input` is absent
 * when the payloads exceed 248 KB; `error` and `cause` are absent or null in older events and for
 * executions that were aborted without a word.
 */
const executionEvent = z.object({
  time: z.string().optional(),
  detail: z.object({
    executionArn: z.string(),
    stateMachineArn: z.string().optional(),
    name: z.string().optional(),
    status: z.string(),
    /** Epoch milliseconds. */
    startDate: z.number().nullish(),
    input: z.string().nullish(),
    error: z.string().nullish(),
    cause: z.string().nullish(),
  }),
});

type ExecutionDetail = z.output<typeof executionEvent>["detail"];

/** The context, without what the event itself tells. */
export interface ExecutionContext extends Omit<AlertContext, "source" | "tier" | "run" | "since" | "newestGood"> {
  /** The policy's sources: the event's input may name one of them. */
  readonly sources: Readonly<Record<string, { readonly tier: Tier }>>;
  readonly newestGoodOf?: ((source: string) => AlertContext["newestGood"]) | undefined;
}

const operations = ["restore-test", "backup", "restore", "verify", "prune", "fleet"] as const;

/**
 * The source that the execution worked on, where its input says so and the policy has it. Never
 * throws.
 */
export function sourceOfExecution(event: unknown, sources: ExecutionContext["sources"]): string | undefined {
  const parsed = executionEvent.safeParse(event);
  return parsed.success ? sourceOf(parsed.data.detail, sources) : undefined;
}

/**
 * The alert of an execution that failed, timed out or was aborted. Never throws: an event that
 * cannot be read is an alert of its own.
 */
export function alertForExecution(event: unknown, context: ExecutionContext): Alert {
  const report = reportOfExecution(event);
  return report === undefined ? alertForUnreadable(context) : alertForReport(report, context);
}

/** What EventBridge tells of an execution; undefined: it cannot be read. Never throws. */
export function reportOfExecution(event: unknown): ExecutionReport | undefined {
  const parsed = executionEvent.safeParse(event);
  if (!parsed.success) return undefined;
  const { detail } = parsed.data;
  return {
    machine: operationOf(detail),
    execution: detail.executionArn,
    ...(typeof detail.startDate === "number" && isInstant(detail.startDate)
      ? { startedAt: new Date(detail.startDate).toISOString() }
      : {}),
    ...(detail.input == null ? {} : { source: textOf(parseObject(detail.input)?.["source"]) ?? "" }),
    ...errorOf(detail),
  };
}

/**
 * What a state machine's Catch tells, or a state that has news: ids and words, as Step Functions
 * gives them.
 */
export interface ExecutionReport {
  /** The machine's name: `backup`, `verify` … */
  readonly machine: string;
  /** The execution's ARN. */
  readonly execution: string;
  /** ISO 8601. */
  readonly startedAt?: string | undefined;
  readonly source?: string | undefined;
  /** The backup that it is about, where one is known. */
  readonly backupId?: string | undefined;
  /** The state that failed. */
  readonly state?: string | undefined;
  /** The error's class, or news: `RtoMissed`, `RestoreStarted`. */
  readonly error: string;
  /** As readCause reads it. */
  readonly cause?: string | undefined;
}

/** The alert of what a state machine tells of itself. Never throws. */
export function alertForReport(report: ExecutionReport, context: ExecutionContext): Alert {
  const { machine, execution, error, state, backupId } = report;
  const about = contextOf(report, context);
  const { message, hint, details } = readCause(error, report.cause);
  const outcome = Object.hasOwn(news, error) ? news[error] : undefined;
  if (outcome !== undefined) {
    return alertForOutcome(
      { name: outcome, backupIds: backupId === undefined ? [] : [backupId], findings: [message, ...details] },
      about,
    );
  }
  const failure = {
    name: error,
    message,
    hint: hint ?? hintOf(error, execution),
    details: [...details, ...(state === undefined ? [] : [`in the state ${state}`])],
  };
  return alertForFailure({ operation: machine, error: failure, backupId }, about);
}

/**
 * What machines tell that is no failure of a step, in the place of an error's name: a check that
 * ran well and found something.
 */
const news: Readonly<Record<string, OutcomeName>> = {
  BackupDamaged: "damaged",
  BackupSuspicious: "suspicious",
  BackupUnproven: "unproven",
  RestoreStarted: "restore started",
  RestoreDone: "restore done",
  RtoMissed: "RTO missed",
};

/** Whether the machine has told of this failure itself, so that the event need not. */
export function wasTold(event: unknown): boolean {
  const parsed = executionEvent.safeParse(event);
  return parsed.success && (parsed.data.detail.cause ?? "").startsWith(alertedMark);
}

function contextOf(report: ExecutionReport, context: ExecutionContext): AlertContext {
  const { now, invocation, secrets, publicNames, sources, newestGoodOf } = context;
  const startedMs = Date.parse(report.startedAt ?? "");
  // Only a name of the policy: the text goes into a command that somebody copies.
  const source = report.source !== undefined && Object.hasOwn(sources, report.source) ? report.source : undefined;
  const tier = source === undefined ? undefined : sources[source]?.tier;
  const newestGood = source === undefined ? undefined : newestGoodOf?.(source);
  return {
    now,
    run: report.execution,
    ...(Number.isNaN(startedMs) ? {} : { since: new Date(startedMs) }),
    source,
    tier,
    newestGood,
    invocation,
    secrets,
    publicNames,
  };
}

function alertForUnreadable(context: ExecutionContext): Alert {
  return composeAlert(failureRules.blocked, context, {
    what: "an execution ended badly",
    why: {
      name: "Unreadable",
      message: "the event that told of it could not be read",
      hint: "Look at the executions that failed last in the Step Functions console.",
    },
    dedupeKey: "*/execution/Unreadable",
  });
}

/**
 * The machine's name ends in what it does; `holdfast-prod-restore-test` must not be taken for a
 * restore.
 */
function operationOf({ stateMachineArn, executionArn }: ExecutionDetail): string {
  const machine = stateMachineArn?.split(":").at(-1) ?? executionArn.split(":").at(-2) ?? "";
  return operations.find((operation) => machine.toLowerCase().includes(operation)) ?? (machine || "an execution");
}

function sourceOf({ input }: ExecutionDetail, sources: ExecutionContext["sources"]): string | undefined {
  const fields = parseObject(input);
  const name = fields?.["source"];
  // Only a name of the policy: the text goes into a command that somebody copies.
  return typeof name === "string" && Object.hasOwn(sources, name) ? name : undefined;
}

/** The error that the execution ended with, and its cause. */
function errorOf({ status, error, cause }: ExecutionDetail): Pick<ExecutionReport, "error" | "cause"> {
  const named = textOf(error) ?? textOf(parseObject(cause)?.["errorType"]);
  // A user who aborts may write any word as the error; what counts is that it was stopped.
  if (status === "ABORTED") return { error: "Interrupted", cause: textOf(cause) ?? silentMessage(status) };
  const name = named ?? (status === "TIMED_OUT" ? "States.Timeout" : "States.TaskFailed");
  return { error: name, cause: textOf(cause) ?? silentMessage(status) };
}

function silentMessage(status: string): string {
  if (status === "TIMED_OUT") return "the execution did not end within its time";
  if (status === "ABORTED") return "the execution was stopped by hand, without a reason";
  return `the execution ended as ${status}, and the event does not say why`;
}

function hintOf(name: string, executionArn: string): string {
  const entry = Object.hasOwn(catalogue, name) ? catalogue[name as keyof typeof catalogue] : undefined;
  return entry?.hint ?? `Read its history: aws stepfunctions get-execution-history --reverse-order --execution-arn ${executionArn}`;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** What a Date can hold. */
function isInstant(epochMs: number): boolean {
  return Math.abs(epochMs) <= 8.64e15;
}
