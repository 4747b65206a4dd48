/**
 * Every way through every machine: all goes well, each Task ending with each error that its Retry
 * or Catch names and with one that nobody named, for good and once.
 */
import {
  fargateFaults,
  fargateFull,
  functionPending,
  lambdaFaults,
  lambdaThrottled,
  retryableErrors,
  startFaults,
  tooLargeForLambda,
} from "../../statemachines/fragments/errors.ts";
import { type Machine, machineNames, readEvent, readMachine, type State, tasksOf } from "./machines.ts";

/** What a Task gives: a result, or an error. */
export type Outcome = { readonly gives: unknown } | { readonly error: string; readonly cause: string };

export interface Path {
  readonly machine: string;
  /** The Task that this is about; absent: all goes well. */
  readonly state?: string;
  /** What happens there, in words for the table. */
  readonly what: string;
  readonly error?: string;
  readonly input: unknown;
  readonly items: readonly unknown[];
  /** By the Task's name, in the order of the calls; the last stands for all that follow. */
  readonly answers: Readonly<Record<string, readonly Outcome[]>>;
}

type Answers = Path["answers"];

/** These have a retrier of their own somewhere. */
const alone = ["DeadlineReached", "LeaseHeld"];
const others = (errors: readonly string[]) => errors.filter((error) => !alone.includes(error));

/** Errors that are alike for the machines, by what they are called in the table. */
const families: Readonly<Record<string, readonly string[]>> = {
  "a passing fault of Lambda": lambdaFaults,
  throttled: lambdaThrottled,
  "the function is pending": functionPending,
  "Fargate is full": fargateFull,
  "a fault of Fargate": fargateFaults,
  "the machine cannot be started": startFaults,
  "the deadline": ["DeadlineReached"],
  "too large for a Lambda": others(tooLargeForLambda),
  "the lease is held": ["LeaseHeld"],
  "another retryable error": others(retryableErrors),
  "nobody answers in time": ["States.Timeout"],
  "any other error": ["SomethingNobodyNamed", "States.Permissions"],
};

const proven = { gives: readEvent("results", "prove") };
const restoring = { gives: readEvent("results", "prove-restoring") };
const listed = { gives: { ...readEvent("results", "due"), count: 2 } };
const damaged: Outcome = { error: "BackupDamaged", cause: "rows are gone" };
const refused: Outcome = { error: "SomethingNobodyNamed", cause: "no" };
const planned = (sample: string, runner: "lambda" | "fargate"): Outcome => ({
  gives: { ...readEvent("results", sample), runner },
});

const occupied: Outcome = {
  gives: readEvent("results", "preflight-occupied"),
};

/** What every Task gives when all goes well. */
const well: Readonly<Record<string, Readonly<Record<string, Outcome>>>> = {
  backup: {
    Plan: planned("plan", "lambda"),
    Dump: { gives: readEvent("results", "dump") },
    DumpOnFargate: { gives: readEvent("results", "dump") },
    Verify: proven,
    VerifyOnFargate: proven,
    Prune: { gives: readEvent("results", "prune") },
  },
  "restore-test": { Plan: planned("plan-restore-test", "lambda"), RestoreTest: restoring, RestoreTestOnFargate: restoring },
  restore: {
    Plan: planned("plan-restore", "lambda"),
    Preflight: { gives: readEvent("results", "preflight") },
    RecordRequest: { gives: readEvent("results", "record-request") },
    WaitForAnswer: { gives: { answered: "3f".repeat(32) } },
    RecordAnswer: { gives: readEvent("results", "record-answer") },
    SafetyBackup: { gives: readEvent("results", "safeguard") },
    SafetyBackupOnFargate: { gives: readEvent("results", "safeguard") },
    Restore: { gives: readEvent("results", "restore") },
    RestoreOnFargate: { gives: readEvent("results", "restore") },
  },
  verify: { ListDue: listed, Verify: proven, VerifyOnFargate: proven },
  fleet: { ListSources: listed, Backup: { gives: { done: true } }, RestoreTest: { gives: { done: true } } },
};

/** How a Task is reached that is not on the way when all goes well. */
const ways: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Outcome>>>>>> = {
  backup: {
    DumpOnFargate: { Plan: planned("plan", "fargate") },
    VerifyOnFargate: { Plan: planned("plan", "fargate") },
    RecordFailure: { Verify: damaged },
    Alert: { Plan: refused },
  },
  "restore-test": {
    RestoreTestOnFargate: { Plan: planned("plan-restore-test", "fargate") },
    RecordFailure: { RestoreTest: damaged },
    AlertTime: { RestoreTest: { gives: { ...readEvent("results", "prove-restoring"), rtoMet: false } } },
    Alert: { Plan: refused },
  },
  restore: {
    RestoreOnFargate: { Plan: planned("plan-restore", "fargate") },
    RecordFailure: { Restore: damaged },
    ...Object.fromEntries(
      ["RecordRequest", "WaitForAnswer", "RecordAnswer", "SafetyBackup", "RecordSafety"].map((state) => [
        state,
        { Preflight: occupied },
      ]),
    ),
    SafetyBackupOnFargate: { Preflight: occupied, Plan: planned("plan-restore", "fargate") },
    Alert: { Plan: refused },
  },
  verify: {
    VerifyOnFargate: { Verify: { error: "DeadlineReached", cause: "14 minutes" } },
    RecordOneFailure: { Verify: damaged },
    AlertOne: { Verify: damaged },
    Alert: { ListDue: refused },
  },
  fleet: { Alert: { ListSources: refused } },
};

