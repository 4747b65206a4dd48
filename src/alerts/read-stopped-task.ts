/**
 * Why a container stopped, from an event of Amazon ECS. The event also carries what the container
 * was given, its task token among it: of that nothing leaves but the token, for the one call that
 * it is for.
 */
import * as z from "zod";
import { HoldfastError } from "../errors/holdfast-error.ts";

/**
 * "ECS Task State Change" of EventBridge, as far as it is used (Amazon ECS developer guide, "Amazon
 * ECS task state change events"; `stopCode` and `stoppedReason` are in those of stopped tasks).
 */
const taskEvent = z.object({
  detail: z.object({
    taskArn: z.string().optional(),
    stopCode: z.string().nullish(),
    stoppedReason: z.string().nullish(),
    containers: z.array(z.object({ reason: z.string().nullish(), exitCode: z.number().nullish() })).nullish(),
    overrides: z
      .object({
        containerOverrides: z
          .array(z.object({ environment: z.array(z.object({ name: z.string(), value: z.string() })).nullish() }))
          .nullish(),
      })
      .nullish(),
  }),
});

export interface StoppedTask {
  /** Absent: no state machine waits for it. */
  readonly taskToken?: string | undefined;
  /** ContainerStopped, with AWS's reasons. */
  readonly error: HoldfastError;
}

/** Errors: UsageInvalid, which quotes nothing of the event. */
export function readStoppedTask(event: unknown): StoppedTask {
  const parsed = taskEvent.safeParse(event);
  if (!parsed.success) throw new HoldfastError("UsageInvalid", "the event is not one of a task of Amazon ECS");
  const { taskArn, stopCode, stoppedReason, containers, overrides } = parsed.data.detail;
  const variables = (overrides?.containerOverrides ?? []).flatMap(({ environment }) => environment ?? []);
  const given = new Map(variables.map(({ name, value }) => [name, value]));
  const message = `the container stopped before it answered: ${stoppedReason || "Amazon ECS gave no reason"}`;
  return {
    taskToken: given.get("HOLDFAST_TASK_TOKEN"),
    error: new HoldfastError("ContainerStopped", message, {
      details: [
        ...(stopCode == null ? [] : [`stop code: ${stopCode}`]),
        ...(containers ?? []).flatMap(({ reason, exitCode }) => [
          ...(reason ? [reason] : []),
          ...(exitCode == null ? [] : [`exit code of the container: ${exitCode}`]),
        ]),
        ...(taskArn === undefined ? [] : [`task: ${taskArn}`]),
      ],
    }),
  };
}
