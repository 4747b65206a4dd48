import { describe, expect, it } from "vitest";
import { step as due } from "../../functions/due.ts";
import { step as dump } from "../../functions/dump.ts";
import { step as notify } from "../../functions/notify.ts";
import { step as plan } from "../../functions/plan.ts";
import { step as prove } from "../../functions/prove.ts";
import { step as prune } from "../../functions/prune.ts";
import { step as record } from "../../functions/record.ts";
import { step as request } from "../../functions/request.ts";
import { step as restore } from "../../functions/restore.ts";
import { step as safeguard } from "../../functions/safeguard.ts";
import { type Answer, type Ran, runMachine, TaskError } from "./interpreter.ts";
import { machineNames, readEvent, readMachine } from "./machines.ts";

const steps = { due, dump, notify, plan, preflight: restore, prove, prune, record, request, restore, safeguard };
/** The samples of results of a step that has several, by what it was asked for. */
const results: Readonly<Record<string, string>> = {
  "plan restore-test": "plan-restore-test",
  "plan restore": "plan-restore",
  "prove restore-test": "prove-restoring",
  "record approval-requested": "record-request",
  "record approval-answered": "record-answer",
};

interface Call {
  /**
   * The function's name; of what proves a backup, what it was asked for: `verify`,
   * `fargate:restore-test`.
   */
  readonly target: string;
  /** As the machine names it. */
  readonly called: string;
  readonly payload: Record<string, unknown>;
}

/**
 * Runs a machine on its sample event; every payload must be one that the function takes, and
 * results are the samples.
 */
async function run(
  name: string,
  answers: Partial<Record<string, () => unknown>> = {},
  options: { readonly items?: readonly unknown[]; readonly input?: unknown } = {},
): Promise<Ran & { readonly calls: readonly Call[] }> {
  const calls: Call[] = [];
  const answer: Answer = (task, payload, called) => {
    const asked = String((payload as Call["payload"])["step"] ?? "");
    const target = task.replace("prove", asked);
    calls.push({ target, called, payload: payload as Call["payload"] });
    const function_ = task.replace("fargate:", "");
    if (!target.startsWith("machine:")) steps[function_ as keyof typeof steps].input.parse(payload);
    const given = answers[target];
    if (given !== undefined) return given();
    if (target === "due" && options.items !== undefined) return { ...readEvent("results", "due"), count: options.items.length };
    return target.startsWith("machine:") ? { done: true } : readEvent("results", results[`${function_} ${asked}`] ?? function_);
  };
  const input = options.input ?? readEvent("machines", name);
  return { ...(await runMachine(readMachine(name), input, answer, options.items)), calls };
}

const fail =
  (name: string, message = "no") =>
  (): never => {
    throw new TaskError(name, message);
  };
const targets = (calls: readonly Call[]): string[] => calls.map(({ target }) => target);
const items = ["a", "b", "c"].map((suffix) => ({
  event: { step: "verify", source: "taskmaster", backupId: `20261121T020000Z-full-7k3f9${suffix}` },
  proveFunction: "holdfast-dev-prove-taskmaster",
  proveRole: "arn:aws:iam::123456789012:role/holdfast-dev/eu-central-1/prove/holdfast-dev-eu-central-1-prove-taskmaster",
}));
const fleet = ["one", "two", "three"].map((source) => ({ source, kind: "full", what: "backup" }));

