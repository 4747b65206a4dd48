/**
 * What things are called: stacks, their state machines, and the executions that a person starts.
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";

/** The machines of statemachines/. */
export const machineNames = ["restore-test", "restore", "backup", "verify", "fleet"] as const;
export type MachineName = (typeof machineNames)[number];

/** An execution, taken apart. */
export interface ExecutionName {
  readonly arn: string;
  readonly region: string;
  readonly stack: string;
  readonly machine: MachineName;
  readonly name: string;
}

/** Names of execution take 80 characters (Step Functions, StartExecution). */
const maxName = 80;

/** A stack is called as CloudFormation calls it: `holdfast-<stage>`. Errors: UsageInvalid. */
export function requireStackName(name: string): string {
  if (/^[a-z][a-z0-9-]{0,60}$/.test(name)) return name;
  throw new HoldfastError("UsageInvalid", `--stack takes a stack's name, such as holdfast-prod, not "${name}"`);
}

/**
 * A name that says who asked for what and when: `backup-shop-by-hand-20261121T061300Z`. Letters,
 * digits, `_` and `-` alone; a long subject is cut, for the time at the end is what tells
 * executions apart.
 */
export function executionName(machine: MachineName, subject: string, now: Date): string {
  const stamp = now.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const tail = `-by-hand-${stamp}`;
  const head = `${machine}-${subject.replaceAll(/[^A-Za-z0-9_-]/g, "-")}`;
  return head.slice(0, maxName - tail.length) + tail;
}

/**
 * Reads `arn:<partition>:states:<region>:<account>:execution:<stack>-<machine>:<name>`. Errors:
 * UsageInvalid.
 */
export function parseExecutionArn(arn: string): ExecutionName {
  const [, region = "", fullMachine = "", name = ""] =
    /^arn:[a-z0-9-]+:states:([a-z0-9-]+):\d{12}:execution:([^:/]+):([^:]+)$/.exec(arn) ?? [];
  const machine = machineNames.find((each) => fullMachine.endsWith(`-${each}`));
  if (machine !== undefined) return { arn, region, stack: fullMachine.slice(0, -machine.length - 1), machine, name };
  throw new HoldfastError("UsageInvalid", `"${arn}" is not an execution of a Holdfast stack`, {
    hint: "Give the execution's whole ARN, arn:aws:states:REGION:ACCOUNT:execution:STACK-MACHINE:NAME, as the start or an alert shows it.",
  });
}

export const followCommand = (arn: string): string => `holdfast follow ${arn}`;
export const stopCommand = (arn: string): string => `aws stepfunctions stop-execution --execution-arn ${arn}`;
