/** Finds a stack by its state machines. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { didYouMean } from "../../policy/nearest-name.ts";
import type { MachineName } from "./machine.ts";
import type { StepFunctions } from "./step-functions.ts";

/** The ARN of one of the stack's machines. Errors: StackNotFound, those of listing. */
export async function findMachine(api: StepFunctions, stack: string, machine: MachineName): Promise<string> {
  const machines = await api.listMachines();
  const arn = machines.get(`${stack}-${machine}`);
  if (arn !== undefined) return arn;
  const stacks = stacksAmong(machines);
  if (!stacks.includes(stack)) throw stackNotFound(stack, stacks, await api.region());
  throw new HoldfastError("StackNotFound", `the stack ${stack} has no state machine ${stack}-${machine}`, {
    hint: "Deploy it again with this version of Holdfast.",
  });
}

/** The stacks that machines' names tell of. */
export function stacksAmong(machines: ReadonlyMap<string, string>): string[] {
  const mark = "-backup";
  return [...machines.keys()]
    .filter((name) => name.endsWith(mark))
    .map((name) => name.slice(0, -mark.length))
    .sort();
}

/** The error for a stack that is not there, with those that are. */
export function stackNotFound(stack: string, stacks: readonly string[], region: string | undefined): HoldfastError {
  const where = region === undefined ? "" : ` in ${region}`;
  return new HoldfastError("StackNotFound", `there is no stack "${stack}"${where}${didYouMean(stack, stacks)}`, {
    ...(stacks.length === 0 ? {} : { hint: `Name one of: ${stacks.join(", ")}.` }),
  });
}