describe("backup", () => {
  it("plans, dumps, verifies, prunes and says what came of it", async () => {
    const { status, output, calls } = await run("backup");
    expect(targets(calls)).toEqual(["plan", "dump", "verify", "record", "prune"]);
    expect(status).toBe("SUCCEEDED");
    expect(output).toEqual({
      source: "taskmaster",
      backupId: "20261121T020000Z-full-7k3f9a",
      storedBytes: 52428800,
      outcome: "verified",
      deleted: 1,
    });
  });

  it("runs in Fargate what the plan says is too large", async () => {
    const { status, calls } = await run("backup", { plan: () => ({ ...readEvent("results", "plan"), runner: "fargate" }) });
    expect(targets(calls)).toEqual(["plan", "fargate:dump", "fargate:verify", "record", "prune"]);
    expect(status).toBe("SUCCEEDED");
  });

  it.each(["DeadlineReached", "DiskFull", "Sandbox.Timedout", "Lambda.Unknown", "Runtime.ExitError", "States.Timeout"])(
    "goes on in Fargate when a dump's Lambda ends with %s",
    async (error) => {
      const { status, calls } = await run("backup", { dump: fail(error) });
      expect(targets(calls)).toEqual(["plan", "dump", "fargate:dump", "fargate:verify", "record", "prune"]);
      expect(status).toBe("SUCCEEDED");
    },
  );

  it.each([
    ["plan", "SourceNotFound", "Plan"],
    ["dump", "SourceAccessDenied", "Dump"],
    ["verify", "BackupDamaged", "Verify"],
    ["prune", "PruneRefused", "Prune"],
  ])("alerts and fails when %s ends with %s", async (target, error, state) => {
    const { status, error: failed, cause, calls } = await run("backup", { [target]: fail(error, "that is so") });
    expect({ status, failed }).toEqual({ status: "FAILED", failed: error });
    expect(cause).toMatch(/^alerted: .*that is so/);
    expect(calls.at(-1)).toMatchObject({ target: "notify", payload: { machine: "backup", source: "taskmaster", state, error } });
  });

  it("does not prune after a log, as on one machine: it lists everything, and logs come every minute", async () => {
    const { status, output, calls } = await run("backup", {}, { input: { source: "taskmaster", kind: "log" } });
    expect(targets(calls)).toEqual(["plan", "dump", "verify", "record"]);
    expect({ status, output }).toMatchObject({ status: "SUCCEEDED", output: { outcome: "verified", deleted: 0 } });
    for (const kind of ["full", "differential", "incremental"]) {
      const other = await run("backup", {}, { input: { source: "taskmaster", kind } });
      expect(targets(other.calls).at(-1), kind).toBe("prune");
    }
  });

  it("prunes nothing after a backup that did not verify", async () => {
    expect(targets((await run("backup", { verify: fail("BackupSuspicious") })).calls)).not.toContain("prune");
  });

  it("tells of a suspicious backup by its id, which stays where it is", async () => {
    const { error, calls } = await run("backup", { verify: fail("BackupSuspicious", "far smaller than those before it") });
    expect(calls.at(-1)?.payload).toMatchObject({
      backupId: "20261121T020000Z-full-7k3f9a",
      error: "BackupSuspicious",
      state: "Verify",
    });
    expect(targets(calls)).not.toContain("prune");
    expect(error).toBe("BackupSuspicious");
  });

  it("leaves an input that names no source to the rule on failed executions", async () => {
    const { status, error, cause, calls } = await run("backup", {}, { input: { kind: "full" } });
    expect({ status, error, calls }).toEqual({ status: "FAILED", error: "QueryEvaluationError", calls: [] });
    expect(cause).not.toMatch(/^alerted/);
  });

  it("leaves an alert that cannot be sent to the rule on failed executions, by not saying that it alerted", async () => {
    const { error, cause } = await run("backup", { dump: fail("SourceUnreachable"), notify: fail("StoreUnavailable") });
    expect(error).toBe("SourceUnreachable");
    expect(cause).not.toMatch(/^alerted/);
  });
});

describe("what proves a backup", () => {
  const own = "holdfast-dev-prove-taskmaster";
  const ownRole = "arn:aws:iam::123456789012:role/holdfast-dev/eu-central-1/prove/holdfast-dev-eu-central-1-prove-taskmaster";
  const proving = (calls: readonly Call[]) => calls.filter(({ target }) => /verify|restore-test/.test(target));

  it.each(["backup", "restore-test", "verify"])(
    "is the source's own function, and a container with the source's own role (%s)",
    async (name) => {
      const step = name === "restore-test" ? "restore-test" : "verify";
      const { status, calls } = await run(name, { [step]: fail("DeadlineReached") }, { items: items.slice(0, 1) });
      expect(proving(calls).map(({ target, called }) => [target, called])).toEqual([
        [step, own],
        [`fargate:${step}`, ownRole],
      ]);
      expect(new Set(proving(calls).map(({ payload }) => JSON.stringify(payload))).size).toBe(1);
      expect(status).toBe("SUCCEEDED");
    },
  );
});

