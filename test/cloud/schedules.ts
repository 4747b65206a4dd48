/** The stack's schedules: seen, and stopped. */
import { setTimeout as sleep } from "node:timers/promises";
import { GetScheduleCommand, ListSchedulesCommand, UpdateScheduleCommand } from "@aws-sdk/client-scheduler";
import { ListExecutionsCommand, ListStateMachinesCommand } from "@aws-sdk/client-sfn";
import { stackName } from "../../scripts/cloud-stack.ts";
import { waitFor } from "../support/processes.ts";
import type { TestCloud } from "./cloud.ts";

/** As long as executions take that a schedule has just started, on a busy machine. */
const restMs = 540_000;
/** From a schedule that fired to the execution that its function starts. */
const startMs = 10_000;

/** The names of the stack's schedules, sorted. */
export async function schedulesOf({ clients: { scheduler } }: TestCloud): Promise<string[]> {
  const { Schedules = [] } = await scheduler.send(new ListSchedulesCommand({ GroupName: stackName }));
  return Schedules.map(({ Name = "" }) => Name).sort();
}

/** Disables every schedule of the stack, and waits until nothing runs. */
export async function restSchedules(cloud: TestCloud): Promise<void> {
  const { scheduler } = cloud.clients;
  for (const Name of await schedulesOf(cloud)) {
    const { ScheduleExpression, FlexibleTimeWindow, Target, ...others } = await scheduler.send(
      new GetScheduleCommand({ GroupName: stackName, Name }),
    );
    const { ScheduleExpressionTimezone } = others;
    await scheduler.send(
      new UpdateScheduleCommand({
        GroupName: stackName,
        Name,
        ScheduleExpression,
        ScheduleExpressionTimezone,
        FlexibleTimeWindow,
        Target,
        State: "DISABLED",
      }),
    );
  }
  await sleep(startMs);
  await waitFor("every execution to end", async () => (await countRunning(cloud)) === 0, restMs);
}

async function countRunning({ clients: { sfn } }: TestCloud): Promise<number> {
  const { stateMachines = [] } = await sfn.send(new ListStateMachinesCommand({}));
  const running = await Promise.all(
    stateMachines.map(({ stateMachineArn }) => sfn.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: "RUNNING" }))),
  );
  return running.reduce((sum, { executions = [] }) => sum + executions.length, 0);
}
