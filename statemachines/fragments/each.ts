/**
 * One execution for each entry of a list that a function wrote to the state bucket; failures are
 * counted.
 */
import type { State, States, Values } from "../asl.ts";
import { catchAll } from "./catch.ts";
import { retryList } from "./retry.ts";

export interface Each {
  readonly startAt: string;
  /** Each path through them ends with 0, or with another number for a failure. */
  readonly states: States;
  /** Beside `failed`. */
  readonly assign?: Values;
  readonly next: string;
}

/** How many entries are under way at once. */
const maxConcurrency = 10;

/**
 * A Distributed Map over the list of `$due`; assigns `failed`, the number of entries that did not
 * end with 0.
 */
export function forEachDue({ startAt, states, assign = {}, next }: Each): State {
  return {
    Type: "Map",
    MaxConcurrency: maxConcurrency,
    ToleratedFailurePercentage: 100,
    ItemReader: {
      Resource: "arn:aws:states:::s3:getObject",
      ReaderConfig: { InputType: "JSON" },
      Arguments: { Bucket: "{% $states.input.bucket %}", Key: "{% $states.input.key %}" },
    },
    ItemProcessor: {
      ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
      StartAt: startAt,
      States: states,
    },
    // An entry that ended without an answer has failed too.
    Assign: { failed: `{% $due.count - ${countResults("$v = 0")} %}`, ...assign },
    Retry: retryList,
    Catch: catchAll,
    Next: next,
  };
}

/**
 * How many entries left such a number, `$v`. Not `$states.result[$ = 0]`: Step Functions takes no
 * `$` at an expression's top level (developer guide, "Transforming data with JSONata"), and
 * interpreters differ on where that ends.
 */
export const countResults = (condition: string): string => `$count($filter($states.result, function($v) { ${condition} }))`;

/** What one entry leaves for the count. */
export const succeeded = "{% 0 %}";

/** Judges the count. `before`: what is looked at first. */
export function judgeAll(ifSomeFailed: {
  readonly before?: readonly Values[];
  readonly assign?: Values;
  readonly next: string;
}): State {
  const { before = [], assign, next } = ifSomeFailed;
  const failed = { Condition: "{% $failed > 0 %}", ...(assign === undefined ? {} : { Assign: assign }), Next: next };
  return { Type: "Choice", Choices: [...before, failed], Default: "Done" };
}