describe("what was found", () => {
  const about = {
    source: "taskmaster",
    backupId: "20261121T020000Z-full-7k3f9a",
    execution: expect.stringMatching(/^arn:aws:states:/),
  };
  const recorded = (calls: readonly Call[]) =>
    calls.filter(({ target, payload }) => target === "record" && payload["step"] !== "restore-begun").map(({ payload }) => payload);
  const steps: Readonly<Record<string, string>> = {
    backup: "verify",
    "restore-test": "restore-test",
    restore: "restore",
    verify: "verify",
  };
  /** What else is recorded of a restore, for the audit trail. */
  const askedFor = (name: string) => (name === "restore" ? { requestedBy: "ops@taskmaster.example" } : {});
  const machines = Object.keys(steps);
  const runOf = (name: string, answers = {}) => run(name, answers, { items: items.slice(0, 1) });

  it.each(machines)(
    "is recorded of the source and backup that %s was started for, whatever the proving function answers",
    async (name) => {
      const step = steps[name] ?? "";
      const lie = { ...readEvent("results", "prove-restoring"), source: "other", backupId: "20200101T000000Z-full-000000" };
      const { status, calls } = await runOf(name, { [step]: () => lie });
      expect(status).toBe("SUCCEEDED");
      expect(recorded(calls)).toEqual([{ ...about, ...askedFor(name), step, atLeast: name === "restore" ? 0 : 1 }]);
    },
  );

  it.each(machines)("is handed over and recorded under one execution: %s, in a Lambda and in a container", async (name) => {
    const step = steps[name] ?? "";
    const { calls } = await runOf(name, { [step]: fail("DeadlineReached") });
    const executions = calls
      .filter(({ target }) => [step, `fargate:${step}`, "record"].includes(target))
      .map(({ payload }) => payload["execution"]);
    expect(executions).toHaveLength(name === "restore" ? 4 : 3);
    expect(new Set(executions).size).toBe(1);
  });

  it.each(machines)("is recorded of a step that failed, before the alert: %s", async (name) => {
    const step = steps[name] ?? "";
    const { error, calls } = await runOf(name, { [step]: fail("BackupDamaged") });
    expect(targets(calls).slice(-3)).toEqual([step, "record", "notify"]);
    const ended = name === "restore" ? { error: "BackupDamaged" } : {};
    expect(recorded(calls)).toEqual([{ ...about, ...askedFor(name), ...ended, step, atLeast: 0 }]);
    expect(error).toBe("BackupDamaged");
  });

  it.each(machines)("may be impossible to record: the failure of %s is told all the same", async (name) => {
    const { error, calls } = await runOf(name, { [steps[name] ?? ""]: fail("BackupDamaged"), record: fail("StoreUnavailable") });
    expect(calls.at(-1)).toMatchObject({
      target: "notify",
      payload: { ...about, execution: expect.anything(), error: "BackupDamaged" },
    });
    expect(error).toBe("BackupDamaged");
  });

  it("and cannot be recorded is told, and nothing is pruned on it", async () => {
    for (const name of ["backup", "restore-test", "verify"]) {
      const { status, calls } = await runOf(name, { record: fail("StoreUnavailable") });
      expect(status).toBe("FAILED");
      expect(calls.at(-1)).toMatchObject({ target: "notify", payload: { state: "Record", error: "StoreUnavailable" } });
      expect(targets(calls)).not.toContain("prune");
    }
  });

  it("on the way of a restore and cannot be recorded leaves the restore as done as it is", async () => {
    const { status, calls } = await run("restore", { record: fail("StoreUnavailable") });
    expect(status).toBe("SUCCEEDED");
    expect(calls.at(-1)).toMatchObject({ target: "notify", payload: { error: "RestoreDone" } });
  });
});

