import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { machineNames } from "../../infra/machine-names.ts";
import { definitions } from "../../statemachines/definitions/all.ts";
import { renderMachine } from "../../statemachines/render.ts";

const directory = join(import.meta.dirname, "..", "..", "statemachines");
const machineFile = (name: string): string => readFileSync(join(directory, `${name}.asl.yaml`), "utf8");

describe("the generated machines", () => {
  it.each(machineNames)("%s is what its definition says", (name) => {
    expect(machineFile(name)).toBe(renderMachine(name, definitions[name]));
  });

  it("are all there, and nothing else is", () => {
    const files = readdirSync(directory).filter((file) => file.endsWith(".yaml"));
    expect(files.toSorted()).toEqual(machineNames.map((name) => `${name}.asl.yaml`).toSorted());
  });

  it.each(machineNames)("%s stands for itself: no alias of YAML, so that a reader sees each state as it is deployed", (name) => {
    expect(() => parse(machineFile(name), { maxAliasCount: 0 })).not.toThrow();
  });
});
