/** Starts the restore machine for a person. */
import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";

/**
 * `before` is given the execution's ARN, and runs before there is an execution. Errors: those of
 * `before`, StackUnavailable.
 */
export async function startRestore(
  machineArn: string,
  input: Readonly<Record<string, unknown>>,
  now: Date,
  before: (execution: string) => Promise<void>,
) {
  const stamp = now.toISOString().replaceAll(/[-:.]/g, "");
  const name = `restore-${String(input["source"])
    .replaceAll(/[^A-Za-z0-9_-]/g, "-")
    .slice(0, 40)}-asked-${stamp}`;
  const execution = `${machineArn.replace(":stateMachine:", ":execution:")}:${name}`;
  await before(execution);
  const client = new SFNClient();
  try {
    await client.send(new StartExecutionCommand({ stateMachineArn: machineArn, name, input: JSON.stringify(input) }));
    return { execution, name };
  } catch (error) {
    const { name: word } = error as Error;
    throw new HoldfastError("StackUnavailable", `execution ${name} could not be started: ${word}`, {
      hint: "Run the same command again.",
    });
  } finally {
    client.destroy();
  }
}
