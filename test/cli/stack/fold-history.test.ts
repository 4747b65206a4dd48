/**
 * Histories become states and lines: those that a local cloud recorded, and what AWS writes besides
 * (chained ids, map runs, redrives).
 */
import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { failingState, foldHistory } from "../../../src/cli/stack/fold-history.ts";
import { renderLine } from "../../../src/cli/stack/follow-execution.ts";
import { recorded, recordedNames } from "./recorded.ts";

function linesOf(events: readonly HistoryEvent[]): string[] {
  const { lines, startedAt = new Date(0) } = foldHistory(events);
  return lines.map((line) =>
    renderLine(line, startedAt)
      .trim()
      .replaceAll(/\s{2,}/g, "  "),
  );
}

const unreachable = 'SourceUnreachable: cannot connect to database "shop" on db.internal:5432';

describe("a recorded history", () => {
  it("of a success names each state with its time", () => {
    expect(linesOf(recorded("succeeded"))).toEqual([
      "151 ms  Plan  done in 0 ms",
      "152 ms  ChooseRunner  done in 1 ms",
      "152 ms  DumpSlowly  begins",
      "2.2 s  DumpSlowly  done in 2 s",
      "2.2 s  Done  done in 0 ms",
      "2.2 s  succeeded in 2.2 s",
    ]);
    expect(foldHistory(recorded("succeeded")).end).toMatchObject({ status: "SUCCEEDED" });
  });

  it("of a retried failure tells each attempt, its error in words, and the Catch", () => {
    expect(linesOf(recorded("retried")).slice(2)).toEqual([
      "151 ms  Dump  begins",
      `234 ms  Dump  attempt 1 failed after 83 ms: ${unreachable}`,
      "1.2 s  Dump  attempt 2 begins",
      `1.3 s  Dump  attempt 2 failed after 37 ms: ${unreachable}`,
      "1.3 s  Dump  gave up after 1.1 s",
      "1.3 s  Alert  done in 0 ms",
      "1.3 s  FailedAndTold  ends the execution",
      "1.3 s  failed after 1.3 s",
    ]);
    const history = foldHistory(recorded("retried"));
    expect(history.states.map(({ name, outcome, attempts }) => [name, outcome, attempts])).toEqual([
      ["Plan", "done", 0],
      ["ChooseRunner", "done", 0],
      ["Dump", "caught", 2],
      ["Alert", "done", 0],
      ["FailedAndTold", "failed", 0],
    ]);
    expect(failingState(history)?.name).toBe("Dump");
    expect(history.end?.failure).toEqual({
      error: "SourceUnreachable",
      message: 'cannot connect to database "shop" on db.internal:5432',
      details: [],
    });
  });

  it("of a state that ran out of its time fails with the last attempt's error", () => {
    const history = foldHistory(recorded("timed-out"));
    expect(failingState(history)?.failures.map(({ error }) => error)).toEqual(["SourceUnreachable", "States.Timeout"]);
    expect(history.end?.failure?.error).toBe("States.Timeout");
  });

  it("of a stopped execution stops the state that ran", () => {
    const history = foldHistory(recorded("stopped"));
    expect(history.states.at(-1)).toMatchObject({ name: "DumpForever", outcome: "stopped", leftAt: history.end?.at });
    expect(history.end).toMatchObject({ status: "ABORTED", failure: { message: "the source is moving" } });
    expect(linesOf(recorded("stopped")).at(-1)).toBe("1.3 s  was stopped after 1.3 s");
  });

  it.each(recordedNames)("%s: cut anywhere, its lines are the beginning of the whole history's", (name) => {
    const events = recorded(name);
    const whole = linesOf(events);
    for (let count = 0; count <= events.length; count++) {
      const part = linesOf(events.slice(0, count));
      expect(part).toEqual(whole.slice(0, part.length));
    }
    expect(whole.length).toBeGreaterThan(3);
  });
});

/** Events a second apart, chained as AWS chains them. */
function chain(...events: readonly Partial<HistoryEvent>[]): HistoryEvent[] {
  return events.map((event, index) => ({
    id: index + 1,
    previousEventId: index,
    timestamp: new Date(Date.UTC(2026, 10, 21, 2, 0, index)),
    ...event,
  })) as HistoryEvent[];
}

