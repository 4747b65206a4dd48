/**
 * An execution keeps the states that it began with, and calls the functions of whatever version is
 * there when it comes to them (docs/adr/0046-functions-without-versions.md). contract.json has what
 * the machines of this version and of all before it send and read: functions go on taking it and
 * giving it. A new shape is added there; none is taken out while executions of its version may run,
 * which is at most for seven days.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
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
import { runMachine, TaskError } from "./interpreter.ts";
import { machineNames, readEvent, readMachine, targetOf, tasksOf } from "./machines.ts";
import { allPaths, type Outcome, type Path, somePaths } from "./paths.ts";

const steps = { due, dump, notify, plan, preflight: restore, prove, prune, record, request, restore, safeguard };

interface Contract {
  /** By function: one payload of each shape. */
  readonly payloads: Readonly<Record<string, readonly Record<string, unknown>[]>>;
  /** By function: the members of its result that some machine reads. */
  readonly results: Readonly<Record<string, readonly string[]>>;
}

const contract: Contract = JSON.parse(readFileSync(join(import.meta.dirname, "contract.json"), "utf8"));

/** Members whose value says what is asked for. */
const words = ["machine", "step", "what"];

/** Members and what they are. */
const shapeOf = (payload: object): string =>
  JSON.stringify(
    Object.entries(payload).map(([name, value]) => [
      name,
      words.includes(name) ? value : Array.isArray(value) ? "array" : typeof value,
    ]),
  );

/** What today's machines send, one payload of each shape. */
async function payloadsSent(): Promise<Map<string, Record<string, unknown>[]>> {
  const sent = new Map<string, Map<string, Record<string, unknown>>>();
  for (const path of somePaths(allPaths()).filter(({ what }) => what === "all goes well" || what === "any other error")) {
    await runMachine(
      readMachine(path.machine),
      path.input,
      (target, payload, _, { state }) => {
        const name = target.replace("fargate:", "");
        const shapes = sent.get(name) ?? new Map();
        if (!target.startsWith("machine:")) sent.set(name, shapes.set(shapeOf(payload as object), payload));
        return answer(path, state);
      },
      path.items,
    );
  }
  return new Map([...sent].map(([name, shapes]) => [name, [...shapes.values()]]));
}

function answer({ answers }: Path, state: string): unknown {
  const [outcome] = answers[state] as [Outcome];
  if ("gives" in outcome) return outcome.gives;
  throw new TaskError(outcome.error, outcome.cause, outcome.cause);
}

/** `$plan.runner`, `$states.result.Payload.backupId`: the members that today's machines read. */
function membersRead(): Record<string, string[]> {
  const read: Record<string, Set<string>> = {};
  const variables: Readonly<Record<string, string>> = {
    plan: "plan",
    due: "due",
    backup: "dump",
    verification: "prove",
    preflight: "preflight",
    request: "record",
    test: "prove",
    pruned: "prune",
  };
  const note = (name: string, member: string): void => {
    read[name] = (read[name] ?? new Set()).add(member);
  };
  for (const machine of machineNames) {
    const definition = readMachine(machine);
    for (const [, variable = "", member = ""] of JSON.stringify(definition).matchAll(/\$(\w+)\.(\w+)/g)) {
      if (variables[variable] !== undefined) note(variables[variable], member);
    }
    for (const [, state] of tasksOf(definition)) {
      const name = targetOf(state).replace("fargate:", "");
      for (const [, member = ""] of JSON.stringify(state).matchAll(/\$states\.result(?:\.Payload)?\.(\w+)/g)) {
        if (member !== "Payload" && !name.startsWith("machine:")) note(name, member);
      }
    }
  }
  return Object.fromEntries(Object.entries(read).map(([name, members]) => [name, [...members].toSorted()]));
}

describe("an execution of an earlier version", () => {
  it.each(Object.entries(contract.payloads))("sends payloads that %s still takes", (name, payloads) => {
    for (const payload of payloads) {
      const parsed = steps[name as keyof typeof steps].input.safeParse(payload);
      expect(parsed.success, `${JSON.stringify(payload)}: ${parsed.error?.message}`).toBe(true);
    }
  });

  it.each(Object.entries(contract.results))("reads members that %s still gives", (name, members) => {
    const samples: Readonly<Record<string, readonly string[]>> = {
      plan: ["plan", "plan-restore-test", "plan-restore"],
      prove: ["prove", "prove-restoring"],
      record: ["record", "record-request", "record-answer"],
      preflight: ["preflight", "preflight-occupied"],
    };
    const given = (samples[name] ?? [name]).flatMap((sample) => Object.keys(readEvent("results", sample)));
    for (const member of members) expect(given, member).toContain(member);
  });
});

describe("contract.json", () => {
  it("has the shape of every payload that the machines send today", async () => {
    for (const [name, payloads] of await payloadsSent()) {
      const known = (contract.payloads[name] ?? []).map(shapeOf);
      for (const payload of payloads) expect(known, `add to ${name}: ${JSON.stringify(payload)}`).toContain(shapeOf(payload));
    }
  });

  it("has every member that the machines read today", () => {
    for (const [name, members] of Object.entries(membersRead())) {
      expect(contract.results[name] ?? [], name).toEqual(expect.arrayContaining(members));
    }
  });
});