describe("a failure's cause", () => {
  const failWith = (cause: string | null) => (): never => {
    throw new TaskError("Lambda.Unknown", "", cause);
  };
  const first: Readonly<Record<string, string>> = {
    backup: "plan",
    "restore-test": "plan",
    restore: "plan",
    verify: "due",
    fleet: "due",
  };

  it.each(machineNames)("may be absent: %s alerts and fails all the same", async (name) => {
    const { status, error, cause, calls } = await run(name, { [first[name] ?? ""]: failWith(null) });
    expect(calls.at(-1)).toMatchObject({ target: "notify", payload: { error: "Lambda.Unknown", cause: "" } });
    expect({ status, error, cause }).toEqual({ status: "FAILED", error: "Lambda.Unknown", cause: "alerted: " });
  });

  it.each(machineNames)("may be as long as AWS lets it: what %s ends with is not longer", async (name) => {
    const { cause, calls } = await run(name, { [first[name] ?? ""]: failWith("x".repeat(32_768)) });
    expect(String(calls.at(-1)?.payload["cause"]).length).toBe(32_000);
    expect(cause?.length).toBeLessThanOrEqual(32_768);
  });

  it("may be absent or long for one backup of many", async () => {
    for (const [cause, length] of [
      [null, 0],
      ["x".repeat(32_768), 32_000],
    ] as const) {
      const { error, calls } = await run(
        "verify",
        {
          verify: () => {
            throw new TaskError("BackupDamaged", "", cause);
          },
        },
        { items: items.slice(0, 1) },
      );
      expect(String(calls.at(-1)?.payload["cause"]).length).toBe(length);
      expect(error).toBe("BackupDamaged");
    }
  });
});

describe("restore-test", () => {
  it("tests the newest backup when none is named", async () => {
    const { status, calls } = await run("restore-test");
    expect(calls[0]?.payload).toEqual({ step: "restore-test", source: "taskmaster", backup: "latest" });
    expect(targets(calls)).toEqual(["plan", "restore-test", "record"]);
    expect(status).toBe("SUCCEEDED");
  });

  it("alerts of a restore that took longer than promised, and succeeds all the same", async () => {
    const slow = { ...readEvent("results", "prove-restoring"), rtoMet: false, restoreSeconds: 20_000 };
    const { status, calls } = await run("restore-test", { "restore-test": () => slow });
    expect(calls.at(-1)?.payload).toMatchObject({ error: "RtoMissed", cause: "20000 s measured, 14400 s promised" });
    expect(status).toBe("SUCCEEDED");
  });

  it("alerts and fails when the backup does not restore", async () => {
    const { error, calls } = await run("restore-test", { "restore-test": fail("BackupDamaged") });
    expect(error).toBe("BackupDamaged");
    expect(targets(calls).at(-1)).toBe("notify");
  });
});

