import { expect, test } from "vitest";
import { readCause } from "../../../src/cli/stack/read-cause.ts";

test.each([
  [
    "Lambda's JSON gives its message",
    "DumpFailed",
    '{"errorType":"DumpFailed","errorMessage":"pg_dump ended","trace":["at x"]}',
    "pg_dump ended",
  ],
  [
    "the mark of a machine that has alerted is left out",
    "DumpFailed",
    'alerted: {"errorMessage":"pg_dump ended"}',
    "pg_dump ended",
  ],
  [
    "a stopped container gives its reason",
    "States.TaskFailed",
    '{"StoppedReason":"OutOfMemoryError: killed","TaskArn":"x"}',
    "OutOfMemoryError: killed",
  ],
  ["plain words stay", "Lambda.Unknown", "The function\n  could not be called", "The function could not be called"],
  ["JSON without words stays JSON", "X", '{"a":1}', '{"a":1}'],
  ["no cause is said", "X", undefined, "AWS gave no cause"],
  ["an empty cause is said", "X", "", "AWS gave no cause"],
  ["what a terminal would obey is made harmless", "X", "a\u001b[2Jb", "a\\x1b[2Jb"],
])("%s", (_, error, cause, message) => {
  expect(readCause(error, cause)).toEqual({ error, message });
});

test("the error's name comes from the cause where AWS gives none", () => {
  expect(readCause(undefined, '{"errorType":"LeaseHeld","errorMessage":"busy"}').error).toBe("LeaseHeld");
  expect(readCause(undefined, "busy").error).toBe("States.TaskFailed");
});

test("a cause of 32,768 characters becomes a line that can be read", () => {
  expect(readCause("X", "y".repeat(32_768)).message).toHaveLength(601);
});
