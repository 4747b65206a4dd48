/**
 * Runs a state machine in this process: JSONata by the version that Step Functions has (2.0.6),
 * Tasks by the test. It knows what these machines use, and is strict where Step Functions is: an
 * expression without a value is an error, a Distributed Map sees no outer variables.
 */
import jsonata from "jsonata";
import { type Catcher, type Machine, type Retrier, type State, targetOf } from "./machines.ts";

export class TaskError extends Error {
  /** As Step Functions gives it; null: it gives none. Otherwise what Lambda makes of an error. */
  readonly given: string | null | undefined;

  constructor(name: string, message: string, given?: string | null) {
    super(message);
    this.name = name;
    this.given = given;
  }
}

/** The try of a Task: its state, and its Arguments when their expressions are evaluated. */
export interface Attempt {
  readonly state: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/**
 * Answers a Task: a Lambda's payload, what a container sent with its token, a started execution's
 * output. `called`: the function's or task's name, as the machine's expression gives it. May throw
 * a TaskError.
 */
export type Answer = (target: string, payload: unknown, called: string, attempt: Attempt) => unknown;

export interface Ran {
  readonly status: "SUCCEEDED" | "FAILED";
  readonly output?: unknown;
  readonly error?: string;
  readonly cause?: string;
  /** The states in the order they were entered. */
  readonly trail: readonly string[];
}

type Scope = Record<string, unknown>;

const execution = {
  Id: "arn:aws:states:eu-central-1:123456789012:execution:holdfast-dev-machine:run-1",
  Name: "run-1",
  StartTime: "2026-11-21T02:00:01.123Z",
};

export interface RunOptions {
  /** Whether a Task is tried again as its Retry says, without the waits. Default: no. */
  readonly retries?: boolean;
}

export async function runMachine(
  machine: Machine,
  input: unknown,
  answer: Answer,
  items: readonly unknown[] = [],
  { retries = false }: RunOptions = {},
): Promise<Ran> {
  const trail: string[] = [];
  const ended = await runStates(machine, input, { answer, items, trail, input, retries }, {});
  return { ...ended, trail };
}

interface Run {
  readonly answer: Answer;
  /** What an ItemReader reads. */
  readonly items: readonly unknown[];
  readonly trail: string[];
  readonly input: unknown;
  readonly retries: boolean;
}

async function runStates(machine: Machine, firstInput: unknown, run: Run, scope: Scope): Promise<Omit<Ran, "trail">> {
  let name = machine.StartAt;
  let input = firstInput;
  for (;;) {
    const state = machine.States[name];
    if (state === undefined) throw new Error(`there is no state ${name}`);
    run.trail.push(name);
    const context = { Execution: { ...execution, Input: run.input }, State: { Name: name }, Task: { Token: "token-1" } };
    const states: Scope = { input, context };
    if (state.Type === "Succeed") return { status: "SUCCEEDED", output: await evaluate(state.Output ?? input, states, scope) };
    if (state.Type === "Fail") {
      const [error, cause] = [await evaluate(state.Error, states, scope), await evaluate(state.Cause, states, scope)];
      return { status: "FAILED", error: String(error), cause: String(cause) };
    }
    const step = await runState(state, states, run, scope);
    Object.assign(scope, step.assign);
    input = step.output;
    if (step.next === undefined) return { status: "SUCCEEDED", output: input };
    name = step.next;
  }
}

interface StepEnd {
  readonly output: unknown;
  readonly assign: Scope;
  readonly next: string | undefined;
}

async function runState(state: State, states: Scope, run: Run, scope: Scope): Promise<StepEnd> {
  if (state.Type === "Choice") return choose(state, states, scope);
  if (state.Type === "Pass") {
    return { output: states["input"], assign: (await evaluate(state.Assign ?? {}, states, scope)) as Scope, next: state.Next };
  }
  try {
    const runOnce = () => (state.Type === "Map" ? runMap(state, states, run, scope) : runTask(state, states, run, scope));
    const result = await tryAgain(run.retries ? (state.Retry ?? []) : [], runOnce);
    return {
      output: state.Output === undefined ? result : await evaluate(state.Output, { ...states, result }, scope),
      assign: (await evaluate(state.Assign ?? {}, { ...states, result }, scope)) as Scope,
      next: state.Next,
    };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const catcher = state.Catch?.find(matches(error));
    if (catcher === undefined || !(error instanceof TaskError)) throw error;
    return caught(catcher, error, states, scope);
  }
}

const matches =
  ({ name }: Error) =>
  ({ ErrorEquals }: { readonly ErrorEquals: readonly string[] }): boolean =>
    ErrorEquals.includes(name) || ErrorEquals.includes("States.ALL");

/** Each retrier counts its own attempts. */
async function tryAgain<T>(retriers: readonly Retrier[], runOnce: () => Promise<T>): Promise<T> {
  const made = new Map<Retrier, number>();
  for (;;) {
    try {
      return await runOnce();
    } catch (error) {
      if (!(error instanceof TaskError)) throw error;
      const retrier = retriers.find(matches(error));
      if (retrier === undefined) throw error;
      const count = made.get(retrier) ?? 0;
      if (count >= (retrier.MaxAttempts ?? 3)) throw error;
      made.set(retrier, count + 1);
    }
  }
}

async function caught(catcher: Catcher, error: TaskError, states: Scope, scope: Scope): Promise<StepEnd> {
  const Cause = error.given ?? JSON.stringify({ errorType: error.name, errorMessage: error.message, trace: [] });
  const errorOutput = { Error: error.name, ...(error.given === null ? {} : { Cause }) };
  const seen = { ...states, errorOutput };
  return {
    output: catcher.Output === undefined ? errorOutput : await evaluate(catcher.Output, seen, scope),
    assign: (await evaluate(catcher.Assign ?? {}, seen, scope)) as Scope,
    next: catcher.Next,
  };
}

async function choose(state: State, states: Scope, scope: Scope): Promise<StepEnd> {
  for (const choice of state.Choices ?? []) {
    if ((await evaluate(choice.Condition, states, scope)) !== true) continue;
    return { output: states["input"], assign: (await evaluate(choice.Assign ?? {}, states, scope)) as Scope, next: choice.Next };
  }
  return { output: states["input"], assign: {}, next: state.Default };
}

async function runTask(state: State, states: Scope, run: Run, scope: Scope): Promise<unknown> {
  const given = (await evaluate(state.Arguments ?? {}, states, scope)) as Scope;
  const target = targetOf(state);
  const called = String(given["FunctionName"] ?? roleOf(given) ?? given["TaskDefinition"] ?? given["StateMachineArn"]);
  const attempt = { state: (states["context"] as { State: { Name: string } }).State.Name, parameters: given };
  if (target.startsWith("fargate:")) return run.answer(target, eventOf(given), called, attempt);
  if (target.startsWith("machine:")) return { Output: JSON.stringify(run.answer(target, given["Input"], called, attempt)) };
  // Who answers with the token gives the whole result.
  if (state.Resource?.endsWith(".waitForTaskToken") === true) return run.answer(target, given["Payload"], called, attempt);
  return { Payload: run.answer(target, given["Payload"], called, attempt), StatusCode: 200 };
}

/** The role that a container gets instead of its definition's. */
function roleOf(given: Scope): unknown {
  return (given["Overrides"] as { TaskRoleArn?: string } | undefined)?.TaskRoleArn;
}

/** The event that a container finds in its environment. */
function eventOf(given: Scope): unknown {
  const overrides = given["Overrides"] as { ContainerOverrides: { Environment: { Name: string; Value: string }[] }[] };
  const variables = overrides.ContainerOverrides[0]?.Environment ?? [];
  const token = variables.find(({ Name }) => Name === "HOLDFAST_TASK_TOKEN")?.Value;
  if (token !== "token-1") throw new Error("the container gets no task token");
  return JSON.parse(variables.find(({ Name }) => Name === "HOLDFAST_EVENT")?.Value ?? "");
}

async function runMap(state: State, states: Scope, run: Run, scope: Scope): Promise<unknown[]> {
  if (state.ItemProcessor?.ProcessorConfig.Mode !== "DISTRIBUTED") throw new Error("only Distributed Maps are used here");
  await evaluate(state.ItemReader?.Arguments, states, scope);
  const results: unknown[] = [];
  for (const item of run.items) {
    // A child execution has a scope of its own; a failed one leaves a description of its error.
    const ended = await runStates(state.ItemProcessor, item, { ...run, input: item }, {});
    results.push(ended.status === "SUCCEEDED" ? ended.output : { Error: ended.error, Cause: ended.cause });
  }
  return results;
}

/** Evaluates every expression within `value`. Errors: a TaskError named as Step Functions does. */
export async function evaluate(value: unknown, states: Scope, scope: Scope): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((part) => evaluate(part, states, scope)));
  if (typeof value === "object" && value !== null) {
    const entries = await Promise.all(Object.entries(value).map(async ([key, part]) => [key, await evaluate(part, states, scope)]));
    return Object.fromEntries(entries);
  }
  const [, expression] = typeof value === "string" ? (/^\{%([\s\S]*)%\}$/.exec(value) ?? []) : [];
  if (expression === undefined) return value;
  const result: unknown = await jsonata(expression).evaluate({}, { states, ...scope });
  if (result === undefined) throw new TaskError("States.QueryEvaluationError", `${expression.trim()} has no value`);
  return JSON.parse(JSON.stringify(result));
}
