/** `holdfast follow`: an execution that runs already, or ran, started by anyone. */
import type { ExitCode } from "../../errors/exit-codes.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { systemClock } from "../../runtime/clock.ts";
import { catchSignals, printOutcome, stackInterruption } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { describeExecution } from "./describe-execution.ts";
import { followExecution } from "./follow-execution.ts";
import { parseExecutionArn } from "./machine.ts";
import { openStepFunctions } from "./step-functions.ts";

/**
 * Follows it to its end, and gives the exit code that the command that started it would have given.
 * Errors: UsageInvalid, ExecutionNotFound.
 */
export async function follow(terminal: Terminal, arn: string, stack: string | undefined): Promise<ExitCode> {
  const execution = parseExecutionArn(arn);
  if (stack !== undefined && stack !== execution.stack) {
    throw new HoldfastError("UsageInvalid", `this execution is one of ${execution.stack}, not of ${stack}`, {
      hint: "Leave --stack out.",
    });
  }
  const interruption = catchSignals(terminal, stackInterruption);
  try {
    const api = await openStepFunctions({ region: execution.region, signal: interruption.signal });
    try {
      await api.describe(arn);
      const followed = await followExecution(api, arn, { terminal, clock: systemClock, signal: interruption.signal });
      return printOutcome(terminal, describeExecution(terminal, execution, followed));
    } finally {
      api.close();
    }
  } finally {
    interruption.release();
  }
}
