/**
 * What every Task must have before it may be deployed; gives one sentence for each thing that is
 * missing.
 */
import { allStates, type Machine, type Retrier, type State, targetOf } from "./machines.ts";

/**
 * A Task that may be silent for longer than this needs a heartbeat, where its integration has one.
 */
const longSeconds = 3600;

/** A reader takes an expression of this length in at a glance. */
const maxExpressionLength = 90;

/**
 * How many entries of a Map left a number (statemachines/fragments/each.ts): one expression, read
 * as one word.
 */
const counting = /\$count\(\$filter\(\$states\.result, function\(\$v\) \{ \$v [^{}]* \}\)\)/g;

export function lintMachine(machine: Machine): string[] {
  const problems: string[] = [];
  if (machine.QueryLanguage !== "JSONata") problems.push("the machine: QueryLanguage is not JSONata");
  if (machine.TimeoutSeconds === undefined) problems.push("the machine: no TimeoutSeconds");
  problems.push(...expressionsIn(machine).flatMap(lintExpression));
  for (const [name, state, within] of allStates(machine)) {
    if (state.Type === "Task") problems.push(...lintTask(state, within).map((problem) => `${name}: ${problem}`));
    if (state.Type === "Map") problems.push(...lintCatch(state, within).map((problem) => `${name}: ${problem}`));
  }
  return problems;
}

function lintTask(state: State, within: Machine): string[] {
  const problems: string[] = [];
  if (state.TimeoutSeconds === undefined) problems.push("no TimeoutSeconds");
  const hasHeartbeat = state.Resource?.endsWith(".waitForTaskToken") === true;
  if (hasHeartbeat && (state.TimeoutSeconds ?? 0) > longSeconds && state.HeartbeatSeconds === undefined)
    problems.push("no HeartbeatSeconds");
  if ((state.Retry ?? []).length === 0) problems.push("no Retry");
  for (const retrier of state.Retry ?? []) problems.push(...lintRetrier(retrier));
  return [...problems, ...lintCatch(state, within)];
}

function lintRetrier(retrier: Retrier): string[] {
  const where = `Retry of ${retrier.ErrorEquals[0]}`;
  const problems: string[] = [];
  if (retrier.IntervalSeconds === undefined) problems.push(`${where}: no IntervalSeconds`);
  if (retrier.MaxAttempts === undefined) problems.push(`${where}: no MaxAttempts`);
  if (retrier.MaxDelaySeconds === undefined) problems.push(`${where}: no MaxDelaySeconds`);
  if ((retrier.BackoffRate ?? 1) <= 1) problems.push(`${where}: no backoff`);
  if (retrier.JitterStrategy !== "FULL") problems.push(`${where}: no jitter`);
  return problems;
}

function lintCatch(state: State, within: Machine): string[] {
  const catchers = state.Catch ?? [];
  const problems: string[] = [];
  if (catchers.at(-1)?.ErrorEquals.join() !== "States.ALL") problems.push("no Catch of everything");
  for (const { Next } of catchers) {
    // The alert itself cannot alert of itself, and a machine that was started alerts of its own.
    const told = targetOf(state) === "notify" || targetOf(state).startsWith("machine:");
    if (!told && !endsInAlert(Next, within)) problems.push(`a Catch goes to ${Next}, which does not end in an alert`);
  }
  return problems;
}

/**
 * Whether every way on from `name` meets a Task that alerts; a Task on the way has a Catch that was
 * looked at by itself.
 */
function endsInAlert(name: string, machine: Machine): boolean {
  const { States } = machine;
  const state = States[name];
  // It notes what there is to tell.
  if (state?.Type === "Pass" && state.Next !== undefined) return endsInAlert(state.Next, machine);
  if (state?.Type !== "Task") return false;
  return targetOf(state) === "notify" || (state.Catch ?? []).length > 0;
}

function expressionsIn(value: unknown): string[] {
  if (typeof value === "string") return value.startsWith("{%") ? [value.slice(2, -2).trim()] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(expressionsIn) : [];
}

/** Business logic belongs into a step: no functions of its own, no variables, no iteration but
 * the one that counts. */
function lintExpression(written: string): string[] {
  const expression = written.replaceAll(counting, "$counted");
  const problems: string[] = [];
  if (expression.length > maxExpressionLength) problems.push(`an expression of ${expression.length} characters: ${expression}`);
  if (/:=|\bfunction\b|λ|\$(?:map|filter|reduce|each|sift|eval)\b|~>/.test(expression))
    problems.push(`an expression with a program in it: ${expression}`);
  return problems;
}