describe("restore", () => {
  it("restores to a new place and tells the people", async () => {
    const { status, calls } = await run("restore");
    expect(targets(calls)).toEqual(["plan", "preflight", "record", "notify", "restore", "record", "notify"]);
    expect(calls[1]?.payload).toMatchObject({ to: "taskmaster_restored", options: {}, only: "preflight" });
    expect(calls[2]?.payload).toMatchObject({
      step: "restore-begun",
      to: "taskmaster_restored",
      requestedBy: "ops@taskmaster.example",
    });
    expect(calls[3]?.payload).toMatchObject({ error: "RestoreStarted", cause: "asked for by ops@taskmaster.example" });
    expect(calls[4]?.payload).toMatchObject({ options: {} });
    expect(calls.at(-1)?.payload).toMatchObject({
      error: "RestoreDone",
      backupId: "20261121T020000Z-full-7k3f9a",
      cause: "asked for by ops@taskmaster.example",
    });
    expect(status).toBe("SUCCEEDED");
  });

  it("says in its output what was looked at before anything was touched", async () => {
    const { checks } = readEvent("results", "preflight");
    expect(await run("restore")).toMatchObject({ output: { target: "taskmaster_restored", checks } });
  });

  it("begins nothing, and tells nobody that it did, where a check of the target fails", async () => {
    const { error, calls } = await run("restore", { preflight: fail("RestoreRefused", "3 checks failed") });
    expect(targets(calls)).toEqual(["plan", "preflight", "notify"]);
    expect(calls.at(-1)?.payload).toMatchObject({ state: "Preflight", error: "RestoreRefused" });
    expect(error).toBe("RestoreRefused");
  });

  it("is not held up by an audit trail that takes no entry", async () => {
    expect(await run("restore", { record: fail("StoreUnavailable") })).toMatchObject({ status: "SUCCEEDED" });
  });

  it("goes on in Fargate with the same target", async () => {
    const { calls } = await run("restore", { restore: fail("DeadlineReached") });
    expect(calls[5]).toMatchObject({ target: "fargate:restore", payload: { to: "taskmaster_restored" } });
  });

  it("is not held up by a message that cannot be sent, and passes its options on", async () => {
    let told = 0;
    const notify = () => {
      told += 1;
      if (told === 1) throw new TaskError("AlertUndelivered", "", "nobody there");
      return {};
    };
    const options = { role: "owner", noPrivileges: true };
    const { status, calls } = await run("restore", { notify }, { input: { ...readEvent("machines", "restore"), options } });
    expect(calls.find(({ target }) => target === "restore")?.payload).toMatchObject({ options });
    expect(status).toBe("SUCCEEDED");
  });
});

describe("verify", () => {
  it("reads back everything that is due", async () => {
    const { output, calls } = await run("verify", {}, { items });
    expect(targets(calls)).toEqual(["due", "verify", "record", "verify", "record", "verify", "record"]);
    expect(output).toEqual({ checked: 3, failed: 0 });
  });

  it("takes an empty input for all sources", async () => {
    const { status, calls } = await run("verify", {}, { items, input: {} });
    expect(calls[0]?.payload).toMatchObject({ sources: [], olderThanHours: 20 });
    expect(status).toBe("SUCCEEDED");
  });

  it("is done when nothing is due", async () => {
    const { output, calls } = await run("verify", { due: () => ({ ...readEvent("results", "due"), count: 0 }) });
    expect(targets(calls)).toEqual(["due"]);
    expect(output).toEqual({ checked: 0, failed: 0 });
  });

  it("alerts of each backup that does not verify, reads the others, and fails in the end", async () => {
    let count = 0;
    const second = () => (++count === 2 ? fail("BackupDamaged", "rows are gone")() : readEvent("results", "prove"));
    const { status, error, cause, calls } = await run("verify", { verify: second }, { items });
    expect(targets(calls)).toEqual(["due", "verify", "record", "verify", "record", "notify", "verify", "record"]);
    expect(calls[5]?.payload).toMatchObject({ source: "taskmaster", backupId: items[1]?.event.backupId, error: "BackupDamaged" });
    expect({ status, error }).toEqual({ status: "FAILED", error: "BackupDamaged" });
    expect(cause).toBe("alerted: 1 of 3 backups did not verify");
  });

  it("leaves failures that could not be told to the rule on failed executions, by not saying that it alerted", async () => {
    for (const [name, error] of [
      ["BackupDamaged", "BackupDamaged"],
      ["KeyUnavailable", "VerificationIncomplete"],
    ] as const) {
      const ran = await run("verify", { verify: fail(name), notify: fail("StoreUnavailable") }, { items });
      expect([ran.status, ran.error, ran.cause]).toEqual(["FAILED", error, "3 of 3 backups did not verify; not alerted: 3"]);
    }
  });

  it("says that it alerted only when all were told", async () => {
    let alerts = 0;
    const notify = () => (++alerts === 1 ? fail("StoreUnavailable")() : readEvent("results", "notify"));
    const { cause } = await run("verify", { verify: fail("BackupDamaged"), notify }, { items });
    expect(cause).toBe("3 of 3 backups did not verify; not alerted: 1");
  });

  it("does not call damaged what could not be read", async () => {
    let count = 0;
    const second = () => (++count === 2 ? fail("KeyUnavailable")() : readEvent("results", "prove"));
    const { error } = await run("verify", { verify: second }, { items });
    expect(error).toBe("VerificationIncomplete");
  });

  it("reads in Fargate what is too large for a Lambda", async () => {
    const { output, calls } = await run("verify", { verify: fail("DeadlineReached") }, { items: items.slice(0, 1) });
    expect(targets(calls)).toEqual(["due", "verify", "fargate:verify", "record"]);
    expect(output).toMatchObject({ failed: 0 });
  });
});

