import aslValidator from "asl-validator";
import fc from "fast-check";
import jsonata from "jsonata";
import { describe, expect, it } from "vitest";
import { catalogue, type ErrorName } from "../../src/errors/catalogue.ts";
import { stackTargetPattern } from "../../src/policy/stack-target.ts";
import { hostileTargets } from "../functions/hostile-targets.ts";
import { allStates, machineNames, networks, type Retrier, readMachine, type State, targetOf, tasksOf } from "./machines.ts";

/**
 * Names that AWS gives; documentation: Step Functions "Error names", Lambda and Amazon ECS
 * integrations.
 */
const awsNames = new Set([
  "States.ALL",
  "States.Timeout",
  "States.HeartbeatTimeout",
  "States.ItemReaderFailed",
  "Lambda.ClientExecutionTimeoutException",
  "Lambda.ServiceException",
  "Lambda.AWSLambdaException",
  "Lambda.SdkClientException",
  "Lambda.TooManyRequestsException",
  ...["CodeArtifactUserPending", "EC2Throttled", "EC2Unexpected", "ENILimitReached"].map((name) => `Lambda.${name}Exception`),
  ...["ResourceConflict", "ResourceNotReady", "SubnetIPAddressLimitReached"].map((name) => `Lambda.${name}Exception`),
  "Lambda.Unknown",
  "Runtime.ExitError",
  "Runtime.OutOfMemory",
  "Sandbox.Timedout",
  "AmazonECS.Unknown",
  ...["AmazonECS", "Client", "LimitExceeded", "Server", "Throttling"].map((name) => `ECS.${name}Exception`),
  "StepFunctions.AWSStepFunctionsException",
  "StepFunctions.SdkClientException",
]);

/** What a Lambda ends with that is too small for its work; AWS has several names for one cause. */
const outgrown = [
  "DeadlineReached",
  "DiskFull",
  "Lambda.Unknown",
  "Runtime.ExitError",
  "Runtime.OutOfMemory",
  "Sandbox.Timedout",
  "States.Timeout",
];

/** A lease lasts 600 s (src/pipeline/runs/source-lease.ts) and a minute of clock skew. */
const leaseSeconds = 660;

const names = Object.keys(catalogue) as ErrorName[];
/**
 * No step of the pipeline sends alerts but `notify`, which retries whatever happens; and none calls
 * the stack from outside, as --stack does.
 */
const ofNoStep: readonly string[] = ["AlertUndelivered", "StackUnavailable"];
const retryable = names.filter((name) => catalogue[name].retryable && !ofNoStep.includes(name));