const entered = (type: string, name: string): Partial<HistoryEvent> => ({
  type: `${type}StateEntered` as HistoryEvent["type"],
  stateEnteredEventDetails: { name },
});
const exited = (type: string, name: string): Partial<HistoryEvent> => ({
  type: `${type}StateExited` as HistoryEvent["type"],
  stateExitedEventDetails: { name },
});

describe("a history as AWS writes it", () => {
  it("may time a task out, which has an error of its own", () => {
    const events = chain(
      { type: "ExecutionStarted" },
      entered("Task", "Dump"),
      { type: "TaskScheduled" },
      { type: "TaskStarted" },
      { type: "TaskTimedOut", taskTimedOutEventDetails: { resourceType: "lambda", resource: "invoke", error: "States.Timeout" } },
      exited("Task", "Dump"),
      entered("Task", "DumpOnFargate"),
    );
    expect(linesOf(events).slice(1, 3)).toEqual([
      "4 s  Dump  attempt 1 failed after 2 s: States.Timeout: AWS gave no cause",
      "5 s  Dump  gave up after 4 s",
    ]);
    expect(foldHistory(events).states.at(-1)?.outcome).toBe("running");
  });

  it("may run out of the machine's own time", () => {
    const events = chain({ type: "ExecutionStarted" }, entered("Wait", "Sleep"), { type: "ExecutionTimedOut" });
    expect(foldHistory(events)).toMatchObject({
      states: [{ name: "Sleep", outcome: "timed out" }],
      end: { status: "TIMED_OUT", failure: { error: "States.Timeout", message: "it did not end within its time" } },
    });
  });

  it("keeps branches apart by the events' chain", () => {
    const events = chain(
      { type: "ExecutionStarted" },
      entered("Parallel", "Both"),
      { ...entered("Task", "Left"), previousEventId: 2 },
      { ...entered("Task", "Right"), previousEventId: 2 },
      { type: "TaskScheduled", previousEventId: 3 },
      { type: "TaskScheduled", previousEventId: 4 },
      { type: "TaskFailed", previousEventId: 5, taskFailedEventDetails: { resourceType: "x", resource: "y", error: "DumpFailed" } },
      { ...exited("Task", "Right"), previousEventId: 6 },
    );
    expect(foldHistory(events).states.map(({ name, outcome, failures }) => [name, outcome, failures.length])).toEqual([
      ["Both", "running", 0],
      ["Left", "running", 1],
      ["Right", "done", 0],
    ]);
  });

  it("counts the runs of a Distributed Map as its attempts, and its failure once", () => {
    const events = chain(
      { type: "ExecutionStarted" },
      entered("Map", "VerifyEach"),
      { type: "MapRunStarted", mapRunStartedEventDetails: { mapRunArn: "arn" } },
      { type: "MapRunFailed", mapRunFailedEventDetails: { error: "States.ItemReaderFailed", cause: "no such key" } },
      { type: "MapStateFailed" },
      { type: "MapRunStarted", mapRunStartedEventDetails: { mapRunArn: "arn" } },
      { type: "MapRunSucceeded" },
      { type: "MapStateSucceeded" },
      exited("Map", "VerifyEach"),
    );
    expect(foldHistory(events).states).toMatchObject([{ attempts: 2, outcome: "done", failures: [{ message: "no such key" }] }]);
  });

  it("goes on after a redrive", () => {
    const events = chain(
      { type: "ExecutionStarted" },
      entered("Wait", "Sleep"),
      { type: "ExecutionTimedOut" },
      { type: "ExecutionRedriven" },
      entered("Wait", "Sleep"),
      exited("Wait", "Sleep"),
      { type: "ExecutionSucceeded" },
    );
    expect(foldHistory(events).end?.status).toBe("SUCCEEDED");
    expect(foldHistory(events).states.map(({ outcome }) => outcome)).toEqual(["timed out", "done"]);
  });

  it("is no longer told once it has ended, whatever the cloud still writes", () => {
    const ended = chain(
      { type: "ExecutionStarted" },
      entered("Wait", "Sleep"),
      { type: "ExecutionAborted" },
      exited("Wait", "Sleep"),
    );
    expect(foldHistory(ended)).toEqual(foldHistory(ended.slice(0, 3)));
  });
});