describe("verify and fleet", () => {
  it("take many sources as they take one", async () => {
    for (const name of ["verify", "fleet"]) {
      const { calls } = await run(name, {}, { items: [], input: { what: "backup", sources: ["one", "two", "three"] } });
      expect(calls[0]?.payload["sources"], name).toEqual(["one", "two", "three"]);
    }
  });

  it("count what ended without a word as failed", async () => {
    const { cause } = await run("verify", { due: () => ({ ...readEvent("results", "due"), count: 4 }) }, { items });
    expect(cause).toBe("1 of 4 backups did not verify; not alerted: 1");
  });
});

describe("fleet", () => {
  /** As Step Functions describes an execution that a machine waited for. */
  const described = (status: string, cause?: string) => (): never => {
    const own = cause === undefined ? {} : { Cause: cause, Error: "SourceUnreachable" };
    const ExecutionArn = "arn:aws:states:eu-central-1:123456789012:execution:holdfast-dev-backup:one";
    throw new TaskError("States.TaskFailed", "", JSON.stringify({ ...own, ExecutionArn, Status: status }));
  };
  const failWith = (name: string, cause: string) => (): never => {
    throw new TaskError(name, "", cause);
  };
  /** What the first of three sources ends with; the others succeed. */
  const runWith = (ending: () => unknown) => {
    let count = 0;
    return run("fleet", { "machine:BackupMachine": () => (++count === 1 ? ending() : { done: true }) }, { items: fleet });
  };

  it.each([
    ["alerted by itself", described("FAILED", "alerted: nobody answers at db:5432")],
    ["was aborted, which the rule on failed executions tells", described("ABORTED")],
    ["ran out of time, which the same rule tells", described("TIMED_OUT")],
  ])(
    "runs every source's machine, whatever fails alone, and does not alert once more of an execution that %s",
    async (_, ending) => {
      const { error, cause, calls } = await runWith(ending);
      expect(calls.filter(({ target }) => target === "machine:BackupMachine").map(({ payload }) => payload["source"])).toEqual([
        "one",
        "two",
        "three",
      ]);
      expect(targets(calls)).not.toContain("notify");
      expect({ error, cause }).toEqual({ error: "FleetIncomplete", cause: "alerted: 1 of 3 sources failed" });
    },
  );

  it.each([
    ["could not be started", failWith("StepFunctions.ExecutionLimitExceededException", "too many executions")],
    ["ran out of the fleet's time, without a word", failWith("States.Timeout", "")],
  ])("alerts of a source whose execution %s: nobody else does", async (_, ending) => {
    const { error, cause, calls } = await runWith(ending);
    expect(error).toBe("FleetIncomplete");
    expect(cause).toMatch(/^alerted: 1 of 3 sources failed/);
    expect(calls.at(-1)?.payload).toMatchObject({
      machine: "fleet",
      state: "RunEach",
      cause: "1 of 3 sources failed; not alerted before: 1",
    });
  });

  it("runs restore tests as well", async () => {
    const tests = fleet.map((member) => ({ ...member, what: "restore-test" }));
    const { output, calls } = await run("fleet", {}, { items: tests });
    expect(targets(calls)).toEqual(["due", ...tests.map(() => "machine:RestoreTestMachine")]);
    expect(output).toMatchObject({ failed: 0 });
  });
});

it("carries ids and figures only: no payload of a run is larger than 2 KB", async () => {
  for (const name of machineNames) {
    const { calls } = await run(name, {}, { items: name === "fleet" ? fleet : items });
    for (const { target, payload } of calls) expect(JSON.stringify(payload).length, `${name}: ${target}`).toBeLessThan(2048);
  }
});
