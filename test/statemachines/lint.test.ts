import { describe, expect, it } from "vitest";
import { lintMachine } from "./lint.ts";
import { type Machine, machineNames, readMachine, tasksOf } from "./machines.ts";

describe("every state machine", () => {
  it.each(machineNames)(
    "%s: each Task has a timeout, retries with backoff and jitter, and a Catch that ends in an alert",
    (name) => {
      expect(lintMachine(readMachine(name))).toEqual([]);
    },
  );
});

describe("the lint itself", () => {
  type Writable = { -readonly [K in keyof NonNullable<Machine["States"][string]>]?: NonNullable<Machine["States"][string]>[K] };
  const damage: Readonly<Record<string, (task: Writable) => void>> = {
    "no TimeoutSeconds": (task) => delete task.TimeoutSeconds,
    "no Retry": (task) => delete task.Retry,
    "no Catch of everything": (task) => delete task.Catch,
    "no jitter": (task) => {
      task.Retry = (task.Retry ?? []).map(({ JitterStrategy: _jitter, ...rest }) => rest);
    },
    "no backoff": (task) => {
      task.Retry = (task.Retry ?? []).map((retrier) => ({ ...retrier, BackoffRate: 1 }));
    },
    "does not end in an alert": (task) => {
      task.Catch = [{ ErrorEquals: ["States.ALL"], Next: "Nowhere" }];
    },
  };

  it.each(Object.entries(damage))("finds %s in any Task of any machine", (problem, spoil) => {
    for (const name of machineNames) {
      for (const [index, [task]] of tasksOf(readMachine(name)).entries()) {
        const machine = readMachine(name);
        const [, state] = tasksOf(machine)[index] as (typeof tasksOf extends (m: Machine) => infer T ? T : never)[number];
        if (problem === "does not end in an alert" && (/^Alert|^Tell/.test(task) || state.Resource?.includes("startExecution")))
          continue;
        spoil(state as Writable);
        expect(lintMachine(machine).join("\n"), `${name}/${task}`).toContain(problem);
      }
    }
  });

  it("finds a long wait for an answer without a heartbeat", () => {
    const machine = readMachine("backup");
    delete (machine.States["DumpOnFargate"] as Writable).HeartbeatSeconds;
    expect(lintMachine(machine)).toEqual(["DumpOnFargate: no HeartbeatSeconds"]);
  });

  it.each([
    ["an expression of 1", `$states.input.${"x".repeat(99)}`],
    ["a program in it", "($x := 1; $x)"],
    ["a program in it", "$map($states.input.sources, function($s) { $s })"],
  ])("finds %s", (problem, expression) => {
    const machine = readMachine("backup");
    (machine.States["Done"] as Writable).Output = { deep: [`{% ${expression} %}`] };
    expect(lintMachine(machine).join("\n")).toContain(problem);
  });
});
