/**
 * The machines of a stack that has no containers: where a step would go on in one, it fails by
 * name, and alerts with what to add.
 */
import type { Catcher, Definition, State, States } from "./asl.ts";
import { failureCause } from "./fragments/catch.ts";
import { anyError } from "./fragments/errors.ts";

const containerTask = "arn:aws:states:::ecs:runTask.waitForTaskToken";

/** What the catcher reads of an error, and what stands for it where nothing was called. */
const stated: Readonly<Record<string, string>> = {
  "{% $states.errorOutput.Error %}": "ContainersMissing",
  [failureCause]:
    'the step is too large or too slow for a Lambda, and this stack has no containers, which would run it in Fargate. Build their image, and deploy again with --param=image=REPOSITORY@sha256:DIGEST (docs/deploy.md, "Containers for large databases").',
};

/** The same machine; each state that runs a container takes its own way for any error instead. */
export function withoutContainers(definition: Definition): Definition {
  return { ...definition, states: replaceIn(definition.states) };
}

function replaceIn(states: States): States {
  return Object.fromEntries(Object.entries(states).map(([name, state]) => [name, replace(state)]));
}

function replace(state: State): State {
  if (state["Resource"] === containerTask) return failing(state);
  const processor = state["ItemProcessor"] as { readonly States: States } | undefined;
  return processor === undefined ? state : { ...state, ItemProcessor: { ...processor, States: replaceIn(processor.States) } };
}

function failing(state: State): State {
  const caught = state.Catch?.find(({ ErrorEquals }) => ErrorEquals[0] === anyError[0]) as Catcher;
  const { Assign, Output, Next } = caught;
  return {
    Type: "Pass",
    ...(Assign === undefined ? {} : { Assign: writeOut(Assign) }),
    ...(Output === undefined ? {} : { Output: writeOut(Output) }),
    Next,
  };
}

/** The value with the error's own parts written out. */
function writeOut<T>(value: T): T {
  if (typeof value === "string") return (stated[value] ?? value) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, writeOut(member)])) as T;
}
