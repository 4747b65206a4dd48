/**
 * What an execution came to: the document for --json, the text for people, the error and the exit
 * code.
 */
import { writeNextCommand } from "../../alerts/next-command.ts";
import type { Failure } from "../../alerts/read-cause.ts";
import { classOfFailure, failureRules, type NextStep } from "../../alerts/severity.ts";
import { catalogue, type ErrorName } from "../../errors/catalogue.ts";
import { errorDocument } from "../../errors/error-document.ts";
import type { ErrorDocument } from "../../errors/error-schema.ts";
import { exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { formatBytes, formatDuration } from "../../report/format.ts";
import type { Outcome } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { type EndStatus, failingState, readEnding, type StateRun } from "./fold-history.ts";
import { countsOf, type Followed } from "./follow-execution.ts";
import { type ExecutionName, followCommand, stopCommand } from "./machine.ts";
import type { MapCounts } from "./step-functions.ts";

/**
 * How machines over many end when some failed, each of which has alerted by itself; and what shows
 * which.
 */
const incomplete: Readonly<Record<string, NextStep>> = { VerificationIncomplete: "list", FleetIncomplete: "status" };

/** What following an execution came to. */
export function describeExecution(terminal: Terminal, execution: ExecutionName, followed: Followed): Outcome {
  const status = statusOf(followed);
  const error = followed.stopped === undefined ? errorOf(execution, followed, status) : stillRunning(execution, followed.stopped);
  const document = documentOf(execution, followed, status, error === undefined ? undefined : failingState(followed.history));
  if (error !== undefined) return { document, lines: [], exitCode: error.exitCode, error };
  const output = parse(followed.description?.output);
  // The machine has told of it, and it is still a promise that was not kept.
  const missed = isObject(output) && output["rtoMet"] === false;
  return {
    document,
    lines: describeSuccess(terminal, execution, followed, output),
    exitCode: missed ? exitCodes.failed : exitCodes.done,
  };
}

function statusOf({ history, description }: Followed): EndStatus | "RUNNING" {
  if (description !== undefined && description.status !== "RUNNING") return description.status;
  return history.end?.status ?? "RUNNING";
}

function documentOf(
  execution: ExecutionName,
  { history, description, maps }: Followed,
  status: string,
  failing?: StateRun,
): object {
  const startedAt = description?.startedAt ?? history.startedAt;
  const stoppedAt = description?.stoppedAt ?? history.end?.at;
  return {
    stack: execution.stack,
    machine: execution.machine,
    name: execution.name,
    arn: execution.arn,
    status,
    startedAt: startedAt?.toISOString() ?? null,
    stoppedAt: stoppedAt?.toISOString() ?? null,
    durationMs: startedAt === undefined || stoppedAt === undefined ? null : stoppedAt.getTime() - startedAt.getTime(),
    input: parse(description?.input),
    output: status === "SUCCEEDED" ? parse(description?.output) : null,
    states: history.states.map((run) => documentOfState(run, maps)),
    ...(failing === undefined || status === "RUNNING" ? {} : { failedState: failing.name }),
  };
}

function documentOfState(run: StateRun, maps: readonly MapCounts[]): object {
  const { name, type, outcome, enteredAt, leftAt, attempts, failures } = run;
  const counts = countsOf(run, maps);
  return {
    name,
    type,
    outcome,
    enteredAt: enteredAt.toISOString(),
    leftAt: leftAt?.toISOString() ?? null,
    durationMs: leftAt === undefined ? null : leftAt.getTime() - enteredAt.getTime(),
    attempts,
    failures: failures.map(({ at, ...failure }) => ({ at: at.toISOString(), error: documentOfFailure(failure) })),
    ...(counts === undefined ? {} : { items: { total: counts.total, succeeded: counts.succeeded, failed: counts.failed } }),
  };
}

/** AWS gives no hints. */
function documentOfFailure({ error, message, hint, details }: Failure): ErrorDocument {
  const awsHint = isErrorName(error) ? undefined : catalogue.ExecutionFailed.hint;
  return errorDocument({ name: error, message, hint: hint ?? awsHint, details });
}

function errorOf(execution: ExecutionName, followed: Followed, status: EndStatus | "RUNNING"): HoldfastError | undefined {
  if (status === "SUCCEEDED" || status === "RUNNING") return undefined;
  const { history, description } = followed;
  const failure = history.end?.failure ?? readEnding(status, description);
  const name: ErrorName = status === "FAILED" && isErrorName(failure.error) ? failure.error : "ExecutionFailed";
  const state = failingState(history);
  const words = { FAILED: "failed", TIMED_OUT: "timed out", ABORTED: "was stopped" }[status];
  const where = state === undefined ? "" : ` in the state ${state.name}`;
  const what = name === failure.error || status !== "FAILED" ? failure.message : `${failure.error}: ${failure.message}`;
  return new HoldfastError(name, `${subjectOf(execution, followed)} ${words}${where}: ${what}`, {
    details: [...failure.details, `execution  ${execution.arn}`, `next       ${nextCommand(execution, followed, failure.error)}`],
    ...hintOf(status, execution.machine, failure),
  });
}

/** What shows which of many it was; nothing where a machine is about one. */
function stepAfterMany(machine: string, error: string): NextStep | undefined {
  if (Object.hasOwn(incomplete, error)) return incomplete[error];
  return machine === "verify" && error === "BackupDamaged" ? "list" : undefined;
}

/** Where the catalogue's hint would say less. */
function hintOf(status: EndStatus, machine: string, { error, hint }: Failure): { readonly hint?: string | undefined } {
  if (status === "ABORTED") return { hint: "Start it again once whatever it was stopped for is over." };
  const ofMany = stepAfterMany(machine, error) !== undefined;
  if (ofMany) return { hint: "See which with the command above; each of them has alerted by itself." };
  return { hint };
}

/** Following has ended, the execution has not. */
function stillRunning({ arn, name }: ExecutionName, stopped: HoldfastError): HoldfastError {
  return new HoldfastError(stopped.name as ErrorName, `${stopped.message}; ${name} goes on without being followed`, {
    cause: stopped,
    details: [...stopped.details, `follow it again  ${followCommand(arn)}`, `stop it          ${stopCommand(arn)}`],
    hint: stopped.name === "Interrupted" ? "Follow the execution again, or stop it, with the commands above." : stopped.hint,
  });
}

/** `backup of shop`, or the machine alone where its input names no one source. */
function subjectOf({ machine }: ExecutionName, followed: Followed): string {
  const source = sourceOf(followed);
  return source === undefined ? machine : `${machine} of ${source}`;
}

function sourceOf({ description }: Followed): string | undefined {
  const input = parse(description?.input);
  const source = isObject(input) ? input["source"] : undefined;
  // It goes into a command that somebody copies.
  return typeof source === "string" && /^[A-Za-z0-9._-]+$/.test(source) ? source : undefined;
}

/** The same command that an alert of this failure names, for this stack. */
function nextCommand({ stack, machine }: ExecutionName, followed: Followed, error: string): string {
  const source = sourceOf(followed);
  return writeNextCommand(stepAfterMany(machine, error) ?? failureRules[classOfFailure(error)].next, {
    invocation: `holdfast --stack ${stack}`,
    operation: machine,
    source,
  });
}

function describeSuccess(terminal: Terminal, execution: ExecutionName, followed: Followed, output: unknown): string[] {
  const { startedAt, stoppedAt } = followed.description ?? {};
  const took =
    startedAt === undefined || stoppedAt === undefined ? "" : ` in ${formatDuration(stoppedAt.getTime() - startedAt.getTime())}`;
  const lines = [`${terminal.style("bold", subjectOf(execution, followed))} ${terminal.style("green", "succeeded")}${took}`];
  const fields = isObject(output) ? Object.entries(output) : [];
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  for (const [name, value] of fields) {
    const [first = "", ...others] = Array.isArray(value) ? value.map(listed) : [figure(name, value)];
    lines.push(`  ${name.padEnd(width)}  ${first}`, ...others.map((other) => `  ${" ".repeat(width)}  ${other}`));
  }
  return lines;
}

/** A check of a restore's target, or whatever else is in a list. */
function listed(value: unknown): string {
  if (!isObject(value) || typeof value["message"] !== "string") return JSON.stringify(value);
  return `${String(value["level"])}  ${String(value["subject"])}: ${value["message"]}`;
}

/** Figures carry their unit in their name. */
function figure(name: string, value: unknown): string {
  if (isObject(value) && typeof value["backupId"] === "string") return `${String(value["source"])}/${value["backupId"]}`;
  if (typeof value !== "number") return typeof value === "string" ? value : JSON.stringify(value);
  if (/bytes$/i.test(name)) return formatBytes(value);
  if (name.endsWith("Ms")) return formatDuration(value);
  if (name.endsWith("Seconds")) return formatDuration(value * 1000);
  return value.toLocaleString("en-US");
}

function isErrorName(name: string): name is ErrorName {
  return Object.hasOwn(catalogue, name);
}

/** Payloads are JSON; one that AWS left out, because it is too large, is null. */
function parse(text: string | undefined): unknown {
  if (text === undefined) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