const items: Readonly<Record<string, readonly unknown[]>> = {
  verify: ["a", "b"].map((suffix) => ({
    event: { step: "verify", source: "taskmaster", backupId: `20261121T020000Z-full-7k3f9${suffix}` },
    proveFunction: "holdfast-dev-prove-taskmaster",
    proveRole: "arn:aws:iam::123456789012:role/holdfast-dev/eu-central-1/prove/prove-taskmaster",
  })),
  fleet: ["backup", "restore-test"].map((what) => ({ source: "taskmaster", kind: "full", what })),
};

const tasks = new Map(machineNames.map((name) => [name, tasksOf(readMachine(name))]));

function path(machine: string, about: Pick<Path, "what" | "state" | "error">, changes: Answers = {}): Path {
  const names = (tasks.get(machine) ?? []).map(([name]) => name);
  const usual = Object.fromEntries(names.map((name) => [name, [well[machine]?.[name] ?? sampleOf(name)]]));
  return {
    machine,
    ...about,
    input: readEvent("machines", machine),
    items: items[machine] ?? [],
    answers: { ...usual, ...changes },
  };
}

const sampleOf = (name: string): Outcome => ({ gives: readEvent("results", name.startsWith("Record") ? "record" : "notify") });

function wayTo(machine: string, state: string): Answers {
  return Object.fromEntries(Object.entries(ways[machine]?.[state] ?? {}).map(([name, outcome]) => [name, [outcome]]));
}

/** The ways on which no Task fails. */
function withoutErrors(machine: string): Path[] {
  const also = Object.keys(ways[machine] ?? {}).filter(
    (state) => state.endsWith("OnFargate") || ["AlertTime", "RecordRequest"].includes(state),
  );
  return [
    path(machine, { what: "all goes well" }),
    ...also.map((state) => path(machine, { state, what: "all goes well" }, wayTo(machine, state))),
  ];
}

/** Whether the error can meet this kind of Task. */
function meets(family: string, { Resource = "" }: State): boolean {
  if (family === "any other error") return true;
  const waits = Resource.endsWith("lambda:invoke.waitForTaskToken");
  if (family === "nobody answers in time") return waits;
  if (waits && family === "too large for a Lambda") return false;
  if (Resource.includes("startExecution")) return family === "the machine cannot be started";
  if (family === "the machine cannot be started") return false;
  const inContainer = ["Fargate is full", "a fault of Fargate", "the lease is held", "another retryable error"];
  if (Resource.includes("ecs:")) return inContainer.includes(family);
  return family !== "a fault of Fargate" && family !== "Fargate is full";
}

function withErrors(machine: string, [state, task]: [string, State, Machine]): Path[] {
  const way = wayTo(machine, state);
  const usual = path(machine, { what: "" }, way).answers[state] ?? [];
  return Object.entries(families)
    .filter(([family]) => meets(family, task))
    .flatMap(([family, errors]) =>
      errors.flatMap((error) => {
        const failed: Outcome = { error, cause: `"${error}"\n\\ said so` };
        return [
          path(machine, { state, what: family, error }, { ...way, [state]: [failed] }),
          path(machine, { state, what: `${family}, once`, error }, { ...way, [state]: [failed, ...usual] }),
        ];
      }),
    );
}

/** Where a Task is refused for hours: once a machine is enough, for each try is a call. */
const first = ["Plan", "ListDue", "ListSources"];
const passing = ["throttled, once", "the function is pending, once", "Fargate is full, once"];

/** One error of each family; that a further try helps is tried where it is most needed. */
export function somePaths(paths: readonly Path[]): Path[] {
  const chosen = new Map<string, Path>();
  for (const each of paths) {
    const { machine, state = "", what } = each;
    if (what.endsWith(", once") && !passing.includes(what)) continue;
    if (what === "throttled" && !first.includes(state)) continue;
    if (what === "Fargate is full" && state !== "DumpOnFargate") continue;
    const key = [machine, state, what].join();
    if (!chosen.has(key)) chosen.set(key, each);
  }
  return [...chosen.values()];
}

/** All of them, by machine and Task. */
export function allPaths(): Path[] {
  return machineNames.flatMap((machine) => [
    ...withoutErrors(machine),
    { ...path(machine, { what: "an empty input" }), input: {} },
    ...(tasks.get(machine) ?? []).flatMap((task) => withErrors(machine, task)),
  ]);
}
