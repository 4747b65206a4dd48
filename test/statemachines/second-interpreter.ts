/**
 * A second opinion on the state machines: moto's interpreter of the Amazon States Language (which
 * was LocalStack's), with an implementation of JSONata that is not the one of the first.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensurePythonProgram } from "../../scripts/python-environment.ts";
import { type Machine, machineNames, readMachine, type State, tasksOf } from "./machines.ts";
import type { Outcome, Path } from "./paths.ts";
import { type Played, withoutToken } from "./play-path.ts";

const program = {
  name: "moto",
  version: "5.2.5",
  module: "moto.stepfunctions.parser.asl.parse.asl_parser",
  beside: ["antlr4-python3-runtime==4.13.2", "jsonpath-ng==1.16.0", "jsonata-python==0.7.1"],
};
const script = join(import.meta.dirname, "second-interpreter.py");

export interface SecondPlayed extends Played {
  /** Before each further try, in seconds. */
  readonly waits: readonly number[];
}

/** Errors: those of ensurePythonProgram; a plain Error with Python's words. */
export function playPathsElsewhere(paths: readonly Path[]): SecondPlayed[] {
  const machines = Object.fromEntries(machineNames.map((name) => [name, readMachine(name)]));
  const input = JSON.stringify({ machines, cases: paths.map((path) => caseOf(path, machines[path.machine] as Machine)) });
  const options = { input, encoding: "utf8", maxBuffer: 2 ** 30 } as const;
  const { status, error, stdout, stderr } = spawnSync(ensurePythonProgram(program), [script], options);
  if (status !== 0) throw new Error(`the second interpreter could not run: ${error?.message ?? stderr}`);
  const played = JSON.parse(stdout) as SecondPlayed[];
  return played.map((each) => ({
    ...each,
    calls: each.calls.map(({ state, parameters }) => ({ state, parameters: withoutToken(parameters) })),
  }));
}

function caseOf({ machine, input, items, answers }: Path, definition: Machine) {
  const tasks = new Map(tasksOf(definition).map(([name, state]) => [name, state]));
  const given = Object.entries(answers).map(([name, outcomes]) => [name, outcomes.map((each) => answerOf(each, tasks.get(name)))]);
  return { machine, input, items, answers: Object.fromEntries(given) };
}

/** What the service that the Task calls would answer. */
function answerOf(outcome: Outcome, { Resource = "" }: State = { Type: "Task" }) {
  if ("error" in outcome) return outcome;
  if (Resource.endsWith(":lambda:invoke")) return { return: { StatusCode: 200, Payload: outcome.gives } };
  if (Resource.includes("startExecution")) return { return: { Output: JSON.stringify(outcome.gives) } };
  return { return: outcome.gives };
}