describe("every state machine", () => {
  it.each(machineNames)("%s is valid Amazon States Language", (name) => {
    const { isValid, errorsText } = aslValidator(readMachine(name));
    expect(isValid, isValid ? "" : errorsText()).toBe(true);
  });

  it.each(machineNames)(
    "%s names what its expressions are about: no bare $, which Step Functions takes within some parts alone",
    (name) => {
      const bare = /"\{%[^"]*\$(?!\w)[^"]*%\}"/;
      // The end of a regular expression is no variable.
      const expressions = JSON.stringify(readMachine(name)).replaceAll("$/)", ")");
      expect(expressions).not.toMatch(bare);
    },
  );

  it.each(machineNames)("%s matches only errors that exist", (name) => {
    for (const [task, state] of tasksOf(readMachine(name))) {
      for (const error of [...(state.Retry ?? []), ...(state.Catch ?? [])].flatMap(({ ErrorEquals }) => ErrorEquals)) {
        expect(Object.hasOwn(catalogue, error) || awsNames.has(error), `${task}: ${error}`).toBe(true);
      }
    }
  });

  it.each(machineNames)("%s retries each retryable error of the catalogue in every Task that runs a step, and no other", (name) => {
    for (const [task, state] of tasksOf(readMachine(name))) {
      const target = targetOf(state);
      if (target === "notify" || target.startsWith("machine:")) continue;
      const retried = (state.Retry ?? [])
        .flatMap(({ ErrorEquals }) => ErrorEquals)
        .filter((error) => Object.hasOwn(catalogue, error));
      // Pruning goes on where its last try stopped.
      const own = target === "prune" ? ["DeadlineReached"] : [];
      expect(retried.toSorted(), task).toEqual([...retryable, ...own].toSorted());
    }
  });

  it.each(machineNames)("%s waits some minutes for a function that Lambda has to make ready again", (name) => {
    const pending = ["CodeArtifactUserPending", "ResourceConflict", "ResourceNotReady", "EC2Throttled", "EC2Unexpected"];
    for (const [task, state] of tasksOf(readMachine(name))) {
      // An alert is tried again whatever is in its way.
      if (state.Resource?.endsWith(":lambda:invoke") !== true || targetOf(state) === "notify") continue;
      for (const error of pending.map((each) => `Lambda.${each}Exception`)) {
        const retrier = (state.Retry ?? []).find(({ ErrorEquals }) => ErrorEquals.includes(error));
        expect(longestWait(retrier), `${task}: ${error}`).toBeGreaterThan(300);
        expect(longestWait(retrier), `${task}: ${error}`).toBeLessThan(900);
      }
    }
  });

  it.each(machineNames)("%s waits for Fargate for as long as nine others take, one by one, in an account of 6 vCPUs", (name) => {
    for (const [task, state] of tasksOf(readMachine(name))) {
      if (state.Resource?.includes("ecs:runTask") !== true) continue;
      for (const error of [
        "AmazonECS.Unknown",
        "ECS.AmazonECSException",
        "ECS.LimitExceededException",
        "ECS.ThrottlingException",
      ]) {
        const retrier = (state.Retry ?? []).find(({ ErrorEquals }) => ErrorEquals.includes(error));
        // Full jitter: half of it, on average.
        expect(longestWait(retrier) / 2, `${task}: ${error}`).toBeGreaterThan(9 * 3_600);
      }
    }
  });

  it.each(machineNames)("%s names no error twice in one Task's retries, where the second would never be met", (name) => {
    for (const [task, state] of tasksOf(readMachine(name))) {
      const retried = (state.Retry ?? []).flatMap(({ ErrorEquals }) => ErrorEquals);
      expect(new Set(retried).size, task).toBe(retried.length);
    }
  });

  it.each(machineNames)("%s never comes back to a state that it has left, but for Retry: it ends", (name) => {
    const machine = readMachine(name);
    for (const [, , within] of allStates(machine)) {
      const visit = (state: string, path: readonly string[]): void => {
        expect(path, name).not.toContain(state);
        for (const next of nextOf(within.States[state])) visit(next, [...path, state]);
      };
      visit(within.StartAt, []);
    }
  });

  it.each(machineNames)("%s runs code of a backup in a network without a way out, and nothing else there", (name) => {
    for (const [state, task] of tasksOf(readMachine(name))) {
      const { NetworkConfiguration } = (task.Arguments ?? {}) as { NetworkConfiguration?: { AwsvpcConfiguration: unknown } };
      if (NetworkConfiguration === undefined) continue;
      const expected = targetOf(task) === "fargate:prove" ? networks.provingNetwork : networks.network;
      expect(NetworkConfiguration.AwsvpcConfiguration, state).toEqual(expected);
    }
  });

  it.each(machineNames)("%s goes on in Fargate, without a further try, where a Lambda ran out of time, memory or disk", (name) => {
    for (const [task, state, { States }] of tasksOf(readMachine(name))) {
      if (!Object.hasOwn(States, `${task}OnFargate`)) continue;
      const retried = (state.Retry ?? []).flatMap(({ ErrorEquals }) => ErrorEquals);
      for (const error of outgrown) {
        expect(retried, task).not.toContain(error);
        expect(state.Catch?.find(({ ErrorEquals }) => ErrorEquals.includes(error))?.Next, `${task}: ${error}`).toBe(
          `${task}OnFargate`,
        );
      }
      expect(targetOf(States[`${task}OnFargate`] as State)).toBe(`fargate:${targetOf(state)}`);
    }
  });

  it("waits in backup for another run of the source until the lease of one that died has expired", () => {
    for (const [task, state] of tasksOf(readMachine("backup"))) {
      // Neither telling people nor recording what was found takes a lease.
      if (["notify", "record"].includes(targetOf(state))) continue;
      const delays = delaysOf(state.Retry?.find(({ ErrorEquals }) => ErrorEquals.includes("LeaseHeld")));
      // Jitter takes half of each away, on average.
      expect(
        delays.reduce((sum, delay) => sum + delay / 2, 0),
        task,
      ).toBeGreaterThan(leaseSeconds);
    }
  });
});

/** The longest pauses of a retrier, one after the other; of none, those that the language gives. */
function delaysOf(retrier: Partial<Retrier> = {}): number[] {
  const { IntervalSeconds = 1, MaxAttempts = 3, BackoffRate = 2, MaxDelaySeconds = Number.POSITIVE_INFINITY } = retrier;
  return Array.from({ length: MaxAttempts }, (_, index) => Math.min(IntervalSeconds * BackoffRate ** index, MaxDelaySeconds));
}

const longestWait = (retrier: Retrier | undefined): number =>
  retrier === undefined ? 0 : delaysOf(retrier).reduce((sum, delay) => sum + delay, 0);

function nextOf(state: State | undefined): string[] {
  const places = [
    state?.Next,
    state?.Default,
    ...(state?.Choices ?? []).map(({ Next }) => Next),
    ...(state?.Catch ?? []).map(({ Next }) => Next),
  ];
  return places.filter((place) => place !== undefined);
}

describe("the restore machine", () => {
  const machine = readMachine("restore");
  const [choice] = machine.States["CheckTarget"]?.Choices ?? [];
  const condition = jsonata((choice?.Condition ?? "").replace(/^\{%|%\}$/g, ""));
  const goesOn = async (to: unknown): Promise<boolean> => {
    condition.assign("states", { input: { to } });
    return (await condition.evaluate({})) === true;
  };

  it.each([...hostileTargets, ["shop"], { shop: 1 }, undefined])("starts nothing for the target %j", async (to) => {
    expect(await goesOn(to)).toBe(false);
    expect(machine.States["CheckTarget"]?.Default).toBe("RefuseTarget");
    expect(machine.States["RefuseTarget"]?.Next).toBe("Alert");
  });

  it("lets through what the function lets through, and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: "binary", maxLength: 70 }),
          fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,64}$/),
          fc.webUrl().map((url) => url.replace("http", "postgresql")),
        ),
        async (to) => {
          expect(await goesOn(to)).toBe(stackTargetPattern.test(to));
        },
      ),
      { numRuns: 500, seed: 20261128 },
    );
    for (const to of ["shop_restored", "standby-2", "Shop.2026-11-28", "_x"]) expect(await goesOn(to)).toBe(true);
  });

  it("looks at the target before it does anything", () => {
    expect(machine.StartAt).toBe("Begin");
    expect(machine.States["Begin"]?.Next).toBe("CheckTarget");
  });
});
