/**
 * Following, with a Step Functions that plays a recorded history, and with one that gives way in
 * between.
 */
import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { describeExecution } from "../../../src/cli/stack/describe-execution.ts";
import { followExecution } from "../../../src/cli/stack/follow-execution.ts";
import { parseExecutionArn } from "../../../src/cli/stack/machine.ts";
import type { ExecutionDescription, MapCounts, StepFunctions } from "../../../src/cli/stack/step-functions.ts";
import { createTerminal } from "../../../src/cli/terminal.ts";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { fakeStream } from "../fake-stream.ts";
import { recorded } from "./recorded.ts";

const arn = "arn:aws:states:eu-central-1:123456789012:execution:holdfast-prod-backup:backup-shop-by-hand-20261121T061300Z";
const unreachable = new HoldfastError("StackUnavailable", "cannot read the execution's history: ENOTFOUND");

interface Script {
  /** What each look finds, in turn; the last stays. */
  readonly looks: readonly (readonly HistoryEvent[] | HoldfastError)[];
  readonly description: ExecutionDescription;
  readonly maps?: readonly MapCounts[] | HoldfastError;
}

function play({ looks, description, maps = [] }: Script): StepFunctions {
  let look = 0;
  const orThrow = <T>(value: T | HoldfastError): T => {
    if (value instanceof HoldfastError) throw value;
    return value;
  };
  const inVain = (): never => {
    throw new Error("not to be asked for");
  };
  return {
    region: async () => "eu-central-1",
    listMachines: inVain,
    start: inVain,
    describe: async () => (look < looks.length ? { status: "RUNNING" } : description),
    readHistory: async () => orThrow(looks[Math.min(look++, looks.length - 1)] ?? []),
    countMaps: async () => orThrow(maps),
    close: () => undefined,
  };
}

function follow(script: Script, { secondsALook = 1, signal = new AbortController().signal, isTTY = false } = {}) {
  const stderr = fakeStream({ isTTY });
  const terminal = createTerminal({ json: false, stdout: fakeStream().stream, stderr: stderr.stream });
  let nowMs = 0;
  const clock = {
    now: () => new Date("2026-11-21T06:35:30Z"),
    monotonicMs: () => {
      nowMs += secondsALook * 1000;
      return nowMs;
    },
  };
  return {
    stderr,
    terminal,
    result: followExecution(play(script), arn, { terminal, clock, signal, pollMs: 1 }),
  };
}

const succeeded: ExecutionDescription = {
  status: "SUCCEEDED",
  startedAt: new Date("2026-11-21T06:35:07.500Z"),
  stoppedAt: new Date("2026-11-21T06:35:09.684Z"),
  input: '{"source":"shop","kind":"full"}',
  output: '{"source":"shop","storedBytes":52428800,"durationMs":12000,"rtoSeconds":90,"rows":120000,"rtoMet":true}',
};

