/** Runs a path in this project's own interpreter, and says what is to be seen of it. */
import { type Ran, runMachine, TaskError } from "./interpreter.ts";
import { machineNames, readMachine } from "./machines.ts";
import type { Outcome, Path } from "./paths.ts";

export interface Played extends Ran {
  /** Every try of a Task, in order; without its token. */
  readonly calls: readonly { readonly state: string; readonly parameters: unknown }[];
}

const machines = new Map(machineNames.map((name) => [name, readMachine(name)]));

export async function playPath({ machine, input, items, answers }: Path): Promise<Played> {
  const left = new Map(Object.entries(answers).map(([state, outcomes]) => [state, [...outcomes]]));
  const calls: { state: string; parameters: unknown }[] = [];
  const ran = await runMachine(
    machines.get(machine) ?? readMachine(machine),
    input,
    (_target, _payload, _called, { state, parameters }) => {
      calls.push({ state, parameters: withoutToken(parameters) });
      return giveNext(left.get(state) ?? []);
    },
    items,
    { retries: true },
  );
  return { ...ran, calls };
}

function giveNext(outcomes: Outcome[]): unknown {
  const [outcome] = outcomes.length > 1 ? outcomes.splice(0, 1) : outcomes;
  if (outcome === undefined) throw new Error("nobody says what this Task gives");
  if ("gives" in outcome) return outcome.gives;
  throw new TaskError(outcome.error, outcome.cause, outcome.cause);
}

/** Every interpreter makes tokens of its own. */
export function withoutToken(parameters: unknown): unknown {
  return JSON.parse(JSON.stringify(parameters), (key, value: unknown) => {
    if (key === "taskToken") return value === "" ? "none" : "a token";
    const variable = value as { Name?: string; Value?: string } | null;
    return variable?.Name === "HOLDFAST_TASK_TOKEN" ? { ...variable, Value: variable.Value === "" ? "none" : "a token" } : value;
  });
}
