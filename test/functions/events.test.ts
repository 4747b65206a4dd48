/**
 * events/: every function and every machine has an input that works, and nothing there is of
 * nobody.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Step } from "../../functions/commons/step.ts";
import { machineNames, readEvent } from "../statemachines/machines.ts";

const root = join(import.meta.dirname, "..", "..");
const namesIn = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length))
    .sort();

/** fargate.ts is no function: it serves the same steps in a container. */
const functionNames = namesIn("functions", ".ts").filter((name) => name !== "fargate");
const guide = readFileSync(join(root, "docs", "start-by-hand.md"), "utf8");

async function stepOf(name: string): Promise<Step> {
  return ((await import(`../../functions/${name}.ts`)) as { step: Step }).step;
}

describe("events/functions", () => {
  it("has one sample for each function, and no other", () => {
    expect(namesIn("events/functions", ".json")).toEqual(functionNames);
  });

  it.each(functionNames)("%s: the function takes its sample, under the name of its file", async (name) => {
    const { name: own, input } = await stepOf(name);
    expect(own).toBe(name);
    expect(input.safeParse(readEvent("functions", name)).error?.issues).toBeUndefined();
  });

  /** Their inputs are other services' own forms, which grow. */
  const ofServices = ["on-execution", "on-task", "slack"];

  it.each(functionNames.filter((name) => !ofServices.includes(name)))("%s refuses a key that it does not know", async (name) => {
    const { input } = await stepOf(name);
    expect(input.safeParse({ ...readEvent("functions", name), overwrite: true }).success).toBe(false);
  });

  it.each(functionNames)("%s has a handler", async (name) => {
    const module = (await import(`../../functions/${name}.ts`)) as { handler: unknown };
    expect(module.handler).toBeTypeOf("function");
  });

  it.each(functionNames)("%s is at most 60 lines long", (name) => {
    expect(readFileSync(join(root, "functions", `${name}.ts`), "utf8").split("\n").length).toBeLessThanOrEqual(61);
  });
});

describe("events/machines", () => {
  // That each machine runs through on its sample shows test/statemachines/runs.test.ts.
  it("has one sample for each state machine, and no other", () => {
    expect(namesIn("events/machines", ".json")).toEqual([...machineNames].sort());
  });
});

describe("docs/start-by-hand.md", () => {
  it.each(machineNames)("shows how %s is started with its sample", (name) => {
    expect(guide).toMatch(
      new RegExp(`start-execution .*stateMachine:holdfast-prod-${name}(?![\\w-]).*events/machines/${name}\\.json`),
    );
  });

  it.each(functionNames)("shows how %s is invoked with its sample", (name) => {
    const deployed = ["dump", "prove"].includes(name) ? `${name}-taskmaster` : name;
    expect(guide).toMatch(new RegExp(`--function-name holdfast-prod-${deployed}(?![\\w-]).*events/functions/${name}\\.json`));
  });

  it("names no sample that does not exist", () => {
    const named = [...guide.matchAll(/events\/(functions|machines)\/([a-z-]+)\.json/g)].map(
      ([, folder, name]) => `${folder}/${name}`,
    );
    const there = [...functionNames.map((name) => `functions/${name}`), ...machineNames.map((name) => `machines/${name}`)];
    expect(named.filter((name) => !there.includes(name))).toEqual([]);
  });
});