describe("following", () => {
  it("tells each line once, however the history arrives", async () => {
    const events = recorded("succeeded");
    const looks = events.map((_, index) => events.slice(0, index + 1));
    const { result, stderr } = follow({ looks: [...looks, events, events], description: succeeded });
    expect((await result).stopped).toBeUndefined();
    expect(stderr.text().match(/DumpSlowly {2,}begins/g)).toHaveLength(1);
    expect(stderr.text().trimEnd().split("\n")).toHaveLength(6);
  });

  it("waits for a history that lags behind the description, and gives up on one that never comes", async () => {
    const events = recorded("succeeded");
    const late = await follow({ looks: [events.slice(0, 6), events], description: succeeded }).result;
    expect(late.history.end?.status).toBe("SUCCEEDED");
    const never = await follow({ looks: [events.slice(0, 6)], description: succeeded }).result;
    expect(never).toMatchObject({ description: { status: "SUCCEEDED" } });
    expect(never.history.end).toBeUndefined();
  });

  it("outlasts a connection that is gone for a while, and says so once", async () => {
    const events = recorded("succeeded");
    const { result, stderr } = follow({ looks: [events.slice(0, 3), unreachable, unreachable, events], description: succeeded });
    expect((await result).stopped).toBeUndefined();
    expect(stderr.text().match(/warning: .*ENOTFOUND; looking again/g)).toHaveLength(1);
  });

  it("ends after five minutes without a word, and leaves what it saw", async () => {
    const events = recorded("succeeded").slice(0, 7);
    const { result } = follow({ looks: [events, unreachable], description: succeeded }, { secondsALook: 60 });
    expect(await result).toMatchObject({ stopped: { name: "StackUnavailable" }, history: { states: { length: 3 } } });
  });

  it("waits a moment for an execution that AWS does not know yet, and no longer", async () => {
    const unknown = new HoldfastError("ExecutionNotFound", "cannot read it: Execution Does Not Exist");
    const soon = follow({ looks: [unknown, recorded("succeeded")], description: succeeded });
    expect((await soon.result).stopped).toBeUndefined();
    const never = follow({ looks: [unknown], description: succeeded });
    expect((await never.result).stopped).toBe(unknown);
  });

  it("ends at once when rights are lost", async () => {
    const denied = new HoldfastError("StackAccessDenied", "cannot read it: expired");
    expect((await follow({ looks: [denied], description: succeeded }).result).stopped).toBe(denied);
  });

  it("counts a Map's children when the state is left, and does without where it may not", async () => {
    const events = recorded("mapped");
    const startedAt = events[1]?.timestamp ?? new Date(0);
    const maps = [{ startedAt, total: 42, succeeded: 40, failed: 2, running: 0, pending: 0 }];
    const counted = follow({ looks: [events], description: succeeded, maps });
    expect(describeExecution(counted.terminal, parseExecutionArn(arn), await counted.result).document).toMatchObject({
      states: [{ name: "VerifyEach", items: { total: 42, succeeded: 40, failed: 2 } }, {}],
    });
    expect(counted.stderr.text()).toMatch(/VerifyEach {2,}42 of 42 done, 2 failed\n/);
    const denied = new HoldfastError("StackAccessDenied", "cannot count: no");
    const uncounted = follow({ looks: [events, events], description: succeeded, maps: denied });
    expect((await uncounted.result).stopped).toBeUndefined();
    expect(uncounted.stderr.text().match(/warning: cannot count/g)).toHaveLength(1);
  });

  it("redraws the state that runs on a terminal, and removes it at the end", async () => {
    const events = recorded("succeeded");
    const { result, stderr } = follow({ looks: [events.slice(0, 6), events], description: succeeded }, { isTTY: true });
    await result;
    expect(stderr.text()).toContain("DumpSlowly  22 s");
    expect(stderr.text().endsWith("\n")).toBe(true);
  });
});

