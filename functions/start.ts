/**
 * Starts a state machine for a schedule. A schedule may fire twice for one instant: Step Functions
 * takes a name (schedule and instant) once in 90 days, so the second delivery changes nothing.
 */
import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import * as z from "zod";
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { logger } from "./commons/powertools.ts";
import { defineStep, serve } from "./commons/step.ts";

/** Step Functions takes 80 characters; the instant and its hyphen take 17. */
const maxNameLength = 63;

export const step = defineStep({
  name: "start",
  input: z.strictObject({
    schedule: z
      .string()
      .regex(/^[A-Za-z0-9_-]+$/)
      .max(maxNameLength),
    /** `<aws.scheduler.scheduled-time>`: the same instant in every delivery. */
    scheduledAt: z.iso.datetime({ offset: true }),
    stateMachineArn: z.string().startsWith("arn:"),
    input: z.record(z.string(), z.unknown()),
  }),
  async run(_context, { schedule, scheduledAt, stateMachineArn, input }) {
    const stamp = `${new Date(scheduledAt).toISOString().replaceAll(/[-:]|\.\d+/g, "")}`;
    const name = `${schedule}-${stamp}`;
    const client = new SFNClient();
    try {
      await client.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
      return { name, started: true };
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "ExecutionAlreadyExists") throw startError(name, error);
      logger.info("this delivery of the schedule is a repeated one", { name });
      return { name, started: false };
    } finally {
      client.destroy();
    }
  },
});

export const handler = serve(step);

/** What another delivery does not fix (Step Functions API reference, StartExecution). */
const permanent: readonly string[] = ["AccessDeniedException", "InvalidArn", "InvalidExecutionInput", "StateMachineDoesNotExist"];

function startError(name: string, error: unknown): HoldfastError {
  const word = error instanceof Error ? error.name : String(error);
  const message = `execution ${name} could not be started: ${word}`;
  return permanent.includes(word)
    ? new HoldfastError("UsageInvalid", message, {
        cause: error,
        hint: "Deploy the stack again: the schedule, the state machine and the role of `start` do not fit together.",
      })
    : new HoldfastError("StoreUnavailable", message, {
        cause: error,
        hint: "Look at the health of AWS Step Functions in this region; Lambda delivers the event twice more.",
      });
}
