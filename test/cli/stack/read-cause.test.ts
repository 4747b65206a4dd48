import fc from "fast-check";
import { expect, test } from "vitest";
import { readCause as readWholeCause } from "../../../src/alerts/read-cause.ts";
import { readCause } from "../../../src/cli/stack/read-cause.ts";
import { errorDocument } from "../../../src/errors/error-document.ts";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";

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
  expect(readCause(error, cause)).toEqual({ error, message, details: [] });
});

test("the error's name comes from the cause where AWS gives none", () => {
  expect(readCause(undefined, '{"errorType":"LeaseHeld","errorMessage":"busy"}').error).toBe("LeaseHeld");
  expect(readCause(undefined, "busy").error).toBe("States.TaskFailed");
});

test("a cause of 32,768 characters becomes a line that can be read", () => {
  expect(readCause("X", "y".repeat(32_768)).message).toHaveLength(601);
});

const document = errorDocument(new HoldfastError("DumpFailed", "pg_dump ended", { hint: "Do this.", details: ["a\nb"] }));
const ended = { error: "DumpFailed", message: "pg_dump ended", hint: "Do this.", details: ["a b"] };

test.each([
  ["by itself, as a container answers", JSON.stringify(document)],
  ["of a Lambda", JSON.stringify({ errorType: "DumpFailed", errorMessage: JSON.stringify(document), trace: [] })],
  ["of a Lambda, behind the mark", `alerted: ${JSON.stringify({ errorMessage: JSON.stringify(document) })}`],
  ["of a later Holdfast, with members that this one does not know", JSON.stringify({ ...document, more: 1 })],
])("an error of Holdfast %s keeps its hint and its details", (_, cause) => {
  expect(readCause("DumpFailed", cause)).toEqual(ended);
  expect(readCause(undefined, cause)).toEqual(ended);
});

test("an error of another class than the execution's gives no hint, which would be the wrong one", () => {
  expect(readCause("States.Timeout", JSON.stringify(document))).toEqual({
    error: "States.Timeout",
    message: "pg_dump ended",
    details: ["a b"],
  });
});

test("what a function throws is what is read of its execution, for any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string(), fc.array(fc.string()), (message, hint, details) => {
      const errorMessage = JSON.stringify(errorDocument({ name: "DumpFailed", message, hint, details }));
      const read = readWholeCause("DumpFailed", `alerted: ${JSON.stringify({ errorType: "DumpFailed", errorMessage })}`);
      expect(read).toEqual({ error: "DumpFailed", message, hint, details });
    }),
    { numRuns: 100, seed: 20261128 },
  );
});