describe("what it came to", () => {
  async function outcomeOf(script: Script, options = {}) {
    const { result, terminal } = follow(script, options);
    return describeExecution(terminal, parseExecutionArn(arn), await result);
  }

  it("is, of a success, the output with its figures in words", async () => {
    const { lines, exitCode, document } = await outcomeOf({ looks: [recorded("succeeded")], description: succeeded });
    expect(lines.join("\n")).toBe(
      "backup of shop succeeded in 2.2 s\n  source       shop\n  storedBytes  52.4 MB\n  durationMs   12 s\n  rtoSeconds   1 min 30 s\n  rows         120,000\n  rtoMet       true",
    );
    expect(exitCode).toBe(0);
    expect(document).toMatchObject({
      arn,
      status: "SUCCEEDED",
      durationMs: 2184,
      output: { rows: 120_000 },
      stack: "holdfast-prod",
    });
  });

  it("is exit code 1 when a restore test proved the backup and missed its time", async () => {
    const description = { ...succeeded, output: '{"outcome":"proven","rtoMet":false}' };
    expect((await outcomeOf({ looks: [recorded("succeeded")], description })).exitCode).toBe(1);
  });

  it("is, of a failure, the state, the error of the catalogue with its hint, and what is typed next", async () => {
    const { startedAt: _startedAt, ...rest } = succeeded;
    const { error, exitCode, document } = await outcomeOf({
      looks: [recorded("retried")],
      description: { ...rest, status: "FAILED", error: "SourceUnreachable" },
    });
    expect(error).toMatchObject({
      name: "SourceUnreachable",
      code: "HF110",
      message: 'backup of shop failed in the state Dump: cannot connect to database "shop" on db.internal:5432',
      details: [`execution  ${arn}`, "next       holdfast --stack holdfast-prod check shop"],
      hint: expect.stringContaining("Check that the source runs"),
    });
    expect(exitCode).toBe(1);
    expect(document).toMatchObject({ status: "FAILED", failedState: "Dump", output: null });
  });

  it.each([
    ["BackupDamaged", 4],
    ["SourceNotFound", 3],
    ["LeaseHeld", 5],
    ["UsageInvalid", 2],
    ["States.Runtime", 1],
    ["toString", 1],
  ])("is, of %s, exit code %i", async (name, exitCode) => {
    const events = recorded("retried").map((event) =>
      event.executionFailedEventDetails === undefined
        ? event
        : { ...event, executionFailedEventDetails: { error: name, cause: "x" } },
    );
    const outcome = await outcomeOf({ looks: [events], description: { ...succeeded, status: "FAILED" } });
    expect([outcome.exitCode, outcome.error?.exitCode]).toEqual([exitCode, exitCode]);
  });

  it("is, of a verification that found damage, exit code 4, and the list that shows which", async () => {
    const events = recorded("retried").map((event) =>
      event.executionFailedEventDetails === undefined
        ? event
        : { ...event, executionFailedEventDetails: { error: "BackupDamaged", cause: "alerted: 1 of 3 backups did not verify" } },
    );
    const { result, terminal } = follow({ looks: [events], description: { ...succeeded, status: "FAILED", input: "{}" } });
    const place = parseExecutionArn(arn.replace("holdfast-prod-backup", "holdfast-prod-verify"));
    const { error, exitCode } = describeExecution(terminal, place, await result);
    expect(exitCode).toBe(4);
    expect(error?.message).toContain("1 of 3 backups did not verify");
    expect(error?.details.at(-1)).toBe("next       holdfast --stack holdfast-prod list");
    expect(error?.hint).toContain("each of them has alerted");
  });

  it.each([
    ["VerificationIncomplete", "list shop"],
    ["FleetIncomplete", "status shop"],
    ["States.Timeout", "backup shop"],
  ])("is, of %s, to be looked into with %s", async (name, command) => {
    const events = recorded("retried").map((event) =>
      event.executionFailedEventDetails === undefined
        ? event
        : { ...event, executionFailedEventDetails: { error: name, cause: "x" } },
    );
    const { error } = await outcomeOf({ looks: [events], description: { ...succeeded, status: "FAILED" } });
    expect(error?.details.at(-1)).toBe(`next       holdfast --stack holdfast-prod ${command}`);
    expect(error).toMatchObject({ name: "ExecutionFailed", message: `backup of shop failed in the state Dump: ${name}: x` });
  });

  it("is, of a machine that ran out of its time, a failure in the state that took it", async () => {
    const events: HistoryEvent[] = [
      ...recorded("stopped").slice(0, -1),
      { id: 99, type: "ExecutionTimedOut", timestamp: new Date("2026-11-21T06:36:00Z") },
    ];
    const { error } = await outcomeOf({ looks: [events], description: { ...succeeded, status: "TIMED_OUT" } });
    expect(error).toMatchObject({
      name: "ExecutionFailed",
      exitCode: 1,
      message: "backup of shop timed out in the state DumpForever: it did not end within its time",
    });
  });

  it("is, of an execution that somebody stopped, that and their words", async () => {
    const { error } = await outcomeOf({ looks: [recorded("stopped")], description: { ...succeeded, status: "ABORTED" } });
    expect(error).toMatchObject({
      name: "ExecutionFailed",
      message: "backup of shop was stopped in the state DumpForever: the source is moving",
      hint: expect.stringContaining("Start it again"),
    });
  });

  it("is, of an interrupted following, that the execution goes on, and how to follow or stop it", async () => {
    const interruption = new AbortController();
    const events = recorded("succeeded").slice(0, 6);
    const { result, terminal } = follow({ looks: [events], description: { status: "RUNNING" } }, { signal: interruption.signal });
    setTimeout(() => interruption.abort(new HoldfastError("Interrupted", "the operation was interrupted by SIGINT")), 20);
    const { error, exitCode, document } = describeExecution(terminal, parseExecutionArn(arn), await result);
    expect(error).toMatchObject({
      name: "Interrupted",
      message: "the operation was interrupted by SIGINT; backup-shop-by-hand-20261121T061300Z goes on without being followed",
      details: [
        `follow it again  holdfast follow ${arn}`,
        `stop it          aws stepfunctions stop-execution --execution-arn ${arn}`,
      ],
    });
    expect(exitCode).toBe(130);
    expect(document).toMatchObject({
      arn,
      status: "RUNNING",
      output: null,
      states: [{}, {}, { name: "DumpSlowly", outcome: "running" }],
    });
  });
});
