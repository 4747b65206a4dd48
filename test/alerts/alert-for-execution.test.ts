/**
 * Executions that ended badly: from EventBridge, whatever it leaves out, and from the machines' own
 * Catch.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alertForExecution, alertForReport, sourceOfExecution, wasTold } from "../../src/alerts/alert-for-execution.ts";
import { errorDocument } from "../../src/errors/error-document.ts";

const now = new Date("2026-11-20T02:10:00Z");
const sources = { shop: { tier: "important" }, wiki: { tier: "standard" } } as const;
const newestGood = { id: "20261119T020000Z-full-7k3f9a", state: "proven", ageSeconds: 86_400 } as const;
const context = { now, sources, newestGoodOf: () => newestGood };
const executionArn = "arn:aws:states:eu-central-1:123456789012:execution:holdfast-prod-restore-test:run-1";

function event(detail: object): unknown {
  return {
    source: "aws.states",
    "detail-type": "Step Functions Execution Status Change",
    time: "2026-11-20T02:05:00Z",
    detail: {
      executionArn,
      stateMachineArn: "arn:aws:states:eu-central-1:123456789012:stateMachine:holdfast-prod-restore-test",
      name: "run-1",
      status: "FAILED",
      startDate: Date.parse("2026-11-20T02:00:00Z"),
      stopDate: Date.parse("2026-11-20T02:05:00Z"),
      input: '{"source":"shop"}',
      inputDetails: { included: true },
      output: null,
      ...detail,
    },
  };
}

describe("an event of EventBridge", () => {
  it("with a Lambda's error tells its class, its message, its source and the newest good backup", () => {
    const cause = JSON.stringify({ errorType: "ThrowawayFailed", errorMessage: "the server did not start", trace: ["at x"] });
    expect(alertForExecution(event({ error: "ThrowawayFailed", cause }), context)).toMatchObject({
      severity: "warning",
      source: "shop",
      what: "restore-test of shop failed",
      why: { class: "ThrowawayFailed", message: "the server did not start" },
      since: "2026-11-20T02:00:00.000Z",
      run: executionArn,
      newestGood,
      nextCommand: "holdfast restore-test shop",
    });
  });

  it("whose input was too large to be included is judged as critical, for no source is known", () => {
    const alert = alertForExecution(event({ input: null, inputDetails: { included: false }, error: "SourceUnreachable" }), context);
    expect(alert).toMatchObject({ severity: "critical", what: "restore-test failed", nextCommand: "holdfast check" });
    expect(alert.source).toBeUndefined();
    expect(alert.newestGood).toBeUndefined();
  });

  it.each([
    ["no JSON", "{"],
    ["not an object", "[]"],
    ["null", "null"],
    ["a source that the policy has not", '{"source":"$(reboot)"}'],
    ["a name that every object has", '{"source":"constructor"}'],
    ["a source that is no text", '{"source":{"a":1}}'],
  ])("with an input that is %s names no source", (_case, input) => {
    const alert = alertForExecution(event({ input }), context);
    expect(alert.source).toBeUndefined();
    expect(alert.nextCommand).toBe("holdfast check");
    expect(sourceOfExecution(event({ input }), sources)).toBeUndefined();
  });

  it("of a time-out and of an abort says so", () => {
    expect(alertForExecution(event({ status: "TIMED_OUT" }), context)).toMatchObject({
      severity: "warning",
      why: { class: "States.Timeout", message: "the execution did not end within its time" },
    });
    expect(alertForExecution(event({ status: "ABORTED", error: "Whim", cause: "the wrong one" }), context)).toMatchObject({
      what: "restore-test of shop was stopped",
      why: { class: "Interrupted", message: "the wrong one" },
    });
  });

  it("that does not say why says where to look", () => {
    const alert = alertForExecution(event({}), context);
    expect(alert.why).toMatchObject({ class: "States.TaskFailed", message: expect.stringContaining("does not say why") });
    expect(alert.why.hint).toContain(`get-execution-history --reverse-order --execution-arn ${executionArn}`);
  });

  it("that a machine has told already is known by its cause, whose mark is not repeated", () => {
    const told = event({ error: "DumpFailed", cause: "alerted: pg_dump failed" });
    expect(wasTold(told)).toBe(true);
    expect(wasTold(event({ error: "DumpFailed", cause: "pg_dump failed" }))).toBe(false);
    expect(alertForExecution(told, context).why.message).toBe("pg_dump failed");
  });

  it("that cannot be read is an alert all the same", () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.record({ detail: fc.object() })), (anything) => {
        expect(alertForExecution(anything, context).severity).toBe("critical");
        expect(wasTold(anything)).toBe(false);
      }),
    );
    expect(alertForExecution({ detail: { executionArn, status: "FAILED", startDate: 1e300 } }, context).since).toBe(
      now.toISOString(),
    );
  });
});

describe("a machine's own report", () => {
  const report = {
    machine: "backup",
    execution: executionArn,
    startedAt: "2026-11-20T02:00:00.000Z",
    source: "wiki",
    state: "Dump",
  };

  it("tells the state that failed", () => {
    expect(alertForReport({ ...report, error: "DumpFailed", cause: "pg_dump: no" }, context)).toMatchObject({
      severity: "warning",
      what: "backup of wiki failed",
      why: { class: "DumpFailed", message: "pg_dump: no", details: ["in the state Dump"] },
      nextCommand: "holdfast backup wiki",
    });
  });

  it("keeps the hint and the details that the step's own error had", () => {
    const document = errorDocument({ name: "DumpFailed", message: "pg_dump: no", hint: "Do this.", details: ["line 2"] });
    const cause = JSON.stringify({ errorType: "DumpFailed", errorMessage: JSON.stringify(document), trace: [] });
    for (const each of [cause, JSON.stringify(document)]) {
      expect(alertForReport({ ...report, error: "DumpFailed", cause: each }, context).why).toMatchObject({
        ...document,
        details: ["line 2", "in the state Dump"],
      });
    }
    expect(alertForReport({ ...report, error: "BackupDamaged", cause }, context).why).toMatchObject({
      class: "damaged",
      details: ["line 2"],
    });
  });

  it("tells news that are no failure", () => {
    expect(alertForReport({ ...report, error: "RtoMissed", cause: "9 s measured" }, context)).toMatchObject({
      why: { class: "RTO missed", message: "9 s measured" },
    });
    expect(alertForReport({ ...report, error: "RestoreDone", cause: "B, asked for by ops" }, context)).toMatchObject({
      severity: "warning",
      what: "wiki was restored",
    });
    expect(alertForReport({ ...report, error: "constructor" }, context).what).toBe("backup of wiki failed");
  });
});
