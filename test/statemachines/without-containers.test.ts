/**
 * The machines of a stack without an image: what would go on in a container ends by name, and is
 * told.
 */
import aslValidator from "asl-validator";
import { describe, expect, it } from "vitest";
import { machineNames as names } from "../../infra/machine-names.ts";
import { type Answer, runMachine, TaskError } from "./interpreter.ts";
import { allStates, readEvent, readMachineWithoutContainers } from "./machines.ts";

const told: { readonly target: string; readonly payload: Readonly<Record<string, unknown>> }[] = [];

/**
 * Everything answers as its sample; `plan` as given; the step `breaks` ends as a Lambda that is too
 * small.
 */
async function run(name: "backup" | "restore-test" | "restore", given: { readonly plan?: object; readonly breaks?: string }) {
  told.length = 0;
  const answer: Answer = (task, payload) => {
    told.push({ target: task, payload: payload as Record<string, unknown> });
    if (task === given.breaks) throw new TaskError("DeadlineReached", "no time left");
    const sample = name === "backup" || task !== "plan" ? task : `plan-${name}`;
    const result = readEvent("results", sample === "prove" && name === "restore-test" ? "prove-restoring" : sample);
    return task === "plan" ? { ...result, ...given.plan } : result;
  };
  return runMachine(readMachineWithoutContainers(name), readEvent("machines", name), answer);
}

describe("machines without containers", () => {
  it.each(names)("%s is valid, and names no container, cluster or task", (name) => {
    const machine = readMachineWithoutContainers(name);
    const { isValid, errorsText } = aslValidator(machine);
    expect(isValid, isValid ? "" : errorsText()).toBe(true);
    expect(JSON.stringify(machine)).not.toMatch(/ecs:|FARGATE|Cluster/);
    expect(allStates(machine).length).toBeGreaterThan(3);
  });

  it.each([
    ["backup", { plan: { runner: "fargate" } }, "DumpOnFargate"],
    ["backup", { breaks: "dump" }, "DumpOnFargate"],
    ["backup", { breaks: "prove" }, "VerifyOnFargate"],
    ["restore-test", { plan: { runner: "fargate" } }, "RestoreTestOnFargate"],
    ["restore-test", { breaks: "prove" }, "RestoreTestOnFargate"],
    ["restore", { plan: { runner: "fargate" } }, "RestoreOnFargate"],
    ["restore", { breaks: "restore" }, "RestoreOnFargate"],
  ] as const)("%s with %o fails as ContainersMissing, and the alert says what to add", async (name, given, state) => {
    const { status, error, cause } = await run(name, given);
    expect({ status, error }).toEqual({ status: "FAILED", error: "ContainersMissing" });
    expect(cause).toMatch(/^alerted: .*no containers, which would run it in Fargate\. .*--param=image=/);
    expect(told.at(-1)).toMatchObject({ target: "notify", payload: { machine: name, state, error: "ContainersMissing" } });
    expect(told.some(({ target }) => target.startsWith("fargate:"))).toBe(false);
  });

  it("go their usual way where a Lambda is enough", async () => {
    expect(await run("backup", {})).toMatchObject({ status: "SUCCEEDED" });
    expect(told.map(({ target }) => target)).toEqual(["plan", "dump", "prove", "record", "prune"]);
  });
});
