/** Starts one of the stack's state machines and follows it to its end. */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { Outcome, Session } from "../session.ts";
import { describeExecution } from "./describe-execution.ts";
import { findMachine } from "./find-machine.ts";
import { followExecution } from "./follow-execution.ts";
import { executionName, followCommand, type MachineName, parseExecutionArn } from "./machine.ts";
import { openStepFunctions, type StepFunctions } from "./step-functions.ts";

export interface MachineRequest {
  readonly machine: MachineName;
  /** What the execution is called after: a source, or `all`. */
  readonly subject: string;
  readonly input: unknown;
}

/**
 * Starts and follows. Errors: StackNotFound, ExecutionExists, those of AWS; how the execution ends
 * is in the outcome.
 */
export async function runMachine(session: Session, { machine, subject, input }: MachineRequest): Promise<Outcome> {
  const { terminal, context } = session;
  const { clock, signal } = context.run;
  const api = await openStepFunctions({ signal });
  try {
    const machineArn = await findMachine(api, requireStack(session), machine);
    signal.throwIfAborted();
    const name = executionName(machine, subject, clock.now());
    const arn = await start(api, { machineArn, name, input });
    terminal.note(`started ${name}`);
    terminal.note(`  ${arn}`);
    return describeExecution(terminal, parseExecutionArn(arn), await followExecution(api, arn, { terminal, clock, signal }));
  } finally {
    api.close();
  }
}

/** Follows an execution that was started already. Errors: those of AWS. */
export async function followStarted({ terminal, context }: Session, arn: string): Promise<Outcome> {
  const { clock, signal } = context.run;
  const api = await openStepFunctions({ signal });
  try {
    return describeExecution(terminal, parseExecutionArn(arn), await followExecution(api, arn, { terminal, clock, signal }));
  } finally {
    api.close();
  }
}

/** The stack of a session that works on one. */
export function requireStack({ stack }: Session): string {
  if (stack !== undefined) return stack;
  throw new HoldfastError("Internal", "a state machine was asked for without --stack");
}

async function start(api: StepFunctions, request: Parameters<StepFunctions["start"]>[0]): Promise<string> {
  try {
    return await api.start(request);
  } catch (error) {
    if (!isHoldfastError(error, "ExecutionExists")) throw error;
    const arn = `${request.machineArn.replace(":stateMachine:", ":execution:")}:${request.name}`;
    throw new HoldfastError("ExecutionExists", `an execution ${request.name} is there already`, {
      cause: error,
      details: [`follow it  ${followCommand(arn)}`],
    });
  }
}
